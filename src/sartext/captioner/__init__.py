"""Captions by models: of unlabelled SAR images, of the optical halves of pairs, and of a user's own files.

`captioner` lets a model speak; `vocabulary` and `statements` read what it says into facts, statement by statement;
`calibration` finds on validation images from which score on each type of statement is true often enough, and
`narration` keeps what passes. `optical` captions optical halves, `files` any image files.
"""

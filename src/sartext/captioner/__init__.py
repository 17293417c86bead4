"""Captions by models: of unlabelled SAR images, of the optical halves of pairs, and of a user's own files.

`captioner` lets a model write; `narrator.statements` reads what it writes into facts, statement by statement;
`calibration` finds on validation images from which score on each kind of statement is true often enough, and
`narration` releases what passes. `optical` captions optical halves, `user_files` any image files.
"""

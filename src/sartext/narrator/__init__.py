"""Captions: facts from annotations, then text from facts.

`annotated` makes facts of annotations, `rewriting` of optical captions; `realisation` tells them by the grammars
of objects, land cover and presence; `faithfulness` reads a text back, without the grammar, and compares it with
its facts; `stage` captions a corpus.
"""

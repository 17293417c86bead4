"""Captions: facts from annotations, then text from facts.

`a2c` and `sa2c` make facts of detection and of segmentation annotations, `rewriting` of optical captions;
`realisation` tells facts as text by a small grammar; `faithfulness` reads a text back, without the grammar, and
compares it with its facts; `stage` captions a corpus.
"""

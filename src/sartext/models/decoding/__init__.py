"""Captions from CoCa: one image encoding, cached keys and values, batches that shrink."""

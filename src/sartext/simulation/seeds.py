"""Random numbers that depend on the seed, the corpus and the image's number, and on nothing else."""

from typing import Final

import numpy as np

CORPORA: Final = ("sim-ships", "sim-objects", "sim-landcover", "sim-pairs", "sim-optical", "sim-unlabelled")
"""The embedded corpora; a corpus's place in this tuple is part of its seeds, so it is only ever appended to."""

STREAMS: Final = ("truth", "acquisition", "radar", "sky", "optical", "captions", "writing")
"""Independent streams per image: a change of the optical rendering moves no ship."""


def generator(seed: int, corpus: str, number: int, stream: str, look: int = 0) -> np.random.Generator:
    """Return the generator of one stream of one image; ``look`` 0 is the image that the corpus holds."""
    key = (CORPORA.index(corpus), number, STREAMS.index(stream), *([look] if look else []))
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=key))

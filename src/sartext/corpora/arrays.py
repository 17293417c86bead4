"""NPY files: one array of numbers, never unpickled, its size believed only where the bytes are there."""

import io
import math
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

from sartext.corpora.quarantine import Unusable

NPY_MARK = npy.MAGIC_PREFIX
"""How an NPY file starts."""

KINDS = "uifc"
"""Whole numbers, with and without sign, real and complex ones."""

WIDEST = {"c": 16}
"""Bytes of the widest number of a kind; of the others eight."""


def decode_npy(content: bytes, band_limit: int) -> npt.NDArray[Any]:
    """Return the array of an NPY file: (H, W), or (H, W, C) with at most ``band_limit`` bands.

    Raises:
        Unusable: ``pickled-array``, ``not-numbers``, ``not-an-image``, ``truncated-image``.
    """
    stream = io.BytesIO(content)
    try:
        version = npy.read_magic(stream)
        header = npy.read_array_header_1_0 if version == (1, 0) else npy.read_array_header_2_0
        shape, by_column, kind = header(stream)
    except Exception as error:  # the header is Python text: its parser raises almost anything
        raise Unusable("truncated-image", f"no header of an NPY file ({type(error).__name__}: {error})") from error
    if kind.hasobject:
        raise Unusable("pickled-array", "it holds Python objects, which could run code; save plain numbers")
    if kind.kind not in KINDS or kind.itemsize > WIDEST.get(kind.kind, 8):
        raise Unusable("not-numbers", f"values of type {kind}")
    if len(shape) not in {2, 3} or min(shape) < 1 or (len(shape) == 3 and shape[2] > band_limit):
        raise Unusable("not-an-image", f"an array of shape {shape}; rows, columns and a few bands are expected")
    wanted, there = math.prod(shape) * kind.itemsize, len(content) - stream.tell()
    if wanted != there:
        raise Unusable("truncated-image", f"shape {shape} needs {wanted:,} bytes, it holds {there:,}")
    values = np.frombuffer(content, kind, offset=stream.tell())
    return values.reshape(shape, order="F" if by_column else "C").astype(kind.newbyteorder("="))

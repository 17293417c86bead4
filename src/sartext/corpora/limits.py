"""Limits that an image must keep, checked in its header before anything is decoded."""

from sartext.corpora.quarantine import Unusable

PIXEL_LIMIT = 8192 * 8192
"""Pixels of one image; more is refused as an image bomb (scenes are cut before they are annotated)."""

SAMPLE_LIMIT = 1 << 30
"""Bytes of one decoded image."""

FILE_LIMIT = 1 << 31
"""Bytes of one image file."""


def check_size(width: int, height: int, pixel_bytes: int) -> None:
    """Raise Unusable ``image-bomb`` for an image that is too large once decoded."""
    pixels = width * height
    if pixels > PIXEL_LIMIT or pixels * pixel_bytes > SAMPLE_LIMIT:
        raise Unusable("image-bomb", f"{width} x {height} pixels, {pixels * pixel_bytes:,} bytes decoded")

"""From a picture of any size to the square that a model sees, the whole of it; needs no torch."""

import numpy as np
import numpy.typing as npt
from PIL import Image

from sartext.errors import ModelError

Pixels = npt.NDArray[np.uint8]


def squash(picture: Pixels, side: int) -> Pixels:
    """Return a picture resized to a square, the whole of it, by Pillow's bicubic filter.

    Args:
        picture: uint8, height x width (grey) or height x width x 3.
        side: width and height of the result in pixels: uint8, side x side x 3, a grey one on three equal channels.

    Raises:
        ModelError: the array is no such picture.
    """
    check_picture(picture)
    if picture.shape[:2] != (side, side):
        image = Image.fromarray(np.ascontiguousarray(picture))
        picture = np.asarray(image.resize((side, side), Image.Resampling.BICUBIC))
    return three_channels(picture)


def check_picture(picture: Pixels) -> None:
    """Raise a ModelError where an array is not uint8, height x width (grey) or height x width x 3."""
    shaped = picture.ndim == 2 or (picture.ndim == 3 and picture.shape[2] == 3)
    if picture.dtype != np.uint8 or not shaped or not picture.size:
        raise ModelError(
            f"no 8-bit grey or RGB picture: {picture.dtype} of shape {picture.shape}",
            way_out="read it by sartext.corpora.images",
        )


def three_channels(picture: Pixels) -> Pixels:
    """Return a copy of a picture, a grey one on three equal channels."""
    return np.repeat(picture[:, :, None], 3, axis=2) if picture.ndim == 2 else picture.copy()

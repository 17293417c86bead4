"""Image files: decoding with limits, and the picture that a person or a model sees.

Pillow reads PNG, JPEG and BMP; rasterio reads TIFF (any number of bands, float, complex, tiled, GeoTIFF) and PNG
of 16-bit colours, which Pillow would cut to 8 bits; numpy reads NPY without unpickling. No other format is tried.
The size is checked in the header before anything is decoded; a truncated file is an error.
"""

import io
import logging
import stat
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, UnidentifiedImageError

from sartext.catalogue.entry import Entry
from sartext.corpora.arrays import NPY_MARK, decode_npy
from sartext.corpora.quarantine import Unusable
from sartext.corpora.radiometry import SECOND, to_db, to_grey

if TYPE_CHECKING:
    from rasterio.io import DatasetReader

__all__ = [
    "PIXEL_LIMIT",
    "Unusable",
    "decode",
    "decode_mask",
    "picture",
    "read_image",
    "release_bytes",
    "second_bytes",
]

PILLOW_FORMATS = ("PNG", "JPEG", "BMP")
TIFF_MARKS = (b"II*\x00", b"MM\x00*", b"II+\x00", b"MM\x00+")

PNG_MARK, GREY_PNG = b"\x89PNG", b"\x00"
"""How a PNG starts, and its colour type of one grey channel; the bit depth stands before it, in byte 24."""

JPEG_MARK, JPEG_END = b"\xff\xd8", b"\xff\xd9"

AS_STORED = 1
"""The orientation of EXIF that turns nothing."""

BAND_LIMIT = 16
"""A file with more bands than this was written from an array whose band axis a library took for another."""

PIXEL_LIMIT = 8192 * 8192
"""Pixels of one image; more is refused as an image bomb (scenes are cut before they are annotated)."""

SAMPLE_LIMIT = 1 << 30
"""Bytes of one decoded image."""

FILE_LIMIT = 1 << 31
"""Bytes of one image file."""

CUT_IT = "a scene is cut by `sartext corpora tile`"

Pixels = npt.NDArray[Any]


def read_image(path: Path) -> bytes:
    """Return the bytes of an image file.

    Raises:
        Unusable: ``unreadable-file``, ``empty-file`` or ``file-too-large``.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise Unusable("unreadable-file", "not a regular file")
        if (size := status.st_size) > FILE_LIMIT:
            raise Unusable("file-too-large", f"{size:,} bytes; {CUT_IT}")
        content = path.read_bytes()
    except OSError as error:
        raise Unusable("unreadable-file", error.strerror or str(error)) from error
    if not content:
        raise Unusable("empty-file")
    return content


def decode(content: bytes, bands: Mapping[str, int] | None = None) -> Pixels:
    """Return the raw values of an image file's bytes: (H, W), or (H, W, C) where there are several bands.

    Args:
        content: the file.
        bands: the bands that the catalogue declares; the pages of a multi-page TIFF are bands where it says so.

    Raises:
        Unusable: ``image-bomb``, ``truncated-image``, ``not-an-image``; of an NPY file those of `decode_npy`.
    """
    return _decode(content, max((bands or {}).values(), default=1), codes=False)


def _decode(content: bytes, wanted_bands: int, codes: bool) -> Pixels:
    if content.startswith(TIFF_MARKS):
        return _decode_raster(content, "GTiff", wanted_bands, codes)
    if content.startswith(PNG_MARK) and content[24:25] == b"\x10" and content[25:26] != GREY_PNG:
        return _decode_raster(content, "PNG", wanted_bands, codes)
    if content.startswith(NPY_MARK):
        values = decode_npy(content, BAND_LIMIT)
        _check_size(values.shape[1], values.shape[0], values.nbytes // (values.shape[0] * values.shape[1]))
        return values
    return _decode_pillow(content, codes)


def decode_mask(content: bytes, codes: bool) -> Pixels:
    """Return a mask's values: class codes (H, W) if ``codes``, else its colours (H, W, 3).

    Raises:
        Unusable: as `decode`, and ``mask-channels`` where codes come in several unlike channels.
    """
    values = _decode(content, 1, codes)
    if codes and values.ndim == 3:
        if (values[..., :3] != values[..., :1]).any():
            raise Unusable("mask-channels", "class codes expected, colours found")
        return values[..., 0]
    return np.dstack([values] * 3) if not codes and values.ndim == 2 else values


def _decode_pillow(content: bytes, codes: bool) -> Pixels:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Pillow warns below its own limit; ours is lower
            with Image.open(io.BytesIO(content), formats=PILLOW_FORMATS) as image:
                _check_size(image.width, image.height, 4)
                if not (codes and image.mode == "P") and image.mode not in {"L", "RGB"}:
                    return _unusual_mode(image)
                return np.asarray(image)
    except Unusable:
        raise
    except Image.DecompressionBombError as error:
        raise Unusable("image-bomb", f"{error}; {CUT_IT}") from error
    except UnidentifiedImageError as error:
        raise Unusable("not-an-image", f"starts with {content[:8]!r}") from error
    except MemoryError as error:
        raise Unusable("image-bomb", "it does not fit into memory") from error
    except Exception as error:  # decoders raise almost anything on damaged files
        endless = content.startswith(JPEG_MARK) and not content.rstrip(b"\x00").endswith(JPEG_END)
        what = "no end marker: " if endless else ""
        raise Unusable("truncated-image", f"{what}{type(error).__name__}: {error}") from error


def exif_orientation(content: bytes) -> int:
    """Return how EXIF tells viewers to turn an image file: from 2 to 8, or `AS_STORED` where it says nothing.

    Annotation tools of the field ignore it, and so does `decode`.
    """
    try:
        with Image.open(io.BytesIO(content), formats=("PNG", "JPEG")) as image:
            orientation = image.getexif().get(ExifTags.Base.Orientation, AS_STORED)
    except Exception:  # no such file, or damaged EXIF, of which decoders raise almost anything
        return AS_STORED
    return orientation if orientation in range(2, 9) else AS_STORED


def _unusual_mode(image: Image.Image) -> Pixels:
    if image.mode.startswith("I"):
        return np.asarray(image).astype(np.uint16)
    if image.mode in {"1", "LA"}:
        return np.asarray(image.convert("L"))
    return np.asarray(image.convert("RGB"))


def _check_size(width: int, height: int, pixel_bytes: int) -> None:
    """Raise Unusable ``image-bomb`` for an image that is too large once decoded."""
    pixels = width * height
    if pixels > PIXEL_LIMIT or pixels * pixel_bytes > SAMPLE_LIMIT:
        size = f"{width} x {height} pixels, {pixels * pixel_bytes:,} bytes decoded"
        raise Unusable("image-bomb", f"{size}; {CUT_IT}")


def _decode_raster(content: bytes, driver: str, wanted_bands: int, codes: bool) -> Pixels:
    """Decode a TIFF or PNG; ``wanted_bands`` are read page by page where the pages of a TIFF are its bands.

    ``codes`` leaves palette indices as they are instead of looking up their colours.
    """
    import rasterio  # takes long to load
    from rasterio.errors import NotGeoreferencedWarning, RasterioError

    logging.getLogger("rasterio").addHandler(logging.NullHandler())  # what GDAL says is in the error's text
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with (
                # no look for files beside one that lies in memory
                rasterio.Env(GDAL_NUM_THREADS=1, GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"),
                rasterio.MemoryFile(content) as memory,
                memory.open(driver=driver) as dataset,
            ):
                pages = list(dataset.subdatasets)
                if len(pages) >= wanted_bands > dataset.count:
                    return _stacked_pages(pages[:wanted_bands])
                return _read_dataset(dataset, codes)
    except RasterioError as error:
        cause = f" ({error.__cause__})" if error.__cause__ else ""
        raise Unusable("truncated-image", f"{type(error).__name__}: {error}{cause}") from error
    except MemoryError as error:
        raise Unusable("image-bomb", "it does not fit into memory") from error


def _stacked_pages(pages: list[str]) -> Pixels:
    import rasterio

    layers = []
    for page in pages:
        with rasterio.open(page) as dataset:
            layers.append(_read_dataset(dataset, codes=True))
    if len({layer.shape for layer in layers}) > 1 or layers[0].ndim != 2:
        raise Unusable("unlike-pages", "the pages of the TIFF differ in shape")
    return np.dstack(layers)


def _read_dataset(dataset: "DatasetReader", codes: bool) -> Pixels:
    from rasterio.enums import ColorInterp

    # GDAL's complex whole numbers, as in Sentinel-1 SLC, are none of numpy's: they are read as complex64
    sample = max(8 if kind.startswith("complex_int") else np.dtype(kind).itemsize for kind in dataset.dtypes)
    _check_size(dataset.width, dataset.height, dataset.count * sample)
    layers: Pixels = dataset.read()
    if not codes and dataset.colorinterp[0] == ColorInterp.palette:
        table = np.zeros((1 << 16, 3), dtype=np.uint8)
        for index, colour in dataset.colormap(1).items():
            table[index] = colour[:3]
        return np.asarray(table[layers[0]])
    if layers.shape[0] == 1:
        return layers.reshape(layers.shape[1:])
    bands_last = np.moveaxis(layers, 0, -1)
    if layers.shape[0] > BAND_LIMIT >= bands_last.shape[0]:
        # an array (C, H, W) that was written as rows, columns, samples
        bands_last = np.moveaxis(bands_last, 0, -1)
    return np.ascontiguousarray(bands_last)


def picture(project_root: Path, row: Mapping[str, Any], entry: Entry) -> Pixels:
    """Return what a person or a model sees of an image of the index: uint8, (H, W) or (H, W, 3).

    An 8-bit file gives its own pixels; anything else its co-polar band in dB, mapped linearly from
    [``db_low``, ``db_high``] to 0..255, no-data 0.

    Raises:
        Unusable: the file cannot be read any more.
    """
    pixels = decode(read_image(project_root / row["path"]), entry.bands)
    if row["quantity"] == "display":
        return pixels
    return to_grey(to_db(pixels, entry), row["db_low"], row["db_high"])


def release_bytes(project_root: Path, row: Mapping[str, Any], entry: Entry) -> bytes:
    """Return the image file that a release holds: an 8-bit JPEG or PNG as it is, anything else as a PNG.

    Anything else is also a file that EXIF tells viewers to turn: what they see is what the caption is of.
    The PNG is stored, not deflated (level 0), so that its bytes do not depend on a zlib build; a single band is
    grey, a third of three equal channels.

    Raises:
        Unusable: the file cannot be read any more.
    """
    if row["quantity"] == "display":
        content = read_image(project_root / row["path"])
        if content.startswith((PNG_MARK, JPEG_MARK)) and exif_orientation(content) == AS_STORED:
            return content
    return _stored_png(picture(project_root, row, entry))


def second_bytes(project_root: Path, row: Mapping[str, Any], entry: Entry) -> bytes | None:
    """Return the PNG of an image's second polarisation, stored as `release_bytes` does; None where there is none.

    Raises:
        Unusable: the file cannot be read any more.
    """
    if row["second_polarisation"] is None:
        return None
    decibels = to_db(decode(read_image(project_root / row["path"]), entry.bands), entry, SECOND)
    return _stored_png(to_grey(decibels, row["second_db_low"], row["second_db_high"]))


def _stored_png(shown: Pixels) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(shown).save(stream, "PNG", compress_level=0)
    return stream.getvalue()

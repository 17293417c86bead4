"""TIFF and GeoTIFF: any number of bands, integers, float and complex, tiled or striped, band-first or -last."""

import logging
import warnings
from typing import Any

import numpy as np
import numpy.typing as npt
import rasterio
from rasterio.enums import ColorInterp
from rasterio.errors import NotGeoreferencedWarning, RasterioError
from rasterio.io import DatasetReader, MemoryFile

from sartext.corpora.limits import check_size
from sartext.corpora.quarantine import Unusable

BAND_LIMIT = 16
"""A file with more bands than this was written from an array whose band axis a library took for another."""

Pixels = npt.NDArray[Any]

logging.getLogger("rasterio").addHandler(logging.NullHandler())  # what GDAL says is in the error's text


def decode_tiff(content: bytes, wanted_bands: int, codes: bool) -> Pixels:
    """Return the values of a TIFF: (H, W), or (H, W, C) where there are several bands.

    Args:
        content: the file.
        wanted_bands: bands that are needed; a file whose pages are its bands is read page by page up to here.
        codes: leave palette indices as they are instead of looking up their colours.

    Raises:
        Unusable: ``image-bomb``, ``truncated-image``, ``unlike-pages``.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with (
                # no look for files beside one that lies in memory
                rasterio.Env(GDAL_NUM_THREADS=1, GDAL_DISABLE_READDIR_ON_OPEN="EMPTY_DIR"),
                MemoryFile(content) as memory,
                memory.open(driver="GTiff") as dataset,
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
    layers = []
    for page in pages:
        with rasterio.open(page) as dataset:
            layers.append(_read_dataset(dataset, codes=True))
    if len({layer.shape for layer in layers}) > 1 or layers[0].ndim != 2:
        raise Unusable("unlike-pages", "the pages of the TIFF differ in shape")
    return np.dstack(layers)


def _read_dataset(dataset: DatasetReader, codes: bool) -> Pixels:
    sample = max(np.dtype(kind).itemsize for kind in dataset.dtypes)
    check_size(dataset.width, dataset.height, dataset.count * sample)
    layers: Pixels = dataset.read()
    if not codes and dataset.colorinterp[0] == ColorInterp.palette:
        coloured: Pixels = _palette(dataset)[layers[0]]
        return coloured
    if layers.shape[0] == 1:
        return layers.reshape(layers.shape[1:])
    bands_last = np.moveaxis(layers, 0, -1)
    if layers.shape[0] > BAND_LIMIT >= bands_last.shape[0]:
        # an array (C, H, W) that was written as rows, columns, samples
        bands_last = np.moveaxis(bands_last, 0, -1)
    return np.ascontiguousarray(bands_last)


def _palette(dataset: DatasetReader) -> Pixels:
    table = np.zeros((1 << 16, 3), dtype=np.uint8)
    for index, colour in dataset.colormap(1).items():
        table[index] = colour[:3]
    return table

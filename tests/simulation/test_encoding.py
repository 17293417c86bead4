"""PNG and GeoTIFF written by hand are read by those who read them."""

import io
import zlib

import numpy as np
import pytest
import rasterio
from PIL import Image
from rasterio.io import MemoryFile

from sartext.simulation.encoding import geotiff, png


@pytest.mark.parametrize("shape", [(5, 7), (64, 64), (300, 260), (64, 64, 3), (200, 150, 3)])
def test_a_png_holds_its_pixels_uncompressed(shape):
    pixels = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    content = png(pixels)
    with Image.open(io.BytesIO(content)) as image:
        image.verify()
    with Image.open(io.BytesIO(content)) as image:
        assert image.mode == ("RGB" if len(shape) == 3 else "L")
        assert np.array_equal(np.array(image), pixels)
    assert len(content) >= pixels.size


def test_the_stream_of_a_png_is_plain_zlib():
    content = png(np.zeros((300, 300), dtype=np.uint8))
    start = content.index(b"IDAT") + 4
    length = int.from_bytes(content[start - 8 : start - 4], "big")
    assert zlib.decompress(content[start : start + length]) == bytes(301 * 300)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_geotiff_holds_bands_place_and_no_data(count):
    bands = np.random.default_rng(1).normal(-15, 5, (count, 20, 30)).astype(np.float32)
    bands[:, :3, :4] = -9999
    content = geotiff(bands, (500_000.0, 5_000_000.0), 10.0, 32633, -9999.0)
    with MemoryFile(content) as file, file.open() as image:
        assert image.driver == "GTiff"
        assert np.array_equal(image.read(), bands)
        assert image.nodata == -9999
        assert image.crs == rasterio.CRS.from_epsg(32633)
        assert image.transform.a == 10.0 and image.transform.e == -10.0
        assert (image.transform.c, image.transform.f) == (500_000.0, 5_000_000.0)
        assert image.profile["interleave"] == "band"


def test_equal_pixels_give_equal_bytes():
    pixels = np.arange(12, dtype=np.uint8).reshape(3, 4)
    assert png(pixels) == png(np.asfortranarray(pixels)) == png(pixels.copy())
    assert png(pixels) != png(pixels.T)

"""Image files of every kind that the corpora hold, and files that are no good."""

import io
import struct
import warnings
import zlib

import numpy as np
import pytest
import rasterio
from PIL import Image
from rasterio.errors import NotGeoreferencedWarning

from sartext.corpora.examination import pixels_sha256
from sartext.corpora.images import Unusable, decode, picture, release_bytes
from tests.corpora.making import DETECTION, encoded, npy, tiff, voc
from tests.corpora.making import picture as noise

RAMP = np.arange(12 * 8, dtype=np.uint8).reshape(8, 12)


def test_grey_and_colour_pictures_come_as_they_are():
    assert np.array_equal(decode(encoded(RAMP)), RAMP)
    assert decode(noise(mode="RGB", form="JPEG")).shape == (30, 40, 3)
    assert np.array_equal(decode(tiff(np.stack([RAMP] * 3))), np.dstack([RAMP] * 3))


@pytest.mark.parametrize("mode", ["1", "LA", "RGBA", "P", "CMYK"])
def test_unusual_modes_become_grey_or_colour(mode):
    stream = io.BytesIO()
    Image.fromarray(RAMP).convert(mode).save(stream, "JPEG" if mode == "CMYK" else "PNG")
    pixels = decode(stream.getvalue())
    assert pixels.dtype == np.uint8
    assert pixels.shape in {(8, 12), (8, 12, 3)}


@pytest.mark.parametrize(
    ("values", "encode"),
    [
        (RAMP.astype(np.uint16) * 600, encoded),
        (RAMP.astype(np.uint16) * 600, tiff),
        *((RAMP.astype(kind) * -1.5, tiff) for kind in (np.float32, np.float64, np.complex64)),
        (-RAMP.astype(np.int16), tiff),
    ],
    ids=["16-bit PNG", "16-bit TIFF", "float32", "float64", "complex64", "int16"],
)
def test_one_band_of_any_type_keeps_its_values(values, encode):
    pixels = decode(encode(values))
    assert pixels.dtype == values.dtype
    assert np.array_equal(pixels, values)


@pytest.mark.parametrize("layout", ["pixel", "band"])
def test_two_float_bands_come_last_however_they_are_stored(layout):
    values = np.stack([RAMP, RAMP + 100]).astype(np.float32)
    pixels = decode(tiff(values, interleave=layout), {"VV": 1, "VH": 2})
    assert np.array_equal(pixels, np.moveaxis(values, 0, -1))


def test_bands_written_as_pages_are_stacked_where_the_catalogue_has_bands():
    stream = io.BytesIO()
    first, second = (Image.fromarray(RAMP.astype(np.float32) + offset) for offset in (0, 50))
    first.save(stream, "TIFF", save_all=True, append_images=[second])
    pixels = decode(stream.getvalue(), {"VV": 1, "VH": 2})
    assert np.array_equal(pixels, np.dstack([RAMP, RAMP + 50.0]))
    assert decode(stream.getvalue()).shape == (8, 12)


def test_band_axis_that_was_taken_for_rows_is_put_last():
    values = np.random.default_rng(0).normal(size=(2, 30, 40)).astype(np.float32)
    as_rows = np.moveaxis(values, -1, 0)  # 40 samples, 2 rows, 30 columns
    pixels = decode(tiff(as_rows), {"VV": 1, "VH": 2})
    assert np.array_equal(pixels, np.moveaxis(values, 0, -1))


def test_tiff_without_a_place_on_earth_warns_nobody(recwarn):
    decode(tiff(RAMP))
    assert not [warning for warning in recwarn if "eorefer" in str(warning.message)]


@pytest.mark.parametrize("kind", ["u1", "<i2", ">u2", "<f4", ">c8", "<c16"])
@pytest.mark.parametrize("shape", [(8, 12), (4, 12, 2)])
@pytest.mark.parametrize("order", "CF")
def test_arrays_of_numbers_keep_values_and_axes(kind, shape, order):
    values = np.arange(96).reshape(shape, order=order).astype(kind)
    pixels = decode(npy(values))
    assert pixels.dtype.isnative
    assert np.array_equal(pixels, values)


class Exploit:
    def __reduce__(self):
        return pytest.fail, ("an array was unpickled",)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        (np.array([[Exploit(), 1]], dtype=object), "pickled-array"),
        (np.zeros((4, 4), dtype=[("a", object)]), "pickled-array"),
        (np.zeros((4, 4), dtype=[("a", "f4")]), "not-numbers"),
        (np.zeros((4, 4), dtype="U8"), "not-numbers"),
        (np.zeros((4, 4), dtype=bool), "not-numbers"),
        (np.zeros((4, 4), dtype="M8[s]"), "not-numbers"),
        (np.zeros((4, 4), dtype=np.clongdouble), "not-numbers"),
        (np.zeros(16, dtype=np.uint8), "not-an-image"),
        (np.zeros((0, 4), dtype=np.uint8), "not-an-image"),
        (np.zeros((2, 2, 2, 2), dtype=np.uint8), "not-an-image"),
        (np.zeros((2, 30, 40), dtype=np.uint8), "not-an-image"),
    ],
    ids=lambda value: value if isinstance(value, str) else f"{value.dtype} {value.shape}",
)
def test_arrays_of_anything_but_an_image_are_refused(values, reason):
    with pytest.raises(Unusable, match=reason):
        decode(npy(values))


def test_an_array_of_less_than_nothing_is_refused():
    shape = "{'descr': '<c8', 'fortran_order': False, 'shape': (-1, -8), }\n"
    with pytest.raises(Unusable, match="not-an-image"):
        decode(npy_header(shape) + bytes(64))


def npy_header(text):
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text.encode()


@pytest.mark.parametrize(
    "content",
    [
        npy(RAMP)[:-1],
        npy(RAMP) + b"x",
        npy(RAMP)[:40],
        b"\x93NUMPY\x09\x00" + npy(RAMP)[8:],
        npy_header("{'descr': '<c8', 'fortran_order': False, 'shape': (1000000000, 1000000000), }\n"),
        npy_header("__import__('os').abort()\n"),
        npy_header("[" * 60000),
    ],
)
def test_an_array_is_as_large_as_it_says_or_refused(content):
    with pytest.raises(Unusable, match="truncated-image"):
        decode(content)


@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF"])
@pytest.mark.parametrize("share", [0.3, 0.7, 0.98])
def test_truncated_picture_is_an_error(form, share):
    values = np.random.default_rng(0).normal(size=(2, 200, 200)).astype(np.float32)
    content = tiff(values) if form == "TIFF" else noise(width=200, height=200, form=form)
    with pytest.raises(Unusable, match="truncated-image"):
        decode(content[: int(len(content) * share)])


def png_header(width, height):
    def chunk(name, data):
        body = name + data
        return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")


def tiff_of_size(width, height):
    with warnings.catch_warnings(), rasterio.MemoryFile() as memory:
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        options = {"driver": "GTiff", "count": 1, "dtype": "uint8", "SPARSE_OK": "TRUE", "tiled": True}
        with memory.open(width=width, height=height, **options):
            pass
        return memory.read()


@pytest.mark.parametrize("header", [png_header, tiff_of_size])
@pytest.mark.parametrize("side", [9_000, 20_000, 40_000, 100_000])
def test_image_bomb_is_refused_by_its_header(header, side):
    with pytest.raises(Unusable, match=r"image-bomb.*sartext corpora tile"):
        decode(header(side, side))


@pytest.mark.parametrize("content", [b"GIF89a" + bytes(40), b"%!PS-Adobe", b"hello", bytes(100)])
def test_no_other_format_is_tried(content):
    with pytest.raises(Unusable, match="not-an-image"):
        decode(content)


def test_each_bad_file_costs_one_image_and_nothing_else(detection, tmp_path):
    good = noise(width=60, height=60, mode="RGB", form="JPEG")
    files = {
        "good.jpg": good,
        "cut.jpg": good[:500],
        "empty.jpg": b"",
        "bomb.png": png_header(60_000, 60_000),
        "text.jpg": b"hello",
        "deep.png": encoded(RAMP.astype(np.uint16)),
    }
    for name, content in files.items():
        detection.put(f"images/{name}", content)
        detection.put(f"annotations/{name.split('.')[0]}.xml", voc(width=0, height=0))
    (detection.folder / "images" / "dangling.png").symlink_to(tmp_path / "nowhere")
    detection.put("annotations/dangling.xml", voc())
    metrics = detection.index()
    assert set(detection.rows()) == {"good"}
    assert detection.reasons() == {
        "cut": "truncated-image",
        "empty": "empty-file",
        "bomb": "image-bomb",
        "text": "not-an-image",
        "deep": "implausible-quantity",
        "dangling": "unreadable-file",
    }
    assert metrics["images_found"] == metrics["indexed"] + metrics["left_out"] == 7


def test_same_pixels_have_one_hash_whatever_the_file():
    colour = np.dstack([RAMP] * 3)
    assert pixels_sha256(decode(encoded(RAMP))) == pixels_sha256(decode(tiff(RAMP)))
    assert pixels_sha256(decode(encoded(colour))) == pixels_sha256(RAMP)
    assert pixels_sha256(RAMP) != pixels_sha256(RAMP.reshape(12, 8))
    assert pixels_sha256(RAMP) != pixels_sha256(RAMP.astype(np.uint16))
    assert pixels_sha256(RAMP.astype(">f4")) == pixels_sha256(RAMP.astype("<f4"))
    assert len(pixels_sha256(RAMP.astype(np.complex64))) == 64


def test_release_holds_an_eight_bit_file_unchanged(detection):
    content = noise(form="JPEG")
    detection.put("images/1.jpg", content)
    detection.put("annotations/1.xml", voc())
    detection.index()
    row, entry = detection.rows()["1"], detection.load()
    assert release_bytes(detection.root, row, entry) == content
    assert np.array_equal(picture(detection.root, row, entry), decode(content))


def test_release_renders_anything_else_as_a_stored_grey_png(corpus):
    corpus.declare(**{**DETECTION, "kind": "unlabelled", "annotations": None, "quantity": "db"} | CALIBRATED)
    values = np.full((2, 8, 12), -12.5, np.float32)
    values[0, 0, 0] = np.nan
    corpus.put("images/1.tif", tiff(values))
    corpus.index()
    row, entry = corpus.rows()["1"], corpus.load()
    shown = picture(corpus.root, row, entry)
    content = release_bytes(corpus.root, row, entry)
    assert np.array_equal(decode(content), shown)
    assert len(content) > shown.size, "stored, not deflated"
    assert content == release_bytes(corpus.root, row, entry)


CALIBRATED = {"calibrated": True, "bands": {"VV": 1, "VH": 2}, "polarisation": "VV+VH"}

"""Land cover and objects from masks."""

import io

import numpy as np
import pytest
from PIL import Image

from sartext.corpora.masks import zone_slices
from tests.corpora.making import corners, encoded, picture, share_of, tiff


def kind(label, **fields):
    return {"label": label, "noun": label, "plural": label, "hypernym": label, **fields}


PALETTE = [
    kind("sea", colour=[0, 0, 0], stuff=True),
    kind("oil", colour=[0, 255, 255], stuff=True, rare=True),
    kind("look-alike", colour=[255, 0, 0], stuff=True),
    kind("ship", colour=[153, 76, 0]),
    kind("land", colour=[0, 153, 0], stuff=True),
]
CODES = [
    kind("nothing", code=-1, stuff=True, say=False, valid=False),
    kind("not water", code=0, stuff=True, say=False),
    kind("water", code=1, stuff=True),
]
MASK = {"format": "mask", "files": ["masks/*"], "image": r"^images/(.+)\.png$", "file": r"masks/\1.png"}
COMMON = {"kind": "segmentation", "images": ["images/*"], "quarantine_limit": 1.0}


@pytest.fixture
def palette(corpus):
    return corpus.declare(**COMMON, annotations=MASK, classes=PALETTE)


def canvas(height=30, width=40):
    return np.zeros((height, width, 3), np.uint8)


def index_one(corpus, mask, content=None):
    corpus.put("images/1.png", picture(mask.shape[1], mask.shape[0]))
    corpus.put("masks/1.png", encoded(mask) if content is None else content)
    corpus.index()
    return corpus.rows().get("1")


def fractions(row, zone="image"):
    return {region["label"]: region["fraction"] for region in row["regions"] if region["zone"] == zone}


def test_shares_are_of_the_valid_pixels_and_zones_of_the_class(palette):
    mask = canvas()
    mask[:15, :20] = 0, 153, 0
    row = index_one(palette, mask)
    assert fractions(row) == {"sea": 0.75, "land": 0.25}
    assert fractions(row, "upper-left") == {"land": 1.0}
    assert fractions(row, "upper-right") == {"sea": pytest.approx(1 / 3)}
    assert share_of(row, "land")["largest_component"] == 300
    assert {region["largest_component"] for region in row["regions"] if region["zone"] != "image"} == {0}


@pytest.mark.parametrize(("width", "height"), [(4, 4), (5, 7), (64, 64), (1250, 650), (1, 1)])
def test_zones_follow_pixel_centres(width, height):
    zones = zone_slices(width, height)
    counted = np.zeros((height, width), int)
    for name in ("upper-left", "upper-right", "lower-left", "lower-right"):
        counted[zones[name]] += 1
    assert (counted == 1).all()
    rows, columns = np.mgrid[:height, :width] + 0.5
    middle = (rows >= height / 4) & (rows < 3 * height / 4) & (columns >= width / 4) & (columns < 3 * width / 4)
    inside = np.zeros((height, width), bool)
    inside[zones["middle"]] = True
    assert np.array_equal(inside, middle)


def test_things_become_boxes_of_their_connected_components(palette):
    mask = canvas()
    mask[2:6, 3:10] = 153, 76, 0
    mask[6, 10] = mask[7, 11] = 153, 76, 0  # joined by corners only
    mask[20:22, 30:35] = 153, 76, 0
    mask[25:28, 1:4] = 153, 76, 0  # nine pixels
    row = index_one(palette, mask)
    assert corners(row) == [("ship", 3, 2, 12, 8), ("ship", 30, 20, 35, 22)]
    assert "ship" not in fractions(row)
    (fault,) = palette.faults("box")
    assert (fault.reason, fault.detail) == ("component-too-small", "1 of ship, 9 pixels in all")


def test_small_rare_class_keeps_its_component(palette):
    mask = canvas(650, 1250)
    mask[100:103, 50:70] = 0, 255, 255
    oil = share_of(index_one(palette, mask), "oil")
    assert oil["fraction"] < 0.0001
    assert oil["largest_component"] == 60


def test_anti_aliased_edges_are_near_a_colour_or_unknown_never_another_class(palette):
    sharp = canvas(200, 200)
    sharp[50:150, 50:150] = 255, 0, 0
    blurred = np.asarray(Image.fromarray(sharp).resize((70, 70), Image.Resampling.BICUBIC))
    row = index_one(palette, blurred)
    assert row["objects"] == []
    assert set(fractions(row)) == {"sea", "look-alike"}
    assert palette.reasons("annotation") == {"1": "unknown-colour"}


def test_colour_within_the_tolerance_is_its_class_and_beyond_is_unknown(palette):
    mask = canvas()
    mask[:10] = 12, 150, 12  # 17.2 away from land
    mask[10:15] = 15, 153, 14  # 20.5 away
    row = index_one(palette, mask)
    assert fractions(row) == {"sea": 0.5, "land": pytest.approx(1 / 3)}
    (fault,) = palette.faults("annotation")
    assert (fault.reason, fault.detail) == ("unknown-colour", "200 pixels of 1 colour")


def palette_png(colours, width):
    """Indices, 1 in the first columns, and the PNG of them with these colours."""
    indices = np.zeros((30, 40), np.uint8)
    indices[:, :width] = 1
    image = Image.fromarray(indices, "P")
    image.putpalette(colours)
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return indices, stream.getvalue()


def test_palette_png_is_read_by_its_colours(palette):
    row = index_one(palette, *palette_png([0, 0, 0, 0, 153, 0], 20))
    assert fractions(row) == {"sea": 0.5, "land": 0.5}


@pytest.mark.parametrize(
    ("grey", "content", "reason"),
    [
        (90, None, "unknown-class"),
        (0, b"\x89PNG\r\n\x1a\n", "not-an-image"),
        (0, encoded(canvas(31, 40)), "size-mismatch"),
    ],
    ids=["mostly unknown to the legend", "damaged", "of another size"],
)
def test_a_mask_that_does_not_fit_costs_the_image(palette, grey, content, reason):
    palette.put("images/ok.png", picture())
    palette.put("masks/ok.png", encoded(canvas()))
    assert index_one(palette, canvas() + np.uint8(grey), content) is None
    assert palette.reasons() == {"1": reason}


def test_images_without_a_mask_and_masks_without_an_image_are_told(palette):
    palette.put("images/2.png", picture(seed=2))
    palette.put("masks/3.png", encoded(canvas()))
    index_one(palette, canvas())
    assert palette.reasons() == {"2": "no-annotation"}
    (fault,) = palette.faults("annotation")
    assert (fault.path, fault.reason) == ("3.png", "annotation-without-image")


@pytest.fixture
def codes(corpus):
    return corpus.declare(**COMMON, annotations=MASK, classes=CODES)


def test_no_data_is_outside_the_denominator_and_says_nothing(codes):
    values = np.zeros((20, 20), np.int16)
    values[:10] = -1
    values[10:15] = 1
    assert fractions(index_one(codes, values, tiff(values))) == {"not water": 0.5, "water": 0.5}


def test_unknown_codes_are_counted_and_stay_in_the_denominator(codes):
    values = np.zeros((20, 20), np.int16)
    values[:5] = 17
    values[5, 0] = 4
    row = index_one(codes, values, tiff(values))
    assert fractions(row) == {"not water": pytest.approx(299 / 400)}
    (fault,) = codes.faults("annotation")
    assert (fault.reason, fault.detail) == ("unknown-code", "101 pixels (4: 1, 17: 100)")


def test_mask_of_no_data_costs_the_image(codes):
    codes.put("images/2.png", picture(20, 20, seed=2))
    codes.put("masks/2.png", tiff(np.full((20, 20), -1, np.int16)))
    index_one(codes, np.zeros((20, 20), np.int16), tiff(np.zeros((20, 20), np.int16)))
    assert codes.reasons() == {"2": "no-valid-pixels"}


def test_pixels_without_data_in_the_image_are_not_told_from_the_mask(corpus):
    annotations = {**MASK, "image": r"^images/", "file": "masks/"}
    fields = {"quantity": "db", "calibrated": True, "polarisation": "VV"}
    corpus.declare(**COMMON, **fields, annotations=annotations, classes=CODES)
    values = np.full((20, 20), -10, np.float32)
    values[:, :10] = np.nan
    mask = np.zeros((20, 20), np.int16)
    mask[:, :15] = 1
    corpus.put("images/1.tif", tiff(values))
    corpus.put("masks/1.tif", tiff(mask))
    corpus.index()
    assert fractions(corpus.rows()["1"]) == {"not water": 0.5, "water": 0.5}


def test_grey_png_of_codes_and_palette_png_by_its_indices(corpus):
    classes = [kind("a", code=0, stuff=True), kind("b", code=1, stuff=True)]
    corpus.declare(**COMMON, annotations=MASK, classes=classes)
    grey = np.zeros((30, 40), np.uint8)
    grey[:15] = 1
    assert fractions(index_one(corpus, grey)) == {"a": 0.5, "b": 0.5}
    assert fractions(index_one(corpus, np.dstack([grey] * 3))) == {"a": 0.5, "b": 0.5}
    row = index_one(corpus, *palette_png([200, 0, 0, 0, 153, 0], 10))
    assert fractions(row) == {"a": 0.75, "b": 0.25}

"""Values that cannot be the declared quantity are refused, with what they look like.

16-bit numbers, complex ones, fringes and values that ran over are read as what they are.
"""

import numpy as np
import pytest
import rasterio

from sartext.corpora.images import decode, picture
from sartext.corpora.quantities import saturated_share
from sartext.corpora.radiometry import to_db
from sartext.errors import CorpusError
from tests.corpora.making import DETECTION, tiff

UNLABELLED = {**DETECTION, "kind": "unlabelled", "annotations": None, "polarisation": "VV"}
RANDOM = np.random.default_rng(0)
SIDE = 48

INTENSITY = RANDOM.exponential(0.05, (SIDE, SIDE)).astype(np.float32)
DB = 10 * np.log10(INTENSITY)
NUMBERS = (200 * np.sqrt(INTENSITY / 0.05)).astype(np.uint16)
COMPLEX = (RANDOM.normal(size=(SIDE, SIDE)) + 1j * RANDOM.normal(size=(SIDE, SIDE))).astype(np.complex64)
CODES = np.repeat(np.repeat(np.arange(16).reshape(4, 4) % 6, 12, axis=0), 12, axis=1).astype(np.uint8)
PICTURE = RANDOM.integers(0, 256, (SIDE, SIDE), dtype=np.uint8)
SCALED = (INTENSITY - INTENSITY.min()) / (INTENSITY.max() - INTENSITY.min())
CALIBRATED = {"calibrated": True}


@pytest.mark.parametrize(
    ("declared", "fields", "values", "seen"),
    [
        (
            "db",
            {},
            CODES,
            "uint8 values from 0 to 5, declared as db; that looks like class codes",
        ),
        ("db", {}, CODES.astype(np.float32), "that looks like class codes"),
        ("db", {}, NUMBERS, "declared as db; that looks like digital numbers"),
        ("db", {}, NUMBERS.astype(np.float32), "declared as db; that looks like digital numbers"),
        ("db", {}, PICTURE, "declared as db; that looks like display"),
        ("db", {}, SCALED, "that looks like a picture scaled to 0..1"),
        ("db", {}, INTENSITY, "that looks like intensity or amplitude"),
        ("db", CALIBRATED, INTENSITY * 1000, "declared as calibrated db; that looks like intensity or amplitude"),
        ("db", {}, np.where(DB < -20, -9999, DB).astype(np.float32), "that looks like no-data: declare `nodata`"),
        ("db", {}, COMPLEX, "complex values, declared as db; that looks like complex"),
        ("intensity", {}, DB, "declared as intensity; that looks like db"),
        ("intensity", {}, CODES.astype(np.uint16), "that looks like class codes"),
        ("intensity", CALIBRATED, SCALED, "that looks like a picture scaled to 0..1"),
        ("intensity", CALIBRATED, NUMBERS, "declared as intensity; that looks like digital numbers"),
        ("amplitude", {}, DB, "declared as amplitude; that looks like db"),
        ("amplitude", CALIBRATED, PICTURE, "declared as amplitude; that looks like display"),
        ("complex", {}, np.stack([DB, DB]), "real parts of one sign"),
        ("complex", {}, INTENSITY.astype(np.complex64), "real parts of one sign"),
        ("display", {}, NUMBERS, "declared as display; that looks like digital numbers"),
        ("display", {}, DB, "declared as display; that looks like db"),
        ("display", {}, SCALED, "declared as display; that looks like a picture scaled to 0..1"),
    ],
)
def test_values_of_another_quantity_are_refused_with_what_they_look_like(corpus, declared, fields, values, seen):
    corpus.declare(**UNLABELLED, quantity=declared, **fields)
    corpus.put("images/odd.tif", tiff(values))
    with pytest.raises(CorpusError) as caught:
        corpus.index()
    assert "implausible-quantity" in str(caught.value)
    assert seen in str(caught.value)


@pytest.mark.parametrize(
    ("declared", "fields", "values"),
    [
        ("db", CALIBRATED, DB),
        ("db", {}, 10 * np.log10(NUMBERS.astype(np.float32) ** 2 + 1)),
        ("intensity", CALIBRATED, INTENSITY),
        ("intensity", CALIBRATED, INTENSITY - 0.0001),
        ("intensity", {}, NUMBERS.astype(np.uint32) ** 2),
        ("amplitude", CALIBRATED, np.sqrt(INTENSITY)),
        ("amplitude", {}, NUMBERS),
        ("amplitude", {}, PICTURE),
        ("complex", {}, COMPLEX),
        ("complex", {}, np.stack([COMPLEX.real, COMPLEX.imag])),
        ("display", {}, PICTURE),
        ("db", CALIBRATED, np.where(np.indices(DB.shape)[0] < 40, np.nan, DB)),
    ],
)
def test_values_of_the_declared_quantity_are_taken(corpus, declared, fields, values):
    corpus.declare(**UNLABELLED, quantity=declared, **fields)
    corpus.put("images/good.tif", tiff(values))
    assert corpus.index()["indexed"] == 1


def test_a_corpus_of_another_quantity_says_which_one_to_declare(corpus):
    corpus.declare(**{**UNLABELLED, "quarantine_limit": 0.1}, quantity="intensity")
    for number in range(3):
        corpus.put(f"images/{number}.tif", tiff(DB + number))
    with pytest.raises(CorpusError, match="declare `quantity: db` in its catalogue file"):
        corpus.index()


def test_one_file_of_class_codes_among_good_ones_costs_itself(corpus):
    corpus.declare(**UNLABELLED, quantity="db", calibrated=True)
    corpus.put("images/codes.tif", tiff(CODES))
    corpus.put("images/good.tif", tiff(DB))
    corpus.index()
    assert set(corpus.rows()) == {"good"}
    assert corpus.reasons() == {"codes": "implausible-quantity"}


@pytest.mark.parametrize(
    ("quantity", "empty", "inside"), [("intensity", 0, DB.min()), ("db", -np.inf, DB.min()), ("db", 0, 0)]
)
def test_a_fringe_at_the_border_is_no_data_and_what_is_empty_inside_is_dark(corpus, quantity, empty, inside):
    entry = corpus.declare(**UNLABELLED, quantity=quantity).load()
    values = (DB if quantity == "db" else INTENSITY).copy()
    values[:, :10] = empty
    values[20:24, 9:14] = empty  # hangs together with the border
    values[30:34, 30:34] = empty
    decibels = to_db(values, entry)
    missing = np.isnan(decibels)
    assert missing[:, :10].all()
    assert missing[20:24, 10:14].all()
    assert missing.sum() == 10 * SIDE + 4 * 4
    assert decibels[30:34, 30:34] == pytest.approx(np.full((4, 4), inside), abs=1e-4)


def test_shares_of_land_cover_leave_the_fringe_out(corpus):
    mask = {"format": "mask", "image": r"^images/(.+)\.tif$", "file": r"masks/\1.tif"}
    land = {"noun": "land", "plural": "land", "hypernym": "land", "stuff": True}
    classes = [{"label": "a", "code": 0, **land}, {"label": "b", "code": 1, **land}]
    fields = {"kind": "segmentation", "annotations": mask, "classes": classes}
    corpus.declare(**{**UNLABELLED, **fields, "quantity": "intensity"})
    values, codes = INTENSITY.copy(), np.zeros((SIDE, SIDE), np.uint8)
    values[:, : SIDE // 2] = 0
    codes[:, : SIDE * 3 // 4] = 1
    corpus.put("images/1.tif", tiff(values))
    corpus.put("masks/1.tif", tiff(codes))
    corpus.index()
    (row,) = corpus.rows().values()
    shares = {region["label"]: region["fraction"] for region in row["regions"] if region["zone"] == "image"}
    assert shares == {"a": 0.5, "b": 0.5}


def test_complex_whole_numbers_of_a_single_look_complex_product_are_read(corpus):
    whole = np.round(COMPLEX * 100)
    profile = {"driver": "GTiff", "count": 1, "height": SIDE, "width": SIDE, "dtype": "complex_int16"}
    with rasterio.MemoryFile() as memory:
        with memory.open(**profile) as dataset:
            dataset.write(whole[None])
        content = memory.read()
    entry = corpus.declare(**UNLABELLED, quantity="complex").load()
    corpus.put("images/slc.tif", content)
    corpus.index()
    expected = 20 * np.log10(np.abs(whole)[5, 5])
    assert to_db(decode(content), entry)[5, 5] == pytest.approx(expected, abs=1e-5)


def test_sixteen_bit_colours_are_never_cut_to_eight(corpus):
    with rasterio.MemoryFile() as memory:
        with memory.open(driver="PNG", count=3, height=SIDE, width=SIDE, dtype="uint16") as dataset:
            dataset.write(np.stack([NUMBERS] * 3))
        content = memory.read()
    assert decode(content).dtype == np.uint16
    corpus.declare(**UNLABELLED, quantity="amplitude")
    corpus.put("images/deep.png", content)
    corpus.index()
    (row,) = corpus.rows().values()
    assert len(np.unique(picture(corpus.root, row, corpus.load()))) > 64


def test_numbers_that_ran_over_are_counted(corpus):
    entry = corpus.declare(**UNLABELLED, quantity="amplitude").load()
    bright = NUMBERS.copy()
    bright[:6] = 65535
    assert saturated_share(bright, entry) == 6 / SIDE
    assert saturated_share(DB, entry) == 0
    for name, values in (("plain", NUMBERS), ("bright", bright)):
        corpus.put(f"images/{name}.tif", tiff(values))
    assert corpus.index()["saturated"] == {"images": 1, "over_1_percent": 1, "largest_share": 0.125}

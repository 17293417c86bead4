"""From stored values to decibels to grey levels."""

import numpy as np
import pytest

from sartext.corpora.quarantine import Unusable
from sartext.corpora.radiometry import fixed_window, histogram, stretch_window, to_db, to_grey
from sartext.errors import CatalogueError
from tests.corpora.making import DETECTION, tiff

UNLABELLED = {**DETECTION, "kind": "unlabelled", "annotations": None}


def declared(corpus, **fields):
    return corpus.declare(**{**UNLABELLED, "polarisation": "VV", **fields}).load()


@pytest.mark.parametrize(
    ("quantity", "values", "expected", "bands"),
    [
        ("amplitude", [1.0, 10.0, 100.0], [0, 20, 40], {}),
        ("intensity", [1.0, 10.0, 100.0], [0, 10, 20], {}),
        ("complex", [1j, 3 + 4j, 10 + 0j], [0, 10 * np.log10(25), 20], {}),
        ("complex", [[0, 0, 3, 4]], [10 * np.log10(25)], {"bands": {"VV": 3, "VH": 1}}),
        ("db", [-20.0, -3.5, 2.0], [-20, -3.5, 2], {}),
        ("db", [[-30.0, -10.0]], [-10], {"bands": {"VV": 2, "VH": 1}}),
    ],
    ids=["amplitude", "intensity", "complex", "complex as two real bands", "dB", "the band declared first"],
)
def test_quantities(corpus, quantity, values, expected, bands):
    entry = declared(corpus, quantity=quantity, **bands)
    assert to_db(np.array([values]), entry)[0] == pytest.approx(expected)


def test_no_data_is_masked(corpus):
    entry = declared(corpus, quantity="amplitude", nodata=7)
    decibels = to_db(np.array([[0, 7, 10, 100]], np.uint16), entry)[0]
    assert np.isnan(decibels[:2]).all()
    assert decibels[2:] == pytest.approx([20, 40])
    float_entry = declared(corpus, quantity="db", nodata=-9999)
    assert np.isnan(to_db(np.array([[-9999.0, np.nan, np.inf]]), float_entry)).all()


def test_values_of_another_quantity_and_absent_bands_are_refused(corpus):
    with pytest.raises(Unusable, match="implausible-quantity"):
        to_db(np.array([[1j]]), declared(corpus, quantity="db"))
    with pytest.raises(Unusable, match="missing-band"):
        to_db(np.array([[-30.0]]), declared(corpus, quantity="db", bands={"VV": 2, "VH": 1}))
    with pytest.raises(CatalogueError, match="polarisation"):
        fixed_window(declared(corpus, quantity="db", calibrated=True, polarisation="mixed"))


@pytest.mark.parametrize(
    ("polarisation", "window"),
    [("VV", (-25, 0)), ("HH", (-25, 0)), ("VH", (-32, -5)), ("HV", (-32, -5)), ("VV+VH", (-25, 0))],
)
def test_calibrated_data_have_a_fixed_window(corpus, polarisation, window):
    entry = declared(corpus, quantity="db", calibrated=True, polarisation=polarisation)
    assert fixed_window(entry) == window


def test_grey_levels_are_linear_in_db_and_no_data_is_black():
    decibels = np.array([[-30.0, -25.0, -12.5, 0.0, 5.0, np.nan]])
    assert to_grey(decibels, -25.0, 0.0).tolist() == [[0, 0, 128, 255, 255, 0]]


def test_stretch_holds_all_but_one_percent_at_either_end():
    counts = histogram(np.arange(0, 100, 0.01)[None] + 0.005)
    assert stretch_window(counts) == pytest.approx((1, 99), abs=0.02)
    assert stretch_window(histogram(np.full((4, 4), 3.0))) == (3.0, 4.0)


def test_uncalibrated_corpus_has_one_window_and_keeps_the_order_of_its_images(corpus):
    entry = declared(corpus, quantity="amplitude", nodata=0)
    generator = np.random.default_rng(0)
    for name, level in (("dark", 50), ("bright", 500)):
        values = (generator.rayleigh(level, (64, 64)) + 1).astype(np.uint16)
        values[:8] = 0
        corpus.put(f"images/{name}.tiff", tiff(values))
    corpus.index()
    rows = corpus.rows()
    assert len({(row["db_low"], row["db_high"]) for row in rows.values()}) == 1
    low, high = rows["dark"]["db_low"], rows["dark"]["db_high"]
    assert 10 < low < high < 70
    from sartext.corpora.images import picture

    dark, bright = (picture(corpus.root, rows[name], entry) for name in ("dark", "bright"))
    assert dark[8:].mean() + 50 < bright[8:].mean()
    assert not dark[:8].any()


def test_window_does_not_depend_on_which_process_saw_which_image(corpus, monkeypatch):
    declared(corpus, quantity="intensity")
    for number in range(6):
        values = np.random.default_rng(number).exponential(10.0**number, (16, 16)).astype(np.float32)
        corpus.put(f"images/{number}.tif", tiff(values))
    windows = []
    for serial_below in (0, 100):
        monkeypatch.setattr("sartext.corpora.index.SERIAL_BELOW", serial_below)
        monkeypatch.setenv("SARTEXT_WORKERS", "2")
        corpus.index()
        windows.append([(row["db_low"], row["db_high"]) for row in corpus.rows().values()])
    assert windows[0] == windows[1]


def test_image_of_no_data_is_left_out(corpus):
    declared(corpus, quantity="db", calibrated=True)
    corpus.put("images/none.tif", tiff(np.full((8, 8), np.nan, np.float32)))
    corpus.put("images/some.tif", tiff(np.full((8, 8), -9.0, np.float32)))
    corpus.index()
    assert corpus.reasons() == {"none": "no-valid-pixels"}
    row = corpus.rows()["some"]
    assert (row["db_low"], row["db_high"], row["quantity"]) == (-25, 0, "db")

"""Facts of acquisition, and what an image's row says of its polarisations."""

import numpy as np
import pytest
import rasterio

from sartext.corpora.images import decode, second_bytes
from sartext.errors import CatalogueError
from sartext.tables import ACQUISITION_NAMES
from tests.corpora.making import DETECTION, picture, tiff

UNLABELLED = {**DETECTION, "kind": "unlabelled", "annotations": None, "images": ["**/*.png", "**/*.tif"]}
PRODUCT = "S1A_IW_GRDH_1SDV_20180131T051234_20180131T051259_020397_022D4F_1A2B"
NAME = r"(?P<sensor>TSX|TDX)_(?P<acquired>\d{8})_(?P<orbit>[AD])(?P<look>[RL])_(?P<resolution_m>[\d.]+)m"
RANDOM = np.random.default_rng(0)


def facts(corpus, stem="one"):
    return {name: corpus.rows()[stem][name] for name in ACQUISITION_NAMES}


def test_the_name_of_an_image_states_facts(corpus):
    corpus.declare(**UNLABELLED, sensor="TerraSAR-X, TanDEM-X", acquisition={"name": NAME})
    corpus.put("TSX_20110203_DR_1.25m.png", picture())
    corpus.index()
    expected = ["TSX", None, 1.25, "2011-02-03", "descending", "right"]
    assert list(facts(corpus, "TSX_20110203_DR_1_25m").values()) == expected


def test_a_product_of_sentinel_1_tells_its_date_and_the_sensor_its_band_and_look(corpus):
    corpus.declare(**UNLABELLED, sensor="Sentinel-1", resolution_m=[10])
    corpus.put(f"{PRODUCT}/one.png", picture())
    corpus.index()
    assert list(facts(corpus).values()) == ["Sentinel-1", "C", 10, "2018-01-31T05:12:34", None, "right"]


def test_tags_go_before_the_name_and_both_before_what_is_said_of_the_corpus(corpus):
    said = {"facts": {"orbit": "ascending", "band": "x"}, "name": r"(?P<acquired>\d{8})"}
    corpus.declare(**UNLABELLED, acquisition={**said, "tags": {"acquired": "SCENE_DATE", "orbit": "PASS"}})
    with rasterio.MemoryFile() as memory:
        with memory.open(driver="GTiff", count=1, height=30, width=40, dtype="uint8") as dataset:
            dataset.write(RANDOM.integers(0, 255, (1, 30, 40), dtype=np.uint8))
            dataset.update_tags(SCENE_DATE="2020-05-06T07:08:09Z")
        corpus.put("one20110203.tif", memory.read())
    corpus.index()
    assert list(facts(corpus, "one20110203").values())[1:5] == ["X", None, "2020-05-06T07:08:09", "ascending"]


def test_what_cannot_be_read_is_unknown_and_counted(corpus):
    corpus.declare(**UNLABELLED, acquisition={"name": r"on(?P<acquired>e)"})
    corpus.put("one.png", picture())
    corpus.index()
    assert facts(corpus)["acquired"] is None
    assert [(fault.reason, fault.detail) for fault in corpus.faults()] == [("odd-acquisition", "acquired 'e'")]


@pytest.mark.parametrize(
    ("fact", "text"), [("acquired", "202011"), ("orbit", "absent"), ("look", "low"), ("resolution_m", "inf")]
)
def test_what_only_begins_like_a_fact_is_unknown(corpus, fact, text):
    corpus.declare(**UNLABELLED, acquisition={"facts": {fact: text}})
    corpus.put("one.png", picture())
    corpus.index()
    assert facts(corpus)[fact] is None
    assert [fault.detail for fault in corpus.faults("annotation")] == [f"{fact} '{text}'"]


def test_a_group_that_is_no_fact_is_an_error_of_the_catalogue_file(corpus):
    with pytest.raises(CatalogueError, match="groups that are no facts: weather"):
        corpus.declare(**UNLABELLED, acquisition={"name": "(?P<weather>rain)"}).load()


@pytest.fixture
def dual(corpus):
    """A calibrated corpus of two polarisations in one file."""
    return corpus.declare(
        **{**UNLABELLED, "quantity": "db"}, calibrated=True, polarisation="VV+VH", bands={"VV": 2, "VH": 1}
    )


def speckled(mean):
    return (mean + 10 * np.log10(RANDOM.gamma(4, 0.25, (32, 32)))).astype(np.float32)


def test_a_row_says_what_is_in_the_picture_and_which_polarisation_lies_beside_it(dual):
    dual.put("one.tif", tiff(np.stack([speckled(-18), speckled(-10)])))
    dual.index()
    row = dual.rows()["one"]
    names = ("polarisation", "db_low", "db_high", "second_polarisation", "second_db_low", "second_db_high")
    assert [row[name] for name in names] == ["VV", -25, 0, "VH", -32, -5]
    shown = decode(second_bytes(dual.root, row, dual.load()))
    assert shown.mean() == pytest.approx(255 * (-18.5 + 32) / 27, abs=6)


def test_without_data_in_it_there_is_no_second_polarisation(dual):
    dual.put("one.tif", tiff(np.stack([np.full((32, 32), np.nan, np.float32), speckled(-10)])))
    dual.index()
    row = dual.rows()["one"]
    assert (row["polarisation"], row["second_polarisation"], row["second_db_low"]) == ("VV", None, None)
    assert second_bytes(dual.root, row, dual.load()) is None
    assert [fault.reason for fault in dual.faults()] == ["no-second-polarisation"]


def test_a_picture_has_the_polarisation_of_its_corpus_and_no_second_one(corpus):
    corpus.declare(**UNLABELLED, polarisation="HH")
    corpus.put("one.png", picture())
    corpus.index()
    row = corpus.rows()["one"]
    assert (row["polarisation"], row["second_polarisation"]) == ("HH", None)

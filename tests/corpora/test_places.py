"""Georeferenced images that overlap are one place, and what a published split leaks is measured and said."""

import numpy as np
import pytest
from click.testing import CliRunner
from rasterio.transform import from_origin

from sartext.cli import cli
from sartext.corpora.footprints import footprint_of
from tests.corpora.making import DETECTION, picture, tiff, voc

STEP = 10.0
SIDE = 32

SPLITS = {"train": "re:train", "test": "re:test"}


def tile(column, row, crs="EPSG:32655", seed=0):
    """A tile of 32 x 32 pixels of 10 m, whose corner lies so many pixels from an origin."""
    values = np.random.default_rng(seed + 100 * column + row).integers(0, 256, (SIDE, SIDE), dtype=np.uint8)
    options = {"transform": from_origin(500_000 + STEP * column, 5_000_000 - STEP * row, STEP, STEP)}
    return tiff(values, **options, **({"crs": crs} if crs else {}))


@pytest.fixture
def tiles(corpus):
    """Index tiles by name; give the scene of each."""

    def index(named, **fields):
        corpus.declare(**{**DETECTION, "images": ["images/*.tif"], "splits": SPLITS, **fields})
        for name, content in named.items():
            corpus.put(f"images/{name}.tif", content)
            corpus.put(f"annotations/{name}.xml", voc(width=SIDE, height=SIDE))
        metrics = corpus.index()
        return metrics, {name: row["scene_id"] for name, row in corpus.rows().items()}

    return index


def test_tiles_that_overlap_on_the_ground_are_one_place_directly_or_through_others(tiles):
    named = {"train_a": tile(0, 0), "train_b": tile(24, 24), "test_c": tile(40, 40), "test_d": tile(200, 0)}
    metrics, scenes = tiles(named)
    assert scenes["train_a"] == scenes["train_b"] == scenes["test_c"]
    assert scenes["test_d"] == "made/test_d"
    assert metrics["published_splits_overlapping"] == {"test": 1, "train": 1}
    assert metrics["published_splits_sharing_places"] == {"test": 1, "train": 2}


@pytest.mark.parametrize(
    "other",
    [tile(SIDE, 0), tile(0, SIDE), tile(4, 4, crs="EPSG:32656"), tile(4, 4, crs=None), picture(SIDE, SIDE)],
    ids=["touching beside", "touching below", "another zone", "no coordinate system", "no TIFF"],
)
def test_what_does_not_overlap_or_does_not_say_so_is_a_place_of_its_own(tiles, other):
    _, scenes = tiles({"train_a": tile(0, 0), "test_b": other})
    assert scenes["train_a"] != scenes["test_b"]


def test_scenes_whose_tiles_overlap_are_one_place_whole(tiles):
    named = {"train_1_a": tile(0, 0), "train_1_b": tile(500, 0), "test_2_a": tile(16, 0), "test_3_a": tile(900, 0)}
    metrics, scenes = tiles(named, scene=r"_(\d)_")
    assert scenes["train_1_a"] == scenes["train_1_b"] == scenes["test_2_a"]
    assert scenes["test_3_a"] == "made/3"
    assert metrics["published_splits_overlapping"] == {"test": 1, "train": 1}
    assert metrics["published_splits_sharing_places"] == {"test": 1, "train": 2}


def test_a_published_split_through_one_scene_is_measured_without_coordinates(tiles):
    named = {"train_1": picture(SIDE, SIDE, 1), "test_1": picture(SIDE, SIDE, 2), "test_2": picture(SIDE, SIDE, 3)}
    metrics, _ = tiles(named, scene=r"_(\d)\.")
    assert metrics["published_splits_overlapping"] == {}
    assert metrics["published_splits_sharing_places"] == {"test": 1, "train": 1}


def test_the_command_says_what_a_published_split_leaks(tiles, corpus):
    tiles({"train_a": tile(0, 0), "test_b": tile(8, 8), "test_c": tile(300, 300)})
    said = CliRunner().invoke(cli, ["--root", str(corpus.root), "corpus", "made"]).output
    assert (
        "published split 'test' leaks (recorded, not obeyed): 1 of 2 images overlap one of another split, "
        "1 show a place that another split shows"
    ) in said


def test_a_split_that_leaks_nothing_is_not_mentioned(tiles, corpus):
    tiles({"train_a": tile(0, 0), "test_b": tile(100, 100)})
    assert "leaks" not in CliRunner().invoke(cli, ["--root", str(corpus.root), "corpus", "made"]).output


@pytest.mark.parametrize("content", [b"", b"II*\x00", tile(0, 0)[:200], picture()])
def test_a_file_that_cannot_be_read_lies_nowhere(content):
    assert footprint_of(content) is None

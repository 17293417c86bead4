"""What is said of an image is what the model can see: all of the image, and no object that is too small."""

from pathlib import Path
from typing import Any

import pytest

from sartext.catalogue.loading import find_entry
from sartext.config import Project
from sartext.errors import ArtefactError
from sartext.narrator.facts import from_json
from sartext.narrator.faithfulness import contradictions
from sartext.narrator.stage import caption_corpus
from sartext.release.splits import decide_splits
from sartext.tables import CAPTIONS, INDEX, SHARDS, read_rows
from sartext.training.augmentation import turned_facts
from sartext.training.shards.reading import open_shards
from sartext.training.shards.selection import TOO_SMALL, scaled
from sartext.training.shards.writing import write_shards
from tests.release.indexed import image_row, make_project, scene, write_corpus
from tests.training.mini import beside, edit_parameters

Rows = dict[str, dict[str, Any]]
SHIP = {"label": "ship", "noun": "ship", "plural": "ships", "hypernym": "vessel"}
WATER = {**dict.fromkeys(("label", "noun", "plural", "hypernym"), "water"), "stuff": True, "colour": [0, 0, 1]}
SPILL = {"label": "spill", "noun": "oil spill", "plural": "oil spills", "hypernym": "dark patch"}
SPILL |= {"stuff": True, "rare": True, "colour": [9, 9, 9]}
SIDE, WIDTH, HEIGHT = 32, 160, 96


def ship(x: float, y: float, width: float, height: float, angle: float | None = None) -> dict[str, Any]:
    edges = {"xmin": x, "ymin": y, "xmax": x + width, "ymax": y + height}
    return {"label": "ship", "source_label": "ship", **edges, "angle": angle}


def sea(fraction: float) -> list[dict[str, Any]]:
    return [{"label": "water", "zone": "image", "fraction": fraction, "largest_component": 900}]


def spill(component: int) -> list[dict[str, Any]]:
    """An oil spill of one part, all of it in the upper left."""
    fraction = component / (WIDTH * HEIGHT)
    return [
        {"label": "spill", "zone": "image", "fraction": fraction, "largest_component": component},
        {"label": "spill", "zone": "upper-left", "fraction": 1.0, "largest_component": 0},
    ]


SIGHTS: Rows = {
    # 160 x 96 pixels on 32 x 32: five pixels across and three down are one of the model's
    "seen": {"objects": [ship(70, 40, 12, 7), ship(0, 0, 11, 9)]},
    "one-too-small": {"objects": [ship(70, 40, 12, 7), ship(0, 0, 9, 30), ship(150, 60, 10, 5)]},
    "all-too-small": {"objects": [ship(70, 40, 9, 5)]},
    "edge": {"objects": [ship(149, 88.5, 11, 7.5)]},
    "sea-small": {"objects": [ship(70, 40, 9, 5)], "regions": sea(0.9)},
    "only-small-on-unsaid-sea": {"objects": [ship(70, 40, 9, 5)], "regions": sea(0.001)},
    "empty-sea": {"regions": sea(0.001)},
    # fifteen pixels are one of the model's, so that 60 are as many as 2 x 2 of those
    "spill-small": {"regions": sea(0.9) + spill(59)},
    "spill-seen": {"regions": sea(0.9) + spill(60)},
    "spill-small-beside-ship": {"objects": [ship(70, 40, 12, 7)], "regions": spill(12)},
    "only-spill-small": {"regions": spill(12)},
    "speck-on-unsaid-sea": {"regions": sea(0.001) + spill(9)},
}


def rows_by_name(path: Path, schema: Any) -> Rows:
    """The rows of a table by what follows the corpus in their image ids."""
    return {row["image_id"].partition("/")[2]: row for row in read_rows(path, schema)}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    root = tmp_path_factory.mktemp("small-objects")
    entry = {"classes": [SHIP, WATER, SPILL], "background": "open water"}
    make_project(root, {"c": entry}, captions=["c"], validation=0.0, test=0.0)
    project = edit_parameters(root, shards={"side": SIDE, "smallest_object": 2})
    rows = [
        image_row(project, f"c/{name}", scene(number, WIDTH)[:HEIGHT], **sight)
        for number, (name, sight) in enumerate(SIGHTS.items())
    ]
    write_corpus(project, "c", rows)
    caption_corpus(project, "c")
    decide_splits(project)
    return project


@pytest.fixture(scope="module")
def metrics(project: Project) -> dict[str, Any]:
    return write_shards(project, "sar")


@pytest.fixture(scope="module")
def pairs(project: Project, metrics: dict[str, Any]) -> Rows:
    return rows_by_name(project.shards("sar") / "index.parquet", SHARDS)


@pytest.fixture(scope="module")
def written(project: Project) -> Rows:
    """What the stage of captions wrote."""
    return rows_by_name(project.captions("c") / "captions.parquet", CAPTIONS)


def test_no_caption_names_an_object_that_is_too_small(pairs: Rows) -> None:
    assert len(pairs["seen"]["objects"]) == 2
    assert from_json(pairs["seen"]["facts"]).objects[0].count == 2
    assert len(pairs["one-too-small"]["objects"]) == 1
    assert from_json(pairs["one-too-small"]["facts"]).objects[0].count == 1
    assert "ship" not in pairs["sea-small"]["captions"][0].lower()
    for row in pairs.values():
        for box in row["objects"]:
            assert min(box["xmax"] - box["xmin"], box["ymax"] - box["ymin"]) >= 2


def test_no_rare_class_whose_largest_part_is_too_small_is_named(
    pairs: Rows, written: Rows, metrics: dict[str, Any]
) -> None:
    for name in ("spill-small", "spill-small-beside-ship", "only-spill-small"):
        assert "oil spill" in written[name]["caption"].lower(), "the image in its own size shows it"
    for name, left in (("spill-small", "water"), ("spill-small-beside-ship", "ship")):
        assert "spill" not in pairs[name]["captions"][0].lower()
        assert left in pairs[name]["captions"][0].lower()
        assert "spill" not in pairs[name]["facts"]
        # captions of turned pictures are told from these rows
        assert "spill" not in {region["label"] for region in pairs[name]["regions"]}
    assert pairs["spill-seen"]["captions"] == [written["spill-seen"]["caption"]]
    assert "oil spill" in pairs["spill-seen"]["captions"][0].lower()
    assert "only-spill-small" not in pairs
    assert metrics["rare_classes_too_small"] == 3


def test_a_pair_with_nothing_to_say_is_left_out_and_counted(pairs: Rows, metrics: dict[str, Any]) -> None:
    assert "all-too-small" not in pairs
    # small ships are ships: the water round them is not "only open water"
    assert "only-small-on-unsaid-sea" not in pairs
    assert "open water" in pairs["empty-sea"]["captions"][0]
    # nobody ever named a speck of nine pixels: that sea is empty
    assert "open water" in pairs["speck-on-unsaid-sea"]["captions"][0]
    assert metrics["left_out"] == {TOO_SMALL: 3}
    assert metrics["objects_too_small"] == 5
    assert metrics["captions_changed"] == 4
    assert metrics["pairs"] == len(SIGHTS) - 3


def test_untouched_captions_are_those_of_the_captions_stage(pairs: Rows, written: Rows) -> None:
    for name in ("seen", "edge", "empty-sea", "spill-seen", "speck-on-unsaid-sea"):
        assert pairs[name]["captions"] == [written[name]["caption"]]
        assert pairs[name]["facts"] == written[name]["facts"]


def test_captions_agree_with_their_facts(project: Project, pairs: Rows) -> None:
    entry = find_entry(project, "c")
    for row in pairs.values():
        assert contradictions(row["captions"][0], row["facts"], row["method"], entry) == []


def squashed(box: dict[str, Any], across: float, down: float) -> list[float]:
    """A box of the index where the squashing of the whole image puts it, not cut to anything."""
    return [box["xmin"] * across, box["ymin"] * down, box["xmax"] * across, box["ymax"] * down]


def test_every_object_lies_inside_the_input_of_the_model(
    project: Project, mini_project: Project, pairs: Rows
) -> None:
    """The whole image is squashed to the input, so each box is where the same pixels are, and none is cut off."""
    places = [(project, "c", pairs)]
    rows = read_rows(mini_project.shards("sar") / "index.parquet", SHARDS)
    for name in mini_project.parameters.captions:
        of_corpus = {row["image_id"].partition("/")[2]: row for row in rows if row["corpus"] == name}
        places.append((mini_project, name, of_corpus))
    checked = 0
    for place, name, shards in places:
        side = place.parameters.shards.side
        images = rows_by_name(place.corpus(name) / "index.parquet", INDEX)
        for stem, row in shards.items():
            image = images[stem]
            across, down = side / image["width"], side / image["height"]
            sources = [(other["label"], squashed(other, across, down)) for other in image["objects"]]
            for box in row["objects"]:
                # a box that was cut to the input would lie inside it wherever the object is
                edges = pytest.approx(squashed(box, 1, 1), abs=1e-6)
                assert any(source == (box["label"], edges) for source in sources), (stem, box)
                checked += 1
    assert checked > 50


def test_an_angle_is_squashed_with_its_box() -> None:
    square = scaled(ship(0, 0, 10, 10, angle=45.0), 0.5, 0.5, SIDE)
    assert square["angle"] == 45.0
    flat = scaled(ship(0, 0, 10, 10, angle=45.0), 0.5, 0.25, SIDE)
    assert flat["angle"] == pytest.approx(26.565, abs=1e-3)


def test_the_class_of_a_scene_reaches_the_pair_and_every_turned_view(tmp_path: Path) -> None:
    wood = {"label": "wood", "noun": "a forest", "plural": "forests", "hypernym": "vegetation"}
    entry = {"classes": [wood], "kind": "scene-classification"}
    make_project(tmp_path, {"c": entry}, captions=["c"], validation=0.0, test=0.0)
    project = edit_parameters(tmp_path, shards={"side": SIDE, "smallest_object": 2})
    rows = [image_row(project, f"c/{number}", scene(number, SIDE), scene_class="wood") for number in range(3)]
    write_corpus(project, "c", rows)
    caption_corpus(project, "c")
    decide_splits(project)
    write_shards(project, "sar")
    with open_shards(project.shards("sar")) as shards:
        pairs = shards.rows("train")
        assert [pair.scene_class for pair in pairs] == ["wood"] * 3
        for pair in pairs:
            assert pair.annotated and pair.method == "scene-label"
            naming, facts = shards.namings["c"], from_json(str(pair.facts))
            assert facts.scene_class == "a forest"
            for k in range(8):
                turned = turned_facts(pair.objects, pair.regions, SIDE, k, naming, scene_class=pair.scene_class)
                assert turned == facts


def test_captions_of_another_state_of_the_index_are_refused(project: Project, tmp_path: Path) -> None:
    rows = read_rows(project.corpus("c") / "index.parquet", INDEX)
    other = beside(project, tmp_path, "params.yaml", "catalogue", "data", "build/captions", "build/splits")
    write_corpus(other, "c", [row for row in rows if row["image_id"] != "c/seen"])
    with pytest.raises(ArtefactError, match=r"not in the index, the first is 'c/seen'.*sartext captions c"):
        write_shards(other, "sar")


def test_an_image_that_went_since_it_was_indexed_is_named(project: Project, tmp_path: Path) -> None:
    other = beside(project, tmp_path, "params.yaml", "catalogue", "build")
    before = (project.shards("sar") / "index.parquet").read_bytes()
    with pytest.raises(ArtefactError, match=r"data/c/.*cannot be read any more.*sartext corpus c"):
        write_shards(other, "sar")
    assert (project.shards("sar") / "index.parquet").read_bytes() == before

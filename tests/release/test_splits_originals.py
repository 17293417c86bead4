"""A compilation: an image that the build holds already, as one of the corpus it was taken from, counts once."""

import io

import numpy as np
from PIL import Image

from sartext.release.splits import decide_splits
from sartext.release.splits.duplicates import read_duplicates
from sartext.tables import SPLITS
from tests.release.indexed import boxes, image_row, make_project, rows_by_id, scene, write_corpus

BY_LIKENESS = {"origins": [{"corpus": "ships", "images": 3}]}
BY_NAME = {"origins": [{"corpus": "ships", "image": r"/(\d+)_cut\d\.png$", "file": r"/\1.png"}]}


def again(pixels, quality=70):
    """A picture as it is after it was saved as a JPEG."""
    stream = io.BytesIO()
    Image.fromarray(pixels).save(stream, "JPEG", quality=quality)
    return np.asarray(Image.open(stream))


def decide(tmp_path, compiled, fields, order=("ships", "all"), **more):
    """The ships 1 to 3, and a compilation of the given pictures."""
    given = {"ships": {}, "all": fields}
    project = make_project(tmp_path, {name: given[name] for name in order} | {name: {} for name in more})
    ships = [image_row(project, f"ships/{number}", scene(number), objects=boxes("ship")) for number in (1, 2, 3)]
    write_corpus(project, "ships", ships)
    for name, pictures in {"all": compiled, **more}.items():
        rows = [
            image_row(project, f"{name}/{stem}", pixels, objects=boxes("ship"))
            for stem, pixels in pictures.items()
        ]
        write_corpus(project, name, sorted(rows, key=lambda row: row["image_id"]))
    metrics = decide_splits(project)
    return project, metrics, rows_by_id(project.build / "splits/splits.parquet", SPLITS)


def test_a_copy_that_was_saved_anew_is_left_out_with_the_original_named(tmp_path):
    compiled = {"0001": again(scene(1)), "0002": scene(2), "0003": scene(9)}
    project, metrics, rows = decide(tmp_path, compiled, BY_LIKENESS)
    assert rows["all/0001"]["split"] is None
    assert rows["all/0001"]["reason"] == "compiled from ships/1"
    assert rows["all/0002"]["reason"] == "exact duplicate of ships/2"
    assert rows["all/0003"]["split"] is not None
    assert (metrics["compiled"], metrics["exact_surplus"], metrics["left_out"]) == ({"all": 1}, 1, 2)
    listed = read_duplicates(project.build / "splits/duplicates.csv")
    assert ("compiled", "all/0001", "ships/1") in {
        (row["kind"], row["image_id"], row["duplicate_of"]) for row in listed
    }


def test_without_origins_a_near_duplicate_stays_in_the_split_of_the_other(tmp_path):
    _, metrics, rows = decide(tmp_path, {"0001": again(scene(1))}, {})
    assert rows["all/0001"]["split"] == rows["ships/1"]["split"] is not None
    assert metrics["compiled"] == {}


def test_cuts_of_an_original_are_found_by_their_names(tmp_path):
    cuts = {f"2_cut{at}": scene(2)[at * 32 : at * 32 + 64] for at in (0, 1)}
    _, metrics, rows = decide(tmp_path, {**cuts, "7_cut0": scene(7)}, BY_NAME)
    assert {rows[f"all/2_cut{at}"]["reason"] for at in (0, 1)} == {"compiled from ships/2"}
    assert rows["all/7_cut0"]["split"] is not None, "its original is not in the build"
    assert metrics["compiled"] == {"all": 2}


def test_a_compilation_that_stands_before_its_sources_is_warned_of(tmp_path):
    _, metrics, rows = decide(tmp_path, {"0001": again(scene(1))}, BY_LIKENESS, order=("all", "ships"))
    assert metrics["warnings"] == ["all holds images of ships, which count twice: list ships before it"]
    assert rows["all/0001"]["split"] is not None


def test_equal_copies_in_a_compilation_are_all_left_out(tmp_path):
    _, metrics, rows = decide(tmp_path, {"0001": again(scene(1)), "0002": again(scene(1))}, BY_LIKENESS)
    assert [rows[f"all/000{at}"]["reason"] for at in (1, 2)] == ["compiled from ships/1"] * 2
    assert metrics["compiled"] == {"all": 2}


def test_what_equals_a_copy_stands_on_the_side_of_the_original(tmp_path):
    copy = again(scene(1))
    others = {str(number): copy if number == 4 else scene(40 + number) for number in range(9)}
    _, _, rows = decide(tmp_path, {"0001": copy}, BY_LIKENESS, others=others)
    assert rows["others/4"]["group_id"] == rows["ships/1"]["group_id"]

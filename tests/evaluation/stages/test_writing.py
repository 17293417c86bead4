"""What an evaluation leaves behind: figures, details and every picture that they name."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sartext.config import Project
from sartext.evaluation.details import Details, Ranked, RetrievalExample, Variant, VqaExample, read_details
from sartext.evaluation.figures import Figure, not_computed, read_figures
from sartext.evaluation.stages import LARGEST, rows_of, spaced, write_evaluation
from sartext.files import sha256_tree
from tests.evaluation import generated

PICTURES = {
    "a/grey": np.arange(30, dtype=np.uint8).reshape(5, 6),
    "a/colour": np.arange(90, dtype=np.uint8).reshape(5, 6, 3),
    "a/alike": np.arange(30, dtype=np.uint8).reshape(5, 6, 1).repeat(3, axis=2),
    "b/deep/large": np.zeros((600, 300), dtype=np.uint8),
}
FIGURES = [
    Figure("retrieval", "distinct_facts.mean_recall", "sar-rs-clip", 41.23456, n=9),
    Figure("retrieval", "distinct_facts.mean_recall", "sar-rs-clip", 1.0, n=3, subset="corpus:a"),
    Figure("retrieval", "distinct_facts.mean_recall", "sar-rs-clip minus foundation", 4.0, n=9),
    not_computed("retrieval", "distinct_facts.mean_recall", "foundation", "a single image"),
]
TABLES = {"ranks/release-test/sar-rs-clip": [{"image_id": "a/grey", "right": True, "score": 1 / 3, "of": None}]}


def details() -> Details:
    query = RetrievalExample("i2t", "sar-rs-clip", "a/grey", "A ship.", (Ranked("a/unseen", "A ship.", True),))
    ranked = tuple(Ranked(name, "Text.", False) for name in ("a/colour", "b/deep/large"))
    return Details(
        variants=(Variant("sar-rs-clip", "a model", "model", "clip"),),
        benchmarks=rows_of([generated.benchmark(4)]),
        retrieval=(query, RetrievalExample("t2i", "sar-rs-clip", "a/unseen", "A ship.", ranked)),
        questions=(VqaExample("q", "a/alike", "count", "How many?", "two", {}),),
    )


def write(
    project: Project, figures: list[Figure] = FIGURES, pictures: dict[str, Any] = PICTURES
) -> dict[str, Any]:
    return write_evaluation(project, "retrieval", figures, details(), pictures.__getitem__, tables=TABLES)


def test_figures_details_and_the_pictures_that_are_shown_are_written(tmp_path: Path) -> None:
    counts = write(Project(tmp_path))
    folder = tmp_path / "build/evaluation/retrieval"
    assert {figure.place for figure in read_figures(folder / "figures.json")} == {
        figure.place for figure in FIGURES
    }
    assert read_details(folder / "details.json") == details()
    assert set(sha256_tree(folder / "pictures")) == {f"{name}.png" for name in PICTURES}
    table = (folder / "ranks/release-test/sar-rs-clip.csv").read_text()
    assert table == "image_id,right,score,of\na/grey,true,0.333333,\n"
    assert (counts["figures"], counts["not_computed"], counts["variants"], counts["benchmarks"]) == (4, 1, 1, 1)
    assert counts["headlines"] == {"distinct_facts.mean_recall of sar-rs-clip": 41.2346}


def test_pictures_are_as_they_were_grey_where_they_are_and_no_larger_than_a_page_needs(tmp_path: Path) -> None:
    write(Project(tmp_path))
    for name in ("a/grey", "a/colour", "a/alike"):
        with Image.open(tmp_path / f"build/evaluation/retrieval/pictures/{name}.png") as image:
            shown = np.asarray(image)
        expected = PICTURES[name][..., 0] if name == "a/alike" else PICTURES[name]
        assert shown.shape == expected.shape
        assert (shown == expected).all()
    with Image.open(tmp_path / "build/evaluation/retrieval/pictures/b/deep/large.png") as image:
        assert image.size == (LARGEST // 2, LARGEST), "as slender as it was"


def test_an_equal_evaluation_replaces_what_was_there_and_an_error_leaves_it(tmp_path: Path) -> None:
    project = Project(tmp_path)
    write(project)
    before = sha256_tree(project.evaluation("retrieval"))
    (project.evaluation("retrieval") / "pictures" / "old.png").write_bytes(b"old")
    write(project, FIGURES[::-1])
    assert sha256_tree(project.evaluation("retrieval")) == before
    with pytest.raises(KeyError):
        write(project, pictures={})
    with pytest.raises(ValueError, match="two figures"):
        write(project, FIGURES * 2)
    assert sha256_tree(project.evaluation("retrieval")) == before


@pytest.mark.parametrize(("length", "count"), [(100, 6), (7, 3), (6, 6), (2, 6), (1, 3), (0, 3)])
def test_examples_are_evenly_spaced_and_distinct(length: int, count: int) -> None:
    found = spaced(range(length), count)
    assert len(found) == len(set(found)) == min(length, count)
    assert found == sorted(found)
    if length >= 2 * count:
        gaps = np.diff([-found[0] - 1, *found, 2 * length - found[-1] - 1])
        assert max(gaps) - min(gaps) <= 2

"""Benchmarks by name: what of a release belongs to them, what they are known by, and what is not at hand."""

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sartext.errors import EvaluationError
from sartext.evaluation.benchmarks import Benchmark, Sources, choose, open_benchmarks
from sartext.evaluation.stages.models import project_benchmarks
from sartext.narrator.facts import Facts, ObjectFact
from sartext.release.inputs import data_files
from tests.evaluation import generated
from tests.evaluation.released import AT_HAND, WITHHELD, Published
from tests.release.built import SIDE, facts_of

Row = dict[str, Any]
Benchmarks = dict[str, Benchmark]


@pytest.fixture(scope="module")
def benchmarks(small: Published) -> Benchmarks:
    return open_benchmarks(small.release)


def rewritten(small: Published, folder: Path, change: Callable[[list[Row]], list[Row]]) -> Path:
    """A copy of the tables of a release in which rows are changed; a file that is left empty goes."""
    (folder / "data").mkdir(parents=True)
    for path in data_files(small.release):
        table = pq.read_table(path)
        rows = change(table.to_pylist())
        if rows:
            pq.write_table(pa.Table.from_pylist(rows, schema=table.schema), folder / "data" / path.name)
    return folder


def test_the_benchmarks_of_a_release_by_name(benchmarks: Benchmarks) -> None:
    images = {name: {example.image_id for example in benchmark.examples} for name, benchmark in benchmarks.items()}
    assert list(images.items()) == [
        ("release-test", AT_HAND),
        ("sim-test", {"sim-toy/0004", "sim-toy/0009"}),
        ("alone", {"alpha/0014"}),
        ("alpha-official", {"alpha/0004", "alpha/0009"}),
    ]
    assert [benchmark.name for benchmark in benchmarks.values()] == [*benchmarks]


def test_an_example_is_the_row_of_the_release_with_its_picture(small: Published, benchmarks: Benchmarks) -> None:
    benchmark = benchmarks["release-test"]
    assert [example.image_id for example in benchmark.examples] == sorted(AT_HAND)
    rows = {row["image_id"]: row for row in small.built.pairs()}
    pictures = list(benchmark.pictures())
    assert len({picture.tobytes() for picture in pictures}) == len(AT_HAND)
    for example, picture in zip(benchmark.examples, pictures, strict=True):
        row = rows[example.image_id]
        for name in ("corpus", "group_id", "method", "caption", "width", "height", "pixels_sha256"):
            assert getattr(example, name) == row[name]
        assert example.facts == facts_of(int(example.image_id[-4:]))
        assert example.boxes is None, "a release holds none"
        assert (picture.shape, picture.dtype) == ((SIDE, SIDE), np.uint8)
        assert (picture == benchmark.read(example.image_id)).all()
    assert benchmark.groups == [example.group_id for example in benchmark.examples]
    assert benchmark.corpora == ["alpha", "sim-toy"]


def test_train_captions_are_those_of_the_train_split_and_no_image_is_in_both(
    small: Published, benchmarks: Benchmarks
) -> None:
    train = sorted(row["image_id"] for row in small.built.pairs() if row["split"] == "train")
    for benchmark in benchmarks.values():
        assert [example.image_id for example in benchmark.train] == train
        assert not {*train} & {example.image_id for example in benchmark.examples}


def test_a_benchmark_describes_itself_and_counts_the_withheld_pictures(benchmarks: Benchmarks) -> None:
    benchmark = benchmarks["release-test"]
    assert set(benchmark.left_out) == WITHHELD
    assert benchmark.describe() == {
        "name": "release-test",
        "images": 8,
        "groups": 8,
        "distinct_facts": len({example.key for example in benchmark.examples}),
        "corpora": {"alpha": 6, "sim-toy": 2},
        "left_out": 2,
        "sha256": benchmark.sha256,
    }
    assert benchmarks["sim-test"].left_out == {}
    with pytest.raises(EvaluationError, match="the picture is not at hand"):
        benchmark.read("beta/0004")


def test_withheld_pictures_and_boxes_come_from_sources(small: Published) -> None:
    asked: list[str] = []

    def picture(row: Row) -> np.ndarray | None:
        asked.append(row["source_path"])
        return np.full((3, 5), 7, dtype=np.uint8) if row["image_id"] == "beta/0009" else None

    box = {"label": "ship", "xmin": 1, "ymin": 2, "xmax": 3, "ymax": 4}
    sources = Sources(picture, lambda image_id: [box] if image_id.startswith("beta") else None)
    benchmark = open_benchmarks(small.release, sources)["release-test"]
    assert set(benchmark.left_out) == {"beta/0004"}
    by_id = {example.image_id: example for example in benchmark.examples}
    assert benchmark.read("beta/0009").tolist() == [[7] * 5] * 3
    assert by_id["beta/0009"].boxes == (box,)
    assert by_id["alpha/0004"].boxes is None
    assert set(asked) == {"beta/images/0004.png", "beta/images/0009.png"}, "the others are in the release"


def test_the_maker_of_a_release_withholds_nothing_from_himself(small: Published) -> None:
    found = project_benchmarks(small.built.project)
    assert {example.image_id for example in found["release-test"].examples} == AT_HAND | WITHHELD
    assert list(found) == ["release-test", "sim-test", "alone", "alpha-official", "beta-official"]
    boxes = [example.boxes for example in found["release-test"].examples]
    assert None not in boxes and any(boxes), "as its index has them"
    assert found["beta-official"].read("beta/0004").shape == (SIDE, SIDE)


def test_the_hash_is_that_of_pixels_and_facts_and_of_the_name() -> None:
    benchmark = generated.benchmark(12)
    first = benchmark.examples[0]
    assert replace(benchmark).sha256 == benchmark.sha256

    def with_first(**by_id: object) -> str:
        return replace(benchmark, examples=(replace(first, **by_id), *benchmark.examples[1:])).sha256

    other = {
        benchmark.sha256,
        with_first(pixels_sha256="f" * 64),
        with_first(facts=Facts(objects=(ObjectFact("ship", "ship", "ships", 9, 4, 5, (9, 0, 0)),))),
        with_first(image_id="sim-objects/9999"),
        replace(benchmark, name="sim-test").sha256,
        replace(benchmark, examples=benchmark.examples[1:]).sha256,
    }
    assert len(other) == 6
    assert with_first(caption="The same in other words.") == benchmark.sha256


def test_the_order_of_rows_and_files_changes_nothing(
    small: Published, benchmarks: Benchmarks, tmp_path: Path
) -> None:
    backwards = rewritten(small, tmp_path / "backwards", lambda rows: rows[::-1])
    paths = data_files(backwards)
    for number, path in enumerate(paths):
        path.rename(path.with_name(f"{len(paths) - number:03d}.parquet"))
    before, after = (
        {
            name: (benchmark.sha256, [example.image_id for example in benchmark.train])
            for name, benchmark in of_release.items()
        }
        for of_release in (benchmarks, open_benchmarks(backwards))
    )
    assert after == before


def test_a_release_of_simulated_images_alone_has_one_benchmark_of_them(small: Published, tmp_path: Path) -> None:
    def simulated(rows: list[Row]) -> list[Row]:
        return [row for row in rows if row["corpus"] == "sim-toy"]

    found = open_benchmarks(rewritten(small, tmp_path / "sim", simulated))
    assert list(found) == ["release-test"]
    assert len(found["release-test"]) == 2


def test_an_unknown_benchmark_is_answered_with_the_nearest_or_with_how_to_get_it(
    small: Published, benchmarks: Benchmarks
) -> None:
    assert choose(benchmarks, "sim-test") is benchmarks["sim-test"]
    with pytest.raises(EvaluationError, match=r"no picture of a benchmark 'simtest'; did you mean 'sim-test'\?"):
        choose(benchmarks, "simtest")
    with pytest.raises(EvaluationError, match=r"'beta-official'.*withholds its pictures.*--images FOLDER"):
        choose(benchmarks, "beta-official")
    whole = open_benchmarks(small.release, Sources(lambda row: np.zeros((2, 2), dtype=np.uint8)))
    with pytest.raises(EvaluationError, match=r"gamma-official(?!.*--images)"):
        choose(whole, "gamma-official")


def test_what_is_no_release_is_told_in_one_line(small: Published, tmp_path: Path) -> None:
    (tmp_path / "other" / "data").mkdir(parents=True)
    pq.write_table(pa.table({"image_id": ["a"]}), tmp_path / "other" / "data" / "test.parquet")
    shutil.copytree(small.release / "data", tmp_path / "cut" / "data")
    for path in (tmp_path / "cut").rglob("*"):
        path.chmod(0o755)
    path = data_files(tmp_path / "cut")[0]
    path.write_bytes(path.read_bytes()[:-100])
    (tmp_path / "empty").mkdir()
    for name, problem in (("other", "not a table of a release"), ("cut", "not a table"), ("empty", "no data/")):
        with pytest.raises(EvaluationError, match=f"^.*{problem}.*name the folder of a version.*$"):
            open_benchmarks(tmp_path / name)


def test_a_release_without_test_split_or_pictures_is_refused(small: Published, tmp_path: Path) -> None:
    none = rewritten(small, tmp_path / "none", lambda rows: [row for row in rows if row["split"] != "test"])
    withheld = rewritten(small, tmp_path / "withheld", lambda rows: [{**row, "image": None} for row in rows])
    for path, problem in ((none, "no test split"), (withheld, r"withholds all 10 pictures.*--images FOLDER")):
        with pytest.raises(EvaluationError, match=problem):
            open_benchmarks(path)

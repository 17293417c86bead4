"""Which version a change makes."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sartext.errors import ReleaseError
from sartext.files import read_json, sha256_tree, write_json
from sartext.release.comparison import compare
from sartext.release.comparison.versions import parse_version
from sartext.release.manifest import content_sha256
from tests.release.built import Built


@pytest.fixture
def built(assembled: Built, tmp_path: Path) -> Built:
    """An assembled release, with a copy of it as it was before the test changes anything."""
    shutil.copytree(assembled.root / "build/release", tmp_path / "old")
    return assembled


def test_the_same_content_is_no_change(built: Built, tmp_path: Path) -> None:
    difference = compare(tmp_path / "old", built.assemble())
    assert difference.same_bytes
    assert difference.level == "none"


def less(built: Built) -> None:
    built.set_pairs(lambda rows: rows[1:])


def more(built: Built) -> None:
    built.add_corpus("gamma", 5, seed=9)


def more_and_less(built: Built) -> None:
    more(built)
    less(built)


def first(**values: object) -> Callable[[Built], object]:
    return lambda built: built.set_pair(0, **values)


ANEW = {"facts": "{}", "source_caption": "A boat.", "method": "optical-rules", "score": 0.5}


@pytest.mark.parametrize(
    ("change", "level", "counted"),
    [
        (less, "major", {"removed": 1}),
        (first(split="test"), "major", {"moved": 1}),
        (more, "minor", {"added": 5, "corpora_added": 1}),
        (more_and_less, "major", {"added": 5, "removed": 1}),
        (first(caption="There is one ship."), "patch", {"captions": 1, "added": 0, "removed": 0}),
        (first(caption="One ship.", **ANEW), "patch", {"captions": 1, "metadata": 0}),
        (first(caption="One ship.", citation="Others, 2027."), "patch", {"captions": 1, "metadata": 1}),
        (first(citation="Others, 2027."), "patch", {"metadata": 1, "captions": 0}),
    ],
)
def test_the_level_follows_what_changed(
    built: Built, tmp_path: Path, change: Callable[[Built], object], level: str, counted: dict[str, int]
) -> None:
    change(built)
    difference = compare(tmp_path / "old", built.assemble())
    assert difference.level == level
    assert counted.items() <= difference.counts().items()


def season(release: Path) -> None:
    for path in (release / "data").glob("*.parquet"):
        table = pq.read_table(path)
        pq.write_table(table.append_column("season", pa.array(["winter"] * len(table))), path)


def croissant(release: Path) -> None:
    (release / "croissant.json").write_text("{}")


def note(release: Path) -> None:
    gate = read_json(release / "quality/gate.json")
    write_json(release / "quality/gate.json", {**gate, "note": "another"})


@pytest.mark.parametrize(
    ("change", "level", "columns", "layout"),
    [
        (season, "major", ("data.season added",), ()),
        (croissant, "major", (), ("croissant.json added",)),
        (note, "patch", (), ()),
    ],
    ids=["a column", "a file", "a figure of the gate"],
)
def test_another_form_is_major_and_another_verdict_a_patch(
    built: Built, tmp_path: Path, change: Callable[[Path], None], level: str, columns: object, layout: object
) -> None:
    new = built.root / "build/release"
    change(new)
    files = {path: digest for path, digest in sha256_tree(new).items() if path != "content.json"}
    write_json(new / "content.json", {"content_sha256": content_sha256(files), "files": files})
    difference = compare(tmp_path / "old", new)
    assert (difference.level, difference.columns, difference.layout) == (level, columns, layout)


def test_a_new_shard_is_no_new_layout(built: Built, tmp_path: Path) -> None:
    built.add_corpus("gamma", 15, seed=9)
    new = built.assemble()
    assert len(list((new / "data").iterdir())) > len(list((tmp_path / "old/data").iterdir()))
    assert compare(tmp_path / "old", new).layout == ()


def test_what_is_no_release_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(ReleaseError, match="not a release"):
        compare(tmp_path / "empty", tmp_path / "empty")


def test_a_version_has_three_numbers_without_leading_zeros() -> None:
    assert parse_version("1.10.0") == (1, 10, 0)
    wrong = ("1.0", "v1.0.0", "01.0.0", "1.0.0-rc1", ".partial-1.0.0-x")
    assert {parse_version(text) for text in wrong} == {None}

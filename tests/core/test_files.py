"""A file is either whole or absent, whatever interrupts its writing."""

import errno
from pathlib import Path

import pytest

from sartext.errors import ArtefactError
from sartext.files import atomic_folder, atomic_path, canonical_json, read_json, sha256_tree, write_text


def names(folder: Path) -> list[str]:
    return sorted(item.name for item in folder.iterdir())


@pytest.mark.parametrize("failure", [KeyboardInterrupt, ValueError, SystemExit])
def test_an_interrupted_write_leaves_the_old_file(tmp_path: Path, failure: type[BaseException]) -> None:
    write_text(tmp_path / "a.txt", "old")
    with pytest.raises(failure), atomic_path(tmp_path / "a.txt") as temporary:
        temporary.write_text("half")
        raise failure
    assert (tmp_path / "a.txt").read_text() == "old"
    assert names(tmp_path) == ["a.txt"]


def test_an_interrupted_folder_leaves_the_old_one(tmp_path: Path) -> None:
    with atomic_folder(tmp_path / "f") as folder:
        (folder / "a").write_text("old")
    with pytest.raises(KeyboardInterrupt), atomic_folder(tmp_path / "f") as folder:
        (folder / "a").write_text("new")
        raise KeyboardInterrupt
    assert (tmp_path / "f" / "a").read_text() == "old"
    assert names(tmp_path) == ["f"]


def test_a_folder_is_replaced_whole(tmp_path: Path) -> None:
    for content in ({"a": "1", "b": "2"}, {"b": "3"}):
        with atomic_folder(tmp_path / "f") as folder:
            for name, text in content.items():
                (folder / name).write_text(text)
    assert names(tmp_path / "f") == ["b"]
    assert names(tmp_path) == ["f"]


def test_a_full_disk_is_an_error_with_a_way_out(tmp_path: Path) -> None:
    message = "no space left on the disk; free some space"
    with pytest.raises(ArtefactError, match=message), atomic_path(tmp_path / "a.txt"):
        raise OSError(errno.ENOSPC, "No space left on device")
    assert names(tmp_path) == []


def test_json_that_is_missing_or_broken_is_an_error_on_one_line(tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match="missing"):
        read_json(tmp_path / "a.json")
    (tmp_path / "a.json").write_text("{\n")
    with pytest.raises(ArtefactError, match="not valid JSON"):
        read_json(tmp_path / "a.json")


def test_equal_values_give_equal_json() -> None:
    assert canonical_json({"b": 1, "a": [1.5, "é"]}) == '{"a":[1.5,"é"],"b":1}'
    assert canonical_json({"a": [1.5, "é"], "b": 1}) == '{"a":[1.5,"é"],"b":1}'


def test_a_tree_is_told_by_path_order(tmp_path: Path) -> None:
    for name in ("b/c", "a"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(name)
    assert list(sha256_tree(tmp_path)) == ["a", "b/c"]

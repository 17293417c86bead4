"""Files of two releases that are not alike are told apart down to the row and the line."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sartext.files import sha256_tree
from sartext.release.differences import differences

ROWS = [{"image_id": f"ships/{n}", "caption": f"Ship {n}.", "image": bytes([n]) * 5000} for n in range(6)]


def written(folder: Path, rows: list[dict[str, Any]], **texts: str) -> Path:
    (folder / "data").mkdir(parents=True)
    pq.write_table(pa.Table.from_pylist(rows), folder / "data/train.parquet")
    for name, text in texts.items():
        (folder / f"{name}.csv").write_text(text)
    return folder


def told(first: Path, second: Path) -> dict[str, str]:
    found = differences(first, second, sha256_tree(first), sha256_tree(second))
    return {difference.path: difference.what for difference in found}


def test_equal_releases_do_not_differ(tmp_path: Path) -> None:
    assert told(written(tmp_path / "a", ROWS, x="1"), written(tmp_path / "b", ROWS, x="1")) == {}


def test_rows_are_named_with_the_columns_in_which_they_differ(tmp_path: Path) -> None:
    other = [dict(row) for row in ROWS]
    other[1]["caption"] = "A bridge."
    other[4]["image"] = bytes(5001)
    found = told(written(tmp_path / "a", ROWS), written(tmp_path / "b", other))
    assert found == {"data/train.parquet": "2 of 6 rows differ in caption, image: ships/1, ships/4"}


def test_rows_of_one_release_alone_are_counted(tmp_path: Path) -> None:
    found = told(written(tmp_path / "a", ROWS), written(tmp_path / "b", ROWS[1:]))
    assert found["data/train.parquet"] == "1 rows of the release are not made, 0 others are"


def test_other_columns_are_no_rows(tmp_path: Path) -> None:
    without = [{"image_id": row["image_id"]} for row in ROWS]
    found = told(written(tmp_path / "a", ROWS), written(tmp_path / "b", without))
    assert found["data/train.parquet"] == "other columns"


def test_lines_of_texts_and_files_of_one_release_alone_are_named(tmp_path: Path) -> None:
    first = written(tmp_path / "a", ROWS, list="a\nb\nc\n", gone="1")
    found = told(first, written(tmp_path / "b", ROWS, list="a\nB\n", new="1"))
    assert found == {
        "gone.csv": "is not made",
        "list.csv": "3 lines instead of 2; 1 lines differ, the first is line 2",
        "new.csv": "is made, and the release lacks it",
    }

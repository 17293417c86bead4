"""`sartext release verify`: every byte of a release, and its tables against each other."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sartext.errors import ReleaseError, SarTextError
from sartext.files import write_json
from sartext.release.verification import verify
from tests.release.sealing import reseal


def test_a_whole_release_is_proved(release: Path) -> None:
    metrics = verify(release)
    assert (metrics["version"], metrics["pairs"], metrics["images"]) == ("1.0.0", 40, 30)


def test_it_needs_no_project_and_writes_nothing(release: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in release.rglob("*")}
    verify(release)
    assert {path: path.stat().st_mtime_ns for path in release.rglob("*")} == before


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(bytes(content))


def test_one_flipped_bit_is_found_in_every_file(release: Path) -> None:
    names = sorted(json.loads((release / "MANIFEST.json").read_text())["files"])
    assert {"README.md", "CHANGES.md", "ledger.parquet", "csv/train.csv", "quality/gate.json"} <= set(names)
    for name in names:
        whole = (release / name).read_bytes()
        flip(release / name)
        with pytest.raises(ReleaseError, match=f"{name}: changed"):
            verify(release)
        (release / name).write_bytes(whole)


def test_a_flipped_bit_in_the_manifest_is_found(release: Path) -> None:
    manifest = release / "MANIFEST.json"
    content = json.loads(manifest.read_text())
    content["content_sha256"] = "0" * 64
    write_json(manifest, content)
    with pytest.raises(ReleaseError, match="content_sha256 is not that of the files"):
        verify(release)


def add_file(release: Path) -> None:
    (release / "data/extra.parquet").write_bytes(b"")


def delete_file(release: Path) -> None:
    (release / "csv/test.csv").unlink()


def link_file(release: Path) -> None:
    (release / "csv/test.csv").unlink()
    (release / "csv/test.csv").symlink_to("train.csv")


def link_folder(release: Path) -> None:
    (release / "more").symlink_to("/")


@pytest.mark.parametrize(
    ("tamper", "message"),
    [
        (add_file, r"data/extra\.parquet: not in the manifest"),
        (delete_file, r"csv/test\.csv: missing"),
        (link_file, r"csv/test\.csv: a link"),
        (link_folder, "more: not in the manifest"),
    ],
)
def test_files_too_many_too_few_and_links_are_found(
    release: Path, tamper: Callable[[Path], None], message: str
) -> None:
    tamper(release)
    with pytest.raises(ReleaseError, match=message):
        verify(release)


def test_the_first_of_many_is_named_and_the_others_counted(release: Path) -> None:
    for name in ("README.md", "ledger.parquet", "csv/train.csv"):
        flip(release / name)
    with pytest.raises(ReleaseError, match=r"README\.md: changed.*3 files are wrong"):
        verify(release)


@pytest.mark.parametrize(
    "path", ["../outside.txt", "/etc/hostname", "data/../../x", "a\\b", "C:/x", "./README.md"]
)
def test_a_manifest_that_climbs_out_is_refused_before_anything_is_read(release: Path, path: str) -> None:
    content = json.loads((release / "MANIFEST.json").read_text())
    content["files"][path] = {"sha256": "0" * 64, "size": 1}
    write_json(release / "MANIFEST.json", content)
    with pytest.raises(ReleaseError, match="unsafe path"):
        verify(release)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"files": []}', '{"files": {"a": 1}}', '{"files": {}}', "\x00"])
def test_what_is_no_manifest_is_said_in_one_line(release: Path, text: str) -> None:
    (release / "MANIFEST.json").write_text(text)
    with pytest.raises(SarTextError) as caught:
        verify(release)
    assert "\n" not in str(caught.value)


def test_a_folder_without_manifest_is_no_release(tmp_path: Path) -> None:
    with pytest.raises(ReleaseError, match=r"there is no MANIFEST\.json"):
        verify(tmp_path)


def rewrite(release: Path, change: Callable[[dict[str, object]], dict[str, object]]) -> None:
    path = release / "data/test-00000-of-00001.parquet"
    table = pq.read_table(path)
    changed = [change(row) for row in table.to_pylist()]
    pq.write_table(pa.Table.from_pylist(changed, schema=table.schema), path)
    reseal(release)


def other_caption(row: dict[str, object]) -> dict[str, object]:
    return {**row, "caption": "There is one ship."}


def no_image(row: dict[str, object]) -> dict[str, object]:
    return {**row, "image": None}


def other_image(row: dict[str, object]) -> dict[str, object]:
    image = row["image"]
    return {**row, "image": {**image, "bytes": image["bytes"] + b"x"}} if isinstance(image, dict) else row


def other_id(row: dict[str, object]) -> dict[str, object]:
    return {**row, "image_id": f"{row['image_id']}x"}


def other_pixels(row: dict[str, object]) -> dict[str, object]:
    return {**row, "pixels_sha256": "0" * 64}


def other_size(row: dict[str, object]) -> dict[str, object]:
    return {**row, "width": 7}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (other_caption, r"csv/test\.csv: its rows are not those"),
        (no_image, "the image is missing"),
        (other_image, "the image is not the one of image_sha256"),
        (other_pixels, "the pixels are not those of pixels_sha256"),
        (other_size, "another size"),
        (other_id, "released in one table only"),
    ],
)
def test_tables_that_disagree_are_found_behind_a_fitting_manifest(
    release: Path, change: Callable[[dict[str, object]], dict[str, object]], message: str
) -> None:
    rewrite(release, change)
    with pytest.raises(ReleaseError, match=message):
        verify(release)


def test_licence_counts_that_disagree_are_found(release: Path) -> None:
    path = release / "LICENSES.csv"
    path.write_text(path.read_text().replace(",30,30,", ",30,29,"))
    reseal(release)
    with pytest.raises(ReleaseError, match="counts are not those"):
        verify(release)


def test_a_published_file_is_read_only(published: Path) -> None:
    modes = {path.stat().st_mode & 0o222 for path in published.rglob("*") if path.is_file()}
    assert modes == {0}
    assert all(os.access(path, os.W_OK) for path in published.rglob("*") if path.is_dir())

"""WebDataset shards of a release: what streams them, their order and bytes, and planted faults."""

import hashlib
import io
import json
import tarfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from sartext.release.formats.webdataset import key_of
from sartext.release.verification import verify
from sartext.tables import INDEX, read_rows, write_table
from tests.release.built import SIDE, Built, boxes_of, facts_of
from tests.release.indexed import image_row
from tests.release.sealing import assert_found

TRAIN = "webdataset/train-png-00000.tar"

Member = tuple[tarfile.TarInfo, bytes]


def members(path: Path) -> list[Member]:
    with tarfile.open(path) as tar:
        return [(member, tar.extractfile(member).read()) for member in tar]  # type: ignore[union-attr]


def rewrite(path: Path, change: Callable[[list[Member]], list[Member]]) -> None:
    """Write a shard anew with its members changed."""
    changed = change(members(path))
    with tarfile.open(path, "w") as tar:
        for member, content in changed:
            member.size = len(content) if member.isreg() else 0
            tar.addfile(member, io.BytesIO(content))


def named(name: str, content: bytes) -> Member:
    return tarfile.TarInfo(name), content


def test_a_shard_holds_so_many_samples_sorted_by_id_their_members_side_by_side(published: Path) -> None:
    paths = sorted(path.name for path in (published / "webdataset").iterdir())
    assert paths == [
        *("test-png-00000.tar", "train-png-00000.tar", "train-png-00001.tar"),
        "validation-png-00000.tar",
    ]
    names = [member.name for path in paths[1:3] for member, _ in members(published / "webdataset" / path)]
    ids = sorted({name.split(".")[0] for name in names})
    assert len(ids) == 18, "the ten images of beta are withheld"
    assert names == [f"{image_id}.{kind}" for image_id in ids for kind in ("png", "txt", "json")]
    assert len(members(published / TRAIN)) == 3 * 10


def test_a_sample_is_the_row_of_the_parquet_files(published: Path) -> None:
    rows = {
        row["image_id"]: row
        for path in (published / "data").glob("train-*")
        for row in pq.ParquetFile(path).read().to_pylist()
    }
    contents = {member.name: content for member, content in members(published / TRAIN)}
    row = rows["alpha/0001"]
    assert contents["alpha/0001.png"] == row["image"]["bytes"]
    assert hashlib.sha256(contents["alpha/0001.png"]).hexdigest() == row["image_sha256"]
    assert contents["alpha/0001.txt"].decode() == row["caption"]
    record = json.loads(contents["alpha/0001.json"])
    assert {name: record[name] for name in ("facts", "sha256", "licence", "group_id", "width")} == {
        name: row[name] for name in ("facts", "sha256", "licence", "group_id", "width")
    }
    assert record["score"] == record["benchmark"] == "", "one type in all samples, whatever a row lacks"


def test_nothing_of_the_machine_or_the_hour_is_in_it(published: Path) -> None:
    for member, _ in members(published / TRAIN):
        assert (member.mtime, member.uid, member.gid, member.uname, member.mode) == (0, 0, 0, "", 0o644)


def test_keys_hold_no_dots_and_are_told_apart() -> None:
    names = ["a/22.05", "a/22%2E05", "a/22_05", "a/b.c/d", "a/22%05"]
    keys = [key_of(name) for name in names]
    assert len(set(keys)) == len(names)
    assert not any("." in key for key in keys)


def shuffled(found: list[Member]) -> list[Member]:
    """All images, then all captions, then all records."""
    return [*found[0::3], *found[1::3], *found[2::3]]


def linked(found: list[Member]) -> list[Member]:
    link = tarfile.TarInfo(found[0][0].name)
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
    return [(link, b""), *found[1:]]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (shuffled, r"train-png-00000\.tar: members of 'alpha/0000' do not stand beside each other"),
        (lambda found: [*found[3:6], *found[:3], *found[6:]], "sample 'alpha/0001' stands where 'alpha/0000' is"),
        (lambda found: found[3:], "sample 'alpha/0001' stands where 'alpha/0000' is expected"),
        (lambda found: [*found, *found[:3]], "members of 'alpha/0000' do not stand beside each other"),
        (lambda found: [found[0], *found], r"'alpha/0000\.png' stands twice"),
        (lambda found: [*found, named("alpha/zz.png", b"x")], "sample 'alpha/zz' stands where"),
        (lambda found: [found[0], *found[2:]], "alpha/0000: its sample holds png, json, not png, txt, json"),
        (lambda found: [(found[0][0], found[3][1]), *found[1:]], "alpha/0000: the image of its sample is not"),
        (lambda found: [found[0], (found[1][0], b"A ship."), *found[2:]], "alpha/0000: the caption of its sample"),
        (lambda found: [*found[:2], (found[2][0], b"{}"), *found[3:]], "alpha/0000: the record of its sample"),
        (linked, r"'alpha/0000\.png' is a link or no plain file"),
    ],
)
def test_a_planted_fault_is_found_behind_a_fitting_manifest(
    release: Path, change: Callable[[list[Member]], list[Member]], message: str
) -> None:
    rewrite(release / TRAIN, change)
    assert_found(release, message)


def test_a_shard_that_is_missing_cut_or_too_many_is_found(release: Path) -> None:
    whole = (release / TRAIN).read_bytes()
    (release / TRAIN).write_bytes(whole[: len(whole) // 2])
    assert_found(release, r"webdataset/train-png-00000\.tar: is cut short")
    (release / TRAIN).unlink()
    assert_found(release, "alpha/0000: it has no sample in webdataset; 19 samples are wrong")
    (release / TRAIN).write_bytes(whole)
    (release / "webdataset/train-png-00007.tar").write_bytes(whole)
    assert_found(release, r"webdataset/train-png-00007\.tar: not a shard of a split")


def test_jpeg_and_png_do_not_share_a_shard(built: Built) -> None:
    """Hugging Face's reader takes the names of all members from the first samples."""
    project, facts = built.project, facts_of(0)
    pixels = np.arange(SIDE * SIDE, dtype=np.uint8).reshape(SIDE, SIDE)
    row = image_row(project, "alpha/0000", pixels, folder="images", suffix=".jpg", objects=boxes_of(facts))
    path = built.root / "build/corpus/alpha/index.parquet"
    write_table(path, INDEX, [row, *read_rows(path, INDEX)[1:]])
    built.set_pair(0, **{name: row[name] for name in ("path", "sha256", "pixels_sha256")})
    release = built.root / built.publish()["path"]
    assert [member.name for member, _ in members(release / "webdataset/train-jpg-00000.tar")] == [
        *("alpha/0000.jpg", "alpha/0000.txt", "alpha/0000.json")
    ]
    assert len(members(release / TRAIN)) == 3 * 10
    assert verify(release)["pairs"] == 40

"""WebDataset: tar files of samples, as training streams them; images that are withheld are not in them."""

import hashlib
import io
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import count, takewhile
from pathlib import Path, PurePosixPath

from sartext.config import ReleaseParameters
from sartext.errors import ReleaseError
from sartext.files import canonical_json
from sartext.release.formats.format import Format, Material, Pairs, Row
from sartext.release.formats.parquet import COLUMNS, released_rows, split_files
from sartext.tables import PAIRS

FOLDER = "webdataset"

KINDS = ("jpg", "png")
"""A shard holds images of one kind: Hugging Face takes the names of all members from the first samples."""

LEFT_OUT = {"image", "caption", "redistribution", *(name for name in COLUMNS if name.startswith("second_"))}
RECORD = tuple(name for name in COLUMNS if name not in LEFT_OUT)
"""Columns of the Parquet files that ``.json`` holds."""

OPTIONAL = {name for name in RECORD if name in PAIRS.names and PAIRS.field(name).nullable}
"""What not every row states: text in ``.json``, empty where it is not stated, so that a key has one type."""


def key_of(image_id: str) -> str:
    """Return the key of a sample: the image id, its dots and percent signs written as %2E and %25.

    Readers take what follows the first dot for the kind of a member.
    """
    return image_id.replace("%", "%25").replace(".", "%2E")


def write(material: Material, folder: Path, parameters: ReleaseParameters) -> None:
    """Write ``webdataset/<split>-<png or jpg>-00000.tar`` and on, ``rows_per_file`` samples each.

    Samples are sorted by image id. The members of one stand beside each other: image, ``.txt`` with the caption,
    ``.json`` with facts and provenance. Times, users and groups are zero, the mode is 0644.
    """
    (folder / FOLDER).mkdir()
    for split, files in split_files(folder).items():
        shards = {kind: _Shards(folder / FOLDER, f"{split}-{kind}", parameters.rows_per_file) for kind in KINDS}
        for row in released_rows(files, (*RECORD, "caption", "image")):
            if row["image"] is not None:
                kind = _kind(row)
                members = {kind: row["image"]["bytes"], "txt": row["caption"].encode(), "json": _record(row)}
                shards[kind].add(key_of(row["image_id"]), members)
        for series in shards.values():
            series.close()


def _kind(row: Row) -> str:
    return PurePosixPath(row["image"]["path"]).suffix.removeprefix(".")


def _record(row: Row) -> bytes:
    """The content of ``.json``."""
    record = {name: row[name] for name in RECORD}
    record |= {name: "" if record[name] is None else str(record[name]) for name in OPTIONAL}
    return canonical_json(record).encode()


@dataclass
class _Shards:
    """The tar files of one split and kind, begun one after the other."""

    folder: Path
    name: str
    size: int
    count: int = 0
    tar: tarfile.TarFile | None = None

    def add(self, key: str, members: Mapping[str, bytes]) -> None:
        if self.tar is None or self.count % self.size == 0:
            self.close()
            path = self.folder / f"{self.name}-{self.count // self.size:05d}.tar"
            self.tar = tarfile.open(path, "w", format=tarfile.PAX_FORMAT)  # noqa: SIM115 - closed by `close`
        for kind, content in members.items():
            member = tarfile.TarInfo(f"{key}.{kind}")  # time, user and group are zero, the mode is 0644
            member.size = len(content)
            self.tar.addfile(member, io.BytesIO(content))
        self.count += 1

    def close(self) -> None:
        if self.tar is not None:
            self.tar.close()
            self.tar = None


@dataclass(frozen=True)
class _Sample:
    """A sample of a shard: the members by kind."""

    shard: str
    key: str
    members: Mapping[str, bytes]


def verify(folder: Path, pairs: Pairs) -> dict[str, str]:
    """Return what is wrong with the shards, by file or by image id.

    The members of a sample stand beside each other, and no key stands twice in the release; the samples are those
    of the images of the Parquet files in their order, with the same image, caption and record.
    """
    wrong: dict[str, str] = {}
    seen: set[str] = set()
    names = {path.relative_to(folder).as_posix() for path in FORMAT.files(folder)}
    for split, files in split_files(folder).items():
        samples: dict[str, Iterator[_Sample]] = {}
        for kind in KINDS:
            series = (f"{FOLDER}/{split}-{kind}-{number:05d}.tar" for number in count())
            numbered = list(takewhile(names.__contains__, series))
            names -= set(numbered)
            samples[kind] = _samples([folder / name for name in numbered], seen)
        try:
            wrong |= _compare(files, samples)
        except ReleaseError as error:
            wrong[str(error.where)] = error.what
    return wrong | dict.fromkeys(names, "not a shard of a split, or one before it is missing")


def _compare(files: list[Path], series: Mapping[str, Iterator[_Sample]]) -> dict[str, str]:
    """The samples that are not those of the rows, by image id.

    Raises:
        ReleaseError: another sample stands where one is expected, or a shard is damaged.
    """
    wrong = {}
    for row in released_rows(files, (*RECORD, "caption", "image.path")):
        if row["image"] is None:
            continue
        sample, key = next(series.get(_kind(row), iter(())), None), key_of(row["image_id"])
        if sample is None:
            wrong[row["image_id"]] = f"it has no sample in {FOLDER}"
        elif sample.key != key:
            raise ReleaseError(f"sample '{sample.key}' stands where '{key}' is expected", where=sample.shard)
        elif problem := _problem(sample, row):
            wrong[row["image_id"]] = problem
    for samples in series.values():
        if (sample := next(samples, None)) is not None:
            raise ReleaseError(f"sample '{sample.key}' is of no image of the split", where=sample.shard)
    return wrong


def _problem(sample: _Sample, row: Row) -> str:
    kind = _kind(row)
    if list(sample.members) != [kind, "txt", "json"]:
        return f"its sample holds {', '.join(sample.members)}, not {kind}, txt, json"
    if hashlib.sha256(sample.members[kind]).hexdigest() != row["image_sha256"]:
        return "the image of its sample is not the one of image_sha256"
    if sample.members["txt"] != row["caption"].encode():
        return "the caption of its sample is another"
    return "" if sample.members["json"] == _record(row) else "the record of its sample is not its row"


def _samples(shards: list[Path], seen: set[str]) -> Iterator[_Sample]:
    """The samples of shards in their order; ``seen`` are the keys of the release so far, and grows.

    Raises:
        ReleaseError: a shard is damaged, holds links, or members of one key that do not stand beside each other.
    """
    for path in shards:
        where = f"{FOLDER}/{path.name}"
        try:
            with tarfile.open(path, "r:") as tar:
                _require_end(path, where)
                for key, members in _grouped(tar, where, seen):
                    yield _Sample(where, key, {kind: _content(tar, member) for kind, member in members.items()})
        except (OSError, tarfile.TarError) as error:
            raise ReleaseError(f"cannot be read ({error})", where=where) from error


def _require_end(path: Path, where: str) -> None:
    """Raise a ReleaseError unless a tar file ends as one does: readers take one that was cut for a shorter one."""
    with path.open("rb") as stream:
        stream.seek(-2 * tarfile.BLOCKSIZE, io.SEEK_END)
        if stream.read().strip(b"\0"):
            raise ReleaseError("is cut short", where=where)


def _grouped(tar: tarfile.TarFile, where: str, seen: set[str]) -> list[tuple[str, dict[str, tarfile.TarInfo]]]:
    groups: list[tuple[str, dict[str, tarfile.TarInfo]]] = []
    for member in tar:
        folder, _, name = member.name.rpartition("/")
        stem, _, kind = name.partition(".")
        key = f"{folder}/{stem}" if folder else stem
        if member.type not in tarfile.REGULAR_TYPES or member.sparse is not None or member.issparse():
            raise ReleaseError(f"'{member.name}' is a link or no plain file", where=where)
        if not groups or groups[-1][0] != key:
            if key in seen:
                raise ReleaseError(f"members of '{key}' do not stand beside each other", where=where)
            seen.add(key)
            groups.append((key, {}))
        if kind in groups[-1][1]:
            raise ReleaseError(f"'{member.name}' stands twice", where=where)
        groups[-1][1][kind] = member
    return groups


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    stream = tar.extractfile(member)
    return stream.read() if stream else b""


FORMAT = Format(
    name="webdataset",
    description="Tar files of images, captions and facts, as webdataset and open_clip stream them",
    patterns=(f"{FOLDER}/*.tar",),
    subject="sample",
    write=write,
    verify=verify,
    made_from=("parquet",),
)

"""A release with a user's own copies of the images that it withholds, known by the hashes of their files."""

import csv
import hashlib
import os
import shutil
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any, Literal, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from sartext.catalogue.entry import Entry
from sartext.config import Project, ReleaseParameters
from sartext.corpora.images import TIFF_MARKS, Unusable, read_image, release_bytes, second_bytes
from sartext.errors import ReleaseError
from sartext.files import atomic_folder, sha256_file, write_text
from sartext.progress import track
from sartext.release.formats import FORMATS
from sartext.release.formats.format import Material, image_name, second_name
from sartext.release.formats.open_clip_csv import HEADER, LISTS
from sartext.release.formats.parquet import ROW_GROUP
from sartext.release.inputs import data_files
from sartext.release.manifest import IMAGES, safe_path
from sartext.vqa.question import lines_of, read_questions

TABLE = "attached.csv"
"""What became of every withheld image."""

State = Literal["attached", "missing", "differs", "unreadable"]
STATES: tuple[State, ...] = ("attached", "missing", "differs", "unreadable")

_TEXTS = dict.fromkeys(("title", "description", "sensor", "citation", "homepage", "obtain"), "")
PICTURES = Entry.model_validate(
    {**_TEXTS, "name": "pictures", "kind": "unlabelled", "images": (), "quantity": "display"}
)
"""For a corpus that the catalogue does not describe: an 8-bit picture is shown as it is."""

NAMED = 3
"""Images of a state that are named on the terminal."""

Row = dict[str, Any]


class Fate(NamedTuple):
    """What became of a withheld image: a file below the folder of corpora, if there is one, and what is wrong."""

    image_id: str
    state: State
    file: str = ""
    detail: str = ""


@dataclass
class _Copies:
    """A user's files: those found by their hashes, and by image id those that differ from what is looked for."""

    folder: Path
    found: dict[str, str] = field(default_factory=dict)
    differing: dict[str, str] = field(default_factory=dict)


def attach(release: Path, corpora: Path, target: Path, catalogue: Mapping[str, Entry]) -> list[Fate]:
    """Write a release with the withheld images that a folder has; return what became of each, sorted by id.

    They are rendered as the release would render them. A file is known by its SHA-256, wherever it lies below the
    folder and whatever it is called. The new folder holds the Parquet files and lists of the release, which
    `verification.extract` reads, and ``attached.csv``. It has no manifest: it is not to be passed on. Neither the
    release nor the folder of corpora is changed.

    Args:
        release: the folder of a version.
        corpora: the folder of the user's files.
        target: a folder that is new or empty.
        catalogue: entries by corpus; a corpus whose files are no 8-bit PNG or JPEG needs one.

    Raises:
        ReleaseError: the folders lie in each other, one of them cannot be used, or nothing is withheld.
    """
    files = _check(release, corpora, target)
    copies = _find(files, corpora)
    fates: dict[str, Fate] = {}
    with atomic_folder(target) as folder:
        (folder / "data").mkdir()
        placed: list[Row] = []
        total = sum(pq.read_metadata(path).num_rows for path in files)
        steps = track(range(total), "attaching images", total)
        for path in files:
            for row in _filled(path, folder / "data" / path.name, copies, catalogue, fates):
                placed.append(row)
                next(steps, None)
        next(steps, None)
        _write_lists(release, folder, placed)
        _write_derived(release, folder)
        _write_fates(folder / TABLE, fates.values())
    return sorted(fates.values())


def _check(release: Path, corpora: Path, target: Path) -> list[Path]:
    files = data_files(release)
    if not files:
        raise ReleaseError("no data/*.parquet", where=release, way_out="name the folder of a version")
    if not corpora.is_dir():
        raise ReleaseError("no such folder", where=corpora, way_out="name the folder of the source images")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ReleaseError("the folder is not empty", where=target, way_out="name a new one: --to")
    places = {"the release": release, "the corpora": corpora, "the target": target}
    resolved = {name: path.resolve() for name, path in places.items()}
    for name, path in resolved.items():
        for other, folder in resolved.items():
            if name != other and path.is_relative_to(folder):
                raise ReleaseError(
                    f"{name} lie{'' if name == 'the corpora' else 's'} in {other}",
                    where=places[name],
                    way_out="keep release, corpora and target in folders of their own",
                )
    return files


def _find(files: Sequence[Path], corpora: Path) -> _Copies:
    """Look for the withheld images where the release says that they lie, then everywhere else."""
    columns = ["image_id", "image_sha256", "sha256", "source_path"]
    withheld = [row for path in files for row in _rows(path, columns) if row["image_sha256"] is None]
    if not withheld:
        where = files[0].parent.parent
        raise ReleaseError("no image is withheld", where=where, way_out="use `sartext release extract`")
    copies, wanted, seen = _Copies(corpora), {row["sha256"] for row in withheld}, set[str]()
    for row in track(withheld, "looking for images", len(withheld)):
        name = str(safe_path(row["source_path"], files[0].parent))
        if (digest := _digest(corpora / name)) is None:
            continue
        seen.add(name)
        if digest in wanted:
            copies.found.setdefault(digest, name)
        if digest != row["sha256"]:
            copies.differing[row["image_id"]] = name
    if wanted - copies.found.keys():
        for name in _others(corpora, seen):
            digest = _digest(corpora / name)
            if digest is not None and digest in wanted:
                copies.found.setdefault(digest, name)
            if not wanted - copies.found.keys():
                break
    return copies


def _others(corpora: Path, seen: set[str]) -> Iterator[str]:
    """Yield the files below a folder that were not looked at, in the order of their paths."""
    paths = (Path(parent) / name for parent, _, files in os.walk(corpora) for name in files)
    names = sorted({path.relative_to(corpora).as_posix() for path in paths} - seen)
    yield from track(names, "looking for images elsewhere", len(names))


def _digest(path: Path) -> str | None:
    """The SHA-256 of a file; None where there is no file that can be read."""
    try:
        return sha256_file(path) if path.is_file() else None
    except OSError:
        return None


def _rows(path: Path, columns: list[str]) -> Iterator[Row]:
    try:
        with pq.ParquetFile(path) as table:
            for batch in table.iter_batches(batch_size=ROW_GROUP, columns=columns):
                yield from batch.to_pylist()
    except (pa.ArrowInvalid, OSError) as error:
        raise ReleaseError(f"cannot be read ({error})", where=path, way_out="get the release again") from error


def _filled(
    path: Path, target: Path, copies: _Copies, catalogue: Mapping[str, Entry], fates: dict[str, Fate]
) -> Iterator[Row]:
    """Write a file of pairs anew, with the images that were found; yield its rows without the pictures."""
    schema = pq.read_schema(path)
    with pq.ParquetWriter(target, schema, compression="zstd", compression_level=3, version="2.6") as writer:
        rows = _rows(path, schema.names)
        while group := list(islice(rows, ROW_GROUP)):
            for row in group:
                if row["image_sha256"] is None:
                    fates[row["image_id"]] = _fill(row, copies, catalogue)
            writer.write_table(pa.Table.from_pylist(group, schema=schema), row_group_size=ROW_GROUP)
            for row in group:
                place = row["image"] and row["image"]["path"]
                yield {"image_id": row["image_id"], "split": row["split"], "path": place} | {
                    column: row[column] for column in LISTS.values()
                }


def _fill(row: Row, copies: _Copies, catalogue: Mapping[str, Entry]) -> Fate:
    """Put the pictures of a withheld image into its row."""
    image_id = row["image_id"]
    name = copies.found.get(row["sha256"])
    if name is None:
        if other := copies.differing.get(image_id):
            return Fate(image_id, "differs", other, "its SHA-256 is another one")
        return Fate(image_id, "missing")
    source = {**row, "path": name}
    try:
        entry = _entry(row, copies.folder / name, catalogue)
        image, second = release_bytes(copies.folder, source, entry), second_bytes(copies.folder, source, entry)
    except Unusable as error:
        return Fate(image_id, "unreadable", name, str(error))
    row["image"] = {"bytes": image, "path": image_name(image_id, image)}
    row["image_sha256"] = hashlib.sha256(image).hexdigest()
    if second is not None:
        row["second_image"] = {"bytes": second, "path": second_name(image_id, row["second_polarisation"])}
        row["second_image_sha256"] = hashlib.sha256(second).hexdigest()
    return Fate(image_id, "attached", name)


def _entry(row: Row, path: Path, catalogue: Mapping[str, Entry]) -> Entry:
    if entry := catalogue.get(row["corpus"]):
        return entry
    if row["quantity"] == "display" and not read_image(path).startswith(TIFF_MARKS):
        return PICTURES
    raise Unusable("no-catalogue-entry", f"catalogue/{row['corpus']}.yaml has to say what its bands measure")


def _write_lists(release: Path, folder: Path, rows: Sequence[Row]) -> None:
    """Write the lists of a release anew, so that they name the attached images too."""
    paths = {row["image_id"]: f"{IMAGES}/{row['path']}" for row in rows if row["path"]}
    for listed in sorted((release / "csv").glob("*.csv")):
        split, detailed, _ = listed.stem.partition("-detailed")
        column = LISTS[detailed]
        copy = folder / "csv" / listed.name
        copy.parent.mkdir(exist_ok=True)
        with copy.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, delimiter="\t", lineterminator="\n")
            writer.writerow(HEADER)
            of_split = (row for row in rows if row["split"] == split and row["path"])
            writer.writerows((paths[row["image_id"]], row[column]) for row in of_split)
    for asked in sorted((release / "vqa").glob("*.jsonl")):
        copy = folder / "vqa" / asked.name
        copy.parent.mkdir(exist_ok=True)
        questions = [replace(each, image=paths.get(each.image_id)) for each in read_questions(asked)]
        write_text(copy, lines_of(questions))
    if (release / "LICENSES.csv").is_file():
        shutil.copyfile(release / "LICENSES.csv", folder / "LICENSES.csv")


def _write_derived(release: Path, folder: Path) -> None:
    """Write the formats that are made from files of others anew; boxes stay those of images that were there."""
    of_files = Material(Project(folder), {}, ())
    for form in FORMATS:
        files = form.files(release) if form.made_from else []
        if files:
            form.write(of_files, folder, ReleaseParameters.model_validate({}))
        for path in files:
            copy = folder / path.relative_to(release)
            if not copy.exists():
                shutil.copyfile(path, copy)


def _write_fates(path: Path, fates: Iterable[Fate]) -> None:
    with path.open("w", encoding="utf-8", errors="backslashreplace", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerows([Fate._fields, *sorted(fates)])


def counted_states(fates: Sequence[Fate]) -> dict[str, int]:
    """Return how many images there are of each state."""
    counts = Counter(fate.state for fate in fates)
    return {state: counts[state] for state in STATES}


def lines_about(fates: Sequence[Fate], target: Path) -> list[str]:
    """Return a line for each state of images that could not be attached, naming the first of them."""
    lines = []
    for state in STATES[1:]:
        of_state = [fate for fate in fates if fate.state == state]
        named = [f"{fate.image_id} ({fate.detail})" if fate.detail else fate.image_id for fate in of_state[:NAMED]]
        more = f" and {len(of_state) - NAMED:,} more" if len(of_state) > NAMED else ""
        if named:
            lines.append(f"{state}: {', '.join(named)}{more}; {target / TABLE} names each")
    return lines

"""The file of captions that a run adds to, line by line: CSV or JSON lines, by its name.

A line is whole or it is cut off when the file is opened again: what an interrupted run left behind is repaired,
and what is there stays. One run at a time adds to it.
"""

import csv
import io
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import NamedTuple

from filelock import FileLock, Timeout

from sartext.errors import DecodingError


class Origin(NamedTuple):
    """What captions are made by: SHA-256 of the CoCa's weights, and of the thresholds, empty for its own words."""

    model_sha256: str
    calibration_sha256: str = ""


@dataclass(frozen=True)
class Row:
    """One line: an image as it was named, and its caption, empty where nothing is proven or a sentence has no end.

    ``log_probability`` is the mean per token of the CoCa's caption, natural logarithm, and ``finished`` whether it
    ended that. Of a proven caption, ``method`` is ``narrator`` or ``grounder``, ``score`` that of its least sure
    statement, ``proof`` JSON with each statement, its score and what proposed it, and ``source_caption`` what the
    CoCa wrote. ``unlike`` names the figures in which the picture is unlike the training pictures.
    """

    image: str
    caption: str
    log_probability: float
    finished: bool
    model_sha256: str
    calibration_sha256: str = ""
    method: str = ""
    score: float | None = None
    proof: str = ""
    source_caption: str = ""
    unlike: str = ""


COLUMNS = tuple(field.name for field in fields(Row))


def line(row: Row, suffix: str) -> str:
    """Return a row as a line of a file of that suffix, its line end included; of no suffix, as people read it."""
    if not suffix:
        return f"{row.image}: {row.caption or '(no caption)'}\n"
    if suffix == ".jsonl":
        proof = json.loads(row.proof) if row.proof else None
        return json.dumps({**asdict(row), "proof": proof}, ensure_ascii=False) + "\n"
    return _csv(asdict(row).values())


def header(suffix: str) -> str:
    """Return what stands before the first row."""
    return _csv(COLUMNS) if suffix == ".csv" else ""


def repair(path: Path) -> dict[str, Origin]:
    """Cut off a line that an interrupted run left unfinished; return the origin of each image that the file has.

    Raises:
        DecodingError: the file is something else, which is left as it is.
    """
    suffix = _suffix_of(path)
    if not path.exists():
        return {}
    try:
        content = path.read_bytes()
    except OSError as error:
        raise DecodingError(
            f"it cannot be read ({error.strerror})", where=path, way_out="name another file"
        ) from error
    whole = content[: content.rfind(b"\n") + 1]
    try:
        text = whole.decode("utf-8")
    except UnicodeDecodeError as error:
        raise _foreign(path, "it is no UTF-8 text") from error
    origins = dict(_origins(text, suffix, path))
    if len(whole) < len(content):
        start = b'{"image"' if suffix == ".jsonl" else header(suffix).encode()
        if not whole and not content.startswith(start[: len(content)]):
            raise _foreign(path, "its first line is not of this kind")
        with path.open("r+b") as stream:
            stream.truncate(len(whole))
            os.fsync(stream.fileno())
    return origins


def _origins(text: str, suffix: str, path: Path) -> Iterator[tuple[str, Origin]]:
    if suffix == ".jsonl":
        for number, record in enumerate(text.splitlines(), start=1):
            try:
                row = json.loads(record)
                yield str(row["image"]), Origin(*(str(row[name]) for name in Origin._fields))
            except (ValueError, KeyError, TypeError) as error:
                raise _foreign(path, f"line {number} holds no image with its model") from error
        return
    try:
        for number, values in enumerate(csv.reader(io.StringIO(text, newline=""), strict=True), start=1):
            if (number == 1 and tuple(values) != COLUMNS) or len(values) != len(COLUMNS):
                raise _foreign(path, f"row {number} has other columns than {', '.join(COLUMNS)}")
            if number > 1:
                row = dict(zip(COLUMNS, values, strict=True))
                yield row["image"], Origin(*(row[name] for name in Origin._fields))
    except csv.Error as error:
        raise _foreign(path, f"no CSV ({error})") from error


@contextmanager
def single_writer(path: Path) -> Iterator[None]:
    """Keep a file of captions to one run, by a lock file beside it that ends with the process, however that ends.

    Raises:
        DecodingError: another run writes to the file, it cannot be written, or its suffix is none of a format.
    """
    _suffix_of(path)
    file = path.resolve()  # the same under every name of the file
    lock = FileLock(file.with_name(f".{file.name}.lock"), timeout=0)
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        lock.acquire()
    except Timeout as error:
        way_out = "wait for it, or name another file"
        raise DecodingError("another run writes to it", where=path, way_out=way_out) from error
    except OSError as error:
        raise _unwritable(path, error) from error
    try:
        yield
    finally:
        lock.release()


def add_rows(path: Path, rows: Iterable[Row]) -> None:
    """Add rows to a file of captions, repaired, all in one go; after the call they are on the disk.

    Raises:
        DecodingError: it cannot be written.
    """
    try:
        with path.open("ab") as stream:
            start = header(path.suffix) if stream.tell() == 0 else ""
            stream.write((start + "".join(line(row, path.suffix) for row in rows)).encode("utf-8"))
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        raise _unwritable(path, error) from error


def _suffix_of(path: Path) -> str:
    if path.suffix not in (".csv", ".jsonl"):
        raise DecodingError(f"no format '{path.suffix}'", where=path, way_out="name it .csv or .jsonl")
    return path.suffix


def _csv(values: Iterable[object]) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerow(list(values))
    return stream.getvalue()


def _unwritable(path: Path, error: OSError) -> DecodingError:
    return DecodingError(f"it cannot be written ({error.strerror})", where=path, way_out="name another file")


def _foreign(path: Path, what: str) -> DecodingError:
    reason = f"the file is there and is not one of captions: {what}"
    return DecodingError(reason, where=path, way_out="name another file, or remove it")

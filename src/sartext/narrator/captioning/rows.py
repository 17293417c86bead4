"""The file of captions that a run adds to, line by line: CSV or JSON lines, told by its name.

A line is whole or it is cut off when the file is opened again: what an interrupted run left behind is repaired,
and what is there stays. One run at a time adds to it.
"""

import csv
import fcntl
import io
import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from sartext.errors import DecodingError


@dataclass(frozen=True)
class Row:
    """One line: the image as it was named, its caption, the mean log-probability per token, whether it ended."""

    image: str
    caption: str
    log_probability: float
    finished: bool


COLUMNS = tuple(one.name for one in fields(Row))
SUFFIXES = (".csv", ".jsonl")


def line(row: Row, suffix: str) -> str:
    """Return a row as a line of a file of that suffix, its line end included."""
    if suffix == ".jsonl":
        return json.dumps(asdict(row), ensure_ascii=False) + "\n"
    return _csv(asdict(row).values())


def header(suffix: str) -> str:
    """Return what stands before the first row."""
    return "" if suffix == ".jsonl" else _csv(COLUMNS)


def suffix_of(path: Path) -> str:
    """Return the suffix of a file of captions.

    Raises:
        DecodingError: it is none of those that can be written.
    """
    if path.suffix not in SUFFIXES:
        raise DecodingError(f"no format '{path.suffix}'", where=path, way_out="name it .csv or .jsonl")
    return path.suffix


def repair(path: Path) -> set[str]:
    """Cut off a line that an interrupted run left unfinished; return the images that the file has.

    Raises:
        DecodingError: the file is something else, which is left as it is.
    """
    suffix = suffix_of(path)
    if not path.exists():
        return set()
    try:
        content = path.read_bytes()
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        text = content[: error.start].decode("utf-8")
        if b"\n" in content[error.start :]:
            raise _foreign(path, "it is no UTF-8 text") from error
    except OSError as error:
        raise DecodingError(
            f"it cannot be read ({error.strerror})", where=path, way_out="name another file"
        ) from error
    whole = text[: text.rfind("\n") + 1]
    images = set(_images(whole, suffix, path))
    if len(whole.encode()) < len(content):
        if not whole and not _begins(text, suffix):
            raise _foreign(path, "its first line is not of this kind")
        with path.open("r+b") as stream:
            stream.truncate(len(whole.encode()))
            os.fsync(stream.fileno())
    return images


def _begins(text: str, suffix: str) -> bool:
    """Whether a file without a whole line may be the start of one of ours."""
    return text.startswith('{"image"'[: len(text)]) if suffix == ".jsonl" else header(suffix).startswith(text)


def _images(text: str, suffix: str, path: Path) -> Iterator[str]:
    if suffix == ".jsonl":
        for number, one in enumerate(text.removesuffix("\n").split("\n") if text else (), start=1):
            try:
                yield str(json.loads(one)["image"])
            except (ValueError, KeyError, TypeError) as error:
                raise _foreign(path, f"line {number} holds no caption") from error
        return
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for number, row in enumerate(rows, start=1):
            if (number == 1 and tuple(row) != COLUMNS) or len(row) != len(COLUMNS):
                raise _foreign(path, f"row {number} has other columns than {', '.join(COLUMNS)}")
            if number > 1:
                yield row[0]
    except csv.Error as error:
        raise _foreign(path, f"no CSV ({error})") from error


@contextmanager
def alone(path: Path) -> Iterator[None]:
    """Keep a file of captions to one run.

    The lock is on the file itself: it leaves nothing beside it, ends with the process, however that ends, and is
    the same under every name of the file. A file that this makes is removed again where nothing was written.

    Raises:
        DecodingError: another run writes to the file, or it cannot be written or locked.
    """
    suffix_of(path)
    is_new = not path.exists()
    with _locked(path) as stream:
        try:
            yield
        finally:
            if is_new and os.fstat(stream.fileno()).st_size == 0 and _is_at(path, stream):
                path.resolve().unlink()  # the file, not a link to it


def _locked(path: Path) -> io.BufferedWriter:
    while True:
        stream = _open(path)
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            stream.close()
            raise DecodingError(
                "another run writes to it", where=path, way_out="wait for it, or name another file"
            ) from error
        except OSError as error:
            stream.close()
            raise DecodingError(
                f"it cannot be locked ({error.strerror})", where=path, way_out="name a file on another disk"
            ) from error
        if _is_at(path, stream):
            return stream
        stream.close()  # the run that made it has removed it meanwhile


def _is_at(path: Path, stream: io.BufferedWriter) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(stream.fileno()))
    except FileNotFoundError:
        return False


def _open(path: Path) -> io.BufferedWriter:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("ab")
    except OSError as error:
        raise DecodingError(
            f"it cannot be written ({error.strerror})", where=path, way_out="name another file"
        ) from error


@contextmanager
def appending(path: Path) -> Iterator["Appender"]:
    """Open a file of captions, repaired, to add rows to."""
    suffix = suffix_of(path)
    with _open(path) as stream:
        appender = Appender(stream, suffix)
        if stream.tell() == 0:
            appender.write(header(suffix))
        yield appender


@dataclass
class Appender:
    """Adds rows to an open file; after each call they are on the disk."""

    stream: io.BufferedWriter
    suffix: str

    def add(self, rows: Iterable[Row]) -> None:
        """Write rows, all in one go."""
        self.write("".join(line(row, self.suffix) for row in rows))

    def write(self, text: str) -> None:
        """Write text and flush it to the disk."""
        self.stream.write(text.encode("utf-8"))
        self.stream.flush()
        os.fsync(self.stream.fileno())


def _csv(values: Iterable[object]) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerow(list(values))
    return stream.getvalue()


def _foreign(path: Path, what: str) -> DecodingError:
    return DecodingError(
        f"the file is there and is not one of captions: {what}",
        where=path,
        way_out="name another file, or remove it",
    )

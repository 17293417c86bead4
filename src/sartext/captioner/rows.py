"""The file of captions that a run adds to, line by line: CSV or JSON lines, told by its name.

A line is whole or it is cut off when the file is opened again: what an interrupted run left behind is repaired,
and what is there stays. One run at a time adds to it.
"""

import csv
import fcntl
import io
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from sartext.errors import DecodingError


@dataclass(frozen=True)
class Row:
    """One line.

    Args:
        image: as it was named.
        caption: empty where the model did not end its sentence.
        log_probability: mean per token, natural logarithm.
        finished: whether the sentence ended.
        model_sha256: of the weights that wrote it.
    """

    image: str
    caption: str
    log_probability: float
    finished: bool
    model_sha256: str


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


def repair(path: Path) -> dict[str, str]:
    """Cut off a line that an interrupted run left unfinished; return the model of each image that the file has.

    Raises:
        DecodingError: the file is something else, which is left as it is.
    """
    suffix = suffix_of(path)
    if not path.exists():
        return {}
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
    models = dict(_models(whole, suffix, path))
    if len(whole.encode()) < len(content):
        if not whole and not _begins(text, suffix):
            raise _foreign(path, "its first line is not of this kind")
        with path.open("r+b") as stream:
            stream.truncate(len(whole.encode()))
            os.fsync(stream.fileno())
    return models


def check_model(there: Mapping[str, str], sha256: str, path: Path) -> None:
    """Stop where a file, as ``repair`` tells it, has rows of another model.

    Raises:
        DecodingError: names the other model.
    """
    for other in there.values():
        if other != sha256:
            raise DecodingError(
                f"its captions are of another model (weights {other[:12]}..., not {sha256[:12]}...)",
                where=path,
                way_out="name another file, or the model that wrote it",
            )


def _begins(text: str, suffix: str) -> bool:
    """Whether a file without a whole line may be the start of one of ours."""
    return text.startswith('{"image"'[: len(text)]) if suffix == ".jsonl" else header(suffix).startswith(text)


def _models(text: str, suffix: str, path: Path) -> Iterator[tuple[str, str]]:
    if suffix == ".jsonl":
        for number, one in enumerate(text.removesuffix("\n").split("\n") if text else (), start=1):
            try:
                row = json.loads(one)
                yield str(row["image"]), str(row["model_sha256"])
            except (ValueError, KeyError, TypeError) as error:
                raise _foreign(path, f"line {number} holds no image with its model") from error
        return
    rows = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for number, row in enumerate(rows, start=1):
            if (number == 1 and tuple(row) != COLUMNS) or len(row) != len(COLUMNS):
                raise _foreign(path, f"row {number} has other columns than {', '.join(COLUMNS)}")
            if number > 1:
                yield row[COLUMNS.index("image")], row[COLUMNS.index("model_sha256")]
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
    """Open a file of captions, repaired, to add rows to; nothing is written before the first of them."""
    suffix = suffix_of(path)
    with _open(path) as stream:
        yield Appender(stream, suffix)


@dataclass
class Appender:
    """Adds rows to an open file; after each call they are on the disk."""

    stream: io.BufferedWriter
    suffix: str

    def add(self, rows: Iterable[Row]) -> None:
        """Write rows, all in one go, below the header."""
        start = header(self.suffix) if self.stream.tell() == 0 else ""
        text = start + "".join(line(row, self.suffix) for row in rows)
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

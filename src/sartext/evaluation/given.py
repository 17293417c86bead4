"""Tables that someone else wrote, captions or answers: CSV with a header, or JSON lines."""

import csv
import io
import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sartext.errors import EvaluationError

SEPARATORS = ";\t|"
"""What separates the columns of tables that are no CSV."""

Columns = Sequence[Collection[str]]
"""What a table needs: of each of these names, one."""


def read_records(path: Path, needed: Columns, form: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the rows of a table, each with the place that an error names.

    Args:
        path: ``.csv`` or ``.jsonl``, in UTF-8.
        needed: columns that a CSV must have.
        form: what the table should be, for the advice that an error gives.

    Raises:
        EvaluationError: the file is absent, empty, or something else.
    """
    ending = path.suffix.casefold()
    if ending not in {".csv", ".jsonl"}:
        raise EvaluationError(f"no format '{path.suffix}'", where=path, way_out="name it .csv or .jsonl")
    text = _text(path, form)
    yield from _csv_records(text, path, needed, form) if ending == ".csv" else _json_records(text, path, form)


def _text(path: Path, form: str) -> str:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise EvaluationError(f"it cannot be read ({error.strerror})", where=path, way_out=form) from error
    except UnicodeDecodeError as error:
        raise EvaluationError("it is no UTF-8 text", where=path, way_out="save it as UTF-8") from error
    if "\0" in text:
        raise EvaluationError("it is no UTF-8 text", where=path, way_out="save it as UTF-8")
    if not text.strip():
        raise EvaluationError("it is empty", where=path, way_out=form)
    return text


def _csv_records(text: str, path: Path, needed: Columns, form: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    rows = csv.reader(io.StringIO(text, newline=""), strict=True, skipinitialspace=True)
    try:
        columns = [name.strip() for name in next(rows, [])]
        _check_columns(columns, path, needed, form)
        for row in rows:
            if row and len(row) != len(columns):
                raise EvaluationError(
                    f"line {rows.line_num} has {len(row)} values for {len(columns)} columns",
                    where=path,
                    way_out="put texts with commas into double quotes",
                )
            if row:
                yield f"line {rows.line_num}", dict(zip(columns, row, strict=True))
    except csv.Error as error:
        raise EvaluationError(f"line {rows.line_num} is no CSV ({error})", where=path, way_out=form) from error


def _check_columns(columns: Sequence[str], path: Path, needed: Columns, form: str) -> None:
    if all(set(names) & set(columns) for names in needed) and len(set(columns)) == len(columns):
        return
    told = ", ".join(f"'{name}'" for name in columns).replace("\t", r"\t")
    separated = any(mark in name for name in columns for mark in SEPARATORS)
    way_out = f"separate the columns by commas; {form}" if separated else form
    raise EvaluationError(f"its columns are {told}", where=path, way_out=way_out)


def _json_records(text: str, path: Path, form: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    # not splitlines(): a text may hold line separators that JSON does not escape
    for number, line in enumerate(text.split("\n"), start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError as error:
            raise EvaluationError(f"line {number} is no JSON ({error})", where=path, way_out=form) from error
        if not isinstance(record, dict):
            raise EvaluationError(f"line {number} is no object", where=path, way_out=form)
        yield f"line {number}", record

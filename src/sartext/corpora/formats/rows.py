"""Texts in rows: JSON, JSON lines, CSV, TSV or Parquet, a row per caption, or per question and answer.

As SARLANG, SARChat, RSIEval and LLaVA write them: a row names an image and holds a caption, a question with its
answer, a list of both, or a conversation. Which field is which the catalogue says (``fields``), or its name does.
Captions go into the index; questions are counted and never become captions. Pictures that a Parquet file holds
are not taken out of it: their names find them in the corpus folder.
"""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sartext.catalogue.entry import TextField
from sartext.corpora.quarantine import Unusable
from sartext.corpora.reading import (
    BAD_ROW,
    BROKEN_ENCODING,
    AnnotationFormat,
    Record,
    Source,
    decode_text,
    read_content,
    read_json_text,
)

Row = Mapping[str, Any]
Fields = Mapping[TextField, Sequence[str]]

KNOWN: dict[TextField, tuple[str, ...]] = {
    "image": (
        *("image", "images", "image_path", "img_path", "file_path", "filepath", "file_name", "filename"),
        *("image_name", "img_name", "img", "image_id"),
    ),
    "caption": ("caption", "captions", "sentence", "sentences"),
    "question": ("question", "query"),
    "answer": ("answer", "response"),
    "split": ("split",),
}
"""What a field is called where the catalogue does not say, in lower case; the first that a row has."""

LOOSE = ("text", "description", "raw")
"""Names that mean a caption only in a row that asks nothing."""

ASKS = ("question_id", "conversations", "messages", "qa_pairs", "instruction")
"""Names that only a row has that asks, beside those of questions and answers."""

QUESTION: tuple[TextField, TextField] = ("question", "answer")

ASKING = ("human", "user")
"""Who asks in a conversation."""


@dataclass
class _Texts:
    """What the rows of a file say of one image."""

    captions: list[str] = field(default_factory=list)
    questions: int = 0
    split: str | None = None


def read_rows_of_texts(source: Source) -> list[Record]:
    """Return a record per image that the rows of a file name, in the order of their first row (gzip allowed).

    A row that names no single image, or says nothing, is left out and counted.

    Raises:
        Unusable: ``not-rows``, ``not-json``, ``not-parquet``, or what `reading.read_content` raises.
    """
    declared = source.entry.annotations.fields if source.entry.annotations else {}
    fields: Fields = {name: tuple(map(str.casefold, names)) for name, names in declared.items()}
    rows, sound = _rows(source.path)
    texts: dict[str, _Texts] = {}
    bad = []
    for number, row in enumerate(rows, start=1):
        if not (row and _add(texts, row, fields)):
            bad.append(Record(f"row {number}", source.file, notes=(BAD_ROW,)))
    if not texts:
        raise Unusable("not-rows", f"none of {len(bad)} rows holds an image's name and a text")
    notes = () if sound else (BROKEN_ENCODING,)
    records = [
        Record(name, source.file, captions=tuple(of.captions), split=of.split, questions=of.questions, notes=notes)
        for name, of in texts.items()
    ]
    return records + bad


def looks_like_rows(source: Source) -> bool:
    """Whether a file says something of images that are there, and is of no layout that has a reader of its own."""
    suffixes = source.path.name.casefold().removesuffix(".gz")
    if suffixes.endswith(".json"):
        content, _ = read_json_text(source.path)
        if isinstance(content, dict) and isinstance(content.get("images"), list):  # COCO, Karpathy
            return False
    records = read_rows_of_texts(source)
    return any(source.size_of(record.name) != (0, 0) for record in records if not record.notes)


def _add(texts: dict[str, _Texts], row: Row, fields: Fields) -> bool:
    """Add what a row says to its image; False where it names none, or says nothing."""
    lowered = {str(name).casefold(): value for name, value in row.items() if value is not None}
    name = _image(_first(lowered, fields.get("image", KNOWN["image"])))
    captions, questions = _captions(lowered, fields), _questions(lowered, fields)
    if not name or not (captions or questions):
        return False
    of = texts.setdefault(name, _Texts())
    of.captions += captions
    of.questions += questions
    split = _first(lowered, fields.get("split", KNOWN["split"]))
    of.split = of.split or (split if isinstance(split, str) and split else None)
    return True


def _first(row: Row, names: Iterable[str]) -> object:
    return next((row[name] for name in names if name in row), None)


def _image(value: object) -> str:
    """The name of the one image that a field names: a path, a number, or what Parquet holds of a picture."""
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if isinstance(value, Mapping):
        value = value.get("path")
    return str(value).strip() if isinstance(value, str | int) and not isinstance(value, bool) else ""


def _captions(row: Row, fields: Fields) -> list[str]:
    names: Sequence[str] | None = fields.get("caption")
    if names is None:
        question, answer = (fields.get(name, KNOWN[name]) for name in QUESTION)
        loose = () if any(name in row for name in (*question, *answer, *ASKS)) else LOOSE
        names = [name for name in (*KNOWN["caption"], *loose) if name in row][:1]
    return [text for name in names for text in _texts_in(row.get(name))]


def _texts_in(value: object) -> Iterator[str]:
    """The texts of a field: one, a list of them, or a list as Karpathy's layout has it."""
    for item in value if isinstance(value, list) else [value]:
        text = _first(item, ("raw", "caption", "text")) if isinstance(item, Mapping) else item
        if isinstance(text, str):
            yield text


def _questions(row: Row, fields: Fields) -> int:
    """How many questions a row asks: its own, those of a list, or the turns of a conversation."""
    pairs = row.get("qa_pairs")
    turns = _first(row, ("conversations", "messages"))
    own = _first(row, fields.get("question", (*KNOWN["question"], "instruction")))
    asked = [own if isinstance(own, str) else row.get("text") if "question_id" in row else None]
    if isinstance(pairs, list):
        asked += [pair.get("question") for pair in pairs if isinstance(pair, Mapping)]
    if isinstance(turns, list):
        said = [turn for turn in turns if isinstance(turn, Mapping)]
        asked += [_first(turn, ("value", "content")) for turn in said if _first(turn, ("from", "role")) in ASKING]
    return sum(isinstance(question, str) and bool(question.strip()) for question in asked)


def _rows(path: Path) -> tuple[list[Row | None], bool]:
    """The rows of a file, None for one that cannot be read, and whether its bytes were sound."""
    suffix = Path(path.name.casefold().removesuffix(".gz")).suffix
    if suffix == ".parquet":
        return _parquet_rows(path), True
    text, sound = decode_text(read_content(path))
    if suffix in {".csv", ".tsv"}:
        return list(_table_rows(text)), sound
    if suffix in {".jsonl", ".ndjson"}:
        return list(_line_rows(text)), sound
    try:
        return list(_json_rows(json.loads(text))), sound
    except (ValueError, RecursionError) as error:
        rows = list(_line_rows(text))  # files of JSON lines are often called .json
        if rows and rows[0] is not None:
            return rows, sound
        raise Unusable("not-json", str(error)) from error


def _parquet_rows(path: Path) -> list[Row | None]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as table:
            names = [name for name in (column.path for column in table.schema) if not name.endswith("bytes")]
            return [row for batch in table.iter_batches(columns=names) for row in batch.to_pylist()]
    except (pa.ArrowException, OSError) as error:
        raise Unusable("not-parquet", str(error)) from error


def _table_rows(text: str) -> Iterator[Row]:
    delimiter = "\t" if "\t" in text.partition("\n")[0] else ","
    try:
        yield from csv.DictReader(io.StringIO(text), delimiter=delimiter)
    except csv.Error as error:
        raise Unusable("not-rows", str(error)) from error


def _line_rows(text: str) -> Iterator[Row | None]:
    for line in filter(str.strip, text.split("\n")):
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        yield row if isinstance(row, dict) else None


def _json_rows(content: object) -> Iterator[Row | None]:
    """Rows as a list, as lists below names (of a class, say), or below the names of their images."""
    if isinstance(content, list):
        yield from (row if isinstance(row, dict) else None for row in content)
        return
    if not isinstance(content, dict):
        raise Unusable("not-rows", "neither a list nor an object")
    lists = [rows for rows in content.values() if isinstance(rows, list) and rows and isinstance(rows[0], dict)]
    if lists:
        yield from (row if isinstance(row, dict) else None for rows in lists for row in rows)
        return
    for name, value in content.items():
        yield {"image": name, **(value if isinstance(value, dict) else {"captions": value})}


FORMAT = AnnotationFormat(
    "rows",
    "captions, or questions and answers, in rows: JSON, JSON lines, CSV, TSV or Parquet",
    "captions",
    "file",
    read_rows_of_texts,
    looks_like=looks_like_rows,
)

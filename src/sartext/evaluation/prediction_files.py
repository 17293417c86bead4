"""Captions and answers that someone else wrote: CSV with a header, or JSON lines, checked before use."""

import csv
import io
import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path, PurePosixPath
from typing import Any

from sartext.errors import EvaluationError
from sartext.evaluation.benchmarks import Benchmark
from sartext.vqa.question import Question

SEPARATORS = ";\t|"
"""What separates the columns of tables that are no CSV."""

ID, IMAGE, CAPTION = "image_id", "image", "caption"
"""Columns of captions: ``image`` is a path, as ``sartext caption`` writes it."""

CAPTIONS_FORM = f"it needs columns {ID} and {CAPTION}, or is what `sartext caption` writes"
ANSWERS_FORM = "give `id` and `answer`, as CSV or JSON lines"

IMAGES_SHOWN, QUESTIONS_SHOWN = 3, 5

Columns = Sequence[Collection[str]]  # what a table needs: a name of each group


@dataclass(frozen=True)
class CaptionFile:
    """The captions of a benchmark's images by id, where an empty one scores as such, and warnings about them."""

    captions: Mapping[str, str]
    warnings: tuple[str, ...] = ()


def read_captions(path: Path, benchmark: Benchmark, *, partial: bool = False) -> CaptionFile:
    """Read the captions of a file.

    Args:
        path: ``.csv`` or ``.jsonl`` with ``image_id`` and ``caption``, or as ``sartext caption`` wrote it: then
            the end of an image's path names it, ``<corpus>/<stem>`` or the stem alone where one image has it.
            Images that the release withholds may be in it and are left out.
        benchmark: whose images they are of.
        partial: images may be without one; how many have one is a warning.

    Raises:
        EvaluationError: the file is something else; an id is unknown, missing or there twice.
    """
    records = list(read_records(path, ((CAPTION,), (ID, IMAGE)), CAPTIONS_FORM))
    if not records:
        raise EvaluationError("it holds no caption", where=path, way_out=CAPTIONS_FORM)
    ids = [example.image_id for example in benchmark.examples]
    names = _ImageNames([*ids, *benchmark.left_out])
    of_image: dict[str, str] = {}
    unknown, repeated = [], []
    for place, record in records:
        name, caption = _named_caption(record, place, path)
        image_id = names.image_of(name, is_path=ID not in record)
        if image_id is None:
            unknown.append(name or f"no name ({place})")
        elif image_id in of_image:
            repeated.append(image_id)
        else:
            of_image[image_id] = caption.strip()
    if unknown:
        way_out = f"ids are such as '{names.nearest(unknown[0])}'; leave others out, or name their benchmark"
        _refuse_images(f"not in {benchmark.name}", unknown, path, way_out)
    _refuse_images("captioned twice", repeated, path, "keep one row per image")
    check_captions(of_image, benchmark, where=path, partial=partial)
    captions = {image_id: of_image[image_id] for image_id in ids if image_id in of_image}
    empty = [image_id for image_id, caption in captions.items() if not caption]
    warnings = [f"{len(empty)} captions are empty and count as such, the first is of {empty[0]}"] if empty else []
    if len(captions) < len(benchmark):
        warnings.append(f"{len(captions)} of {len(benchmark)} images have a caption; the others are not scored")
    return CaptionFile(captions, (*warnings, *caption_warnings(captions, benchmark)))


def check_captions(
    captions: Mapping[str, str], benchmark: Benchmark, *, where: object, partial: bool = False
) -> None:
    """Require a caption, by image id, of every image of a benchmark (not if partial) and of no other.

    Raises:
        EvaluationError: ids are unknown or missing; ``where`` names the captions.
    """
    known = {example.image_id for example in benchmark.examples}
    unknown = sorted(set(captions) - known - set(benchmark.left_out))
    way_out = "leave them out, or name the benchmark they are of"
    _refuse_images(f"not in {benchmark.name}", unknown, where, way_out)
    if not partial:
        way_out = f"caption all {len(known)} images of {benchmark.name}, or have only these scored: --partial"
        _refuse_images("without a caption", sorted(known - set(captions)), where, way_out)


def caption_warnings(captions: Mapping[str, str], benchmark: Benchmark) -> list[str]:
    """Return a warning for each corpus whose captions are all equal."""
    warnings = []
    for corpus in benchmark.corpora:
        ids = [example.image_id for example in benchmark.examples if example.corpus == corpus]
        of_corpus = [captions[image_id] for image_id in ids if image_id in captions]
        if len(of_corpus) > 1 and len(set(of_corpus)) == 1:
            warnings.append(f"all {len(of_corpus)} captions of {corpus} are equal: '{of_corpus[0]}'")
    return warnings


def _refuse_images(what: str, ids: Sequence[str], where: object, way_out: str) -> None:
    if ids:
        count = "1 image" if len(ids) == 1 else f"{len(ids)} images"
        raise EvaluationError(f"{count} {what}: {_first(ids, IMAGES_SHOWN)}", where=where, way_out=way_out)


def _first(ids: Sequence[str], count: int) -> str:
    return ", ".join(ids[:count]) + (", ..." if len(ids) > count else "")


class _ImageNames:
    """Finds the image id that a row means."""

    def __init__(self, ids: Iterable[str]) -> None:
        self.ids = set(ids)
        stems = {image_id: PurePosixPath(image_id).name for image_id in sorted(self.ids)}
        counts = Counter(stems.values())
        self.by_stem = {stem: image_id for image_id, stem in stems.items() if counts[stem] == 1}

    def image_of(self, name: str, *, is_path: bool) -> str | None:
        """Return it, or None where no image is meant, or several could be."""
        if name in self.ids:
            return name
        return self._by_path(name) if is_path else None

    def nearest(self, name: str) -> str:
        """Return the id that is nearest to what is none."""
        return self._by_path(name) or get_close_matches(name, sorted(self.ids), n=1, cutoff=0)[0]

    def _by_path(self, name: str) -> str | None:
        path = PurePosixPath(name.replace("\\", "/"))
        if not path.name:
            return None
        parts = path.with_suffix("").parts
        ends = ("/".join(parts[start:]) for start in range(len(parts)))
        return next((end for end in ends if end in self.ids), self.by_stem.get(parts[-1]))


def _named_caption(record: Mapping[str, Any], place: str, path: Path) -> tuple[str, str]:
    name, caption = record.get(ID if ID in record else IMAGE), record.get(CAPTION)
    if not isinstance(name, str) or CAPTION not in record:
        raise EvaluationError(f"{place} has no {ID} with its {CAPTION}", where=path, way_out=CAPTIONS_FORM)
    if not isinstance(caption, str):
        raise EvaluationError(
            f"the {CAPTION} of {place} is no text: {json.dumps(caption)}",
            where=path,
            way_out='write it in quotes, "" for none',
        )
    try:
        caption.encode("utf-8")
    except UnicodeEncodeError as error:
        raise EvaluationError(
            f"{place} holds half a surrogate pair", where=path, way_out="write the file anew as UTF-8"
        ) from error
    return name.strip(), caption


def read_answers(path: Path, questions: Sequence[Question], others: Iterable[Question] = ()) -> dict[str, str]:
    """Read answers by question id: ``id`` and ``answer`` as CSV with a header, or as JSON lines (``.jsonl``).

    Answers to ``others`` may be in it and are left out.

    Raises:
        EvaluationError: the file is absent or of another form; an id is unknown, missing or repeated.
    """
    answers: dict[str, str] = {}
    repeated: list[str] = []
    for place, record in read_records(path, (("id",), ("answer",)), ANSWERS_FORM):
        question_id, answer = _answer(record, place, path)
        if question_id in answers:
            repeated.append(question_id)
        answers[question_id] = answer
    if repeated:
        raise EvaluationError(
            f"{len(repeated):,} ids stand twice: {_first(sorted(repeated), QUESTIONS_SHOWN)}",
            where=path,
            way_out="give one answer for each",
        )
    left_out = {question.id for question in others} - {question.id for question in questions}
    answers = {question_id: answer for question_id, answer in answers.items() if question_id not in left_out}
    check_answers(answers, questions, where=path)
    return answers


def check_answers(answers: Mapping[str, str], questions: Iterable[Question], *, where: object) -> None:
    """Refuse answers to other questions than those that are asked.

    Raises:
        EvaluationError: names how many ids are unknown or missing, and the first of them.
    """
    known = {question.id for question in questions}
    for problem, ids in (("unknown", answers.keys() - known), ("missing", known - answers.keys())):
        if ids:
            like = ""
            if problem == "unknown" and known:
                like = f"; ids are such as '{get_close_matches(min(ids), sorted(known), n=1, cutoff=0)[0]}'"
            raise EvaluationError(
                f"{len(ids):,} question ids are {problem}: {_first(sorted(ids), QUESTIONS_SHOWN)}{like}",
                where=where,
                way_out="answer every question of vqa/test.jsonl once, and no other",
            )


def _answer(record: Mapping[str, object], place: str, path: Path) -> tuple[str, str]:
    """Answers that JSON writes as numbers are taken as text."""
    question_id, answer = record.get("id"), record.get("answer")
    if isinstance(answer, int | float) and not isinstance(answer, bool):
        answer = str(answer)
    if not isinstance(question_id, str) or not isinstance(answer, str):
        raise EvaluationError(f"{place} has no text for id and answer", where=path, way_out=ANSWERS_FORM)
    return question_id.strip(), answer


def read_records(path: Path, needed: Columns, form: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the rows of a ``.csv`` or ``.jsonl`` table in UTF-8, each with the place that an error names.

    Raises:
        EvaluationError: the file is absent, empty, or not of the form, which the error then says.
    """
    ending = path.suffix.casefold()
    if ending not in {".csv", ".jsonl"}:
        raise EvaluationError(f"no format '{path.suffix}'", where=path, way_out="name it .csv or .jsonl")
    text = _text(path, form)
    yield from _csv_records(text, path, needed, form) if ending == ".csv" else _json_records(text, path, form)


def _text(path: Path, form: str) -> str:
    try:
        text = path.read_text(encoding="utf-8-sig")
        if "\0" in text:
            raise ValueError("it holds a zero byte")
    except OSError as error:
        raise EvaluationError(f"it cannot be read ({error.strerror})", where=path, way_out=form) from error
    except ValueError as error:
        raise EvaluationError("it is no UTF-8 text", where=path, way_out="save it as UTF-8") from error
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
    named = ", ".join(f"'{name}'" for name in columns).replace("\t", r"\t")
    separated = any(mark in name for name in columns for mark in SEPARATORS)
    way_out = f"separate the columns by commas; {form}" if separated else form
    raise EvaluationError(f"its columns are {named}", where=path, way_out=way_out)


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

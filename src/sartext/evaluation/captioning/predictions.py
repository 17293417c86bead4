"""Captions that someone else wrote: a file of them, checked against the images of a benchmark."""

import json
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path, PurePosixPath
from typing import Any

from sartext.errors import EvaluationError
from sartext.evaluation.benchmarks import Benchmark
from sartext.evaluation.given import read_records

ID, IMAGE, CAPTION = "image_id", "image", "caption"
"""Columns: ``image`` is a path, as ``sartext caption`` writes it."""

SHOWN = 3
"""Ids that an error names."""

FORM = f"it needs columns {ID} and {CAPTION}, or is what `sartext caption` writes"


@dataclass(frozen=True)
class Predictions:
    """The captions of a benchmark's images.

    Args:
        captions: by image id; an empty one is what a model said, and scores as such.
        warnings: what the scores will hardly be worth something for, in words.
    """

    captions: Mapping[str, str]
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Row:
    place: str
    named: str
    is_path: bool
    caption: str


def read_predictions(path: Path, benchmark: Benchmark, *, partial: bool = False) -> Predictions:
    """Read the captions of a file.

    Args:
        path: ``.csv`` or ``.jsonl`` with ``image_id`` and ``caption``, or as ``sartext caption`` wrote it: then
            the end of an image's path names it, ``<corpus>/<stem>`` or the stem alone where one image has it.
            Images that the release withholds may be in it and are left out.
        benchmark: whose images they are of.
        partial: images may be without one; how many have one is a warning.

    Raises:
        EvaluationError: the file is something else; an id is unknown, missing or told twice.
    """
    rows = [_row(record, place, path) for place, record in read_records(path, ((CAPTION,), (ID, IMAGE)), FORM)]
    if not rows:
        raise EvaluationError("it holds no caption", where=path, way_out=FORM)
    named = _Names([one.image_id for one in benchmark.examples], benchmark.left_out)
    found: dict[str, _Row] = {}
    unknown, repeated = [], []
    for row in rows:
        image_id = named.of(row)
        if image_id is None:
            unknown.append(row.named or f"no name ({row.place})")
        elif image_id in found:
            repeated.append(image_id)
        else:
            found[image_id] = row
    way_out = (
        f"ids are such as '{named.like(unknown[0])}'; leave others out, or name their benchmark" if unknown else ""
    )
    _refuse(f"not in {benchmark.name}", unknown, path, way_out)
    _refuse("captioned twice", repeated, path, "keep one row per image")
    captions = {image_id: row.caption.strip() for image_id, row in found.items()}
    check_predictions(captions, benchmark, where=path, partial=partial)
    of_benchmark = {one.image_id: captions[one.image_id] for one in benchmark.examples if one.image_id in captions}
    empty = [image_id for image_id, caption in of_benchmark.items() if not caption]
    told = [f"{len(empty)} captions are empty and count as such, the first is of {empty[0]}"] if empty else []
    if len(of_benchmark) < len(benchmark):
        told.append(f"{len(of_benchmark)} of {len(benchmark)} images have a caption; the others are not scored")
    return Predictions(of_benchmark, (*told, *warnings_of(of_benchmark, benchmark)))


def check_predictions(
    captions: Mapping[str, str], benchmark: Benchmark, *, where: object, partial: bool = False
) -> None:
    """Require a caption of every image of a benchmark and of no other.

    Args:
        captions: by image id.
        benchmark: the images.
        where: named in the error.
        partial: images may be without one.

    Raises:
        EvaluationError: ids are unknown or missing.
    """
    known = {one.image_id for one in benchmark.examples}
    unknown = sorted(set(captions) - known - set(benchmark.left_out))
    _refuse(f"not in {benchmark.name}", unknown, where, "leave them out, or name the benchmark they are of")
    missing = sorted(known - set(captions))
    if not partial:
        way_out = f"caption all {len(known)} images of {benchmark.name}, or have only these scored: --partial"
        _refuse("without a caption", missing, where, way_out)


def warnings_of(captions: Mapping[str, str], benchmark: Benchmark) -> list[str]:
    """Return what a person should know of captions before their scores: one caption for a whole corpus."""
    found = []
    for corpus in benchmark.corpora:
        of_corpus = (one.image_id for one in benchmark.examples if one.corpus == corpus)
        told = [captions[image_id] for image_id in of_corpus if image_id in captions]
        if len(told) > 1 and len(set(told)) == 1:
            found.append(f"all {len(told)} captions of {corpus} are equal: '{told[0]}'")
    return found


def _refuse(what: str, ids: Sequence[str], where: object, way_out: str) -> None:
    if ids:
        shown = ", ".join(ids[:SHOWN]) + (", ..." if len(ids) > SHOWN else "")
        images = "image" if len(ids) == 1 else "images"
        raise EvaluationError(f"{len(ids)} {images} {what}: {shown}", where=where, way_out=way_out)


class _Names:
    """Finds the image id that a row means."""

    def __init__(self, ids: Sequence[str], left_out: Collection[str]) -> None:
        self.ids = {*ids, *left_out}
        stems = Counter(PurePosixPath(one).name for one in self.ids)
        self.stems = {
            PurePosixPath(one).name: one for one in sorted(self.ids) if stems[PurePosixPath(one).name] == 1
        }

    def of(self, row: _Row) -> str | None:
        """Return it, or None where no image is meant, or several could be."""
        if row.named in self.ids:
            return row.named
        return self._by_path(row.named) if row.is_path else None

    def like(self, named: str) -> str:
        """Return the id that is nearest to what is none."""
        return self._by_path(named) or get_close_matches(named, sorted(self.ids), n=1, cutoff=0)[0]

    def _by_path(self, named: str) -> str | None:
        path = PurePosixPath(named.replace("\\", "/"))
        if not path.name:
            return None
        parts = path.with_suffix("").parts
        ends = ("/".join(parts[start:]) for start in range(len(parts)))
        return next((one for one in ends if one in self.ids), self.stems.get(parts[-1]))


def _row(record: Mapping[str, Any], place: str, path: Path) -> _Row:
    column = ID if ID in record else IMAGE
    named, caption = record.get(column), record.get(CAPTION)
    if not isinstance(named, str) or CAPTION not in record:
        raise EvaluationError(f"{place} has no {ID} with its {CAPTION}", where=path, way_out=FORM)
    if not isinstance(caption, str):
        told = json.dumps(caption)
        raise EvaluationError(
            f"the {CAPTION} of {place} is no text: {told}", where=path, way_out='write it in quotes, "" for none'
        )
    try:
        caption.encode("utf-8")
    except UnicodeEncodeError as error:
        raise EvaluationError(
            f"{place} holds half a surrogate pair", where=path, way_out="write the file anew as UTF-8"
        ) from error
    return _Row(place, named.strip(), column == IMAGE, caption)

"""Two files of captions, compared sentence by sentence: Karpathy JSON, COCO captions, or a release's CSV lists."""

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import Any, cast

import pyarrow as pa

from sartext.catalogue.entry import Entry
from sartext.corpora.formats.coco import read_coco_captions
from sartext.corpora.formats.karpathy import read_karpathy
from sartext.corpora.quarantine import Unusable
from sartext.corpora.reading import Source, read_json_text, read_text
from sartext.errors import ReleaseError
from sartext.release.comparison import Comparison, changed_captions, details_of, moved_images
from sartext.release.comparison.sides import Joined, Side

_COLUMNS = ("key", "image_id", "corpus", "split", "method", "caption")
_WAY_OUT = "name a Karpathy or COCO caption file (.json, .json.gz), or a CSV file with `filepath` and `title`"

_Row = tuple[str, str, str, str | None, str, str]


@dataclass
class _Image:
    """What a file says of one image: its captions in order, and its split where it has one."""

    captions: list[str]
    split: str | None = None


def compare_files(old: Path, new: Path) -> Comparison:
    """Compare two files of captions, an image by its name.

    The order of an image's sentences does not count: a sentence that both files have of it is the same. The others
    are paired in their order, each a caption that changed; what is left over was added or removed.

    Raises:
        ReleaseError: a file is no file of captions.
    """
    before, after = _read(old), _read(new)
    one: list[_Row] = []
    other: list[_Row] = []
    for name in sorted(before.keys() | after.keys()):
        first, second = before.get(name, _Image([])), after.get(name, _Image([]))
        one += _rows(name, first, range(len(first.captions)))
        other += _rows(name, second, _numbers(first.captions, second.captions))
    if sorted(one, key=lambda row: row[0]) == sorted(other, key=lambda row: row[0]):
        return Comparison(same_bytes=True)
    joined = Joined(_side(one), _side(other))
    captions = changed_captions(joined)
    return Comparison(
        same_bytes=False,
        added=tuple(sorted(after.keys() - before.keys())),
        removed=tuple(sorted(before.keys() - after.keys())),
        moved=moved_images(joined),
        captions=captions,
        details=details_of(joined, captions),
    )


def _numbers(before: Sequence[str], after: Sequence[str]) -> list[int]:
    """Return for each new sentence of an image the place of the old one that it goes together with."""
    places: dict[str, list[int]] = {}
    for place, text in enumerate(before):
        places.setdefault(text, []).append(place)
    same = [places[text].pop(0) if places.get(text) else None for text in after]
    left = chain(sorted(chain.from_iterable(places.values())), count(len(before)))
    return [next(left) if place is None else place for place in same]


def _rows(name: str, image: _Image, numbers: Sequence[int]) -> list[_Row]:
    pairs = zip(numbers, image.captions, strict=True)
    return [(f"{name}\n{number:06d}", name, "", image.split, "", text) for number, text in pairs]


def _side(rows: Sequence[_Row]) -> Side:
    columns = zip(*rows, strict=True) if rows else ((),) * len(_COLUMNS)
    arrays = {name: pa.array(values, pa.string()) for name, values in zip(_COLUMNS, columns, strict=True)}
    types = dict.fromkeys(_COLUMNS[1:], pa.string())
    return Side(arrays["key"], types, lambda name: pa.chunked_array([arrays[name]]))


def _read(path: Path) -> dict[str, _Image]:
    try:
        images = _of_csv(path) if path.suffix.lower() in {".csv", ".tsv"} else _of_json(path)
    except Unusable as error:
        raise ReleaseError(f"no file of captions ({error})", where=path, way_out=_WAY_OUT) from error
    if not images:
        raise ReleaseError("no captions are in it", where=path, way_out=_WAY_OUT)
    return images


def _of_json(path: Path) -> dict[str, _Image]:
    content, _ = read_json_text(path)
    source = Source(path.parent, path.name, cast(Entry, None))  # readers of captions ask nothing of a corpus
    reader = read_coco_captions if isinstance(content, dict) and "annotations" in content else read_karpathy
    images: dict[str, _Image] = {}
    for record in reader(source):
        if record.captions:
            image = images.setdefault(record.name, _Image([], record.split))
            image.captions += record.captions
    return images


def _of_csv(path: Path) -> dict[str, _Image]:
    text, _ = read_text(path)
    header = text.partition("\n")[0]
    rows: list[dict[str | Any, str | Any]] = list(
        csv.DictReader(io.StringIO(text, newline=""), delimiter="\t" if "\t" in header else ",")
    )
    images: dict[str, _Image] = {}
    for number, row in enumerate(rows, start=2):
        name, caption = row.get("filepath"), row.get("title")
        if name is None or caption is None:
            raise Unusable("not-a-list", f"row {number} has no `filepath` and `title`")
        images.setdefault(name, _Image([])).captions.append(caption)
    return images

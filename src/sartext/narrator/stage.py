"""The stage `captions`: a corpus's index to its captions."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sartext.catalogue.entry import Entry
from sartext.catalogue.loading import find_entry
from sartext.config import NarratorParameters, Project
from sartext.errors import ArtefactError, CatalogueError
from sartext.files import atomic_path
from sartext.narrator.a2c import Naming, naming, object_facts
from sartext.narrator.facts import Facts, to_json
from sartext.narrator.realisation import canonical, realise
from sartext.narrator.rewriting import rewrite
from sartext.narrator.sa2c import CoverNaming, cover_facts, cover_naming
from sartext.progress import track
from sartext.tables import CAPTIONS, INDEX, UNCAPTIONED, to_arrow

METHOD_VERSIONS = {"a2c": "1.0", "sa2c": "1.0", "optical-rules": "1.0", "optical-model": "1.0", "narrator": "1.0"}
"""Raised when the rules of a method change."""

ROWS = 8192
"""Rows read, captioned and written at a time: memory does not grow with the corpus."""

COLUMNS = ["image_id", "path", "width", "height", "modality", "objects", "regions", "captions", "paired_path"]

OPTICAL = "optical image"
NO_BACKGROUND = "no objects and no mask proves the background"
EMPTY_MASK = "the mask holds nothing that a caption may tell"
NO_OPTICAL_CAPTION = "no optical caption"


@dataclass
class Tally:
    """What was counted on the way."""

    images: int = 0
    captioned: int = 0
    dropped_boxes: int = 0
    uncaptioned: Counter[str] = field(default_factory=Counter)
    dropped_statements: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Narrator:
    """A corpus's method, bound to its catalogue entry: a row of the index to facts, or to why there are none."""

    method: str
    facts: Callable[[Mapping[str, Any], Tally], Facts | str]


def caption_corpus(project: Project, name: str) -> dict[str, object]:
    """Write the captions of a corpus, and why an image got none; return the counts.

    Args:
        project: the checkout; ``build/corpus/<name>/index.parquet`` is read in batches.
        name: of a corpus that ``params.yaml`` lists.

    Raises:
        CatalogueError: the corpus has nothing that captions could be made of.
        ArtefactError: the index is missing, damaged, unsorted or names unknown classes.
    """
    entry = find_entry(project, name)
    index = project.corpus(name) / "index.parquet"
    narrator = narrator_of(entry, index)
    tally = Tally()
    folder = project.captions(name)
    with ExitStack() as stack:
        captions = _open(stack, folder / "captions.parquet", CAPTIONS)
        uncaptioned = _open(stack, folder / "uncaptioned.parquet", UNCAPTIONED)
        rows = track(_rows(index, COLUMNS), f"captions of {name}", _count(index))
        for told, untold in _batches(rows, narrator, project.parameters.narrator, tally):
            if told:
                captions.write_table(to_arrow(told, CAPTIONS, where=folder))
            if untold:
                uncaptioned.write_table(to_arrow(untold, UNCAPTIONED, where=folder))
    return {
        "corpus": name,
        "method": narrator.method,
        "images": tally.images,
        "captions": tally.captioned,
        "uncaptioned": dict(sorted(tally.uncaptioned.items())),
        "dropped_boxes": tally.dropped_boxes,
        "dropped_statements": dict(sorted(tally.dropped_statements.items())),
        "examples": tally.examples,
    }


def narrator_of(entry: Entry, index: Path) -> Narrator:
    """Return how a corpus is captioned.

    Raises:
        CatalogueError: it has no annotations, or only optical images.
    """
    if entry.kind == "detection":
        return Narrator("a2c", _Annotated(entry, naming(entry), cover_naming(entry)).objects)
    if entry.kind == "segmentation":
        return Narrator("sa2c", _Annotated(entry, naming(entry), cover_naming(entry)).cover)
    if entry.kind == "pairs":
        return Narrator("optical-rules", _Paired(optical_captions(index), coarsest(entry)).statements)
    what = "no annotations" if entry.kind == "unlabelled" else "optical images only"
    raise CatalogueError(
        f"corpus '{entry.name}' has {what}: it cannot be captioned by rules",
        where="params.yaml: captions",
        way_out=f"take '{entry.name}' out of `captions`",
    )


@dataclass(frozen=True)
class _Annotated:
    entry: Entry
    names: Naming
    stuff: CoverNaming

    def objects(self, row: Mapping[str, Any], tally: Tally) -> Facts | str:
        if row["regions"]:
            return self.cover(row, tally)
        found, dropped = object_facts(row["objects"], row["width"], row["height"], self.names)
        tally.dropped_boxes += dropped
        return found if found.objects else NO_BACKGROUND

    def cover(self, row: Mapping[str, Any], tally: Tally) -> Facts | str:
        found, dropped = object_facts(row["objects"], row["width"], row["height"], self.names)
        tally.dropped_boxes += dropped
        cover = cover_facts(row["regions"], self.stuff)
        if cover:
            return Facts(objects=found.objects, cover=cover)
        if found.objects:
            return found
        if not row["regions"]:
            return NO_BACKGROUND
        return Facts(scene=self.entry.background) if self.entry.background else EMPTY_MASK


@dataclass(frozen=True)
class _Paired:
    captions: Mapping[str, list[str]]
    resolution: float

    def statements(self, row: Mapping[str, Any], tally: Tally) -> Facts | str:
        sources = self.captions.get(row["paired_path"] or "", [])
        if not sources:
            return NO_OPTICAL_CAPTION
        kept = rewrite(sources, self.resolution)
        tally.dropped_statements.update(dict(kept.dropped))
        if not kept.statements:
            return f"no caption survives rewriting: {kept.main_reason}"
        return Facts(statements=kept.statements, source_caption=kept.source, dropped=kept.dropped)


def coarsest(entry: Entry) -> float:
    """The coarsest resolution of a corpus in metres; ten where it is not stated, as Sentinel-1 has."""
    return max(entry.resolution_m, default=10.0)


def optical_captions(index: Path) -> dict[str, list[str]]:
    """Return the captions of the optical halves of pairs, by the path of the optical image."""
    rows = _rows(index, ["path", "modality", "captions"])
    return {row["path"]: row["captions"] for row in rows if row["modality"] == "optical" and row["captions"]}


def _batches(
    rows: Iterator[dict[str, Any]], narrator: Narrator, parameters: NarratorParameters, tally: Tally
) -> Iterator[tuple[list[dict[str, Any]], list[dict[str, Any]]]]:
    told: list[dict[str, Any]] = []
    untold: list[dict[str, Any]] = []
    before = ""
    for row in rows:
        if row["image_id"] <= before:
            raise ArtefactError(
                f"the index is not sorted by image_id, or holds '{row['image_id']}' twice",
                way_out="build the index again",
            )
        before = row["image_id"]
        facts = OPTICAL if row["modality"] == "optical" else narrator.facts(row, tally)
        tally.images += 1
        if isinstance(facts, str):
            tally.uncaptioned[facts] += 1
            untold.append({"image_id": before, "reason": facts})
        else:
            told.append(_caption(facts, before, narrator.method, parameters))
            tally.captioned += 1
            if len(tally.examples) < 6:
                tally.examples.append(before)
        if len(told) + len(untold) == ROWS:
            yield told, untold
            told, untold = [], []
    yield told, untold


def _caption(facts: Facts, image_id: str, method: str, parameters: NarratorParameters) -> dict[str, Any]:
    text = realise(facts, image_id, parameters.seed)[0] if parameters.paraphrase else canonical(facts)
    return {
        "image_id": image_id,
        "caption": text,
        "method": method,
        "method_version": METHOD_VERSIONS[method],
        "facts": to_json(facts),
        "source_caption": facts.source_caption,
        "model_sha256": None,
        "prompt_sha256": None,
        "score": None,
    }


def _rows(index: Path, columns: list[str]) -> Iterator[dict[str, Any]]:
    with _reader(index) as table:
        for batch in table.iter_batches(batch_size=ROWS, columns=columns):
            yield from batch.to_pylist()


def _count(index: Path) -> int:
    with _reader(index) as table:
        return int(table.metadata.num_rows)


def _reader(index: Path) -> pq.ParquetFile:
    try:
        table = pq.ParquetFile(index)
    except FileNotFoundError as error:
        raise ArtefactError(
            "the index is missing", where=index, way_out=f"run `sartext corpus {index.parent.name}`"
        ) from error
    except (pa.ArrowInvalid, OSError) as error:
        raise ArtefactError(
            f"not a readable Parquet file ({error})", where=index, way_out="remove it and build it again"
        ) from error
    if not table.schema_arrow.equals(INDEX):
        table.close()
        raise ArtefactError(
            "the table has another schema", where=index, way_out="it is from another version: build it again"
        )
    return table


def _open(stack: ExitStack, path: Path, schema: pa.Schema) -> pq.ParquetWriter:
    temporary = stack.enter_context(atomic_path(path))
    return stack.enter_context(
        pq.ParquetWriter(temporary, schema, compression="zstd", compression_level=3, version="2.6")
    )

"""The stage `captions`: a corpus's index to its captions."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sartext.catalogue.entry import Entry
from sartext.catalogue.loading import find_entry
from sartext.config import NarratorParameters, Project
from sartext.errors import ArtefactError, CatalogueError
from sartext.files import atomic_path, write_json
from sartext.narrator.detail_grammar import detailed
from sartext.narrator.facts import CaptionMethod, RowFacts, Tally
from sartext.narrator.hidden_truth import optical_figures, read_truth
from sartext.narrator.methods import METHODS
from sartext.narrator.realisation import canonical, realise
from sartext.progress import track
from sartext.tables import CAPTIONS, INDEX, UNCAPTIONED, read_rows, to_arrow

ROWS = 8192
"""Rows read, captioned and written at a time: memory does not grow with the corpus."""

COLUMNS = ["image_id", "path", "width", "height", "modality", "objects", "regions", "scene_class"]
COLUMNS += ["captions", "paired_path"]


def caption_corpus(project: Project, name: str) -> dict[str, object]:
    """Write the captions of a corpus, why an image got none, and the counts, ``metrics.json``; return these.

    The index, ``build/corpus/<name>/index.parquet``, is read in batches.

    Raises:
        CatalogueError: the corpus has nothing that captions could be made of.
        ArtefactError: the index is missing, damaged, unsorted or names unknown classes.
    """
    entry = find_entry(project, name)
    index = project.corpus(name) / "index.parquet"
    method, row_facts = method_of(entry), row_facts_of(entry, index)
    tally = Tally()
    folder = project.captions(name)
    with ExitStack() as stack:
        captions = _open(stack, folder / "captions.parquet", CAPTIONS)
        uncaptioned = _open(stack, folder / "uncaptioned.parquet", UNCAPTIONED)
        rows = track(_rows(index, COLUMNS), f"captions of {name}", _count(index))
        for made, missing in _batches(rows, method, row_facts, project.parameters.narrator, tally):
            if made:
                captions.write_table(to_arrow(made, CAPTIONS, where=folder))
            if missing:
                uncaptioned.write_table(to_arrow(missing, UNCAPTIONED, where=folder))
    metrics: dict[str, object] = {
        "corpus": name,
        "method": method.name,
        "images": tally.images,
        "captions": tally.images - tally.uncaptioned.total(),
        "uncaptioned": dict(sorted(tally.uncaptioned.items())),
        "dropped_boxes": tally.dropped_boxes,
        "dropped_statements": dict(sorted(tally.dropped_statements.items())),
        "examples": tally.examples,
    }
    if method.quotes:  # captions from annotations are checked against these
        metrics |= _against_the_truth(project, name)
    write_json(folder / "metrics.json", metrics)
    return metrics


def _against_the_truth(project: Project, name: str) -> dict[str, object]:
    """The precision of what was written, where a corpus keeps a truth aside: nothing else may know it."""
    if (truth := read_truth(project, name)) is None:
        return {}
    captions = read_rows(project.captions(name) / "captions.parquet", CAPTIONS)
    texts = {row["image_id"]: row["caption"] for row in captions}
    index = _rows(project.corpus(name) / "index.parquet", ["image_id", "path", "width", "height"])
    captioned = ((row, texts[row["image_id"]]) for row in index if row["image_id"] in texts)
    return {"hidden_truth": optical_figures(truth, captioned)}


def method_of(entry: Entry) -> CaptionMethod:
    """Return the method that captions a corpus, the first listed that takes its kind; none is a CatalogueError."""
    for method in METHODS:
        if entry.kind in method.row_facts:
            return method
    what = "no annotations" if entry.kind == "unlabelled" else "optical images only"
    if entry.kind == "captions" and entry.modality == "sar":
        what = "captions that others wrote, which no method takes over"
    raise CatalogueError(
        f"corpus '{entry.name}' has {what}: it cannot be captioned by rules",
        where="params.yaml: captions",
        way_out=f"take '{entry.name}' out of `captions`",
    )


def row_facts_of(entry: Entry, index: Path) -> RowFacts:
    """Return what makes facts of the rows of a corpus's index, which is read in batches where it is needed."""
    return method_of(entry).row_facts[entry.kind](entry, lambda columns: _rows(index, columns))


def _batches(
    rows: Iterator[dict[str, Any]],
    method: CaptionMethod,
    row_facts: RowFacts,
    parameters: NarratorParameters,
    tally: Tally,
) -> Iterator[tuple[list[dict[str, Any]], list[dict[str, Any]]]]:
    """Yield rows of captions and of images without one, up to ``ROWS`` together."""
    made: list[dict[str, Any]] = []
    missing: list[dict[str, Any]] = []
    before = ""
    for row in rows:
        if row["image_id"] <= before:
            raise ArtefactError(
                f"the index is not sorted by image_id, or holds '{row['image_id']}' twice",
                way_out="build the index again",
            )
        before = row["image_id"]
        facts = "optical image" if row["modality"] == "optical" else row_facts(row, tally)
        tally.images += 1
        if isinstance(facts, str):
            tally.uncaptioned[facts] += 1
            missing.append({"image_id": before, "reason": facts})
        else:
            text = realise(facts, before, parameters.seed)[0] if parameters.paraphrase else canonical(facts)
            more = detailed(facts, before, parameters.seed) if method.annotated else None
            quoted = facts.source_caption
            made.append(method.caption_row(before, text, facts, detailed=more, source_caption=quoted))
            if len(tally.examples) < 6:
                tally.examples.append(before)
        if len(made) + len(missing) == ROWS:
            yield made, missing
            made, missing = [], []
    yield made, missing


def _rows(index: Path, columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    with _reader(index) as table:
        for batch in table.iter_batches(batch_size=ROWS, columns=list(columns)):
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

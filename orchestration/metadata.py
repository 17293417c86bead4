"""What a person sees of an artefact in Dagster: counts, duration, hashes, first rows, pictures with captions."""

import base64
import html
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from itertools import groupby
from pathlib import Path
from typing import Any

from dagster import MetadataValue, TableColumn, TableRecord, TableSchema

from orchestration.checkpoints import TRAINED, describe_checkpoint
from orchestration.evaluations import PREFIX as EVALUATION
from orchestration.evaluations import PROMOTION, REPORT, describe_evaluation, describe_promotion, describe_report
from orchestration.graph import Stage
from sartext.config import Project
from sartext.files import read_json

PREVIEW_ROWS = 5
PREVIEW_COLUMNS = 8
CELL_CHARACTERS = 80
EXAMPLES = 6
THUMBNAIL_PIXELS = 128

Metadata = dict[str, Any]


def describe(project: Project, stage: Stage, made: Mapping[str, str]) -> Metadata:
    """Return the metadata of one materialisation.

    Args:
        project: the checkout.
        stage: the stage that made it.
        made: DVC's hash of each out.
    """
    log = project.build / "log" / f"{stage.name}.json"
    record = read_json(log) if log.is_file() else {}
    metrics = dict(record.get("metrics", {}))
    examples = [str(one) for one in metrics.pop("examples", [])][:EXAMPLES]
    found: Metadata = {}
    if examples:
        found["examples"] = _gallery(project, stage, examples)
    if preview := _preview(project.root, stage):
        found["first rows"] = preview
    found |= {name: _shown(value) for name, value in metrics.items() if value is not None}
    if stage.name.startswith(TRAINED):
        found |= describe_checkpoint(project, stage.name.partition("@")[2])
    if stage.name.startswith(EVALUATION):
        found |= describe_evaluation(project, stage.name.removeprefix(EVALUATION))
    if stage.name == REPORT:
        found |= describe_report(project)
    if stage.name == PROMOTION:
        found |= describe_promotion(project)
    if "seconds" in record:
        found["seconds of work"] = float(record["seconds"])
    found["outs"] = _table([{"path": path, "md5": digest} for path, digest in made.items()], ("path", "md5"))
    found |= dict(_links(project, stage))
    return found


def _shown(value: Any) -> Any:  # noqa: ANN401 - whatever JSON holds
    """A scalar as it is; Dagster shows everything else as JSON."""
    return value if isinstance(value, bool | int | float | str) else MetadataValue.json(value)


def _links(project: Project, stage: Stage) -> Iterator[tuple[str, MetadataValue[Any]]]:
    log = project.build / "log" / f"{stage.name}.txt"
    if log.is_file():
        yield "log", MetadataValue.path(log)
    if stage.name == "quality" and (docs := project.build / "docs" / "index.html").is_file():
        yield "page of the gate", MetadataValue.url(docs.as_uri())
    if stage.name == "publication":
        record = read_json(project.build / "publication" / "publication.json")
        yield "release", MetadataValue.path(project.root / str(record.get("path", "")))


def _preview(root: Path, stage: Stage) -> MetadataValue[Any] | None:
    """The first rows of the first Parquet file below the stage's outs."""
    for out in stage.outs:
        place = root / out
        files = sorted(place.rglob("*.parquet")) if place.is_dir() else [place] * (place.suffix == ".parquet")
        if files:
            return _rows(files[0])
    return None


def _rows(path: Path) -> MetadataValue[Any]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        schema = file.schema_arrow
        names = [field.name for field in schema if not pa.types.is_nested(field.type)][:PREVIEW_COLUMNS]
        batch = next(file.iter_batches(batch_size=PREVIEW_ROWS, columns=names), None)
    return _table(batch.to_pylist() if batch is not None else [], names)


def _table(rows: Sequence[Mapping[str, object]], names: Sequence[str]) -> MetadataValue[Any]:
    records = [TableRecord({name: _cell(row[name]) for name in names}) for row in rows]
    return MetadataValue.table(records=records, schema=TableSchema([TableColumn(name) for name in names]))


def _cell(value: object) -> str:
    text = "" if value is None else f"{len(value)} bytes" if isinstance(value, bytes) else str(value)
    return text if len(text) <= CELL_CHARACTERS else f"{text[:CELL_CHARACTERS]}…"


def _gallery(project: Project, stage: Stage, examples: Sequence[str]) -> MetadataValue[Any]:
    """Example pictures with what is said of them; a picture that cannot be shown says why."""
    shown: list[str] = []
    for corpus, found in groupby(examples, key=lambda image_id: image_id.split("/", 1)[0]):
        image_ids = list(found)
        try:
            shown.extend(_exhibits(project, stage, corpus, image_ids))
        except Exception as error:
            shown.append(f"`{'`, `'.join(image_ids)}` cannot be shown: {type(error).__name__}: {error}")
    return MetadataValue.md("\n\n".join(shown))


def _exhibits(project: Project, stage: Stage, corpus: str, image_ids: Sequence[str]) -> Iterator[str]:
    from sartext.catalogue import find_entry
    from sartext.corpora.images import picture

    entry = find_entry(project, corpus)
    index = _rows_of(project.corpus(corpus) / "index.parquet", image_ids)
    tables = [project.root / out / "captions.parquet" for out in stage.outs]
    captions = {name: row for path in tables if path.is_file() for name, row in _rows_of(path, image_ids).items()}
    for image_id in image_ids:
        words = str(captions[image_id]["caption"]) if image_id in captions else _contents(index[image_id])
        address = _thumbnail(picture(project.root, index[image_id], entry))
        yield f"![{image_id}]({address})\n\n{html.escape(words)} *({image_id})*"


def _rows_of(path: Path, image_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    import pyarrow.parquet as pq

    rows = pq.read_table(path, filters=[("image_id", "in", list(image_ids))]).to_pylist()
    return {row["image_id"]: row for row in rows}


def _contents(row: Mapping[str, Any]) -> str:
    """What the index knows of an image: its first optical caption, else its objects, else its land cover."""
    if row["captions"]:
        return str(row["captions"][0])
    objects = Counter(str(one["label"]) for one in row["objects"])
    cover = [f"{one['label']} {one['fraction']:.0%}" for one in row["regions"] if one["zone"] == "image"]
    told = [f"{count} {label}" for label, count in sorted(objects.items())] + cover
    return ", ".join(told) or "nothing annotated"


def _thumbnail(pixels: Any) -> str:  # noqa: ANN401 - a numpy array, imported lazily
    """An image as a ``data:`` address: a PNG of up to 128 pixels; small ones are enlarged."""
    from PIL import Image

    image = Image.fromarray(pixels)
    times = THUMBNAIL_PIXELS // max(image.size)
    if times > 1:
        image = image.resize((image.width * times, image.height * times), Image.Resampling.NEAREST)
    image.thumbnail((THUMBNAIL_PIXELS, THUMBNAIL_PIXELS))
    stream = BytesIO()
    image.save(stream, format="PNG", optimize=True)
    return f"data:image/png;base64,{base64.b64encode(stream.getvalue()).decode('ascii')}"

"""What a person sees of an artefact in Dagster: counts, duration, hashes, first rows, pictures with captions."""

import base64
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import BytesIO
from itertools import groupby
from pathlib import Path
from typing import Any

from dagster import MetadataValue, TableColumn, TableRecord, TableSchema

from orchestration.graph import Stage
from sartext.config import Project
from sartext.files import read_json

PREVIEW_ROWS = 5
PREVIEW_COLUMNS = 8
CELL_CHARACTERS = 80
EXAMPLES = 6
THUMBNAIL_PIXELS = 128

Metadata = dict[str, Any]


def describe(project: Project, stage: Stage, outs: Mapping[str, str]) -> Metadata:
    """Return the metadata of one materialisation.

    Args:
        project: the checkout.
        stage: the stage that made it.
        outs: DVC's hash of each out.
    """
    log = project.build / "log" / f"{stage.name}.json"
    record = read_json(log) if log.is_file() else {}
    metrics = dict(record.get("metrics", {}))
    examples = [str(image_id) for image_id in metrics.pop("examples", [])][:EXAMPLES]
    metadata: Metadata = {}
    if examples:
        metadata["examples"] = _gallery(project, stage, examples)
    if preview := _preview(project.root, stage):
        metadata["first rows"] = preview
    metadata |= {name: _scalar(value) for name, value in metrics.items() if value is not None}
    if "seconds" in record:
        metadata["seconds of work"] = float(record["seconds"])
    metadata["outs"] = show_table(("path", "md5"), outs.items())
    return metadata | dict(_links(project, stage))


def show_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> MetadataValue[Any]:
    """Return rows of cells as one of Dagster's tables of text."""
    records = [TableRecord(dict(zip(columns, map(str, row), strict=True))) for row in rows]
    return MetadataValue.table(records, TableSchema([TableColumn(name) for name in columns]))


def fenced(text: str, language: str = "") -> MetadataValue[Any]:
    """Return lines as a block of code that none of them can close."""
    fence = "`" * max(3, 1 + _longest_ticks(text))
    return MetadataValue.md(f"{fence}{language}\n{text}\n{fence}")


def literal(text: str) -> str:
    """Return text in Markdown as it is: a span of code, the one place where no link, picture or HTML is seen."""
    line = " ".join(text.split())
    ticks = "`" * (1 + _longest_ticks(line))
    return f"{ticks} {line} {ticks}"


def picture(content: bytes, name: str) -> str:
    """Return a picture in Markdown, its bytes included; nothing in its name ends the name."""
    kind = "png" if content.startswith(b"\x89PNG") else "jpeg"
    alternative = re.sub(r"[^\w./@ -]", "_", name)
    return f"![{alternative}](data:image/{kind};base64,{base64.b64encode(content).decode('ascii')})"


def _longest_ticks(text: str) -> int:
    return max(map(len, re.findall("`+", text)), default=0)


def _scalar(value: Any) -> Any:  # noqa: ANN401 - whatever JSON holds
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
            return _first_rows(files[0])
    return None


def _first_rows(path: Path) -> MetadataValue[Any]:
    import pyarrow as pa
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        schema = file.schema_arrow
        names = [field.name for field in schema if not pa.types.is_nested(field.type)][:PREVIEW_COLUMNS]
        batch = next(file.iter_batches(batch_size=PREVIEW_ROWS, columns=names), None)
    rows = batch.to_pylist() if batch is not None else []
    return show_table(names, ([_cell(row[name]) for name in names] for row in rows))


def _cell(value: object) -> str:
    text = "" if value is None else f"{len(value)} bytes" if isinstance(value, bytes) else str(value)
    return text if len(text) <= CELL_CHARACTERS else f"{text[:CELL_CHARACTERS]}…"


def _gallery(project: Project, stage: Stage, examples: Sequence[str]) -> MetadataValue[Any]:
    """Example pictures with their captions; a picture that cannot be shown says why."""
    entries: list[str] = []
    for corpus, group in groupby(examples, key=lambda image_id: image_id.split("/", 1)[0]):
        image_ids = list(group)
        try:
            entries.extend(_exhibits(project, stage, corpus, image_ids))
        except Exception as error:
            names = ", ".join(image_ids)
            entries.append(literal(f"{names} cannot be shown: {type(error).__name__}: {error}"))
    return MetadataValue.md("\n\n".join(entries))


def _exhibits(project: Project, stage: Stage, corpus: str, image_ids: Sequence[str]) -> Iterator[str]:
    from sartext.catalogue import find_entry
    from sartext.corpora.images import picture as read_pixels

    entry = find_entry(project, corpus)
    index = _rows_of(project.corpus(corpus) / "index.parquet", image_ids)
    tables = [project.root / out / "captions.parquet" for out in stage.outs]
    captions = {name: row for path in tables if path.is_file() for name, row in _rows_of(path, image_ids).items()}
    for image_id in image_ids:
        words = str(captions[image_id]["caption"]) if image_id in captions else _contents(index[image_id])
        thumbnail = picture(_thumbnail(read_pixels(project.root, index[image_id], entry)), image_id)
        yield f"{thumbnail}\n\n{literal(words)} {literal(image_id)}"


def _rows_of(path: Path, image_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    import pyarrow.parquet as pq

    rows = pq.read_table(path, filters=[("image_id", "in", list(image_ids))]).to_pylist()
    return {row["image_id"]: row for row in rows}


def _contents(row: Mapping[str, Any]) -> str:
    """What the index knows of an image: its first optical caption, else its objects, else its land cover."""
    if row["captions"]:
        return str(row["captions"][0])
    objects = Counter(str(item["label"]) for item in row["objects"])
    cover = [
        f"{region['label']} {region['fraction']:.0%}" for region in row["regions"] if region["zone"] == "image"
    ]
    return (
        ", ".join([f"{count} {label}" for label, count in sorted(objects.items())] + cover) or "nothing annotated"
    )


def _thumbnail(pixels: Any) -> bytes:  # noqa: ANN401 - a numpy array, imported lazily
    """An image as a PNG of up to 128 pixels; small ones are enlarged."""
    from PIL import Image

    image = Image.fromarray(pixels)
    times = THUMBNAIL_PIXELS // max(image.size)
    if times > 1:
        image = image.resize((image.width * times, image.height * times), Image.Resampling.NEAREST)
    image.thumbnail((THUMBNAIL_PIXELS, THUMBNAIL_PIXELS))
    stream = BytesIO()
    image.save(stream, format="PNG", optimize=True)
    return stream.getvalue()

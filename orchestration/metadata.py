"""What a person sees of an artefact in Dagster: counts, hashes, first rows, pictures, curves, figures."""

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
from sartext.evaluation.figures import EVERYTHING, Figure, read_figures
from sartext.files import read_json

HEADLINES: Mapping[tuple[str, str], tuple[str, str] | None] = {
    ("retrieval", "distinct_facts.mean_recall"): ("recall", ".1f"),
    ("retrieval", "duplicate_aware.mean_recall"): ("equal facts", ".1f"),
    ("retrieval", "one_positive.mean_recall"): ("one positive", ".1f"),
    ("captioning", "bleu_4"): ("BLEU-4", ".3f"),
    ("captioning", "cider_d"): ("CIDEr-D", ".3f"),
    ("captioning", "fact_f1"): ("facts, F1", ".1f"),
    ("captioning", "fact_precision"): ("right", ".1f"),
    ("captioning", "fact_recall"): None,
    ("vqa", "oa"): ("OA", ".1f"),
    ("vqa", "aa"): ("AA", ".1f"),
    ("foils", "mean_accuracy"): None,
    ("physics", "caption_changed_beyond_speckle"): None,
}
"""The figures (task, metric) that Dagster draws over time; with heading and format those of the terminal too."""

REMOVED = "removed"
PREVIEW_ROWS, PREVIEW_COLUMNS, CELL_CHARACTERS = 5, 8, 80
EXAMPLES, THUMBNAIL_PIXELS = 6, 128
WIDTH, HEIGHT, MARGIN, SAMPLES_WIDTH = 640, 240, 36, 900
GREY, INK, LIGHT = (150, 150, 150), (20, 80, 160), (225, 225, 225)

Metadata = dict[str, Any]
Value = MetadataValue[Any]


def describe(project: Project, stage: Stage, outs: Mapping[str, str]) -> Metadata:
    """Return the metadata of one materialisation of a stage; ``outs`` holds DVC's hash of each out."""
    log = project.build / "log" / f"{stage.name}.json"
    record = read_json(log) if log.is_file() else {}
    metrics = dict(record.get("metrics", {}))
    examples = [str(image_id) for image_id in metrics.pop("examples", [])][:EXAMPLES]
    metadata = describe_models(project, stage)
    if examples:
        metadata["examples"] = _gallery(project, stage, examples)
    if preview := _preview(project.root, stage):
        metadata["first rows"] = preview
    for name, value in metrics.items():
        if value is not None:
            plain = isinstance(value, bool | int | float | str)
            metadata[name] = value if plain else MetadataValue.json(value)
    if "seconds" in record:
        metadata["seconds of work"] = float(record["seconds"])
    metadata["outs"] = show_table(("path", "md5"), outs.items())
    return metadata | dict(_links(project, stage))


def describe_models(project: Project, stage: Stage) -> Metadata:
    """Return what a training, an evaluation, the report or the promotion adds, nothing where it is not there."""
    name, _, item = stage.name.partition("@")
    match name:
        case "checkpoint" | "model":
            return dict(_checkpoint(project, item))
        case "evaluation":
            path = project.evaluation(item) / "figures.json"
            return dict(_headlines(read_figures(path))) if path.is_file() else {}
        case "report":
            return dict(_report(project))
        case "promotion":
            return dict(_champions(project.build / "promotion" / "promotion.json"))
    return {}


def show_table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Value:
    """Return rows of cells as one of Dagster's tables of text."""
    records = [TableRecord(dict(zip(columns, map(str, row), strict=True))) for row in rows]
    return MetadataValue.table(records, TableSchema([TableColumn(name) for name in columns]))


def fenced(text: str, language: str = "") -> Value:
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


def _links(project: Project, stage: Stage) -> Iterator[tuple[str, Value]]:
    log = project.build / "log" / f"{stage.name}.txt"
    if log.is_file():
        yield "log", MetadataValue.path(log)
    if stage.name == "quality" and (docs := project.build / "docs" / "index.html").is_file():
        yield "page of the gate", MetadataValue.url(docs.as_uri())
    if stage.name == "publication":
        record = read_json(project.build / "publication" / "publication.json")
        yield "release", MetadataValue.path(project.root / str(record.get("path", "")))


def _preview(root: Path, stage: Stage) -> Value | None:
    """The first rows of the first Parquet file below the stage's outs."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    for out in stage.outs:
        place = root / out
        files = sorted(place.rglob("*.parquet")) if place.is_dir() else [place] * (place.suffix == ".parquet")
        for path in files[:1]:
            with pq.ParquetFile(path) as file:
                flat = [field.name for field in file.schema_arrow if not pa.types.is_nested(field.type)]
                names = flat[:PREVIEW_COLUMNS]
                batch = next(file.iter_batches(batch_size=PREVIEW_ROWS, columns=names), None)
            rows = batch.to_pylist() if batch is not None else []
            return show_table(names, ([_cell(row[name]) for name in names] for row in rows))
    return None


def _cell(value: object) -> str:
    text = "" if value is None else f"{len(value)} bytes" if isinstance(value, bytes) else str(value)
    return text if len(text) <= CELL_CHARACTERS else f"{text[:CELL_CHARACTERS]}…"


def _gallery(project: Project, stage: Stage, examples: Sequence[str]) -> Value:
    """Example pictures with their captions; a picture that cannot be shown says why."""
    entries: list[str] = []
    for corpus, group in groupby(examples, key=lambda image_id: image_id.split("/", 1)[0]):
        image_ids = list(group)
        try:
            entries.extend(_exhibits(project, stage, corpus, image_ids))
        except Exception as error:
            entries.append(literal(f"{', '.join(image_ids)} cannot be shown: {type(error).__name__}: {error}"))
    return MetadataValue.md("\n\n".join(entries))


def _exhibits(project: Project, stage: Stage, corpus: str, image_ids: Sequence[str]) -> Iterator[str]:
    from PIL import Image

    from sartext.catalogue import find_entry
    from sartext.corpora.images import picture as read_pixels

    entry = find_entry(project, corpus)
    index = _rows_of(project.corpus(corpus) / "index.parquet", image_ids)
    tables = [project.root / out / "captions.parquet" for out in stage.outs]
    captions = {name: row for path in tables if path.is_file() for name, row in _rows_of(path, image_ids).items()}
    for image_id in image_ids:
        words = str(captions[image_id]["caption"]) if image_id in captions else _contents(index[image_id])
        image = Image.fromarray(read_pixels(project.root, index[image_id], entry))
        if (times := THUMBNAIL_PIXELS // max(image.size)) > 1:
            image = image.resize((image.width * times, image.height * times), Image.Resampling.NEAREST)
        image.thumbnail((THUMBNAIL_PIXELS, THUMBNAIL_PIXELS))
        yield f"{picture(_encoded(image, 'PNG', optimize=True), image_id)}\n\n{literal(words)} {literal(image_id)}"


def _rows_of(path: Path, image_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
    import pyarrow.parquet as pq

    rows = pq.read_table(path, filters=[("image_id", "in", list(image_ids))]).to_pylist()
    return {row["image_id"]: row for row in rows}


def _contents(row: Mapping[str, Any]) -> str:
    """What the index knows of an image: its first optical caption, else its objects, else its land cover."""
    if row["captions"]:
        return str(row["captions"][0])
    objects = Counter(str(item["label"]) for item in row["objects"])
    cover = [f"{part['label']} {part['fraction']:.0%}" for part in row["regions"] if part["zone"] == "image"]
    parts = [f"{count} {label}" for label, count in sorted(objects.items())] + cover
    return ", ".join(parts) or "nothing annotated"


def _encoded(image: Any, form: str, **options: Any) -> bytes:  # noqa: ANN401 - Pillow is imported lazily
    stream = BytesIO()
    image.save(stream, format=form, **options)
    return stream.getvalue()


def _checkpoint(project: Project, name: str) -> Iterator[tuple[str, Any]]:
    """What ``training.json`` says, and the record, left out where it is another training's than the cache's."""
    from PIL import Image

    from sartext.tracking.record import record_of
    from sartext.tracking.store import page_of

    path = project.checkpoint(name) / "training.json"
    if not path.is_file():
        return
    training = read_json(path)
    best = dict(training.get("best") or {})
    yield from ((f"validation {key}", value) for key, value in best.items() if key != "step")
    if curve := _curve(training.get("curves") or {}):
        yield "loss", MetadataValue.md(f"training grey, validation blue\n\n{picture(curve, 'loss')}")
    record = record_of(project, name)
    if record is None:
        return
    if (samples := record.files / "samples.png").is_file():
        image = Image.open(samples).convert("RGB")
        image.thumbnail((SAMPLES_WIDTH, image.height))
        # as a JPEG of moderate size: Dagster keeps it in its database
        yield "samples", MetadataValue.md(picture(_encoded(image, "JPEG", quality=80), "samples"))
    for state in record.uploads().values():
        if page := page_of(project, str(state["run_id"]), str(state["experiment_id"])):
            yield "MLflow run", MetadataValue.url(page)
        if "version" in state:
            yield "MLflow model", MetadataValue.text(f"models:/{name}/{state['version']}")


def _curve(curves: Mapping[str, Sequence[Mapping[str, float]]]) -> bytes | None:
    """Draw the losses over the steps; None where there are fewer than two."""
    from PIL import Image, ImageDraw, ImageFont

    series = {
        part: [(row["step"], row["loss"]) for row in curves.get(part, ()) if "loss" in row]
        for part in ("steps", "validations")
    }
    points = [point for part in series.values() for point in part]
    if len(points) < 2:
        return None
    right, top = max(step for step, _ in points), max(loss for _, loss in points)
    sheet = Image.new("RGB", (WIDTH, HEIGHT), (255, 255, 255))
    draw, font = ImageDraw.Draw(sheet), ImageFont.load_default(12)

    def place(step: float, share: float) -> tuple[float, float]:
        return MARGIN + step / right * (WIDTH - 2 * MARGIN), HEIGHT - MARGIN - share * (HEIGHT - 2 * MARGIN)

    for share in (0.0, 0.5, 1.0):
        draw.line((place(0, share), place(right, share)), LIGHT)
        draw.text((4, place(0, share)[1] - 7), f"{share * top:.3g}", GREY, font)
    draw.text((WIDTH - MARGIN - 60, HEIGHT - MARGIN + 8), f"step {right:,.0f}", GREY, font)
    for part, colour in (("steps", GREY), ("validations", INK)):
        placed = [place(step, loss / top if top > 0 else 0.0) for step, loss in series[part]]
        if len(placed) > 1:
            draw.line(placed, colour, 2)
        for across, level in placed if part == "validations" else ():
            draw.ellipse((across - 3, level - 3, across + 3, level + 3), colour)
    return _encoded(sheet, "PNG")


def _report(project: Project) -> Iterator[tuple[str, Any]]:
    folder = project.build / "report"
    if (folder / "report.json").is_file():
        yield "page", MetadataValue.url((folder / "index.html").as_uri())
        if (runs := project.build / "log" / "runs.html").is_file():
            yield "runs behind it", MetadataValue.url(runs.as_uri())
        yield from _headlines([Figure(**figure) for figure in read_json(folder / "report.json")["figures"]])


def _headlines(figures: Iterable[Figure]) -> Iterator[tuple[str, Any]]:
    """A number per headline figure, of the same name at every materialisation, and all of them as a table.

    The benchmark is named where a task has several.
    """
    whole = (figure for figure in figures if figure.subset in {EVERYTHING, REMOVED})
    single = (figure for figure in whole if " minus " not in figure.variant and " over " not in figure.variant)
    shown = [figure for figure in single if (figure.task, figure.metric) in HEADLINES]
    for figure in shown:
        if figure.value is not None:
            several = len({other.benchmark for other in shown if other.task == figure.task}) > 1
            place = f" on {figure.benchmark}" if several else ""
            yield f"{figure.task} {figure.metric} of {figure.variant}{place}", float(figure.value)
    if shown:
        columns = ("figure", "variant", "benchmark", "value", "95 % interval", "n")
        yield "figures", show_table(columns, map(_cells, shown))


def _cells(figure: Figure) -> tuple[object, ...]:
    value = figure.reason if figure.value is None else f"{figure.value:.4g}"
    bounded = figure.low is not None and figure.high is not None
    interval = f"{figure.low:.4g} to {figure.high:.4g}" if bounded else ""
    return f"{figure.task} {figure.metric}", figure.variant, figure.benchmark, value, interval, figure.n


def _champions(path: Path) -> Iterator[tuple[str, Value]]:
    """What became of the version of each model."""
    if path.is_file() and (decisions := read_json(path)["decisions"]):
        fields = ("model", "outcome", "version", "champion")
        rows = ([*(row[field] or "" for field in fields), "; ".join(row["reasons"])] for row in decisions)
        yield "champions", show_table((*fields, "why"), rows)

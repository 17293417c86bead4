"""What a person sees of trained models, evaluations and the report in Dagster: figures, curves, pages."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from io import BytesIO
from typing import Any

from dagster import MetadataValue

from orchestration.graph import Stage
from orchestration.metadata import Metadata, picture, show_table
from sartext.config import Project
from sartext.evaluation.figures import EVERYTHING, Figure, read_figures
from sartext.files import read_json, sha256_file

HEADLINES: dict[str, Sequence[str]] = {
    "retrieval": ("one_positive.mean_recall", "duplicate_aware.mean_recall"),
    "captioning": ("bleu_4", "cider_d", "fact_precision", "fact_recall"),
    "vqa": ("aa", "oa"),
    "foils": ("mean_accuracy",),
    "physics": ("caption_changed_beyond_speckle",),
}
"""The figures that Dagster draws over time, by task; all others are in ``report.json``."""

REMOVED = "removed"

WIDTH, HEIGHT, MARGIN = 640, 240, 36
GREY, INK, LIGHT = (150, 150, 150), (20, 80, 160), (225, 225, 225)
SAMPLES_WIDTH = 900


def describe_models(project: Project, stage: Stage) -> Metadata:
    """Return what a training, an evaluation, the report or the promotion adds to its metadata, else nothing."""
    name, _, item = stage.name.partition("@")
    if name in {"checkpoint", "model"}:
        return describe_checkpoint(project, item)
    if name == "evaluation":
        return describe_evaluation(project, item)
    if name == "promotion":
        return describe_promotion(project)
    return describe_report(project) if name == "report" else {}


def describe_checkpoint(project: Project, name: str) -> Metadata:
    """Return the metadata of a checkpoint: from its ``training.json`` and from the record of its training.

    The record is left out where it is another training's: the model came from DVC's cache.
    """
    path = project.checkpoint(name) / "training.json"
    if not path.is_file():
        return {}
    training = read_json(path)
    best = dict(training.get("best") or {})
    metadata: Metadata = {f"validation {key}": value for key, value in best.items() if key != "step"}
    if curve := _curve(training.get("curves") or {}):
        metadata["loss"] = MetadataValue.md(f"training grey, validation blue\n\n{picture(curve, 'loss')}")
    return {**metadata, **dict(_tracked(project, name, sha256_file(path)))}


def _tracked(project: Project, name: str, digest: str) -> Iterator[tuple[str, MetadataValue[Any]]]:
    from sartext.tracking.record import latest
    from sartext.tracking.store import page_of

    record = latest(project, name)
    if record is None or not (copy := record.files / "training.json").is_file() or sha256_file(copy) != digest:
        return
    if (samples := record.files / "samples.png").is_file():
        yield "samples", MetadataValue.md(picture(_smaller(samples.read_bytes()), "samples"))
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
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(12)

    def place(step: float, loss: float) -> tuple[float, float]:
        share = loss / top if top > 0 else 0.0
        return MARGIN + step / right * (WIDTH - 2 * MARGIN), HEIGHT - MARGIN - share * (HEIGHT - 2 * MARGIN)

    for share in (0.0, 0.5, 1.0):
        level = HEIGHT - MARGIN - share * (HEIGHT - 2 * MARGIN)
        draw.line((MARGIN, level, WIDTH - MARGIN, level), LIGHT)
        draw.text((4, level - 7), f"{share * top:.3g}", GREY, font)
    draw.text((WIDTH - MARGIN - 60, HEIGHT - MARGIN + 8), f"step {right:,.0f}", GREY, font)
    for part, colour in (("steps", GREY), ("validations", INK)):
        placed = [place(step, loss) for step, loss in series[part]]
        if len(placed) > 1:
            draw.line(placed, colour, 2)
        for across, level in placed if part == "validations" else ():
            draw.ellipse((across - 3, level - 3, across + 3, level + 3), colour)
    stream = BytesIO()
    sheet.save(stream, format="PNG")
    return stream.getvalue()


def _smaller(content: bytes) -> bytes:
    """A picture as a JPEG of moderate size: Dagster keeps it in its database."""
    from PIL import Image

    image = Image.open(BytesIO(content)).convert("RGB")
    if image.width > SAMPLES_WIDTH:
        image = image.resize((SAMPLES_WIDTH, round(image.height * SAMPLES_WIDTH / image.width)))
    stream = BytesIO()
    image.save(stream, format="JPEG", quality=80)
    return stream.getvalue()


def describe_evaluation(project: Project, task: str) -> Metadata:
    """Return the metadata of ``evaluation@<task>``: a number per headline figure, and all of them as a table.

    Numbers have the same name at every materialisation, so Dagster draws them over time.
    """
    path = project.build / "evaluation" / task / "figures.json"
    return _headlines(read_figures(path)) if path.is_file() else {}


def describe_report(project: Project) -> Metadata:
    """Return the metadata of ``report``: the page and every headline figure."""
    folder = project.build / "report"
    if not (folder / "report.json").is_file():
        return {}
    metadata: Metadata = {"page": MetadataValue.url((folder / "index.html").as_uri())}
    if (runs := project.build / "log" / "runs.html").is_file():
        metadata["runs behind it"] = MetadataValue.url(runs.as_uri())
    figures = (Figure(**figure) for figure in read_json(folder / "report.json")["figures"])
    return {**metadata, **_headlines(figures)}


def _headlines(figures: Iterable[Figure]) -> Metadata:
    headlines = [figure for figure in figures if _is_headline(figure)]
    if not headlines:
        return {}
    columns = ("figure", "variant", "benchmark", "value", "95 % interval", "n")
    return {**dict(_numbers(headlines)), "figures": show_table(columns, map(_cells, headlines))}


def _is_headline(figure: Figure) -> bool:
    single = " minus " not in figure.variant and " over " not in figure.variant
    return single and figure.subset in {EVERYTHING, REMOVED} and figure.metric in HEADLINES.get(figure.task, ())


def _numbers(figures: Sequence[Figure]) -> Iterator[tuple[str, float]]:
    """The figures with a value; the benchmark is named where a task has several."""
    for figure in figures:
        if figure.value is not None:
            several = len({other.benchmark for other in figures if other.task == figure.task}) > 1
            place = f" on {figure.benchmark}" if several else ""
            yield f"{figure.task} {figure.metric} of {figure.variant}{place}", float(figure.value)


def _cells(figure: Figure) -> tuple[object, ...]:
    value = figure.reason if figure.value is None else f"{figure.value:.4g}"
    bounded = figure.low is not None and figure.high is not None
    interval = f"{figure.low:.4g} to {figure.high:.4g}" if bounded else ""
    return f"{figure.task} {figure.metric}", figure.variant, figure.benchmark, value, interval, figure.n


def describe_promotion(project: Project) -> Metadata:
    """Return the metadata of ``promotion``: what became of the version of each model."""
    path = project.build / "promotion" / "promotion.json"
    decisions = read_json(path)["decisions"] if path.is_file() else ()
    if not decisions:
        return {}
    columns = ("model", "outcome", "version", "champion", "why")
    rows = (
        (row["model"], row["outcome"], row["version"] or "", row["champion"] or "", "; ".join(row["reasons"]))
        for row in decisions
    )
    return {"champions": show_table(columns, rows)}

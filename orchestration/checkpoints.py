"""What a person sees of a trained model in Dagster: its figures, its curve, its samples, its run in MLflow."""

import base64
from collections.abc import Iterator, Mapping, Sequence
from io import BytesIO
from typing import Any

from dagster import MetadataValue

from sartext.config import Project
from sartext.files import read_json, sha256_file

TRAINED = ("checkpoint@", "model@")
"""Stages that train a model."""

WIDTH, HEIGHT, MARGIN = 640, 240, 36
GREY, INK, LIGHT = (150, 150, 150), (20, 80, 160), (225, 225, 225)
SAMPLES_WIDTH = 900

Metadata = dict[str, Any]


def describe_checkpoint(project: Project, name: str) -> Metadata:
    """Return the metadata of a checkpoint: from its ``training.json`` and from the record of its training.

    The record is left out where it is another training's: the model came from DVC's cache.
    """
    path = project.checkpoint(name) / "training.json"
    if not path.is_file():
        return {}
    told = read_json(path)
    best = dict(told.get("best") or {})
    found: Metadata = {f"validation {key}": value for key, value in best.items() if key != "step"}
    if curve := _curve(told.get("curves") or {}):
        found["loss"] = MetadataValue.md(f"training grey, validation blue\n\n![loss]({_address(curve)})")
    return {**found, **dict(_recorded(project, name, sha256_file(path)))}


def _recorded(project: Project, name: str, digest: str) -> Iterator[tuple[str, MetadataValue[Any]]]:
    from sartext.tracking.record import latest
    from sartext.tracking.store import page_of

    record = latest(project, name)
    if record is None or not (kept := record.files / "training.json").is_file() or sha256_file(kept) != digest:
        return
    if (samples := record.files / "samples.png").is_file():
        yield "samples", MetadataValue.md(f"![samples]({_address(_smaller(samples.read_bytes()))})")
    for state in record.uploads().values():
        if page := page_of(project, str(state["run_id"]), str(state["experiment_id"])):
            yield "MLflow run", MetadataValue.url(page)
        if "version" in state:
            yield "MLflow model", MetadataValue.text(f"models:/{name}/{state['version']}")


def _curve(curves: Mapping[str, Sequence[Mapping[str, float]]]) -> bytes | None:
    """Draw the losses over the steps; None where there are fewer than two."""
    from PIL import Image, ImageDraw, ImageFont

    series = {
        part: [(one["step"], one["loss"]) for one in curves.get(part, ()) if "loss" in one]
        for part in ("steps", "validations")
    }
    every = [point for points in series.values() for point in points]
    if len(every) < 2:
        return None
    right, top = max(step for step, _ in every), max(loss for _, loss in every)
    sheet = Image.new("RGB", (WIDTH, HEIGHT), (255, 255, 255))
    draw = ImageDraw.Draw(sheet)
    font = ImageFont.load_default(12)
    for share in (0.0, 0.5, 1.0):
        level = HEIGHT - MARGIN - share * (HEIGHT - 2 * MARGIN)
        draw.line((MARGIN, level, WIDTH - MARGIN, level), LIGHT)
        draw.text((4, level - 7), f"{share * top:.3g}", GREY, font)
    draw.text((WIDTH - MARGIN - 60, HEIGHT - MARGIN + 8), f"step {right:,.0f}", GREY, font)
    for points, colour in ((series["steps"], GREY), (series["validations"], INK)):
        placed = [
            (
                MARGIN + step / right * (WIDTH - 2 * MARGIN),
                HEIGHT - MARGIN - loss / top * (HEIGHT - 2 * MARGIN) if top > 0 else HEIGHT - MARGIN,
            )
            for step, loss in points
        ]
        if len(placed) > 1:
            draw.line(placed, colour, 2)
        if colour is INK:
            for across, level in placed:
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


def _address(content: bytes) -> str:
    kind = "png" if content.startswith(b"\x89PNG") else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(content).decode('ascii')}"

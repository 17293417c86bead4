"""What speaks for a caption, as a picture: what the grounder sees, and each statement with its score."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from sartext.captioner.calibrated import read_calibration
from sartext.captioner.corpus import index_rows, pictures_of
from sartext.captioner.narrator import load_project_grounder
from sartext.captioner.proof import Proof
from sartext.catalogue.loading import find_entry
from sartext.config import Project
from sartext.errors import ArtefactError
from sartext.files import atomic_path
from sartext.models.grounder.evidence import MapModel
from sartext.models.grounder.maps import IMAGE, Grounding, Peak, ground
from sartext.models.squashing import Pixels, squash
from sartext.narrator.annotated import STUFF_FRACTION
from sartext.narrator.statements import OBJECT_CLASS, Statement
from sartext.release.candidate import caption_folders
from sartext.tables import CAPTIONS, read_rows

if TYPE_CHECKING:
    from PIL.ImageFont import FreeTypeFont

UNPROVEN = "No statement reaches its threshold: no caption."
NO_CAPTION = "No caption."

PANEL, MARGIN, LINE = 384, 16, 20
"""Pixels: side of a picture, space around, height of a line of words."""

LIKELY = 0.5
"""Probability that a peak stands for an object from which on it has a box."""

COVERED = 0.5
"""Weight of a colour of land cover over the picture."""

COLOURS = (
    *((86, 180, 233), (0, 158, 115), (230, 159, 0), (240, 228, 66)),
    *((0, 114, 178), (213, 94, 0), (204, 121, 167), (150, 150, 150)),
)
"""Told apart by the colour-blind too (Okabe and Ito 2008)."""

INK, PALE, PAPER = (20, 20, 20), (110, 110, 110), (255, 255, 255)

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Explained:
    """A picture (uint8), what the grounder sees in it, its caption and what proved it.

    ``unlike`` names the figures in which it is unlike the training pictures.
    """

    picture: Pixels
    grounding: Grounding
    caption: str
    proofs: Sequence[Proof]
    unlike: Sequence[str] = ()


def save_explanation(path: Path, explained: Explained, maps: MapModel) -> None:
    """Write the explanation of a caption as a PNG: boxes at the left, land cover at the right, words below."""
    with atomic_path(path) as temporary:
        draw_explanation(explained, maps).save(temporary, "PNG")


def save_story_map(project: Project, image_id: str, path: Path) -> None:
    """Write the explanation of an image of a corpus: what the project's grounder sees, and its caption and proof.

    Raises:
        ArtefactError: index, grounder or thresholds are missing or damaged, the image is quarantined, optical or
            gone, or its caption was proven by another grounder.
        ModelError: the grounder cannot be loaded.
    """
    corpus = image_id.partition("/")[0]
    row = next((row for row in index_rows(project, corpus) if row["image_id"] == image_id), None)
    if row is None or row["modality"] != "sar":
        what = "quarantined" if row is None else "optical"
        raise ArtefactError(f"the image is {what}: nothing to ground", where=image_id, way_out="leave out --map")
    grounder = load_project_grounder(project)
    calibration = read_calibration(project.calibration, grounder=grounder.sha256)
    (picture,) = pictures_of(project, find_entry(project, corpus), [row], "picture")
    (grounding,) = ground(grounder, [squash(picture, grounder.config.side)])
    tables = [folder / "captions.parquet" for folder in caption_folders(project, corpus).values()]
    captions = [each for table in tables if table.is_file() for each in read_rows(table, CAPTIONS)]
    caption = next((each for each in captions if each["image_id"] == image_id), None)
    record = json.loads(caption["proof"]) if caption and caption["proof"] else {"statements": []}
    if record.get("grounder_sha256", grounder.sha256) != grounder.sha256:
        way_out = f"run `sartext narrate {corpus}` again"
        raise ArtefactError("its caption was proven by another grounder", where=image_id, way_out=way_out)
    proofs = [
        Proof(Statement(each["kind"], each["label"], each["value"]), each["score"], each["by"])
        for each in record["statements"]
    ]
    unlike = calibration.domain.unlike(squash(picture, calibration.domain.side))
    text = caption["caption"] if caption else NO_CAPTION
    save_explanation(path, Explained(picture, grounding, text, proofs, unlike), calibration.maps)


def draw_explanation(explained: Explained, maps: MapModel) -> Image.Image:
    """Return the explanation of a caption as an RGB image."""
    lines = list(_lines(explained))
    legend = max(1, len(_covers(explained.grounding)), len(_boxes(explained.grounding, maps)))
    width = 2 * PANEL + 3 * MARGIN
    words = [(text, ink, size) for text, ink, size in lines for text in _wrapped(text, size, width - 2 * MARGIN)]
    below = MARGIN + LINE + PANEL + MARGIN // 2
    page = Image.new("RGB", (width, below + (legend + len(words) + 1) * LINE + MARGIN), PAPER)
    _objects(page, (MARGIN, MARGIN), explained, maps)
    _land_cover(page, (PANEL + 2 * MARGIN, MARGIN), explained)
    draw, top = ImageDraw.Draw(page), below + legend * LINE + LINE // 2
    for place, (text, ink, size) in enumerate(words):
        draw.text((MARGIN, top + place * LINE), text, ink, _font(size))
    return page


def _lines(explained: Explained) -> Iterator[tuple[str, Colour, int]]:
    yield explained.caption or UNPROVEN, INK, 17
    yield "", PALE, 14
    for proof in explained.proofs:
        yield f"{proof.score:.2f}  {proof.statement.kind}: {proof.statement.words} (by {proof.by})", PALE, 14
    if explained.unlike:
        yield f"Unlike the pictures that the narrator was taught: {', '.join(explained.unlike)}.", COLOURS[5], 14


def _objects(page: Image.Image, place: tuple[int, int], explained: Explained, maps: MapModel) -> None:
    boxes = _boxes(explained.grounding, maps)
    panel = _shown(explained.picture, explained.grounding.side)
    draw, scale = ImageDraw.Draw(panel), PANEL / explained.grounding.side
    colours = _colours(
        sorted({*maps.peaks, *boxes})
    )  # those of the classes that it was fitted on, in every picture
    for label, peaks in boxes.items():
        for peak in peaks:
            left, top = ((at - extent / 2) * scale for at, extent in ((peak.x, peak.width), (peak.y, peak.height)))
            box = (left, top, left + peak.width * scale, top + peak.height * scale)
            draw.rectangle(box, outline=colours[label], width=2)
            centre = (peak.x * scale - 2, peak.y * scale - 2, peak.x * scale + 2, peak.y * scale + 2)
            draw.ellipse(centre, fill=colours[label])
    entries = {f"{label}: {len(peaks)}, {_heights(peaks)}": colours[label] for label, peaks in boxes.items()}
    title = "objects, with the heights of their peaks" if boxes else "no object is seen"
    _panel(page, place, panel, title, entries)


def _heights(peaks: Sequence[Peak]) -> str:
    shown = " ".join(f"{peak.score:.2f}" for peak in peaks[:6])
    return f"{shown} …" if len(peaks) > 6 else shown


def _land_cover(page: Image.Image, place: tuple[int, int], explained: Explained) -> None:
    grounding = explained.grounding
    panel = np.asarray(_shown(explained.picture, grounding.side), dtype=np.float32)
    covers, likeliest = _covers(grounding), grounding.cover.argmax(axis=0)
    colours = _colours(grounding.stuff)
    table = np.array([*colours.values(), PAPER], dtype=np.uint8)
    named = likeliest < len(grounding.stuff)
    painted, weight = (
        np.asarray(Image.fromarray(layer).resize((PANEL, PANEL), Image.Resampling.NEAREST), dtype=np.float32)
        for layer in (table[likeliest], np.where(named, np.uint8(255), np.uint8(0)))
    )
    share = weight[:, :, None] / 255 * COVERED
    shown = Image.fromarray((panel * (1 - share) + painted * share).astype(np.uint8))
    entries = {f"{label}: {part:.0%}": colours[label] for label, part in covers.items()}
    _panel(page, place, shown, "land cover, with its share" if covers else "no land cover is seen", entries)


def _panel(
    page: Image.Image, place: tuple[int, int], panel: Image.Image, title: str, entries: Mapping[str, Colour]
) -> None:
    """Put a panel with its title above and its legend below."""
    left, top = place
    draw = ImageDraw.Draw(page)
    draw.text((left, top), title, PALE, _font(14))
    page.paste(panel, (left, top + LINE))
    for number, (entry, colour) in enumerate(entries.items()):
        line = top + LINE + PANEL + MARGIN // 2 + number * LINE
        draw.rectangle((left, line + 3, left + 11, line + 14), fill=colour)
        draw.text((left + 18, line), entry, INK, _font(14))


def _shown(picture: Pixels, side: int) -> Image.Image:
    """The picture as the model sees it, enlarged."""
    return Image.fromarray(squash(picture, side)).resize((PANEL, PANEL), Image.Resampling.NEAREST)


def _boxes(grounding: Grounding, maps: MapModel) -> Mapping[str, list[Peak]]:
    """The peaks that are objects more likely than not, by class."""
    boxes: dict[str, list[Peak]] = {}
    for peak in grounding.peaks:
        alone = replace(grounding, peaks=(peak,))
        if maps.probability(Statement(OBJECT_CLASS, peak.label), alone) >= LIKELY:
            boxes.setdefault(peak.label, []).append(peak)
    return boxes


def _covers(grounding: Grounding) -> Mapping[str, float]:
    """The share of each class of land cover that is seen, the largest first."""
    shares = {label: grounding.shares[label][IMAGE] for label in grounding.stuff}
    seen = {label: share for label, share in shares.items() if share >= STUFF_FRACTION}
    return dict(sorted(seen.items(), key=lambda item: -item[1]))


def _colours(labels: Sequence[str]) -> Mapping[str, Colour]:
    return {label: COLOURS[place % len(COLOURS)] for place, label in enumerate(labels)}


@cache
def _font(size: int) -> "ImageFont.ImageFont | FreeTypeFont":
    """Pillow's own font: no file of the machine decides what is drawn."""
    return ImageFont.load_default(size)


def _wrapped(text: str, size: int, width: int) -> Iterator[str]:
    line = ""
    for word in text.split(" "):
        longer = f"{line} {word}" if line else word
        if line and _font(size).getlength(longer) > width:
            yield line
            line = word
        else:
            line = longer
    yield line

"""One image of an embedded corpus: its files and its annotation, from its number alone."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from sartext.config import SimulationParameters
from sartext.errors import SimulationError
from sartext.simulation import radar
from sartext.simulation.backscatter import decibel
from sartext.simulation.composition import PATCHES, PLACES, Shot, generator, shoot
from sartext.simulation.encoding import geotiff, png
from sartext.simulation.grammar import optical_captions
from sartext.simulation.optical import render
from sartext.simulation.truth import Cover, Scene, on_pixels

Colour = tuple[int, int, int]

LEGEND: Final[dict[str, Colour]] = {
    "no data": (0, 0, 0),
    "water": (0, 0, 255),
    "forest": (0, 100, 0),
    "crops": (255, 255, 0),
    "bare soil": (160, 110, 60),
    "built-up": (255, 0, 0),
    "road": (90, 90, 90),
    "ship": (255, 255, 255),
}
"""Colours of the masks of `sim-landcover`."""

COVER_LABELS: Final = dict(zip(Cover, ("water", "forest", "crops", "bare soil", "built-up", "road"), strict=False))

NODATA: Final = -9999.0
FLOOR_DB: Final = -50.0
EPSG: Final = 32633
"""UTM zone 33 north; the places are invented."""

PIXEL_METRES: Final = 10.0
BLURRED: Final = 0.06
"""Share of the masks without objects whose colours are blended at the borders."""

SWATH_EDGES: Final = 0.16
"""Share of the other images without objects that a swath's edge cuts."""

SEASONS: Final = ("spring", "summer", "fall", "winter")


@dataclass(frozen=True)
class Task:
    """One image to make; another ``look`` is the same scene, seen by the same radar with other speckle."""

    corpus: str
    number: int
    parameters: SimulationParameters
    look: int = 0

    def rng(self, stream: str) -> np.random.Generator:
        """Return the generator of a stream of the image; the speckle alone depends on the look."""
        look = self.look if stream == "radar" else 0
        return generator(self.parameters.seed, self.corpus, self.number, stream, look)


@dataclass(frozen=True)
class Rendered:
    """The files of one image by path below the corpus's folder, and what its annotation says."""

    corpus: str
    number: int
    files: dict[str, bytes]
    record: dict[str, Any]


def render_image(task: Task) -> Rendered:
    """Make the files of one image; equal tasks give equal bytes in every process."""
    shot = shoot(task.corpus, task.number, task.parameters)
    files, record = _RENDERERS[task.corpus](task, shot)
    return Rendered(task.corpus, task.number, files, record)


def sar_file(task: Task) -> bytes:
    """Make the file of an image's SAR picture alone; look 0 is the one that the corpus holds."""
    shot = shoot(task.corpus, task.number, task.parameters)
    if task.corpus == "sim-landcover":
        files, _ = _render_landcover(task, shot)
        return next(content for path, content in files.items() if path.endswith(".tif"))
    return _display(task, shot)


def number_of(corpus: str, path: str) -> int:
    """Return the number of the image that a file of an embedded corpus holds, from the file's name.

    Raises:
        SimulationError: no image of the corpus is called so.
    """
    name = PurePosixPath(path).stem
    if corpus == "sim-pairs":
        match = re.fullmatch(r"ROIsim_[a-z]+_s[12]_([1-9]\d*)_p([1-9])", name)
        if match and int(match[2]) <= PATCHES:
            return (int(match[1]) - 1) * PATCHES + int(match[2]) - 1
    elif (match := re.fullmatch(r"(?:tile_)?0*([1-9]\d*)", name)) is not None:
        return int(match[1]) - 1
    raise SimulationError(
        "no image of the embedded corpus has such a name",
        where=path,
        way_out="run `sartext simulate`, or set shards.looks to 1",
    )


def _stem(number: int) -> str:
    return f"{number + 1:06d}"


def _pair_name(task: Task, band: str) -> str:
    """The name of a half of a pair: season, s1 or s2, place and patch."""
    place, patch = divmod(task.number, PATCHES)
    season = generator(task.parameters.seed, task.corpus, PLACES + place, "writing").integers(len(SEASONS))
    return f"ROIsim_{SEASONS[int(season)]}_{band}_{place + 1}_p{patch + 1}"


def _display(task: Task, shot: Shot) -> bytes:
    return png(radar.display(radar.form_image(shot.scene, shot.acquisition, ("VV",), task.rng("radar"))[0]))


def _objects(shot: Shot) -> list[dict[str, Any]]:
    """Label and box of each object as the radar shows it."""
    return [
        {"label": thing.label, "box": list(radar.radar_box(shot.scene, index, shot.acquisition))}
        for index, thing in enumerate(shot.scene.things)
    ]


def _render_objects(task: Task, shot: Shot) -> tuple[dict[str, bytes], dict[str, Any]]:
    name = _stem(task.number)
    folder = "JPEGImages" if task.corpus == "sim-ships" else "images"
    return {f"{folder}/{name}.png": _display(task, shot)}, {"name": name, "objects": _objects(shot)}


def _render_landcover(task: Task, shot: Shot) -> tuple[dict[str, bytes], dict[str, Any]]:
    size = task.parameters.size
    intensity = radar.form_image(shot.scene, shot.acquisition, ("VV", "VH"), task.rng("radar"))
    level = decibel(np.maximum(intensity, 1e-12))
    hundredths = np.round(np.round(np.maximum(level, FLOOR_DB), 6), 2).astype(np.float32)
    mask = _palette_mask(shot.scene)
    if not shot.scene.things:  # a ship cut at an edge, or blurred, would be a ship that no caption counts
        marks = task.rng("writing")
        if marks.uniform() < BLURRED:
            mask = _anti_aliased(mask)
        elif marks.uniform() < SWATH_EDGES:
            missing = _swath_edge(size, marks)
            hundredths[:, missing] = NODATA
            mask[missing] = LEGEND["no data"]
    name = f"tile_{task.number + 1:04d}"
    corner = (500_000.0 + PIXEL_METRES * size * (task.number % 20), 5_000_000.0 - 7.0 * size * task.number)
    raster = geotiff(hundredths, corner, PIXEL_METRES, EPSG, NODATA)
    return {f"S1/{name}.tif": raster, f"masks/{name}.png": png(mask)}, {"name": name}


def _palette_mask(scene: Scene) -> NDArray[np.uint8]:
    palette = np.array([LEGEND[label] for label in COVER_LABELS.values()], dtype=np.uint8)
    mask = palette[scene.land_cover()]
    ships = [index for index, thing in enumerate(scene.things, start=1) if thing.label == "ship"]
    mask[np.isin(on_pixels(scene.owner, scene.size), ships)] = LEGEND["ship"]
    return np.asarray(mask)


def _swath_edge(size: int, rng: np.random.Generator) -> NDArray[np.bool_]:
    """Pixels beyond the edge of the swath: a slanted wedge on one side."""
    rows, columns = np.indices((size, size))
    edge = rng.uniform(0.06, 0.22) * size + rng.uniform(-0.12, 0.12) * (rows - size / 2)
    return np.asarray(columns < edge if rng.uniform() < 0.5 else size - 1 - columns < edge)


def _anti_aliased(mask: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Blend the colours where two classes meet: the quirk of masks that were resized as pictures."""
    right = np.roll(mask, -1, axis=1)
    right[:, -1] = mask[:, -1]
    return ((mask.astype(np.uint16) + right) // 2).astype(np.uint8)


def _render_pairs(task: Task, shot: Shot) -> tuple[dict[str, bytes], dict[str, Any]]:
    sar, eye = _pair_name(task, "s1"), _pair_name(task, "s2")
    files = {f"s1/{sar}.png": _display(task, shot), f"s2/{eye}.png": _picture(task, shot)}
    captions = optical_captions(shot.scene, shot.sky, task.rng("captions")) if task.number % 2 == 0 else []
    return files, {"name": f"{eye}.png", "captions": captions, "sar": f"{sar}.png", "truth": _truth(shot)}


def _picture(task: Task, shot: Shot) -> bytes:
    return png(render(shot.scene, shot.sky, task.rng("optical")))


def _render_optical(task: Task, shot: Shot) -> tuple[dict[str, bytes], dict[str, Any]]:
    name = f"{_stem(task.number)}.png"
    captions = optical_captions(shot.scene, shot.sky, task.rng("captions"))
    return {f"images/{name}": _picture(task, shot)}, {"name": name, "captions": captions}


def _render_unlabelled(task: Task, shot: Shot) -> tuple[dict[str, bytes], dict[str, Any]]:
    name = f"{_stem(task.number)}.png"
    return {f"images/{name}": _display(task, shot)}, {"name": name, "truth": _truth(shot)}


def _truth(shot: Shot) -> dict[str, Any]:
    """What a SAR image shows, kept aside from its annotation."""
    shares = {COVER_LABELS[cover]: round(share, 4) for cover, share in shot.scene.shares().items() if share > 0}
    return {
        "theme": shot.scene.theme,
        "looks": shot.acquisition.looks,
        "radar": shot.acquisition.direction,
        "objects": _objects(shot),
        "cover": shares,
    }


_RENDERERS: Final[dict[str, Callable[[Task, Shot], tuple[dict[str, bytes], dict[str, Any]]]]] = {
    "sim-ships": _render_objects,
    "sim-objects": _render_objects,
    "sim-landcover": _render_landcover,
    "sim-pairs": _render_pairs,
    "sim-optical": _render_optical,
    "sim-unlabelled": _render_unlabelled,
}

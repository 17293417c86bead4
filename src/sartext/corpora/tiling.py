"""Scenes cut into tiles, window by window, with their annotations: a scene need not fit into memory.

A tile keeps the values, bands and georeference of its scene; a scene without georeference is cut all the same.
Boxes are clipped; one of which too little is visible in a tile is left out there, and counted. All tiles of a
scene are one place, so that no object stands in two splits, even one that lies across a border.
"""

import json
import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import yaml

from sartext.catalogue.entry import Entry
from sartext.corpora.annotations import match_annotations
from sartext.corpora.formats import FORMATS
from sartext.corpora.images import JPEG_MARK, PNG_MARK, TIFF_MARKS
from sartext.corpora.listing import image_ids, matching_files
from sartext.corpora.quarantine import Unusable
from sartext.corpora.reading import RawBox, Source
from sartext.errors import CorpusError
from sartext.files import atomic_folder, write_text
from sartext.progress import track

if TYPE_CHECKING:
    from rasterio.io import DatasetReader

DRIVERS = {**dict.fromkeys(TIFF_MARKS, "GTiff"), PNG_MARK: "PNG", JPEG_MARK: "JPEG"}
"""How files of scenes start, and what GDAL reads them with."""

CACHE_MB = 64
"""Memory in MB that GDAL may keep of what it has read."""


@dataclass(frozen=True)
class Tiling:
    """How scenes are cut: the side of a tile and the overlap of neighbours in pixels, and the least visible share
    of a box that stays in a tile."""

    side: int = 512
    overlap: int = 0
    visible: float = 0.5


@dataclass
class Cut:
    """What became of the scenes: counts, and the COCO lists of the tiles."""

    images: list[dict[str, Any]] = field(default_factory=list)
    boxes: list[dict[str, Any]] = field(default_factory=list)
    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(
            ("scenes", "tiles", "blank_tiles", "boxes", "boxes_hardly_visible", "scenes_without_georeference"), 0
        )
    )


def tile_scenes(folder: Path, entry: Entry, target: Path, tiling: Tiling) -> dict[str, int]:
    """Cut the scenes of a corpus into a new folder: images, annotations and a catalogue file; return counts.

    Raises:
        CorpusError: no scene, the folder is there already, annotations other than boxes or masks, or a scene or an
            annotation that cannot be read: nothing is written then.
    """
    paths = matching_files(folder, entry.images)
    if not paths:
        raise CorpusError(f"no scene matches {', '.join(entry.images)}", where=folder, way_out="correct `images`")
    if target.exists():
        raise CorpusError("the folder is there already", where=target, way_out="name a new one")
    made = FORMATS[entry.annotations.format].makes if entry.annotations else ""
    if made not in {"", "boxes", "masks"}:
        raise CorpusError(f"{made} cannot be cut with a scene", where=entry.name, way_out="take out `annotations`")
    cut, names = Cut(), image_ids(entry.name, paths)
    with atomic_folder(target) as out:
        for path in track(paths, "cutting scenes", len(paths)):
            boxes, mask = _annotation(folder, entry, path, made)
            images = out / "images" / names[path].rpartition("/")[2]
            _cut_scene(folder, path, images, tiling, cut, boxes=boxes, mask=mask)
        if made == "boxes":
            write_text(out / "annotations.json", json.dumps(_coco(entry, cut), indent=1) + "\n")
        described = _catalogue(entry, target.name, made)
        write_text(out / f"{target.name}.yaml", yaml.safe_dump(described, sort_keys=False))
    return cut.counts


def _annotation(folder: Path, entry: Entry, path: str, made: str) -> tuple[tuple[RawBox, ...], str | None]:
    """The boxes of a scene, and the path of its mask."""
    if entry.annotations is None:
        return (), None
    matches = match_annotations(folder, entry, entry.annotations, [path])
    if problem := matches.problems.get(path):
        raise CorpusError(str(problem), where=folder / path, way_out="repair the annotation")
    file = matches.files.get(path)
    if made == "masks":
        return (), file
    if file is None:
        record = matches.records.get(path)
        return (record.boxes if record else ()), None
    try:
        (record,) = FORMATS[entry.annotations.format].read(Source(folder, file, entry))
    except (Unusable, ValueError) as error:
        raise CorpusError(str(error), where=folder / file, way_out="repair the annotation") from error
    return record.boxes, None


def _cut_scene(
    folder: Path, path: str, images: Path, tiling: Tiling, cut: Cut, *, boxes: tuple[RawBox, ...], mask: str | None
) -> None:
    import rasterio  # takes long to load
    from rasterio.errors import NotGeoreferencedWarning, RasterioError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", NotGeoreferencedWarning)
            with (
                rasterio.Env(GDAL_CACHEMAX=CACHE_MB, GDAL_NUM_THREADS=1),
                _opened(folder / path) as scene,
            ):
                cut.counts["scenes"] += 1
                cut.counts["scenes_without_georeference"] += scene.crs is None
                for x, y, width, height in _windows(scene.width, scene.height, tiling):
                    tile = images.with_name(f"{images.name}_{x}_{y}.tif")
                    if not _write_window(scene, tile, (x, y, width, height), skip_blank=True):
                        cut.counts["blank_tiles"] += 1
                        continue
                    cut.counts["tiles"] += 1
                    _add_boxes(cut, tile.name, (x, y, width, height), boxes, tiling.visible)
                    if mask is not None:
                        with _opened(folder / mask) as classes:
                            _write_window(
                                classes,
                                images.parents[1] / "masks" / tile.name,
                                (x, y, width, height),
                                skip_blank=False,
                            )
    except RasterioError as error:
        what = f"the scene cannot be read ({error})"
        raise CorpusError(what, where=folder / path, way_out="repair it, or take it out") from error


def _opened(path: Path) -> "DatasetReader":
    """Open a raster for reading by windows.

    Raises:
        CorpusError: it is neither TIFF nor PNG nor JPEG.
    """
    import rasterio

    with path.open("rb") as stream:
        start = stream.read(4)
    for mark, driver in DRIVERS.items():
        if start.startswith(mark):
            return rasterio.open(path, driver=driver)
    raise CorpusError("neither TIFF nor PNG nor JPEG", where=path, way_out="take it out of `images`")


def _windows(width: int, height: int, tiling: Tiling) -> Iterator[tuple[int, int, int, int]]:
    """Yield column, row, width and height of each tile; the last ones of a row or column may be smaller."""
    step = tiling.side - tiling.overlap
    rows, columns = (max(1, math.ceil((length - tiling.overlap) / step)) for length in (height, width))
    for row in range(rows):
        for column in range(columns):
            x, y = column * step, row * step
            yield x, y, min(tiling.side, width - x), min(tiling.side, height - y)


def _write_window(
    dataset: "DatasetReader", path: Path, place: tuple[int, int, int, int], *, skip_blank: bool
) -> bool:
    """Write a window of a raster as a TIFF with its values and its place on the ground; tell whether it was."""
    import rasterio
    from rasterio.windows import Window

    x, y, width, height = place
    window = Window(x, y, width, height)
    values = dataset.read(window=window)
    if skip_blank and _is_blank(values, dataset.nodata):
        return False
    profile = {
        "driver": "GTiff",
        "count": dataset.count,
        "dtype": dataset.dtypes[0],
        "width": width,
        "height": height,
        "nodata": dataset.nodata,
    }
    if dataset.crs is not None:
        profile |= {"crs": dataset.crs, "transform": dataset.window_transform(window)}
    path.parent.mkdir(parents=True, exist_ok=True)
    with rasterio.open(path, "w", **profile) as tile:
        tile.write(values)
        tile.update_tags(**dataset.tags())
    return True


def _is_blank(values: npt.NDArray[Any], nodata: float | None) -> bool:
    """Whether there is nothing but zeros, the no-data value, and what is no finite number."""
    return not values.any() or not (np.isfinite(values) & (values != 0) & (values != nodata)).any()


def _add_boxes(
    cut: Cut, name: str, place: tuple[int, int, int, int], boxes: tuple[RawBox, ...], visible: float
) -> None:
    x, y, width, height = place
    number = len(cut.images) + 1
    cut.images.append({"id": number, "file_name": name, "width": width, "height": height})
    for box in boxes:
        left, top = max(box.xmin - x, 0.0), max(box.ymin - y, 0.0)
        right, bottom = min(box.xmax - x, float(width)), min(box.ymax - y, float(height))
        area = (box.xmax - box.xmin) * (box.ymax - box.ymin)
        if right <= left or bottom <= top or area <= 0:
            continue
        if (right - left) * (bottom - top) < visible * area:
            cut.counts["boxes_hardly_visible"] += 1
            continue
        cut.counts["boxes"] += 1
        corners = [left, top, right - left, bottom - top]
        written = {"bbox": corners, "iscrowd": int(box.crowd), "label": box.label}
        cut.boxes.append({"id": len(cut.boxes) + 1, "image_id": number, **written})


def _coco(entry: Entry, cut: Cut) -> dict[str, Any]:
    names = sorted({box["label"] for box in cut.boxes} | {kind.label for kind in entry.classes})
    numbers = {name: number for number, name in enumerate(names, 1)}
    annotations = [
        {name: value for name, value in box.items() if name != "label"} | {"category_id": numbers[box["label"]]}
        for box in cut.boxes
    ]
    categories = [{"id": number, "name": name} for name, number in numbers.items()]
    return {"images": cut.images, "annotations": annotations, "categories": categories}


_OF_SCENES = (
    "pairing",
    "optical_captions",
    "splits",
    "benchmarks",
    "published",
    "position",
    "embedded",
    "origins",
)
"""What a catalogue file says of scenes and not of their tiles."""


def _catalogue(entry: Entry, name: str, made: str) -> dict[str, Any]:
    """The catalogue file of the tiles: that of the scenes, but for where things lie."""
    declared = entry.model_dump(mode="json", exclude_defaults=True)
    for gone in _OF_SCENES:
        declared.pop(gone, None)
    declared |= {"name": name, "images": ["images/*.tif"], "scene": r"^images/(.+)_\d+_\d+\.tif$"}
    if made == "boxes":
        declared["annotations"] = {"format": "coco", "files": ["annotations.json"]}
    elif made == "masks":
        tolerance = {"tolerance": entry.annotations.tolerance} if entry.annotations else {}
        declared["annotations"] = {"format": "mask", "image": "^images/", "file": "masks/", **tolerance}
    return declared

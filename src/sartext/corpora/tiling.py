"""Scenes cut into tiles, window by window, with their annotations: a scene need not fit into memory.

A tile keeps the values, bands and georeference of its scene; a scene without georeference is cut all the same.
Objects are cut at the border. A tile that shows too little of one to name it is left out and counted: written
without it, the tile would be captioned with a wrong count. All tiles of a scene are one place, so that no object
stands in two splits, even one that lies across a border.
"""

import math
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import yaml

from sartext.catalogue.entry import Entry
from sartext.corpora.annotated_size import compare_size
from sartext.corpora.annotations import Matches, match_annotations
from sartext.corpora.cutting import Place, visible_part
from sartext.corpora.formats import FORMATS
from sartext.corpora.images import AS_STORED, JPEG_MARK, PNG_MARK, TIFF_MARKS
from sartext.corpora.listing import ID_BREAKERS, image_ids, matching_files, scene_of
from sartext.corpora.quarantine import Unusable
from sartext.corpora.reading import RawBox, Source
from sartext.corpora.tiled_annotations import write_coco, write_voc
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
    """What became of the scenes: counts, and the name, size and objects of each tile."""

    tiles: list[tuple[str, int, int, list[RawBox]]] = field(default_factory=list)
    counts: dict[str, int] = field(
        default_factory=lambda: dict.fromkeys(
            (
                "scenes",
                "scenes_without_georeference",
                "scenes_without_annotation",
                "tiles",
                "blank_tiles",
                "tiles_with_hardly_visible_objects",
                "objects_in_tiles",
                "objects_in_no_tile",
            ),
            0,
        )
    )


@dataclass(frozen=True)
class Scene:
    """A scene below the corpus folder, its objects, and its mask if it has one."""

    path: str
    boxes: tuple[RawBox, ...] = ()
    mask: str | None = None


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
    matches = match_annotations(folder, entry, entry.annotations, paths) if entry.annotations else None
    with atomic_folder(target) as out:
        for path in track(paths, "cutting scenes", len(paths)):
            scene = _annotated(folder, entry, path, matches) if matches else Scene(path)
            if scene is None:
                cut.counts["scenes_without_annotation"] += 1
                continue
            stem = names[path].rpartition("/")[2]
            if entry.scene is not None:  # scenes of one place lie in a folder of its name
                stem = f"{ID_BREAKERS.sub('_', scene_of(entry.scene, path) or stem)}/{stem}"
            _cut_scene(folder, scene, out, tiling, cut, stem=stem)
        if made == "boxes":
            _write_boxes(out, entry, cut)
        described = _catalogue(entry, target.name, made)
        write_text(out / f"{target.name}.yaml", yaml.safe_dump(described, sort_keys=False))
    return cut.counts


def _annotated(folder: Path, entry: Entry, path: str, matches: Matches) -> Scene | None:
    """A scene with its annotation; None where there is none, because its tiles cannot be said to be empty."""
    declared = entry.annotations
    file, record = matches.files.get(path), matches.records.get(path)
    where = folder / (file or path)
    try:
        if (problem := matches.problems.get(path)) and problem.reason != "no-annotation":
            raise problem
        if declared is None or (file is None and record is None):
            return None
        with _opened(folder / path) as scene:
            size = scene.width, scene.height
        if file is not None and FORMATS[declared.format].makes == "masks":
            with _opened(folder / file) as classes:
                if (classes.width, classes.height) != size:
                    what = f"the mask has {classes.width} x {classes.height}, the scene {size[0]} x {size[1]}"
                    raise Unusable("size-mismatch", what)
            return Scene(path, mask=file)
        if file is not None:
            (record,) = FORMATS[declared.format].read(Source(folder, file, entry, size_of=lambda _: size))
        boxes = record.boxes if record else ()
        if record is not None:
            compare_size(record, *size, AS_STORED)
        if broken := sum(not all(map(math.isfinite, (b.xmin, b.ymin, b.xmax, b.ymax))) for b in boxes):
            raise Unusable("box-not-a-number", f"{broken} of {len(boxes)}")
    except (Unusable, ValueError) as error:
        raise CorpusError(
            str(error), where=where, way_out="repair the annotation, or take the scene out"
        ) from error
    return Scene(path, boxes)


def _cut_scene(folder: Path, scene: Scene, out: Path, tiling: Tiling, cut: Cut, *, stem: str) -> None:
    import rasterio  # takes long to load
    from rasterio.errors import RasterioError

    shown: set[int] = set()
    try:
        with rasterio.Env(GDAL_CACHEMAX=CACHE_MB, GDAL_NUM_THREADS=1), _opened(folder / scene.path) as raster:
            cut.counts["scenes"] += 1
            cut.counts["scenes_without_georeference"] += raster.crs is None
            for place in _windows(raster.width, raster.height, tiling):
                seen = [(n, *visible_part(box, place)) for n, box in enumerate(scene.boxes)]
                objects = {n: part for n, part, share in seen if share >= tiling.visible}
                if any(0 < share < tiling.visible for *_, share in seen):
                    cut.counts["tiles_with_hardly_visible_objects"] += 1
                    continue
                tile = f"{stem}_{place[0]}_{place[1]}.tif"
                if not _write_window(raster, out / "images" / tile, place, skip_blank=True):
                    cut.counts["blank_tiles"] += 1
                    continue
                cut.counts["tiles"] += 1
                shown |= set(objects)
                cut.counts["objects_in_tiles"] += len(objects)
                cut.tiles.append((PurePosixPath(tile).name, place[2], place[3], list(objects.values())))
                if scene.mask is not None:
                    with _opened(folder / scene.mask) as classes:
                        _write_window(classes, out / "masks" / tile, place, skip_blank=False)
    except RasterioError as error:
        what = f"the scene cannot be read ({error})"
        raise CorpusError(what, where=folder / scene.path, way_out="repair it, or take it out") from error
    cut.counts["objects_in_no_tile"] += len(scene.boxes) - len(shown)


def _write_boxes(out: Path, entry: Entry, cut: Cut) -> None:
    if _annotations_of_tiles(entry)["format"] == "coco":
        write_coco(out / "annotations.json", cut.tiles, [kind.label for kind in entry.classes])
        return
    for name, width, height, boxes in cut.tiles:
        write_voc(out / "annotations" / Path(name).with_suffix(".xml"), width, height, boxes)


def _annotations_of_tiles(entry: Entry) -> dict[str, Any]:
    """What the catalogue file of tiles says of boxes: COCO stays COCO, all others become VOC."""
    if entry.annotations and entry.annotations.format == "coco":
        return {"format": "coco", "files": ["annotations.json"]}
    return {"format": "voc", "files": ["annotations/*.xml"]}


def _opened(path: Path) -> "DatasetReader":
    """Open a raster for reading by windows; one without georeference is no reason to warn.

    Raises:
        CorpusError: it is neither TIFF nor PNG nor JPEG, or cannot be read.
    """
    import rasterio
    from rasterio.errors import NotGeoreferencedWarning, RasterioError

    with path.open("rb") as stream:
        start = stream.read(4)
    for mark, driver in DRIVERS.items():
        if start.startswith(mark):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", NotGeoreferencedWarning)
                try:
                    return rasterio.open(path, driver=driver)
                except RasterioError as error:
                    what = f"the scene cannot be read ({error})"
                    raise CorpusError(what, where=path, way_out="repair it, or take it out") from error
    raise CorpusError("neither TIFF nor PNG nor JPEG", where=path, way_out="take it out of `images`")


def _windows(width: int, height: int, tiling: Tiling) -> Iterator[Place]:
    """Yield column, row, width and height of each tile; the last ones of a row or column may be smaller."""
    step = tiling.side - tiling.overlap
    rows, columns = (max(1, math.ceil((length - tiling.overlap) / step)) for length in (height, width))
    for row in range(rows):
        for column in range(columns):
            x, y = column * step, row * step
            yield x, y, min(tiling.side, width - x), min(tiling.side, height - y)


def _write_window(dataset: "DatasetReader", path: Path, place: Place, *, skip_blank: bool) -> bool:
    """Write a window of a raster as a TIFF with its values and its place on the ground; tell whether it was."""
    import rasterio
    from rasterio.enums import ColorInterp
    from rasterio.errors import NotGeoreferencedWarning
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
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path, "w", **profile) as tile:
            if dataset.colorinterp[0] == ColorInterp.palette:
                tile.write_colormap(1, dataset.colormap(1))
            tile.write(values)
            tile.update_tags(**dataset.tags())
    return True


def _is_blank(values: npt.NDArray[Any], nodata: float | None) -> bool:
    """Whether there is nothing but zeros, the no-data value, and what is no finite number."""
    return not values.any() or not (np.isfinite(values) & (values != 0) & (values != nodata)).any()


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
    if entry.scene is not None:
        declared |= {"images": ["images/*/*.tif"], "scene": "^images/([^/]+)/"}
    if made == "boxes":
        declared["annotations"] = _annotations_of_tiles(entry)
    elif made == "masks":
        tolerance = {"tolerance": entry.annotations.tolerance} if entry.annotations else {}
        declared["annotations"] = {"format": "mask", "image": "^images/", "file": "masks/", **tolerance}
    return declared

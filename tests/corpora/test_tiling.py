"""Scenes are cut by windows: annotations go along, no object stands in two splits, memory stays small."""

import resource
import subprocess
import sys

import numpy as np
import pytest
import rasterio
import yaml
from click.testing import CliRunner
from PIL import Image
from rasterio.transform import from_origin

from sartext.catalogue.loading import load_entry
from sartext.cli.project import tile
from sartext.corpora.tiling import Tiling, tile_scenes
from sartext.errors import CorpusError
from sartext.release.splits import decide_splits
from sartext.tables import SPLITS, read_rows
from tests.corpora.making import DETECTION, Corpus, encoded, shares, tiff, voc

RANDOM = np.random.default_rng(0)
WHOLE = {**DETECTION, "quantity": "amplitude", "polarisation": "VV"}


def scene(width=250, height=150):
    return RANDOM.integers(1, 3000, (height, width)).astype(np.uint16)


def of_tiles(tmp_path, target):
    """The corpus that was written, in a project of its own."""
    corpus = Corpus(tmp_path / "tiled", target.name)
    corpus.declare(**{**yaml.safe_load((target / f"{target.name}.yaml").read_text()), "quarantine_limit": 1.0})
    corpus.folder.rmdir()
    corpus.folder.symlink_to(target)
    return corpus


def test_boxes_go_along_clipped_and_a_tile_with_a_hardly_visible_one_is_left_out_and_counted(corpus, tmp_path):
    corpus.declare(**WHOLE)
    values = scene()
    corpus.put("images/s.tif", tiff(values))
    corpus.put(
        "annotations/s.xml", voc(("ship", 10, 10, 30, 20), ("ship", 92, 40, 112, 50), width=250, height=150)
    )
    counts = tile_scenes(corpus.folder, corpus.load(), tmp_path / "cut", Tiling(side=100))
    assert counts == {
        "scenes": 1,
        "scenes_without_georeference": 1,
        "scenes_without_annotation": 0,
        "tiles": 5,
        "blank_tiles": 0,
        "tiles_with_hardly_visible_objects": 1,
        "objects_in_tiles": 1,
        "objects_in_no_tile": 1,
    }
    tiles = of_tiles(tmp_path, tmp_path / "cut")
    tiles.index()
    rows = tiles.rows()
    boxes = {name: [box["xmin"] for box in row["objects"]] for name, row in rows.items() if row["objects"]}
    assert boxes == {"s_100_0": [0]}, "s_0_0 shows one ship and two fifths of another: neither one nor two"
    assert {row["scene_id"] for row in rows.values()} == {"cut/s"}, "one place, one split"
    with rasterio.open(tmp_path / "cut/images/s_200_100.tif") as tile:
        assert (tile.read(1) == values[100:, 200:]).all()


def test_the_least_visible_share_is_an_option(corpus, tmp_path):
    corpus.declare(**WHOLE)
    corpus.put("images/s.tif", tiff(scene(200, 100)))
    corpus.put("annotations/s.xml", voc(("ship", 92, 40, 112, 50), width=200, height=100))
    catalogue = str(corpus.root / "catalogue/made.yaml")
    given = [catalogue, "--from", str(corpus.folder), "--side", "100"]

    def run(to, *options):
        return CliRunner().invoke(tile, [*given, "--to", str(tmp_path / to), *options])

    assert "tiles 1," in run("half").output
    assert "objects in tiles 2, objects in no tile 0" in run("less", "--visible", "0.4").output
    assert "below --side 100" in run("wrong", "--overlap", "100").output


def test_masks_are_cut_with_their_scene_and_the_ground_stays_where_it_is(corpus, tmp_path):
    land = {"noun": "land", "plural": "land", "hypernym": "land", "stuff": True}
    classes = [{"label": label, "code": code, **land} for code, label in enumerate("ab")]
    mask = {"format": "mask", "image": "^images/", "file": "masks/"}
    corpus.declare(**{**WHOLE, "kind": "segmentation", "annotations": mask, "classes": classes})
    place = from_origin(500_000, 4_000_000, 10, 10)
    corpus.put("images/s.tif", tiff(scene(200, 100), crs="EPSG:32633", transform=place))
    codes = np.zeros((100, 200), np.uint8)
    codes[:, 150:] = 1
    corpus.put("masks/s.tif", tiff(codes))
    tile_scenes(corpus.folder, corpus.load(), tmp_path / "cut", Tiling(side=100))
    tiles = of_tiles(tmp_path, tmp_path / "cut")
    tiles.index()
    assert {name: shares(row) for name, row in tiles.rows().items()} == {
        "s_0_0": {"a": 1.0},
        "s_100_0": {"a": 0.5, "b": 0.5},
    }
    with rasterio.open(tmp_path / "cut/images/s_100_0.tif") as tile:
        assert (tile.bounds.left, tile.crs.to_epsg()) == (501_000, 32633)


def test_tiles_overlap_as_stated_and_a_catalogue_file_is_written(corpus, tmp_path):
    corpus.declare(**{**WHOLE, "kind": "unlabelled", "annotations": None})
    corpus.put("images/s.png", encoded(scene(180, 100)))
    counts = tile_scenes(corpus.folder, corpus.load(), tmp_path / "cut", Tiling(side=100, overlap=20))
    assert sorted(path.name for path in (tmp_path / "cut/images").iterdir()) == ["s_0_0.tif", "s_80_0.tif"]
    assert counts["tiles"] == 2
    assert load_entry(tmp_path / "cut/cut.yaml").images == ("images/*.tif",)


def test_nothing_is_written_over_and_a_damaged_scene_is_named(corpus, tmp_path):
    corpus.declare(**{**WHOLE, "kind": "unlabelled", "annotations": None})
    corpus.put("images/s.tif", b"II*\x00 no more")
    with pytest.raises(CorpusError, match=r"s\.tif: the scene cannot be read"):
        tile_scenes(corpus.folder, corpus.load(), tmp_path / "cut", Tiling())
    assert not (tmp_path / "cut").exists()
    with pytest.raises(CorpusError, match="there already"):
        tile_scenes(corpus.folder, corpus.load(), tmp_path, Tiling())


@pytest.mark.parametrize(
    ("kind", "values", "nothing"),
    [
        ("complex_int16", (scene(180, 100).astype(np.float32) - 1500j).astype(np.complex64), 0),
        ("complex64", scene(180, 100) * np.complex64(0.25 - 0.5j), 0),
        ("float32", scene(180, 100) / np.float32(7), np.nan),
        ("float32", scene(180, 100) / np.float32(7), -np.inf),
        ("float32", scene(180, 100) / np.float32(7), -9999),
    ],
    ids=["SLC of whole numbers", "SLC of real numbers", "NaN", "-inf", "no-data value"],
)
def test_values_of_any_type_stay_and_tiles_of_no_data_are_left_out(corpus, tmp_path, kind, values, nothing):
    corpus.declare(**{**WHOLE, "kind": "unlabelled", "annotations": None})
    values[:, :100] = nothing
    path = corpus.put("images/s.tif", b"")
    profile = {"driver": "GTiff", "count": 1, "width": 180, "height": 100, "nodata": -9999 if nothing else None}
    with rasterio.open(path, "w", dtype=kind, **profile) as slc:
        slc.write(values[None])
    counts = tile_scenes(corpus.folder, corpus.load(), tmp_path / "cut", Tiling(side=100))
    assert (counts["tiles"], counts["blank_tiles"]) == (1, 1)
    with rasterio.open(tmp_path / "cut/images/s_100_0.tif") as tile:
        assert tile.dtypes == (kind,)
        assert (tile.read(1) == values[:, 100:]).all()


def test_no_object_stands_in_two_splits(corpus, tmp_path):
    corpus.declare(**WHOLE)
    for number in range(40):
        corpus.put(f"images/{number}.tif", tiff(scene(200, 100)))
        across_the_border = ("ship", 90, 40, 110, 50)
        corpus.put(f"annotations/{number}.xml", voc(across_the_border, width=200, height=100))
    tile_scenes(corpus.folder, corpus.load(), tmp_path / "cut", Tiling(side=100))
    tiles = of_tiles(tmp_path, tmp_path / "cut")
    tiles.index()
    decide_splits(tiles.project)
    splits = {}
    for row in read_rows(tiles.project.build / "splits/splits.parquet", SPLITS):
        splits.setdefault(row["image_id"].split("_")[0], []).append(row["split"])
    assert all(len(of_scene) == 2 and len(set(of_scene)) == 1 for of_scene in splits.values())
    assert {split for of_scene in splits.values() for split in of_scene} == {"train", "validation", "test"}


def test_a_scene_larger_than_memory_is_cut(corpus, tmp_path):
    corpus.declare(**{**WHOLE, "kind": "unlabelled", "annotations": None})
    side, limit = 33_000, 2 << 30
    profile = {"driver": "GTiff", "count": 1, "width": side, "height": side, "dtype": "uint16"}
    path = corpus.put("images/s.tif", b"")
    layout = {"tiled": True, "blockxsize": 512, "blockysize": 512, "SPARSE_OK": True}
    with rasterio.open(path, "w", **profile, **layout) as large:
        large.write(scene(512, 512)[None], window=((512, 1024), (32_256, 32_768)))
    assert side * side * 2 > limit
    script = (
        "import sys; from pathlib import Path; from sartext.catalogue.loading import load_entry;"
        "from sartext.corpora.tiling import Tiling, tile_scenes;"
        "places = [Path(argument) for argument in sys.argv[1:]];"
        "print(tile_scenes(places[0], load_entry(places[1]), places[2], Tiling(side=4096)))"
    )
    arguments = [corpus.folder, corpus.root / "catalogue/made.yaml", tmp_path / "cut"]
    done = subprocess.run(
        [sys.executable, "-c", script, *map(str, arguments)],
        capture_output=True,
        text=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
        env={"OPENBLAS_NUM_THREADS": "1", "PYTHONPATH": ":".join(filter(None, sys.path))},
    )
    assert done.returncode == 0, done.stderr
    assert "'tiles': 1, 'blank_tiles': 80" in done.stdout


def test_masks_keep_their_palette_and_one_of_another_size_is_refused(corpus, tmp_path):
    land = {"noun": "land", "plural": "land", "hypernym": "land", "stuff": True}
    classes = [{"label": label, "colour": [red, 0, 0], **land} for label, red in (("a", 0), ("b", 255))]
    mask = {"format": "mask", "image": "^images/(.+)\\.tif$", "file": "masks/\\1.png"}
    corpus.declare(**{**WHOLE, "kind": "segmentation", "annotations": mask, "classes": classes})
    corpus.put("images/s.tif", tiff(scene(200, 100)))
    codes = np.zeros((100, 200), np.uint8)
    codes[:, 150:] = 1
    palette = Image.fromarray(codes).convert("P")
    palette.putpalette([0, 0, 0, 255, 0, 0])
    palette.save(corpus.put("masks/s.png", b""))
    tile_scenes(corpus.folder, corpus.load(), tmp_path / "cut", Tiling(side=100))
    tiles = of_tiles(tmp_path, tmp_path / "cut")
    tiles.index()
    assert {name: shares(row) for name, row in tiles.rows().items()} == {
        "s_0_0": {"a": 1.0},
        "s_100_0": {"a": 0.5, "b": 0.5},
    }
    palette.crop((0, 0, 150, 60)).save(corpus.folder / "masks/s.png")
    with pytest.raises(CorpusError, match="the mask has 150 x 60, the scene 200 x 100"):
        tile_scenes(corpus.folder, corpus.load(), tmp_path / "other", Tiling(side=100))


def test_scenes_of_one_place_stay_one_place(corpus, tmp_path):
    place = {"kind": "unlabelled", "annotations": None, "scene": "images/([a-z]+)_"}
    corpus.declare(**{**WHOLE, **place})
    for name in ("port_1", "port_2", "bay_1"):
        corpus.put(f"images/{name}.tif", tiff(scene(200, 100)))
    tile_scenes(corpus.folder, corpus.load(), tmp_path / "cut", Tiling(side=100))
    tiles = of_tiles(tmp_path, tmp_path / "cut")
    tiles.index()
    assert {row["scene_id"] for row in tiles.rows().values()} == {"cut/port", "cut/bay"}


def test_an_annotation_of_another_size_is_refused(corpus, tmp_path):
    corpus.declare(**WHOLE)
    corpus.put("images/s.tif", tiff(scene()))
    corpus.put("annotations/s.xml", voc(("ship", 10, 10, 30, 20), width=500, height=300))
    with pytest.raises(CorpusError, match=r"s\.xml: size-mismatch: annotated at 500 x 300"):
        tile_scenes(corpus.folder, corpus.load(), tmp_path / "cut", Tiling(side=100))
    corpus.put("images/s.tif", b"II*\x00 no more")
    with pytest.raises(CorpusError, match=r"s\.tif: the scene cannot be read"):
        tile_scenes(corpus.folder, corpus.load(), tmp_path / "cut", Tiling(side=100))

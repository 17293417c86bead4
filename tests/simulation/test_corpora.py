"""The six embedded corpora: formats, counts, and bytes that depend on the parameters alone."""

import io
import json
import re
from pathlib import Path, PurePosixPath

import numpy as np
import pytest
import rasterio
from defusedxml import ElementTree
from PIL import Image

from sartext.catalogue import Entry, load_entry
from sartext.catalogue.loading import PACKAGED
from sartext.config import SimulationParameters
from sartext.files import sha256_tree
from sartext.narrator.annotated import STUFF_FRACTION
from sartext.simulation import CORPORA, image_counts, write_corpora
from sartext.simulation.composition import shoot
from sartext.simulation.rendering import LEGEND, Task, render_image
from sartext.simulation.truth import Cover
from sartext.simulation.writers import ANNOTATORS, HIDDEN_TRUTH

SMALL = SimulationParameters(ships=30, objects=20, landcover=30, pairs=12, optical=12, unlabelled=6)
TINY = SimulationParameters(ships=12, objects=12, landcover=12, pairs=12, optical=12, unlabelled=8)


@pytest.fixture(scope="module")
def data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    write_corpora(SMALL, folder)
    return folder


def entry(name: str) -> Entry:
    return load_entry(PACKAGED / f"{name}.yaml")


def test_what_was_written_is_reported_and_nothing_else_is_there(tmp_path):
    few = SimulationParameters(ships=5, objects=2, landcover=2, pairs=6, optical=0, unlabelled=2)
    metrics = write_corpora(few, tmp_path)
    written = set(CORPORA) - {"sim-optical"}
    assert metrics["written"].keys() == {item.name for item in tmp_path.iterdir()} == written
    assert metrics["written"]["sim-ships"]["images"] == 5
    assert metrics["written"]["sim-pairs"] == {"images": 6, "files": 14, "annotations": 15}
    assert len(metrics["examples"]) == 5


def test_ships_come_as_voc_with_one_xml_per_image(data):
    folder = data / "sim-ships"
    names = {path.stem for path in (folder / "JPEGImages").iterdir()}
    assert names == {path.stem for path in (folder / "Annotations").iterdir()} and len(names) == 30
    splits = {name: (folder / "ImageSets/Main" / f"{name}.txt").read_text().split() for name in ("train", "test")}
    assert sorted(splits["train"] + splits["test"]) == sorted(names)
    empty = 0
    for path in sorted((folder / "Annotations").iterdir()):
        root = ElementTree.parse(path).getroot()
        assert root.findtext("filename") == f"{path.stem}.png"
        assert root.findtext("size/width") == root.findtext("size/height") == "64"
        boxes = list(root.iter("bndbox"))
        empty += not boxes
        for box in boxes:
            xmin, ymin, xmax, ymax = (int(box.findtext(side)) for side in ("xmin", "ymin", "xmax", "ymax"))
            assert 0 <= xmin < xmax <= 64 and 0 <= ymin < ymax <= 64
    assert 0 < empty < 8, "a few images have no ship"


def test_objects_come_as_coco(data):
    content = json.loads((data / "sim-objects/annotations/instances.json").read_text())
    labels = [category["name"] for category in content["categories"]]
    assert labels == [kind.label for kind in entry("sim-objects").classes]
    assert labels == ["ship", "aircraft", "vehicle", "tank", "bridge"]
    images = {image["id"]: image for image in content["images"]}
    files = {path.name for path in (data / "sim-objects/images").iterdir()}
    assert {image["file_name"] for image in images.values()} == files
    assert len({annotation["id"] for annotation in content["annotations"]}) == len(content["annotations"]) > 20
    for annotation in content["annotations"]:
        x, y, width, height = annotation["bbox"]
        image = images[annotation["image_id"]]
        assert x >= 0 and y >= 0 and width > 0 and height > 0
        assert x + width <= image["width"] and y + height <= image["height"]
        assert annotation["area"] == width * height


def test_land_cover_comes_as_calibrated_bands_and_palette_masks(data):
    folder, declared = data / "sim-landcover", entry("sim-landcover")
    legend = {kind.colour for kind in declared.classes}
    assert legend == set(LEGEND.values())
    without_data = blended = 0
    for path in sorted((folder / "S1").iterdir()):
        with rasterio.open(path) as image:
            bands = image.read()
            assert image.nodata == declared.nodata
        mask = np.array(Image.open(folder / "masks" / f"{path.stem}.png"))
        assert bands.shape == (2, 64, 64) and bands.dtype == np.float32
        assert mask.shape == (64, 64, 3)
        missing = bands[0] == declared.nodata
        assert np.array_equal(missing, (mask == LEGEND["no data"]).all(axis=-1))
        assert np.array_equal(missing, bands[1] == declared.nodata)
        level = bands[:, ~missing]
        assert level.min() >= -50 and level.max() < 40
        assert np.allclose(level, np.round(level.astype(np.float64), 2), atol=1e-5), "rounded to 0.01 dB"
        assert level[0].mean() > level[1].mean() + 4, "VV before VH"
        without_data += missing.any()
        blended += not {tuple(colour) for colour in mask.reshape(-1, 3).tolist()} <= legend
    assert 0 < without_data < 12
    assert blended < 6


def test_classes_have_the_backscatter_that_the_catalogue_expects(data):
    ranges = {kind.label: (kind.colour, kind.db_range) for kind in entry("sim-landcover").classes if kind.db_range}
    assert ranges.keys() == LEGEND.keys() - {"no data"}
    levels = {label: [] for label in ranges}
    for path in sorted((data / "sim-landcover/S1").iterdir()):
        with rasterio.open(path) as image:
            vv = image.read(1)
        mask = np.array(Image.open(data / "sim-landcover/masks" / f"{path.stem}.png"))
        for label, (colour, _) in ranges.items():
            levels[label].append(vv[(mask == colour).all(axis=-1)])
    for label, (_, (low, high)) in ranges.items():
        assert low < np.concatenate(levels[label]).mean() < high, label


def test_blended_colours_are_near_no_colour_of_the_legend():
    """Or a mask of water and crops would seem to hold roads."""
    colours = np.array([colour for label, colour in LEGEND.items() if label not in ("no data", "ship")])
    tolerance = entry("sim-landcover").annotations.tolerance
    for first in range(len(colours)):
        for second in range(first):
            middle = (colours[first] + colours[second]) // 2
            assert np.linalg.norm(colours - middle, axis=1).min() > tolerance


def test_pairs_share_their_names_and_half_have_captions(data):
    folder, declared = data / "sim-pairs", entry("sim-pairs")
    places = {}
    for path in sorted((folder / "s1").iterdir()):
        relative = f"s1/{path.name}"
        half = re.sub(declared.pairing.image, declared.pairing.file, relative)
        assert (folder / half).is_file()
        assert Image.open(path).mode == "L" and Image.open(folder / half).mode == "RGB"
        places.setdefault(re.search(declared.scene, relative).groups(), []).append(path.name)
    assert len(places) == 4 and all(len(patches) == 3 for patches in places.values())
    images = json.loads((folder / "captions.json").read_text())["images"]
    assert len(images) == 6
    assert {image["filename"] for image in images} < {path.name for path in (folder / "s2").iterdir()}


def test_both_halves_of_a_pair_show_the_same_water():
    """Where the optical image is blue or dark, the SAR image is dark: the truth is one."""
    agreeing = []
    for number in range(40):
        task = Task("sim-pairs", number, SMALL)
        water = shoot("sim-pairs", number, SMALL).scene.land_cover() == Cover.WATER
        if 0.2 < water.mean() < 0.8:
            files = render_image(task).files
            sar = _pixels(io.BytesIO(next(content for path, content in files.items() if path.startswith("s1"))))
            agreeing.append(sar[water].mean() < sar[~water].mean())
    assert len(agreeing) > 5 and all(agreeing)


def test_optical_captions_come_as_karpathy_json(data):
    content = json.loads((data / "sim-optical/dataset.json").read_text())
    assert content["dataset"] == "sim-optical"
    files = {path.name for path in (data / "sim-optical/images").iterdir()}
    assert {image["filename"] for image in content["images"]} == files
    assert {image["split"] for image in content["images"]} == {"train", "val", "test"}
    for image in content["images"]:
        assert len(image["sentences"]) == len(image["sentids"]) == 5
        for sentence, number in zip(image["sentences"], image["sentids"], strict=True):
            assert sentence["sentid"] == number and sentence["imgid"] == image["imgid"]
            assert sentence["raw"].endswith(" .")
            assert sentence["tokens"] == [word for word in sentence["raw"].split() if word not in (",", ".")]


@pytest.mark.parametrize(("name", "folder"), [("sim-unlabelled", "images"), ("sim-pairs", "s1")])
def test_the_truth_of_captioned_sar_images_is_kept_aside(data, name, folder):
    truth = json.loads((data / name / HIDDEN_TRUTH).read_text())
    assert sorted(truth) == sorted(path.name for path in (data / name / folder).iterdir())
    for scene in truth.values():
        assert sum(scene["cover"].values()) == pytest.approx(1.0, abs=0.001)
        assert scene["looks"] in (1, 2, 4, 10)
    declared = entry(name)
    read = [*declared.images, *(declared.optical_captions.files if declared.optical_captions else ())]
    assert declared.annotations is None and not any(PurePosixPath(HIDDEN_TRUTH).match(glob) for glob in read)


def test_each_land_cover_is_absent_from_some_scenes_and_fills_others():
    """Or the narrator could not be tested on images that lack the class."""
    scenes = [shoot("sim-landcover", number, SMALL).scene.shares() for number in range(150)]
    for cover in scenes[0]:
        absent = sum(shares[cover] < STUFF_FRACTION for shares in scenes)
        assert 0.2 * len(scenes) < absent < 0.9 * len(scenes), cover
    assert all(any(shares[cover] > 0.9 for shares in scenes) for cover in (Cover.WATER, Cover.FOREST, Cover.BARE))


def test_no_picture_is_constant_or_saturated_and_none_repeats_another(data):
    seen = set()
    paths = [path for path in data.rglob("*.png") if path.parent.name != "masks"]
    for path in paths:
        picture = _pixels(path)
        assert picture.std() > 2.0, path
        assert (picture == 255).mean() < 0.25 and (picture == 0).mean() < 0.4, path
        seen.add(picture.tobytes())
    assert len(seen) == len(paths)


def test_two_runs_and_any_number_of_workers_give_equal_bytes(tmp_path, monkeypatch):
    for workers in ("1", "2"):
        monkeypatch.setenv("SARTEXT_WORKERS", workers)
        write_corpora(TINY, tmp_path / workers)
    assert sha256_tree(tmp_path / "1") == sha256_tree(tmp_path / "2")


def test_an_image_does_not_depend_on_how_many_there_are():
    few, many = TINY, TINY.model_copy(update={"ships": 400, "optical": 9})
    for corpus in CORPORA:
        assert render_image(Task(corpus, 3, few)).files == render_image(Task(corpus, 3, many)).files


def test_another_seed_gives_other_bytes():
    other = TINY.model_copy(update={"seed": TINY.seed + 1})
    for corpus in CORPORA:
        first, second = (render_image(Task(corpus, 2, parameters)) for parameters in (TINY, other))
        assert set(first.files.values()).isdisjoint(second.files.values())


def test_corpora_that_are_there_are_kept_when_asked(tmp_path):
    keep = TINY.model_copy(update={"optical": 0, "pairs": 0, "landcover": 0, "unlabelled": 0})
    (tmp_path / "sim-ships").mkdir()
    (tmp_path / "sim-ships/mine.txt").write_text("mine")
    metrics = write_corpora(keep, tmp_path, missing_only=True)
    assert metrics["kept"] == ["sim-ships"] and list(metrics["written"]) == ["sim-objects"]
    assert (tmp_path / "sim-ships/mine.txt").read_text() == "mine"
    write_corpora(keep, tmp_path)
    assert not (tmp_path / "sim-ships/mine.txt").exists()


def test_an_interrupted_run_leaves_the_old_corpus(tmp_path, monkeypatch):
    only = TINY.model_copy(update={"objects": 0, "optical": 0, "pairs": 0, "landcover": 0, "unlabelled": 0})
    write_corpora(only, tmp_path)
    before = sha256_tree(tmp_path)
    monkeypatch.setitem(ANNOTATORS, "sim-ships", _interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_corpora(only.model_copy(update={"seed": 1}), tmp_path)
    assert sha256_tree(tmp_path) == before
    assert [item.name for item in tmp_path.iterdir()] == ["sim-ships"], "no partial folder stays"


@pytest.mark.parametrize("name", CORPORA)
def test_the_catalogue_states_the_default_counts(name):
    declared = entry(name)
    assert declared.published.images == image_counts(SimulationParameters())[name]
    assert declared.embedded and declared.licence == "CC0-1.0" and declared.redistribution


def _interrupted(*_):
    raise KeyboardInterrupt


def _pixels(file):
    return np.array(Image.open(file).convert("L"), dtype=float)

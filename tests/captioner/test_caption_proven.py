"""`sartext caption` by statements that the grounder proves: as the stage narrates, and of like pictures alone."""

import json
import shutil

import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image
from rasterio.errors import NotGeoreferencedWarning

from sartext.captioner.corpus import index_rows
from sartext.captioner.explanation import COLOURS, COVERED, PANEL, Explained, draw_explanation, save_story_map
from sartext.captioner.narration import narrate
from sartext.captioner.proof import BY_MAP, Proof
from sartext.captioner.user_files.display import Display
from sartext.captioner.user_files.proving import explanation_name
from sartext.cli import cli
from sartext.errors import ArtefactError, DecodingError, ModelError, ParameterError
from sartext.files import read_json, write_json
from sartext.models.grounder.evidence import MapModel
from sartext.models.grounder.maps import Grounding, Peak
from sartext.narrator.statements import COVER_CLASS, OBJECT_CLASS, Statement, read_facts, statements_of
from sartext.narrator.vocabulary import project_vocabulary
from sartext.tables import CAPTIONS, read_rows
from tests.training.mini import artefacts_but, beside

from .tiny_models import SIDE, caption, rows_of, write_png, write_tiff

pytestmark = pytest.mark.filterwarnings("ignore", category=NotGeoreferencedWarning)


@pytest.fixture(scope="module")
def project(narrating, tmp_path_factory):
    """The project with narrated captions of its own."""
    names = artefacts_but(narrating, "narrated")
    made = beside(narrating, tmp_path_factory.mktemp("proven"), "src", "data", "params.yaml", *names)
    narrate(made, "sim-unlabelled")
    return made


@pytest.fixture(scope="module")
def model(project):
    return project.build / "checkpoint" / "coca-sar"


@pytest.fixture
def images(project):
    """The unlabelled pictures by id."""
    return {row["image_id"]: project.root / row["path"] for row in index_rows(project, "sim-unlabelled")}


@pytest.fixture
def proven(model, tmp_path):
    """Captions files to a file of some name; returns the summary and its rows."""

    def caption_proven(paths, name="out.jsonl", **options):
        done, _ = caption(paths, model, tmp_path / name, raw=False, **options)
        return done, rows_of(tmp_path / name) if (tmp_path / name).is_file() else []

    return caption_proven


def stated_in(proof):
    return {
        Statement(each["kind"], each["label"], each["value"])
        for each in (proof or {"statements": ()})["statements"]
    }


def test_files_are_captioned_as_the_stage_captions_a_corpus(project, images, proven):
    narrated = read_rows(project.narrated("sim-unlabelled") / "captions.parquet", CAPTIONS)
    done, rows = proven(images.values())
    written, words = {row["image"]: row for row in rows}, project_vocabulary(project)
    assert done.captioned == len(images) == len(rows) and len(narrated) > 0
    for caption_row in narrated:
        row = written[images[caption_row["image_id"]].as_posix()]
        proven_there = json.loads(caption_row["proof"])
        for here, there in zip(row["proof"]["statements"], proven_there["statements"], strict=True):
            assert here == {**there, "score": pytest.approx(there["score"], abs=1e-4)}, (
                "other pictures in the batch"
            )
        assert row["score"] == pytest.approx(caption_row["score"], abs=1e-4)
        assert row["proof"]["grounder_sha256"] == proven_there["grounder_sha256"]
        for name in ("method", "source_caption"):
            assert row[name] == caption_row[name]
        assert set(statements_of(read_facts(row["caption"], words))) == stated_in(row["proof"])
    _, lines = proven(images.values(), "out.csv", batch=3)
    assert [line["caption"] for line in lines] == [row["caption"] for row in rows]
    for line, row in zip(lines, rows, strict=True):
        assert stated_in(json.loads(line["proof"] or "null")) == stated_in(row["proof"])


def test_what_misses_the_precision_is_not_said(project, images, proven, tmp_path):
    strict = tmp_path / "strict"
    shutil.copytree(project.calibration, strict)
    record = read_json(strict / "thresholds.json")
    for rule in record["statements"].values():
        for threshold in rule["thresholds"].values():
            threshold["threshold"] = 1.1
    write_json(strict / "thresholds.json", record)
    done, rows = proven(images.values(), calibration=strict)
    assert done.unproven == done.captioned == len(images)
    assert {(row["caption"], row["method"], row["score"], row["proof"]) for row in rows} == {("", "", None, None)}
    assert all(row["source_caption"] for row in rows), "what the model said is there to be looked at"
    with pytest.raises(DecodingError, match=r"proven by thresholds .* name another file"):
        proven(images.values())


def decibels(seed=0, side=SIDE, bands=1):
    """Backscatter with speckle."""
    draw = np.random.default_rng(seed)
    values = (-12 + 10 * np.log10(draw.gamma(4, 0.25, (bands, side, side)))).astype(np.float32)
    return values[0] if bands == 1 else values


def test_files_outside_of_what_was_taught_are_a_line_each_and_the_others_go_on(proven, tmp_path):
    (tmp_path / "in").mkdir()
    names = {
        "large.tif": (decibels(side=8 * SIDE), "another-size: 512 x 512 pixels"),
        "small.tif": (decibels(side=SIDE // 4), "another-size: 16 x 16 pixels"),
        "amplitude.tif": (10 ** (decibels() / 20), "another-quantity: amplitude"),
        "bands.tif": (decibels(bands=5), "another-band-count: 5"),
        "colours.tif": (np.uint8(99 * np.arange(5 * SIDE * SIDE).reshape(5, SIDE, SIDE)), "another-band-count: 5"),
    }
    for name, (values, _) in names.items():
        write_tiff(tmp_path / "in" / name, values)
    np.save(tmp_path / "in" / "good.npy", decibels())
    done, rows = proven([tmp_path / "in"])
    assert [row["image"].rpartition("/")[2] for row in rows] == ["good.npy"]
    reasons = {name.rpartition("/")[2]: reason for name, reason in done.unreadable}
    assert reasons.keys() == names.keys()
    for name, (_, reason) in names.items():
        assert reasons[name].startswith(reason) and "or take --raw" in reasons[name] and "\n" not in reasons[name]
    done, _ = proven([tmp_path / "in" / "bands.tif"], "band.jsonl", display=Display(band=2))
    assert done.captioned == 1 and done.unreadable == ()
    done, _ = proven([tmp_path / "in" / "bands.tif"], "absent.jsonl", display=Display(band=6))
    assert [reason for _, reason in done.unreadable] == ["missing-band: band 6 of 5"]


def test_optical_pictures_and_masks_are_warned_of_and_sar_is_not(project, images, model, tmp_path):
    optical = sorted((project.data / "sim-optical" / "images").iterdir())[:8]
    masks = sorted((project.data / "sim-landcover" / "masks").iterdir())[:8]
    out = tmp_path / "out.csv"
    named = [str(path) for path in (*images.values(), *optical, *masks)]
    done = CliRunner().invoke(cli, ["caption", *named, "--model", str(model), "--out", str(out)])
    unlike = {row["image"]: row["unlike"] for row in rows_of(out)}
    assert all("colour" in unlike[path.as_posix()] for path in optical)
    assert all("grey levels" in unlike[path.as_posix()] for path in masks if path.as_posix() in unlike)
    false = [path for path in images.values() if unlike[path.as_posix()]]
    assert len(false) <= 0.1 * len(images)
    count = sum(map(bool, unlike.values()))
    (warning,) = [line for line in done.stderr.splitlines() if line.startswith("warning: ")]
    assert f"{count} of {len(unlike)} pictures unlike" in warning and "colour of" in warning


def test_what_goes_with_the_model_must_be_there(project, model, tmp_path):
    paths = [project.data / "sim-unlabelled"]
    alone = tmp_path / "build" / "checkpoint"
    shutil.copytree(model, alone / "coca-sar")
    with pytest.raises(ArtefactError, match=r"no thresholds go with the model; .*--calibration.* --raw"):
        caption(paths, alone / "coca-sar", raw=False)
    with pytest.raises(ModelError, match=r"the clip .* is not beside the model; .*--raw"):
        caption(paths, alone / "coca-sar", raw=False, calibration=project.calibration)
    with pytest.raises(ArtefactError, match=r"found with another coca; .*--raw"):
        caption(paths, model.parent / "coca-optical", raw=False)
    for name in ("clip-sar", "grounder"):
        shutil.copytree(model.parent / name, alone / f"other-{name}")
    done, _ = caption(paths, alone / "coca-sar", raw=False, calibration=project.calibration)
    assert done.captioned > 0, "names of the folders do not matter"


def test_options_of_raw_captions_need_it(model, images):
    path = str(next(iter(images.values())))
    for options in (["--beams", "3"], ["--method", "nucleus", "--seed", "1"], ["--length", "20"]):
        done = CliRunner().invoke(cli, ["caption", path, "--model", str(model), *options])
        assert isinstance(done.exception, ParameterError) and "--raw" in str(done.exception)
    done = CliRunner().invoke(cli, ["caption", path, "--model", str(model), "--raw", "--explain", "x"])
    assert isinstance(done.exception, ParameterError)


MAPS = MapModel({"": (1.0, 0.0), "ship": (1.0, 0.0)}, 0.01, (0.0, 0.01), {"": (1.0, 5.0)}, (10.0, -6.0))


def test_an_explanation_shows_boxes_land_cover_and_words():
    """Peaks more likely than not have a box; the left half is the first class, the right half none."""
    cover = np.zeros((3, 32, 32), dtype=np.float32)
    cover[0, :, :16] = cover[2, :, 16:] = 1.0
    peaks = Peak("ship", 32, 32, 16, 8, 0.9), Peak("ship", 10, 50, 6, 6, 0.1)
    grounding = Grounding(64, peaks, ("water", "forest"), cover, {}, {})
    picture = np.full((64, 64), 100, dtype=np.uint8)
    stated = Statement(OBJECT_CLASS, "ship"), Statement(COVER_CLASS, "water")
    proofs = [Proof(statement, 0.9, BY_MAP) for statement in stated]
    page = np.asarray(draw_explanation(Explained(picture, grounding, "There is one ship.", proofs), MAPS))
    top, left, right, cell = 36, 16, 16 + PANEL + 16, PANEL // 64
    ship = COLOURS[1]  # the second of the classes that the maps were fitted on
    assert (page[top + 28 * cell, left + 32 * cell] == ship).all(), "the upper edge of the likely peak"
    assert (page[top + 32 * cell, left + 32 * cell] == ship).all(), "its centre"
    faint = page[top + 47 * cell : top + 54 * cell, left : left + 14 * cell]
    assert (faint == 100).all(), "no box"
    expected = np.array(COLOURS[0]) * COVERED + 100 * (1 - COVERED)
    assert np.abs(page[top + PANEL // 2, right + PANEL // 4].astype(int) - expected).max() <= 1
    assert (page[top + PANEL // 2, right + 3 * PANEL // 4] == 100).all()
    silent = np.asarray(draw_explanation(Explained(picture, grounding, "", ()), MAPS))
    assert silent.shape[0] < page.shape[0], "no statement, no line"


def test_every_captioned_file_has_its_explanation_and_explain_draws_the_same(project, images, proven, tmp_path):
    image_id, path = next(iter(images.items()))
    named = write_png(tmp_path / "in" / "a.png", np.asarray(Image.open(path)))
    proven([named, path], explain=tmp_path / "why")
    pages = {page.name: Image.open(page).size for page in (tmp_path / "why").iterdir()}
    assert pages.keys() == {explanation_name(named), explanation_name(path)}
    assert (tmp_path / "why" / explanation_name(named)).read_bytes() == (
        tmp_path / "why" / explanation_name(path)
    ).read_bytes()
    save_story_map(project, image_id, tmp_path / "story.png")
    drawn = np.asarray(Image.open(tmp_path / "why" / explanation_name(path)))
    story = np.asarray(Image.open(tmp_path / "story.png"))
    assert (drawn[: 36 + PANEL] == story[: 36 + PANEL]).all(), "the same maps"
    optical = next(row["image_id"] for row in index_rows(project, "sim-pairs") if row["modality"] == "optical")
    with pytest.raises(ArtefactError, match="the image is optical"):
        save_story_map(project, optical, tmp_path / "no.png")

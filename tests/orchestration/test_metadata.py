"""What a person sees of an artefact: counts, hashes, first rows, pictures with their captions."""

import base64
import io
import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from orchestration.graph import Stage
from orchestration.metadata import describe, fenced, literal, picture
from sartext.config import Project
from sartext.files import write_json
from sartext.tables import CAPTIONS, INDEX, write_table
from tests.conftest import ROOT
from tests.narrator.examples import box, index_row

CORPUS = "sim-ships"
PICTURE = re.compile(r"!\[([^]]+)\]\(data:image/png;base64,([^)]+)\)")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """A corpus of one 8-bit image, indexed and captioned."""
    catalogue = ROOT / "src" / "sartext" / "catalogue" / f"{CORPUS}.yaml"
    (tmp_path / f"{CORPUS}.yaml").write_text(catalogue.read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "params.yaml").write_text(f"corpora:\n  {CORPUS}: {{catalogue: {CORPUS}.yaml}}\n")
    path = tmp_path / "data" / CORPUS / "JPEGImages" / "000001.png"
    path.parent.mkdir(parents=True)
    Image.fromarray(np.full((40, 60), 77, dtype=np.uint8)).save(path)
    row = index_row(f"{CORPUS}/000001", [box("ship", 5, 5)])
    row |= {"path": path.relative_to(tmp_path).as_posix(), "width": 60, "height": 40}
    project = Project(tmp_path)
    write_table(project.corpus(CORPUS) / "index.parquet", INDEX, [row])
    caption = dict.fromkeys(CAPTIONS.names) | {"image_id": row["image_id"], "caption": "There is <one> ship."}
    caption |= {"caption_detailed": caption["caption"], "method": "a2c", "method_version": "1", "facts": "{}"}
    write_table(project.captions(CORPUS) / "captions.parquet", CAPTIONS, [caption])
    narrated = {**caption, "caption": "Narrated.", "method": "narrator"}
    write_table(project.narrated(CORPUS) / "captions.parquet", CAPTIONS, [narrated])
    return project


def log(project: Project, stage: Stage, **metrics: object) -> None:
    record = {"stage": stage.name, "seconds": 1.5, "metrics": metrics}
    write_json(project.build / "log" / f"{stage.name}.json", record)


def test_counts_duration_hashes_and_first_rows(project: Project) -> None:
    stage = Stage(f"captions@{CORPUS}", "x", outs=(f"build/captions/{CORPUS}",))
    log(project, stage, captions=1, uncaptioned={"no mask": 2}, nothing=None)
    found = describe(project, stage, {stage.outs[0]: "abc.dir"})
    assert (found["captions"], found["seconds of work"]) == (1, 1.5)
    assert found["uncaptioned"].value == {"no mask": 2}
    assert "nothing" not in found
    assert found["outs"].records[0].data == {"path": stage.outs[0], "md5": "abc.dir"}
    assert found["first rows"].records[0].data["caption"] == "There is <one> ship."


@pytest.mark.parametrize(
    ("stage", "words"),
    [
        (Stage(f"captions@{CORPUS}", "x", outs=(f"build/captions/{CORPUS}",)), "` There is <one> ship. `"),
        (Stage(f"narrated@{CORPUS}", "x", outs=(f"build/narrated/{CORPUS}",)), "` Narrated. `"),
        (Stage(f"corpus@{CORPUS}", "x"), "` 1 ship `"),
    ],
    ids=["caption", "narrated caption", "annotation"],
)
def test_pictures_stand_beside_what_is_said_of_them(project: Project, stage: Stage, words: str) -> None:
    log(project, stage, examples=[f"{CORPUS}/000001"])
    text = str(describe(project, stage, {})["examples"].value)
    [(name, content)] = PICTURE.findall(text)
    image = Image.open(io.BytesIO(base64.b64decode(content)))
    assert name == f"{CORPUS}/000001"
    assert image.size == (120, 80)
    assert set(np.asarray(image).ravel()) == {77}
    assert words in text


def test_a_picture_that_cannot_be_shown_says_why(project: Project) -> None:
    stage = Stage(f"corpus@{CORPUS}", "x")
    log(project, stage, examples=[f"{CORPUS}/000002"])
    assert "cannot be shown: KeyError" in str(describe(project, stage, {})["examples"].value)


def test_a_stage_that_left_no_log_has_metadata_all_the_same(project: Project) -> None:
    assert set(describe(project, Stage("splits", "x", outs=("build/splits",)), {})) == {"outs"}


@pytest.mark.parametrize(
    "hostile",
    [
        "[click](https://example.org)",
        "![seen](https://example.org/pixel.png)",
        "<img src=https://example.org/pixel.png>",
        "see https://example.org or a@example.org",
        "` ends the span ``` and [click](https://example.org)",
        "first\n\n# heading\n\n[click](https://example.org)",
    ],
)
def test_hostile_text_is_shown_as_it_is(hostile: str) -> None:
    """A span of code, closed by as many ticks as it began with and by nothing within."""
    shown = literal(hostile)
    ticks = shown[: len(shown) - len(shown.lstrip("`"))]
    assert shown.endswith(f" {ticks}")
    assert ticks not in re.findall("`+", shown[len(ticks) : -len(ticks)])
    assert "\n" not in shown
    block = str(fenced(hostile).value).splitlines()
    assert block[1:-1] == hostile.splitlines()
    assert block[-1] == block[0]
    assert not any(line.startswith(block[-1]) for line in block[1:-1])


def test_a_hostile_name_stays_within_its_picture(project: Project) -> None:
    shown = picture(b"", "x](https://example.org) ![y")
    assert shown.startswith("![x__https_//example.org_ __y](data:image/jpeg;")

"""The ledger: every source image has one fate, and the sums come from counts of their own."""

import csv

import pyarrow.parquet as pq
import pytest

from sartext.config import Project
from sartext.errors import ArtefactError
from sartext.files import read_json, write_json
from sartext.release.candidate import build_candidate
from sartext.release.splits import decide_splits
from sartext.tables import LEDGER, PAIRS
from tests.release.indexed import image_row, rows_by_id, scene, write_corpus
from tests.release.joined import LEFT_OUT, RELEASED, joined


@pytest.fixture
def project(tmp_path) -> Project:
    return joined(tmp_path)


@pytest.fixture
def ledger(project) -> dict:
    build_candidate(project)
    return rows_by_id(project.build / "ledger.parquet", LEDGER)


def test_every_source_image_has_one_fate(ledger):
    assert {name for name, row in ledger.items() if row["fate"] == "released"} == set(RELEASED)
    left_out = {name: row["stage"] for name, row in ledger.items() if row["fate"] == "left out"}
    assert left_out == LEFT_OUT
    assert len(ledger) == len(RELEASED) + len(LEFT_OUT), "boxes and annotations in the quarantine are no images"


def test_reasons_say_why(ledger):
    assert {name: ledger[name]["reason"] for name in LEFT_OUT} == {
        "bare/1": "SAR image without labels, of a corpus that params.yaml does not list under narrated",
        "pairs/s1_b": "nothing that SAR shows",
        "pairs/s2_a": "optical image, kept for training",
        "pairs/s2_b": "optical image, kept for training",
        "plain/1": "SAR image of a corpus that params.yaml does not list under captions",
        "ships/2": "exact duplicate of ships/1",
        "ships/3": "no object, and no mask",
        "ships/broken": "no-annotation; truncated-image: half of it",
        "ships/gone": "empty-file",
    }
    assert {ledger[name]["reason"] for name in RELEASED} == {""}


def test_sources_are_released_or_left_out(project, ledger):
    """Counted apart from it: rows of the indexes, distinct images in the quarantines, rows of the pairs."""
    pairs = rows_by_id(project.build / "candidate" / "pairs.parquet", PAIRS)
    for name in project.parameters.corpora:
        folder = project.corpus(name)
        with (folder / "quarantine.csv").open(newline="") as stream:
            lost = {row["path"] for row in csv.DictReader(stream) if row["kind"] == "image"}
        sources = pq.read_metadata(folder / "index.parquet").num_rows + len(lost)
        mine = [row for row in ledger.values() if row["corpus"] == name]
        released = [row for row in mine if row["fate"] == "released"]
        assert len(mine) == sources
        assert len(released) == sum(pair["corpus"] == name for pair in pairs.values())


def test_a_quarantined_image_whose_id_is_taken_is_told_apart_by_its_path(project):
    quarantine = project.corpus("ships") / "quarantine.csv"
    quarantine.write_text(quarantine.read_text().replace("gone.png,ships/gone", "sub/1.png,ships/1"))
    build_candidate(project)
    rows = rows_by_id(project.build / "ledger.parquet", LEDGER)
    assert rows["ships/1"]["fate"] == "released"
    assert rows["ships/sub/1.png"]["stage"] == "corpus"


def test_an_optical_duplicate_is_left_out_by_the_splits(project):
    """It is not kept for training: the one that stays is."""
    images = [image_row(project, f"bare/{number}", scene(70), modality="optical") for number in (1, 2)]
    write_corpus(project, "bare", images)
    decide_splits(project)
    build_candidate(project)
    rows = rows_by_id(project.build / "ledger.parquet", LEDGER)
    assert [rows[name]["stage"] for name in ("bare/1", "bare/2")] == ["candidate", "splits"]


def test_a_ledger_that_does_not_add_up_is_an_error(project):
    """The index counted the files that it found; a fate too few or too many stops the build."""
    path = project.corpus("ships") / "metrics.json"
    write_json(path, {**read_json(path), "images_found": 7})
    with pytest.raises(
        ArtefactError, match=r"7 source images were found, but 6 have a fate.*sartext corpus ships"
    ):
        build_candidate(project)
    assert not (project.build / "ledger.parquet").exists()

"""The stage ``candidate``: what becomes a pair, with what, and where every other image went."""

from collections import Counter

import pytest

from sartext.config import Project
from sartext.files import read_json, sha256_file, write_json
from sartext.release.candidate import build_candidate, content_sha256
from sartext.release.splits import decide_splits
from sartext.tables import CAPTIONS, PAIRS, SPLITS, read_rows, write_table
from tests.release.indexed import image_row, make_project, rows_by_id, scene, write_captions, write_corpus
from tests.release.joined import LEFT_OUT, RELEASED, assert_no_candidate, joined, ledger_of, pairs_of, write_splits


@pytest.fixture
def project(tmp_path) -> Project:
    return joined(tmp_path)


def test_a_pair_joins_caption_image_split_and_licence(project):
    pairs = pairs_of(project)
    assert list(pairs) == RELEASED
    pair = pairs["ships/1"]
    split = rows_by_id(project.build / "splits" / "splits.parquet", SPLITS)["ships/1"]
    assert all(pair[key] == split[key] for key in ("split", "group_id", "cluster_id", "benchmark"))
    assert (pair["corpus"], pair["caption"], pair["method"]) == ("ships", "There are two ships.", "a2c")
    assert (pair["licence"], pair["redistribution"], pair["sensor"]) == ("not-stated", False, "RadarSat-2")
    assert pair["sha256"] == sha256_file(project.root / pair["path"])
    assert pairs["pairs/s1_a"]["source_caption"] == "A blue lake."


def test_an_absent_licence_is_carried_on_for_the_gate_to_find(tmp_path):
    project = make_project(tmp_path, {"c": {"licence": None}}, ["c"])
    write_corpus(project, "c", [image_row(project, "c/1", scene(1))])
    write_captions(project, "c", {"c/1": "There is one ship."})
    write_splits(project, {})
    assert pairs_of(project)["c/1"]["licence"] is None


@pytest.mark.parametrize("method", ["narrator", "optical-model"])
def test_captions_by_a_model_are_for_training_only(tmp_path, method):
    project = make_project(tmp_path, {"c": {}}, ["c"])
    write_corpus(project, "c", [image_row(project, f"c/{number}", scene(number)) for number in range(3)])
    captions = {f"c/{number}": "There is one ship." for number in range(3)}
    write_captions(project, "c", captions, method=method, model_sha256="0" * 64, score=0.5)
    write_splits(project, {"c/1": "validation", "c/2": "test"})
    assert list(pairs_of(project)) == ["c/0"]
    fates = ledger_of(project)
    for image_id in ("c/1", "c/2"):
        assert fates[image_id]["stage"] == "candidate" and method in fates[image_id]["reason"]


def test_the_metrics_count_what_was_written(project):
    metrics = build_candidate(project)
    written = read_json(project.build / "candidate" / "metrics.json")
    assert {**written, "examples": metrics["examples"]} == metrics
    pairs = list(pairs_of(project).values())
    assert set(metrics["examples"]) <= set(RELEASED)
    assert metrics["pairs"] == len(pairs) == 3
    assert metrics["methods"] == {"a2c": 2, "optical-rules": 1}
    assert metrics["splits"] == Counter(pair["split"] for pair in pairs)
    assert metrics["left_out_by_reason"]["splits: exact duplicate"] == 1
    assert metrics["left_out_by_reason"]["candidate: optical image, kept for training"] == 2


def test_equal_inputs_give_equal_bytes_and_the_content_hash_sees_a_changed_caption(project):
    first = build_candidate(project)
    files = [project.build / "candidate" / "pairs.parquet", project.build / "ledger.parquet"]
    before = [sha256_file(file) for file in files]
    assert build_candidate(Project(project.root)) == first
    assert [sha256_file(file) for file in files] == before
    rows = read_rows(files[0], PAIRS)
    assert content_sha256(reversed(rows)) == first["content_sha256"]
    rows[0]["caption"] += " It is in the center."
    assert content_sha256(rows) != first["content_sha256"]


@pytest.mark.parametrize("corpora", [{}, {"c": {"kind": "unlabelled"}}], ids=["no corpora", "none is captioned"])
def test_nothing_captioned_gives_an_empty_candidate(tmp_path, corpora):
    project = make_project(tmp_path, corpora)
    for corpus in corpora:
        write_corpus(project, corpus, [image_row(project, f"{corpus}/1", scene(1))])
    write_splits(project, {})
    metrics = build_candidate(project)
    assert (metrics["sources"], metrics["pairs"], pairs_of(project)) == (len(corpora), 0, {})


def test_missing_upstreams_say_the_command(project):
    (project.captions("ships")).rename(project.build / "aside")
    assert_no_candidate(project, "sartext captions ships")
    (project.build / "splits" / "splits.parquet").unlink()
    assert_no_candidate(project, "sartext splits")
    assert not (project.build / "candidate").exists()
    assert not (project.build / "ledger.parquet").exists()


def test_upstreams_of_another_state_of_the_corpora_are_refused(project):
    rows = [image_row(project, f"ships/{number}", scene(number)) for number in (1, 2, 3, 4, 5)]
    write_corpus(project, "ships", rows)
    assert_no_candidate(project, r"'ships/5'.*sartext splits")
    write_splits(project, {})
    assert_no_candidate(project, r"'ships/5'.*sartext captions ships")
    write_corpus(project, "ships", rows[:2])
    assert_no_candidate(project, r"'ships/3'.*sartext captions ships")


def test_two_captions_of_one_image_are_refused(project):
    path = project.captions("ships") / "captions.parquet"
    rows = read_rows(path, CAPTIONS)
    write_table(path, CAPTIONS, [*rows, rows[0]])
    assert_no_candidate(project, "'ships/1' has two captions")


def test_every_source_image_has_one_fate_and_a_reason(project):
    ledger = ledger_of(project)
    left_out = {name: ("left out", stage, reason) for name, (stage, reason) in LEFT_OUT.items()}
    released = dict.fromkeys(RELEASED, ("released", "release", ""))
    fates = {name: (row["fate"], row["stage"], row["reason"]) for name, row in ledger.items()}
    assert fates == left_out | released, "boxes and annotations in the quarantine are no images"


def test_a_quarantined_image_whose_id_is_taken_is_told_apart_by_its_path(project):
    quarantine = project.corpus("ships") / "quarantine.csv"
    quarantine.write_text(quarantine.read_text().replace("gone.png,ships/gone", "sub/1.png,ships/1"))
    rows = ledger_of(project)
    assert rows["ships/1"]["fate"] == "released"
    assert rows["ships/sub/1.png"]["stage"] == "corpus"


def test_an_optical_duplicate_is_left_out_by_the_splits(project):
    """It is not kept for training: the one that stays is."""
    images = [image_row(project, f"bare/{number}", scene(70), modality="optical") for number in (1, 2)]
    write_corpus(project, "bare", images)
    decide_splits(project)
    rows = ledger_of(project)
    assert [rows[name]["stage"] for name in ("bare/1", "bare/2")] == ["candidate", "splits"]


def test_a_ledger_that_does_not_add_up_is_an_error(project):
    """The index counted the files that it found; a fate too few or too many stops the build."""
    path = project.corpus("ships") / "metrics.json"
    write_json(path, {**read_json(path), "images_found": 7})
    assert_no_candidate(project, r"7 source images were found, but 6 have a fate.*sartext corpus ships")
    assert not (project.build / "ledger.parquet").exists()

"""The stage ``candidate``: what becomes a pair, and with what."""

from collections import Counter

import pytest

from sartext.config import Project
from sartext.errors import ArtefactError
from sartext.files import read_json, sha256_file
from sartext.release.candidate import build_candidate, content_sha256
from sartext.release.inputs import read_index
from sartext.tables import CAPTIONS, LEDGER, PAIRS, SPLITS, read_rows, write_table
from tests.release.indexed import image_row, make_project, rows_by_id, scene, write_captions, write_corpus
from tests.release.joined import RELEASED, joined


@pytest.fixture
def project(tmp_path) -> Project:
    return joined(tmp_path)


def pairs_of(project: Project) -> dict:
    return rows_by_id(project.build / "candidate" / "pairs.parquet", PAIRS)


def test_a_pair_is_a_captioned_sar_image_with_a_split(project):
    metrics = build_candidate(project)
    assert list(pairs_of(project)) == RELEASED
    assert set(metrics["examples"]) <= set(RELEASED)


def test_a_pair_joins_caption_image_split_and_licence(project):
    build_candidate(project)
    pair = pairs_of(project)["ships/1"]
    split = rows_by_id(project.build / "splits" / "splits.parquet", SPLITS)["ships/1"]
    assert all(pair[key] == split[key] for key in ("split", "group_id", "cluster_id", "benchmark"))
    assert (pair["corpus"], pair["caption"], pair["method"]) == ("ships", "There are two ships.", "a2c")
    assert (pair["licence"], pair["redistribution"], pair["sensor"]) == ("not-stated", False, "RadarSat-2")
    assert pair["sha256"] == sha256_file(project.root / pair["path"])
    assert pairs_of(project)["pairs/s1_a"]["source_caption"] == "A blue lake."


def test_an_absent_licence_is_carried_on_for_the_gate_to_find(tmp_path):
    project = make_project(tmp_path, {"c": {"licence": None}}, ["c"])
    write_corpus(project, "c", [image_row(project, "c/1", scene(1))])
    write_captions(project, "c", {"c/1": "There is one ship."})
    decide(project)
    build_candidate(project)
    assert pairs_of(project)["c/1"]["licence"] is None


def decide(project: Project, **splits: str) -> None:
    """Write splits, train where none is named."""
    rows = []
    for corpus in project.parameters.corpora:
        for image_id in read_index(project, corpus).column("image_id").to_pylist():
            row = dict.fromkeys(("image_id", "cluster_id", "group_id"), image_id) | {
                "benchmark": None,
                "reason": "-",
            }
            rows.append({**row, "split": splits.get(image_id.replace("/", "_"), "train")})
    write_table(project.build / "splits" / "splits.parquet", SPLITS, rows)


@pytest.mark.parametrize("method", ["narrator", "optical-model"])
def test_captions_by_a_model_are_for_training_only(tmp_path, method):
    project = make_project(tmp_path, {"c": {}}, ["c"])
    write_corpus(project, "c", [image_row(project, f"c/{number}", scene(number)) for number in range(3)])
    captions = {f"c/{number}": "There is one ship." for number in range(3)}
    write_captions(project, "c", captions, method=method, model_sha256="0" * 64, score=0.5)
    decide(project, c_1="validation", c_2="test")
    build_candidate(project)
    assert list(pairs_of(project)) == ["c/0"]
    fates = rows_by_id(project.build / "ledger.parquet", LEDGER)
    for image_id in ("c/1", "c/2"):
        assert fates[image_id]["stage"] == "candidate" and method in fates[image_id]["reason"]


def test_the_metrics_count_what_was_written(project):
    metrics = build_candidate(project)
    written = read_json(project.build / "candidate" / "metrics.json")
    assert {**written, "examples": metrics["examples"]} == metrics
    pairs = list(pairs_of(project).values())
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
    decide(project)
    metrics = build_candidate(project)
    assert (metrics["sources"], metrics["pairs"], pairs_of(project)) == (len(corpora), 0, {})


def test_missing_upstreams_say_the_command(project):
    (project.captions("ships")).rename(project.build / "aside")
    with pytest.raises(ArtefactError, match="sartext captions ships"):
        build_candidate(project)
    (project.build / "splits" / "splits.parquet").unlink()
    with pytest.raises(ArtefactError, match="sartext splits"):
        build_candidate(project)
    assert not (project.build / "candidate").exists()
    assert not (project.build / "ledger.parquet").exists()


def test_upstreams_of_another_state_of_the_corpora_are_refused(project):
    index = project.corpus("ships") / "index.parquet"
    rows = [image_row(project, f"ships/{number}", scene(number)) for number in (1, 2, 3, 4, 5)]
    write_corpus(project, "ships", rows)
    with pytest.raises(ArtefactError, match=r"'ships/5'.*sartext splits"):
        build_candidate(project)
    decide(project)
    with pytest.raises(ArtefactError, match=r"'ships/5'.*sartext captions ships"):
        build_candidate(project)
    write_corpus(project, "ships", rows[:2])
    with pytest.raises(ArtefactError, match=r"'ships/3'.*sartext captions ships"):
        build_candidate(project)
    assert index.is_file()


def test_two_captions_of_one_image_are_refused(project):
    path = project.captions("ships") / "captions.parquet"
    rows = read_rows(path, CAPTIONS)
    write_table(path, CAPTIONS, [*rows, rows[0]])
    with pytest.raises(ArtefactError, match="'ships/1' has two captions"):
        build_candidate(project)

"""The stage ``splits`` on small projects, and on the real SSDD."""

import numpy as np
import pytest
import yaml

from sartext.config import Project
from sartext.errors import ArtefactError
from sartext.files import read_json, sha256_tree
from sartext.release.splits import decide_splits
from sartext.release.splits.duplicates import read_duplicates
from sartext.tables import SPLITS
from tests.release.indexed import boxes, image_row, make_project, rows_by_id, scene, write_corpus


def ships(tmp_path, **splits) -> Project:
    """Identical images with differing boxes but equal counts, on both sides of the published split."""
    project = make_project(tmp_path, {"ships": {}, "empty": {}}, **splits)
    train = {"published_split": "train"}
    images = [
        (1, {"objects": boxes("ship", "ship"), "published_split": "test"}),
        (1, {"objects": boxes("ship", "ship", shift=2), **train}),
        (2, {"objects": boxes("ship"), **train}),
        (2, {"objects": boxes("ship", "ship"), **train}),
        (3, train),
        (3, {"suffix": ".jpg", **train}),
        (4, {}),
    ]
    rows = [
        image_row(project, f"ships/{number:06}", scene(seed), **fields)
        for number, (seed, fields) in enumerate(images, start=1)
    ]
    write_corpus(project, "ships", rows)
    write_corpus(project, "empty", [])
    return project


def table(project: Project) -> dict:
    return rows_by_id(project.build / "splits" / "splits.parquet", SPLITS)


@pytest.fixture(scope="module")
def decided(tmp_path_factory) -> tuple[Project, dict]:
    """The ships after the stage, and its metrics; only to be read."""
    project = ships(tmp_path_factory.mktemp("ships"))
    return project, decide_splits(project)


def test_every_indexed_image_has_a_row(decided):
    project, metrics = decided
    rows = table(project)
    assert list(rows) == [f"ships/{number:06}" for number in range(1, 8)]
    assert [name for name, row in rows.items() if row["split"] is None] == ["ships/000002", "ships/000004"]
    assert rows["ships/000002"]["reason"] == "exact duplicate of ships/000001"
    assert rows["ships/000006"]["cluster_id"] == "ships/000005"
    assert rows["ships/000006"]["split"] == rows["ships/000005"]["split"] is not None
    assert metrics["examples"] == ["ships/000002", "ships/000004"]


def test_duplicates_whose_facts_disagree_are_counted_and_listed(decided):
    project, metrics = decided
    assert (metrics["exact_sets"], metrics["exact_surplus"], metrics["exact_disagreeing"]) == (2, 2, 1)
    assert metrics["exact_differs"] == {"labels": 1, "regions": 0, "boxes": 1}
    assert (metrics["exact_across_published_splits"], metrics["near_pairs"]) == (1, 1)
    listed = {row["image_id"]: row for row in read_duplicates(project.build / "splits" / "duplicates.csv")}
    assert {name: (row["kind"], row["duplicate_of"], row["differs"]) for name, row in listed.items()} == {
        "ships/000002": ("exact", "ships/000001", "boxes"),
        "ships/000004": ("exact", "ships/000003", "labels"),
        "ships/000006": ("near", "ships/000005", ""),
    }
    second = listed["ships/000002"]
    assert (second["published_split"], second["published_split_of"]) == ("train", "test")
    assert float(listed["ships/000006"]["correlation"]) >= 0.95


def test_the_metrics_add_up_and_published_splits_are_recorded(decided):
    project, metrics = decided
    written = read_json(project.build / "splits" / "metrics.json")
    assert {**written, "examples": metrics["examples"]} == metrics
    corpus = metrics["corpora"]["ships"]
    assert corpus["images"] == 7 == sum(corpus[key] for key in ("train", "validation", "test", "left_out"))
    recorded = metrics["published_splits"]["ships"]
    assert {name: sum(recorded[name].values()) for name in ("train", "test")} == {"train": 5, "test": 1}


def test_equal_inputs_give_equal_bytes(tmp_path, monkeypatch):
    project = ships(tmp_path)
    decide_splits(project)
    first = sha256_tree(project.build / "splits")
    monkeypatch.setenv("SARTEXT_WORKERS", "1")
    decide_splits(Project(tmp_path))
    assert sha256_tree(project.build / "splits") == first
    assert sorted(first) == ["duplicates.csv", "metrics.json", "splits.parquet"]


def test_appending_a_corpus_with_pictures_leaves_every_row_as_it_was(tmp_path):
    project = ships(tmp_path)
    decide_splits(project)
    before = table(project)
    project = make_project(tmp_path, {"ships": {}, "empty": {}, "a-new": {}})
    pictures = [scene(1), np.roll(scene(4), 1, axis=0), scene(9)]
    rows = [image_row(project, f"a-new/{number}", picture) for number, picture in enumerate(pictures, start=1)]
    write_corpus(project, "a-new", rows)
    decide_splits(project)
    after = table(project)
    assert {name: after[name] for name in before} == before
    assert after["a-new/1"]["reason"] == "exact duplicate of ships/000001"
    assert (after["a-new/2"]["group_id"], after["a-new/2"]["cluster_id"]) == ("ships/000007", "ships/000007")
    assert after["a-new/2"]["split"] == before["ships/000007"]["split"]


def test_optical_images_have_rows_and_stand_with_their_other_half(tmp_path):
    project = make_project(tmp_path, {"pairs": {"kind": "pairs"}})
    images = []
    for number in range(12):
        place = {"scene_id": f"pairs:{number}"}
        images.append(image_row(project, f"pairs/s1_{number}", scene(number), **place))
        images.append(image_row(project, f"pairs/s2_{number}", scene(99 + number), modality="optical", **place))
    write_corpus(project, "pairs", images)
    decide_splits(project)
    rows = table(project)
    assert len(rows) == 24
    assert all(rows[f"pairs/s1_{at}"]["split"] == rows[f"pairs/s2_{at}"]["split"] for at in range(12))


def test_benchmarks_come_before_the_hash(tmp_path):
    project = make_project(tmp_path, {"first": {}, "late": {}}, validation=0, test=0)
    images = [
        image_row(project, "first/1", scene(1), benchmark="named"),
        image_row(project, "first/2", scene(2)),
        image_row(project, "first/3", np.roll(scene(1), 1, axis=1)),
    ]
    write_corpus(project, "first", images)
    write_corpus(project, "late", [image_row(project, "late/1", np.roll(scene(2), 1, axis=1), benchmark="late")])
    metrics = decide_splits(project)
    rows = table(project)
    assert list(rows) == ["first/1", "first/2", "first/3", "late/1"]
    assert [row["split"] for row in rows.values()] == ["test", "train", "test", None]
    assert "benchmark 'late'" in rows["late/1"]["reason"] and "first/2 in train" in rows["late/1"]["reason"]
    assert metrics["benchmarks_left_out"] == 1
    assert any("late/1" in warning and "before the others" in warning for warning in metrics["warnings"])


def test_a_large_cluster_warns(tmp_path):
    project = make_project(tmp_path, {"c": {}}, near={"warn_cluster": 3})
    form = {"suffix": ".jpg"}
    rows = [image_row(project, f"c/{q}", scene(1), quality=q, **form) for q in range(70, 95, 5)]
    write_corpus(project, "c", rows)
    metrics = decide_splits(project)
    assert metrics["largest_cluster"] == 5
    assert any("c/70" in warning and "5" in warning for warning in metrics["warnings"])


def test_an_index_that_is_missing_or_damaged_is_named(tmp_path):
    project = make_project(tmp_path, {"ships": {}})
    with pytest.raises(ArtefactError, match="sartext corpus ships"):
        decide_splits(project)
    project.corpus("ships").mkdir(parents=True)
    (project.corpus("ships") / "index.parquet").write_bytes(b"PAR1 no more")
    with pytest.raises(ArtefactError, match=r"index\.parquet"):
        decide_splits(project)
    assert not (project.build / "splits").exists()


@pytest.mark.parametrize("parent", ["corpus", "captions"])
def test_folders_of_unlisted_corpora_are_refused(tmp_path, parent):
    project = ships(tmp_path)
    (project.build / parent / "gone").mkdir(parents=True)
    (project.build / parent / ".partial-ships-x").mkdir()
    with pytest.raises(ArtefactError, match=r"gone.*sartext prune"):
        decide_splits(project)


def test_two_corpora_with_the_same_image_id_are_named(tmp_path):
    project = make_project(tmp_path, {"one": {}, "two": {}})
    for corpus in ("one", "two"):
        write_corpus(project, corpus, [image_row(project, "one/1", scene(1))])
    with pytest.raises(ArtefactError, match=r"'one/1'.*'one'.*'two'"):
        decide_splits(project)


@pytest.mark.realdata
@pytest.mark.slow
def test_ssdd_has_eighteen_sets_of_identical_images(tmp_path, realdata):
    """18 sets, 20 surplus images, 4 sets across the official split; boxes differ, counts are equal."""
    from sartext.catalogue.loading import PACKAGED
    from sartext.corpora.index import build_index

    if not (realdata / "SSDD").is_dir():
        pytest.skip("no SSDD among the real corpora")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "ssdd").symlink_to(realdata / "SSDD")
    listed = {"corpora": {"ssdd": {"catalogue": str(PACKAGED / "ssdd.yaml")}}}
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(listed))
    project = Project(tmp_path)
    build_index(project, "ssdd")
    metrics = decide_splits(project)
    assert metrics["images"] == 1038
    assert (metrics["exact_sets"], metrics["exact_surplus"]) == (18, 20)
    assert metrics["exact_across_published_splits"] == 4
    assert metrics["exact_differs"] == {"labels": 0, "regions": 0, "boxes": 20}
    assert metrics["largest_cluster"] < 10
    rows = table(project)
    different_ships = rows["ssdd/000078"], rows["ssdd/000121"]
    assert different_ships[0]["cluster_id"] != different_ships[1]["cluster_id"]

"""The index: every image has one fate, and the whole fails only when it must."""

import json
import os
import re

import pytest

from sartext.corpora.quarantine import read_quarantine
from sartext.errors import ArtefactError, CatalogueError, CorpusError
from sartext.files import sha256_file, sha256_tree
from sartext.release.gate.suites.schema import IMAGE_ID
from tests.corpora.making import DETECTION, picture, voc


def fill(corpus, good=3, bad=0):
    for number in range(good + bad):
        corpus.add(f"{number:03}", ("ship", 1, 1, 9, 9), seed=number)
        if number >= good:
            corpus.put(f"images/{number:03}.png", b"damaged")


def test_a_row_says_what_the_file_is(detection):
    fill(detection, 1)
    detection.index()
    row = detection.rows()["000"]
    assert (row["image_id"], row["scene_id"], row["path"]) == ("made/000", "made/000", "data/made/images/000.png")
    assert row["sha256"] == sha256_file(detection.root / row["path"])
    assert (row["width"], row["height"]) == (40, 30)
    assert (row["db_low"], row["db_high"], row["published_split"], row["benchmark"]) == (None,) * 4


def test_every_image_has_exactly_one_fate(detection):
    fill(detection, 4, 3)
    metrics = detection.index()
    assert sorted([*detection.reasons(), *detection.rows()]) == [f"{number:03}" for number in range(7)]
    assert (metrics["indexed"], metrics["left_out"], metrics["images_found"]) == (4, 3, 7)
    assert metrics["reasons"]["image"] == {"not-an-image": 3}


def test_outputs_are_the_same_bytes_again_and_on_any_number_of_cores(detection, monkeypatch):
    fill(detection, 8, 2)
    seen = []
    for cores, serial_below in (("1", 512), ("2", 0), ("2", 512)):
        monkeypatch.setenv("SARTEXT_WORKERS", cores)
        monkeypatch.setattr("sartext.corpora.index.SERIAL_BELOW", serial_below)
        detection.index()
        seen.append(sha256_tree(detection.project.corpus("made")))
    assert seen[0] == seen[1] == seen[2]
    assert set(seen[0]) == {"index.parquet", "quarantine.csv", "metrics.json", "entry.json"}
    for path in detection.project.corpus("made").iterdir():
        assert str(detection.root).encode() not in path.read_bytes(), "no output names this machine"


def test_metrics_compare_with_the_published_counts(corpus):
    corpus.declare(**DETECTION, published={"images": 5, "objects": 12})
    fill(corpus, 3)
    metrics = corpus.index()
    written = json.loads((corpus.project.corpus("made") / "metrics.json").read_text())
    assert metrics == {**written, "lines": [], "examples": ["made/000", "made/001", "made/002"]}
    assert (metrics["published_images"], metrics["images_absent"]) == (5, 2)
    assert (metrics["published_objects"], metrics["objects_total"], metrics["objects"]) == (12, 3, {"ship": 3})


def test_too_much_left_out_is_an_error_that_says_where_to_look(corpus):
    corpus.declare(**{**DETECTION, "quarantine_limit": 0.25})
    fill(corpus, 3, 1)
    corpus.index()
    fill(corpus, 3, 2)
    before = sha256_tree(corpus.project.corpus("made"))
    with pytest.raises(CorpusError) as caught:
        corpus.index()
    message = str(caught.value)
    assert "2 of 5 images (40.0 %) cannot be used, `quarantine_limit: 0.25` allows 25 %" in message
    assert "or raise `quarantine_limit` in catalogue/made.yaml" in message
    assert "not-an-image 2" in message
    log = corpus.root / "build" / "log" / "corpus-made-quarantine.csv"
    assert str(log.relative_to(corpus.root)) in message
    assert len(read_quarantine(log, "image")) == 2
    assert sha256_tree(corpus.project.corpus("made")) == before  # what stood there stands


def test_nothing_usable_is_an_error_until_it_is_repaired(detection):
    fill(detection, 0, 2)
    with pytest.raises(CorpusError, match=r"none of 2 images is usable \(not-an-image 2"):
        detection.index()
    assert not detection.project.corpus("made").exists()
    fill(detection, 2)
    assert detection.index()["indexed"] == 2


@pytest.mark.parametrize("embedded", [True, False])
def test_missing_corpus_says_how_to_get_it(corpus, embedded):
    corpus.declare(**DETECTION, embedded=embedded)
    corpus.folder.rmdir()
    expected = "sartext simulate" if embedded else "write it; then run `sartext corpora add made --from PATH`"
    with pytest.raises(CorpusError, match=expected):
        corpus.index()


def test_folder_without_images_or_annotations_says_so(detection):
    with pytest.raises(CorpusError, match=r"no image matches images/\*"):
        detection.index()
    detection.put("images/1.png", picture())
    with pytest.raises(CorpusError, match=r"no annotation file matches annotations/\*"):
        detection.index()


def index_files(corpus, *paths):
    images = ["**/*.png", "**/*.jpg"]
    corpus.declare(**{**DETECTION, "kind": "unlabelled", "annotations": None, "images": images})
    for path in paths:
        corpus.put(path, picture(seed=len(path)))
    corpus.index()
    return set(corpus.rows())


@pytest.mark.parametrize(
    ("paths", "ids"),
    [
        ("a.b.png train/1.png test/1.png 2.png 2.jpg", "a_b train_1_png test_1_png 2_png 2_jpg"),
        (
            "a\nb\n.png|d+e-f_G.png|x,\"y'$.png|one two/1.png|three/1.png",
            "a_b_ d+e-f_G x__y__ one_two_1_png three_1_png",
        ),
        ("a.b.png a_b.png", "a_b_png"),
    ],
    ids=["no dots, and equal stems have their folders", "words", "of two that still collide the first"],
)
def test_ids(corpus, paths, ids):
    assert index_files(corpus, *paths.split("|" if "|" in paths else " ")) == set(ids.split())
    assert all(re.match(IMAGE_ID, row["image_id"]) for row in corpus.rows().values())
    assert corpus.reasons() == ({"a_b_png": "duplicate-id"} if ids == "a_b_png" else {})


def test_annotation_that_may_mean_two_images_is_used_for_neither(corpus):
    corpus.declare(**{**DETECTION, "images": ["images/**/*.png"]})
    for path in ("train/1.png", "test/1.png", "test/2.png"):
        corpus.put(f"images/{path}", picture(seed=len(path)))
    corpus.put("annotations/1.xml", voc(filename="1.png"))
    corpus.put("annotations/2.xml", voc(filename="2.png"))
    corpus.index()
    assert set(corpus.rows()) == {"2"}
    assert set(corpus.reasons().values()) == {"ambiguous-annotation"}
    corpus.put("annotations/1.xml", voc(filename="train/1.png"))
    corpus.put("annotations/x.xml", voc(filename="test/1.png"))
    corpus.index()
    assert len(corpus.rows()) == 3


def test_file_name_that_is_no_text_is_a_reason(detection):
    fill(detection, 1)
    try:
        detection.put(os.fsdecode(b"images/b\xff.png"), picture())
    except OSError:
        pytest.skip("the file system takes UTF-8 names only")
    detection.index()
    assert detection.reasons() == {"b\ufffd": "unreadable-name"}


def test_published_split_and_benchmark_come_from_lists_or_from_the_path(corpus):
    rules = {"splits": {"test": "lists/test*", "train": "re:images/00"}, "benchmarks": {"hard": "lists/hard.json"}}
    corpus.declare(**DETECTION, **rules)
    fill(corpus, 4)
    corpus.put("lists/test.txt", "001\r\n002.jpg\n\n777\n")
    corpus.put("lists/hard.json", json.dumps({"images": [{"file_name": "003.png"}]}))
    corpus.index()
    rows = corpus.rows()
    assert [row["published_split"] for row in rows.values()] == ["train", "test", "test", "train"]
    assert [row["benchmark"] for row in rows.values()] == [None, None, None, "hard"]
    (fault,) = corpus.faults("annotation")
    assert (fault.path, fault.reason) == ("777", "listed-without-image")


def test_scene_is_the_groups_of_its_expression(corpus):
    corpus.declare(**DETECTION, scene=r"(\d)\d(\d)\.png$")
    fill(corpus, 2)
    corpus.add("other")
    corpus.index()
    assert [row["scene_id"] for row in corpus.rows().values()] == ["made/0_0", "made/0_1", "made/other"]


@pytest.mark.parametrize(
    "fields",
    [
        {"images": ["/etc/*"]},
        {"splits": {"train": "re:("}},
        {"annotations": {"format": "mask", "files": [], "image": "images", "file": r"\7"}},
        {"annotations": {"format": "mask", "files": []}},
        {"annotations": {"format": "lines", "files": ["annotations/*"], "names": []}},
    ],
)
def test_wrong_rule_in_the_catalogue_is_an_error_of_one_line(corpus, fields):
    corpus.declare(**{**DETECTION, **fields})
    fill(corpus, 1)
    with pytest.raises(CatalogueError):
        corpus.index()


def test_unknown_classes_that_refuse_a_corpus_are_named_with_the_way_out(corpus):
    corpus.declare(**{**DETECTION, "quarantine_limit": 0})
    fill(corpus, 1)
    corpus.add("x", ("buoy", 1, 1, 9, 9))
    with pytest.raises(CorpusError, match=r"name them in `classes` of catalogue/made\.yaml: 'buoy'"):
        corpus.index()


def test_hidden_files_of_an_archive_and_notes_are_no_images(corpus):
    corpus.declare(**{**DETECTION, "images": ["**/*.png"]})
    fill(corpus, 1)
    for path in ("images/._000.png", "__MACOSX/images/000.png", ".cache/1.png", "SOURCE.md"):
        corpus.put(path, b"x")
    assert corpus.index()["images_found"] == 1


def test_quarantine_table_has_its_columns_and_refuses_others(tmp_path, detection):
    fill(detection, 1)
    detection.index()
    text = (detection.project.corpus("made") / "quarantine.csv").read_text()
    assert text == "path,image_id,reason,detail,kind\n"
    other = tmp_path / "other.csv"
    other.write_text("a,b\n")
    for path, message in ((other, "not a quarantine table"), (tmp_path / "none.csv", "missing")):
        with pytest.raises(ArtefactError, match=message):
            read_quarantine(path)

"""``sartext explain``: an image's whole story."""

import pytest

from sartext.errors import ArtefactError
from sartext.files import sha256_file, write_json
from sartext.release.candidate import build_candidate
from sartext.release.explain import explain
from tests.release.indexed import image_row, make_project, scene, write_captions, write_corpus
from tests.release.joined import joined


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    made = joined(tmp_path_factory.mktemp("project"))
    build_candidate(made)
    row = {"name": "no duplicates", "severity": "critical", "passed": False, "status": "evaluated", "figure": 1}
    rows = [
        {**row, "unit": "pairs", "detail": "ships/1 in train, ships/40 in test"},
        {**row, "name": "language", "unit": "pairs", "passed": True, "detail": ""},
    ]
    suites = [{"name": "splits", "passed": False, "expectations": rows}]
    write_json(made.build / "quality" / "gate.json", {"content_sha256": "0", "passed": False, "suites": suites})
    return made


def story(project, image_id: str) -> dict[str, str]:
    texts: dict[str, str] = {}
    for heading, text in explain(project, image_id):
        texts[heading] = f"{texts[heading]} | {text}" if heading in texts else text
    return texts


def test_a_released_image_from_its_file_to_its_fate(project):
    texts = story(project, "ships/1")
    described = ["image", "corpus", "file", "picture", "acquisition", "sensor and licence", "place"]
    captioned = ["annotated objects", "facts", "rule", "caption"]
    decided = ["exact duplicate", "cluster", "group", "split", "gate", "gate: splits", "fate"]
    assert list(texts) == [*described, *captioned, *decided]
    assert texts["file"].startswith("data/ships/1.png (SHA-256 ")
    assert texts["annotated objects"].startswith("1 bridge, 2 ship: ship (0, 4, 6, 9); ")
    assert texts["caption"] == "There are two ships."
    assert texts["rule"] == "a2c (version 1)"
    assert texts["exact duplicate"] == "ships/2 (the annotations differ in labels)"
    assert texts["group"] == "ships/1 (2 images)"
    assert texts["split"].endswith(": by the hash of its group")
    assert texts["gate"] == "refused: 1 of 2 expectations hold"
    assert texts["gate: splits"] == "critical: no duplicates: ships/1 in train, ships/40 in test"
    assert texts["fate"] == "refused by the gate"


@pytest.mark.parametrize(
    ("image_id", "heading"),
    [
        ("ships/4", "gate: splits"),
        ("ships/2", "gate"),
        ("ships/2", "gate: splits"),
        ("pairs/s1_a", "annotated objects"),
    ],
    ids=["another id with its prefix", "no pair", "no pair in any row", "a corpus without objects"],
)
def test_what_does_not_concern_an_image_is_not_told(project, image_id, heading):
    assert heading not in story(project, image_id)


def test_the_fate_follows_the_gate_and_the_publication(tmp_path):
    project = joined(tmp_path)
    build_candidate(project)
    assert story(project, "ships/1")["fate"] == "in the candidate"
    gate = project.build / "quality" / "gate.json"
    write_json(gate, {"content_sha256": "0", "passed": True, "suites": []})
    assert story(project, "ships/1")["fate"] == "in the candidate"
    files = {"quality/gate.json": sha256_file(gate)}
    write_json(project.build / "release" / "content.json", {"content_sha256": "c", "files": files})
    record = project.build / "publication" / "publication.json"
    write_json(record, {"version": "1.2.0", "content_sha256": "c"})
    assert story(project, "ships/1")["fate"] == "released in 1.2.0"
    write_json(record, {"version": "1.2.0", "content_sha256": "of an earlier one"})
    assert story(project, "ships/1")["fate"] == "in the candidate"


@pytest.mark.parametrize(
    ("image_id", "heading", "text"),
    [
        ("ships/2", "split", "none: exact duplicate of ships/1"),
        ("ships/2", "fate", "left out by stage splits: exact duplicate of ships/1"),
        ("ships/3", "caption", "none: no object, and no mask"),
        ("ships/broken", "quarantine", "image: no-annotation | image: truncated-image half of it"),
        ("ships/broken", "fate", "left out by stage corpus: no-annotation; truncated-image: half of it"),
        ("ships/4", "quarantine", "box: box-nan box 2"),
        ("pairs/s2_a", "source caption", "A lake."),
        ("pairs/s2_a", "fate", "left out by stage candidate: optical image, kept for training"),
        ("pairs/s1_a", "rewritten from", "A blue lake."),
    ],
)
def test_an_image_says_what_was_dropped_of_it_and_where_and_why_it_was_left_out(project, image_id, heading, text):
    assert story(project, image_id)[heading] == text


@pytest.mark.parametrize("left", ["nothing", "an empty folder", "the captions of another image"])
def test_stages_that_have_not_run_are_told_as_such(tmp_path, left):
    """A stage that failed or was killed leaves no table, one that ran before leaves one without the image."""
    project = make_project(tmp_path, {"c": {}}, ["c"])
    write_corpus(project, "c", [image_row(project, "c/1", scene(1))])
    if left == "an empty folder":
        project.captions("c").mkdir(parents=True)
    elif left == "the captions of another image":
        write_captions(project, "c", {"c/2": "There is one ship."})
    texts = story(project, "c/1")
    assert texts["file"].startswith("data/c/1.png")
    for heading, command in (("caption", "captions c"), ("split", "splits"), ("fate", "candidate")):
        assert texts[heading] == f"not decided yet: run `sartext {command}`"


@pytest.mark.parametrize(
    ("image_id", "hint"),
    [
        ("ships/000001", "did you mean 'ships/1'"),
        ("ships/1.png", "did you mean 'ships/1'"),
        ("ships/brokn", "did you mean 'ships/broken'"),
        ("pairs/s1-b", "did you mean 'pairs/s1_b'"),
        ("ship/1", "did you mean 'ships'"),
        ("ships/11", "its 6 ids run from 'ships/1' to 'ships/gone'"),
        ("ships/999999", "its 6 ids run from 'ships/1' to 'ships/gone'"),
        ("pairs/qqqqqqqqqqqqqq", "its 4 ids run from 'pairs/s1_a' to 'pairs/s2_b'"),
        ("ships", "an id is CORPUS/NAME"),
    ],
)
def test_an_unknown_id_is_answered_with_the_nearest_known_one(project, image_id, hint):
    with pytest.raises(ArtefactError, match=hint):
        explain(project, image_id)

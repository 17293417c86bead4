"""Captions that models wrote: they train and never judge, and every image that gets none says why."""

import pytest
import yaml

from sartext.config import Project
from sartext.files import write_json
from sartext.release.candidate import build_candidate
from sartext.release.explain import explain
from sartext.release.inputs import write_lists
from tests.llm.making import REWRITING
from tests.release.indexed import image_row, make_project, scene, write_captions, write_corpus
from tests.release.joined import assert_no_candidate, ledger_of, pairs_of, write_splits

MODEL = "ab" * 32
BY_NARRATOR = {"stage": "narrated", "method": "narrator", "model_sha256": MODEL, "score": 0.9}
BY_OPTICAL = {"stage": "optical-captions", "method": "optical-model", "model_sha256": MODEL, "score": 0.4}
SPLIT_OF = {
    "bare/held": "validation",
    "bare/tested": "test",
    "pairs/held": "validation",
    "pairs/shown": "test",
    "bare/twin": None,
}


@pytest.fixture
def project(tmp_path) -> Project:
    """Pairs that people captioned in part, and a corpus without labels; a model was asked about both."""
    corpora = {"pairs": {"kind": "pairs"}, "bare": {"kind": "unlabelled"}}
    made = make_project(tmp_path, corpora, ["pairs"], optical_captions=["pairs"], narrated=["bare"])
    pairs = ["pairs/told", "pairs/model", "pairs/both", "pairs/held", "pairs/shown", "pairs/lost", "pairs/apart"]
    bare = ["bare/good", "bare/poor", "bare/held", "bare/tested", "bare/twin"]
    for name, ids in (("pairs", pairs), ("bare", bare)):
        rows = [image_row(made, image_id, scene(number)) for number, image_id in enumerate(ids, start=len(name))]
        write_corpus(made, name, rows)
    write_splits(made, SPLIT_OF, "exact duplicate of bare/good")
    by_people = dict.fromkeys(("pairs/told", "pairs/both", "pairs/shown"), "There is a lake.")
    lost = {"pairs/lost": "no caption survives rewriting: colour"}
    rest = dict.fromkeys(("pairs/model", "pairs/held", "pairs/apart"), "no optical caption")
    write_captions(made, "pairs", by_people, {**lost, **rest}, method="optical-rules", source_caption="A lake.")
    by_model = dict.fromkeys(("pairs/model", "pairs/both"), "There is a river.")
    reasons = {"pairs/held": "train only", "pairs/apart": "the halves disagree"}
    write_captions(made, "pairs", by_model, reasons, source_caption="A green river.", **BY_OPTICAL)
    narrated = dict.fromkeys(("bare/good", "bare/held"), "There is one ship.")
    reasons = {"bare/poor": "no statement reaches its threshold", "bare/twin": "train only"}
    write_captions(made, "bare", narrated, reasons, source_caption="there is one ship .", **BY_NARRATOR)
    write_json(made.optical_captions("pairs") / "metrics.json", {"least_similarity": 0.25})
    thresholds = {"object class": {"ship": 0.5, "other classes": 0.75}, "scene": {}}
    write_json(made.narrated("bare") / "metrics.json", {"thresholds": thresholds})
    return made


def test_the_candidate_joins_what_rules_and_models_said(project):
    pairs = pairs_of(project)
    assert {name: pair["method"] for name, pair in pairs.items()} == {
        "pairs/told": "optical-rules",
        "pairs/both": "optical-rules",
        "pairs/shown": "optical-rules",
        "pairs/model": "optical-model",
        "bare/good": "narrator",
    }
    assert pairs["pairs/both"]["caption"] == "There is a lake.", "what people said counts"
    assert {pair["split"] for pair in pairs.values() if pair["model_sha256"]} == {"train"}
    good = pairs["bare/good"]
    assert (good["model_sha256"], good["score"], good["source_caption"]) == (MODEL, 0.9, "there is one ship .")


def test_every_image_without_a_pair_says_which_stage_left_it_out_and_why(project):
    metrics = build_candidate(project)
    ledger = ledger_of(project)
    left_out = {name: (row["stage"], row["reason"]) for name, row in ledger.items() if row["fate"] == "left out"}
    assert left_out == {
        "pairs/lost": ("captions", "no caption survives rewriting: colour"),
        "pairs/held": ("optical-captions", "train only"),
        "pairs/apart": ("optical-captions", "the halves disagree"),
        "bare/poor": ("narrated", "no statement reaches its threshold"),
        "bare/held": ("candidate", "captioned by a model (narrator), and validation takes no model's caption"),
        "bare/tested": ("candidate", "no label or caption by people, and test takes no model's caption"),
        "bare/twin": ("splits", "exact duplicate of bare/good"),
    }
    assert metrics["sources"] == metrics["pairs"] + metrics["left_out"] == 12


def test_an_image_of_the_train_split_that_the_narrator_has_not_seen_is_an_error(project):
    write_captions(project, "bare", {"bare/good": "There is one ship."}, **BY_NARRATOR)
    assert_no_candidate(project, r"'bare/poor' is not in it.*sartext narrate bare")


def test_missing_captions_of_models_say_the_command(project):
    project.narrated("bare").rename(project.build / "aside")
    assert_no_candidate(project, "sartext narrate bare")
    project.optical_captions("pairs").rename(project.build / "away")
    assert_no_candidate(project, "sartext optical-captions pairs")


def test_captions_of_images_that_nobody_indexed_are_refused(project):
    write_captions(project, "bare", {"bare/9": "There is one ship."}, **BY_NARRATOR)
    assert_no_candidate(project, r"build/narrated/bare.*'bare/9'.*sartext narrate bare")


@pytest.mark.parametrize("stage", ["captions", "narrated", "optical-captions"])
def test_folders_of_unlisted_corpora_are_refused(project, stage):
    assert write_lists(project) == {"rewritten": 0, "captions": 1, "optical-captions": 1, "narrated": 1}
    build_candidate(project)
    (project.build / stage / "gone").mkdir()
    assert_no_candidate(project, r"gone.*sartext prune")


STORIES = {
    "bare/good": {
        "rule": "narrator (version 1, score 0.900)",
        "model": f"SHA-256 {MODEL}",
        "thresholds": "object class: other classes 0.750, ship 0.500; scene: not released",
        "said by the model": "there is one ship .",
        "caption": "There is one ship.",
        "fate": "in the candidate",
    },
    "pairs/model": {
        "threshold": "similarity of image and caption 0.250",
        "said by the model": "A green river.",
    },
    "pairs/both": {"rewritten from": "A lake."},
    "bare/poor": {"caption": "none by narrated: no statement reaches its threshold"},
    "pairs/apart": {"fate": "left out by stage optical-captions: the halves disagree"},
}


def test_the_story_of_an_image_tells_what_a_model_said(project):
    build_candidate(project)
    for image_id, texts in STORIES.items():
        assert texts.items() <= dict(explain(project, image_id)).items()


def test_what_a_language_model_rewrote_stands_for_the_caption_by_rules(tmp_path):
    made = make_project(tmp_path, {"pairs": {"kind": "pairs"}}, ["pairs"])
    path = tmp_path / "params.yaml"
    path.write_text(path.read_text() + yaml.safe_dump({"rewritten": ["pairs"], "rewriting": REWRITING}))
    project = Project(made.root)
    ids = ["pairs/both", "pairs/refused", "pairs/shown"]
    write_corpus(project, "pairs", [image_row(project, name, scene(number)) for number, name in enumerate(ids)])
    write_splits(project, {"pairs/shown": "test"}, "")
    by_rules = dict.fromkeys(ids, "There is a lake.")
    write_captions(project, "pairs", by_rules, method="optical-rules", source_caption="A lake.")
    signed = {"stage": "rewritten", "method": "optical-llm", "model": "toy-model", "prompt_sha256": MODEL}
    reasons = {"pairs/refused": "both answers are refused", "pairs/shown": "train only"}
    write_captions(
        project, "pairs", {"pairs/both": "A lake is there."}, reasons, source_caption="A lake.", **signed
    )
    pairs = pairs_of(project)
    assert {name: (pair["method"], pair["model"], pair["split"]) for name, pair in pairs.items()} == {
        "pairs/both": ("optical-llm", "toy-model", "train"),
        "pairs/refused": ("optical-rules", None, "train"),
        "pairs/shown": ("optical-rules", None, "test"),
    }
    assert ("model", f"toy-model, prompt {MODEL[:12]}") in explain(project, "pairs/both")

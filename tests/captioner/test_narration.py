"""Calibration on validation images, narration of an unlabelled corpus, captions by way of optical halves."""

import json
import shutil
from collections import Counter
from dataclasses import asdict

import pytest

from sartext.captioner.calibration import calibrate
from sartext.captioner.captioner import UNFINISHED
from sartext.captioner.corpus import TRAIN_ONLY, index_rows
from sartext.captioner.narration import UNTESTED, narrate
from sartext.captioner.optical import (
    DISAGREE,
    UNPROVEN,
    UNPROVEN_CAPTION,
    caption_optical_halves,
    uncaptioned_pairs,
)
from sartext.captioner.proof import BELOW
from sartext.captioner.thresholds import Threshold
from sartext.catalogue.loading import find_entry
from sartext.errors import ArtefactError, CatalogueError
from sartext.files import read_json, sha256_file, sha256_tree, write_json
from sartext.narrator.facts import from_json
from sartext.narrator.faithfulness import contradictions
from sartext.narrator.hidden_truth import read_truth
from sartext.narrator.statements import NO_FACTS, Statement, read_facts, statements_of
from sartext.narrator.vocabulary import project_vocabulary
from sartext.release.inputs import train_ids
from sartext.tables import CAPTIONS, UNCAPTIONED
from sartext.training.shards.reading import Shards
from tests.release.indexed import rows_by_id
from tests.training.mini import artefacts_but, beside, edit_parameters

from .narrating import FREE, NARRATION, OPTICAL, lesson, truth_of


@pytest.fixture(scope="module")
def project(narrating):
    return narrating


def variant(project, tmp_path, **narration):
    """The project with other parameters of narration and an output folder of its own."""
    shared = artefacts_but(project, "narrated", "optical-captions", "calibration")
    other = beside(project, tmp_path / "variant", "src", "data", *shared)
    shutil.copytree(project.calibration, other.calibration)
    shutil.copy(project.root / "params.yaml", other.root)
    return edit_parameters(other.root, narration={**NARRATION, **narration})


def tables(folder):
    reasons = rows_by_id(folder / "uncaptioned.parquet", UNCAPTIONED)
    captions = rows_by_id(folder / "captions.parquet", CAPTIONS)
    return captions, {image_id: row["reason"] for image_id, row in reasons.items()}


def test_calibration_states_thresholds_and_what_they_stand_on(project):
    record = read_json(project.calibration / "thresholds.json")
    objects = record["statements"]["object count"]
    assert objects["wanted"] == 0.7
    key, stated = next((key, row) for key, row in objects["thresholds"].items() if row["threshold"] is not None)
    assert stated["bound"] >= 0.7 and stated["kept"] >= 5 and stated["kept_true"] <= stated["kept"]
    assert record["coca_sha256"] == sha256_file(project.checkpoint("coca-sar") / "model.safetensors")
    assert record["pairs"]["pairs"] == len(Shards([project.shards("sar")]).rows("validation"))
    curve = (project.calibration / "curves.csv").read_text().splitlines()
    line = next(
        row for row in curve if row.startswith(f"object count,{key or 'other classes'},{stated['threshold']}")
    )
    assert line.split(",")[3:5] == [str(stated["kept"]), str(stated["kept_true"])]


def test_calibration_and_narration_give_the_same_bytes_again(project, tmp_path):
    again = variant(project, tmp_path)
    shutil.rmtree(again.calibration)
    calibrate(again)
    for made in (project, again):
        narrate(made, "sim-unlabelled")
    for name in ("calibration", "narrated"):
        assert sha256_tree(again.build / name) == sha256_tree(project.build / name)


def test_a_narrator_that_misses_the_precision_releases_nothing(project, tmp_path):
    strict = variant(project, tmp_path, fewest=500)
    calibrate(strict)
    metrics = narrate(strict, "sim-unlabelled")
    captions, reasons = tables(strict.narrated("sim-unlabelled"))
    assert captions == {} and metrics["captions"] == 0
    assert {BELOW, UNTESTED} & set(reasons.values())
    figures = metrics["hidden_truth"]["object count"]
    assert figures["accepted"] == {"statements": 0, "true": 0, "precision": None}
    assert figures["rejected"]["statements"] > 0


def test_narrated_captions_state_what_was_proposed_and_passed(project):
    metrics = narrate(project, "sim-unlabelled")
    captions, reasons = tables(project.narrated("sim-unlabelled"))
    words = project_vocabulary(project)
    rows = index_rows(project, "sim-unlabelled")
    trained, every = train_ids(project, rows), {row["image_id"] for row in rows}
    assert captions and captions.keys() <= trained
    assert captions.keys() | reasons.keys() == every and not captions.keys() & reasons.keys()
    assert {image_id for image_id, reason in reasons.items() if reason == TRAIN_ONLY} == every - trained
    models = {
        method: sha256_file(project.checkpoint(name) / "model.safetensors")
        for method, name in (("narrator", "coca-sar"), ("grounder", "grounder"))
    }
    for row in captions.values():
        read = read_facts(row["source_caption"], words)
        said = set() if isinstance(read, str) else set(statements_of(read))
        released = set(statements_of(from_json(row["facts"])))
        proof = json.loads(row["proof"])
        scores = {
            Statement(each["kind"], each["label"], each["value"]): each["score"] for each in proof["statements"]
        }
        assert scores.keys() == released and row["score"] == min(scores.values()) > 0
        assert row["method"] == ("narrator" if said & released else "grounder")
        assert row["model_sha256"] == models[row["method"]] and proof["grounder_sha256"] == models["grounder"]
        assert contradictions(row["caption"], row["facts"], row["method"], None) == []
    assert metrics["unread"][NO_FACTS] == sum(text == FREE for text in lesson(project)[1])
    assert metrics["uncaptioned"] == dict(Counter(reasons.values()))
    assert metrics["methods"] == dict(Counter(row["method"] for row in captions.values()))
    assert metrics["share_accepted"] == round(len(captions) / len(trained), 4)


def test_the_hidden_truth_measures_and_decides_nothing(project, tmp_path):
    metrics = narrate(project, "sim-unlabelled")
    figures = metrics["hidden_truth"]
    captions, _ = tables(project.narrated("sim-unlabelled"))
    truth, words = read_truth(project, "sim-unlabelled"), project_vocabulary(project)
    rows = {row["image_id"]: row for row in index_rows(project, "sim-unlabelled")}
    counts = Counter()
    for image_id, caption in captions.items():
        true = set(statements_of(truth_of(rows[image_id], truth, words)))
        for statement in statements_of(from_json(caption["facts"])):
            counts[statement.kind, statement in true] += 1
    for kind in ("object class", "object count", "object zone", "cover class", "cover share"):
        accepted = figures[kind]["accepted"]
        assert accepted["true"] == counts[kind, True] == figures[kind]["recall"]["true"]
        assert accepted["statements"] == counts[kind, True] + counts[kind, False]
    blind = variant(project, tmp_path)
    (blind.root / "data").unlink()
    shutil.copytree(project.data / "sim-unlabelled", blind.data / "sim-unlabelled")
    write_json(blind.data / "sim-unlabelled" / "hidden_truth.json", {})
    narrate(blind, "sim-unlabelled")
    assert tables(blind.narrated("sim-unlabelled")) == tables(project.narrated("sim-unlabelled"))


def test_what_was_tested_on_other_sensors_alone_is_not_released(project, tmp_path):
    other = variant(project, tmp_path)
    record = read_json(other.calibration / "thresholds.json")
    assert set(map(tuple, record["sensors"].values())) == {("simulated c-band sar",)}
    ships = "sentinel-1", "simulated c-band sar"
    record["sensors"] = {key: ["sentinel-1"] for key in record["sensors"]} | {"ship": ships}
    write_json(other.calibration / "thresholds.json", record)
    metrics = narrate(other, "sim-unlabelled")
    captions, _ = tables(other.narrated("sim-unlabelled"))
    labels = {each.label for row in captions.values() for each in statements_of(from_json(row["facts"]))}
    assert labels == {"ship"} and "water" in metrics["untested_on_sensor"]
    assert set(metrics["thresholds"]["cover class"]) <= {"other classes"}
    write_json(other.calibration / "thresholds.json", record | {"sensors": {}})
    assert UNTESTED in narrate(other, "sim-unlabelled")["uncaptioned"]


def test_of_a_caption_that_does_not_end_nothing_is_taken(project, tmp_path):
    short = variant(project, tmp_path, length=8)
    metrics = narrate(short, "sim-unlabelled")
    assert metrics["unread"] == {UNFINISHED: metrics["narrated"]}
    assert set(metrics["methods"]) <= {"grounder"}, "only the maps are left to propose"


def test_thresholds_of_another_narrator_are_refused(project, tmp_path):
    other = variant(project, tmp_path)
    path = other.calibration / "thresholds.json"
    write_json(path, read_json(path) | {"grounder_sha256": "0" * 64})
    for _ in ("of another model", "none"):
        with pytest.raises(ArtefactError, match="sartext calibrate"):
            narrate(other, "sim-unlabelled")
        assert not other.narrated("sim-unlabelled").exists()
        shutil.rmtree(other.calibration, ignore_errors=True)


def test_a_corpus_without_sar_images_is_refused(project):
    with pytest.raises(CatalogueError, match="no SAR images"):
        narrate(project, "sim-optical")
    with pytest.raises(CatalogueError, match="no SAR-optical pairs"):
        caption_optical_halves(project, "sim-ships")


def pair_threshold(project, similarity, least=0.0):
    """Let pairs of that similarity go together, and statements of that score pass, of any class."""
    path = project.calibration / "thresholds.json"
    record = read_json(path)
    record["pairs"]["similarity"] = similarity
    words, (sensor,) = record["vocabulary"], find_entry(project, "sim-pairs").sensors
    record["sensors"] = {label: [sensor] for label in (*words["things"], *words["stuff"])}
    for rule in record["statements"].values():
        rule["thresholds"] = {"": asdict(Threshold(9, 9, least))}
    write_json(path, record)
    return project


def test_optical_halves_are_told_and_rewritten(project, tmp_path):
    project = pair_threshold(variant(project, tmp_path), -1.0)
    metrics = caption_optical_halves(project, "sim-pairs")
    captions, reasons = tables(project.optical_captions("sim-pairs"))
    rows = {row["image_id"]: row for row in index_rows(project, "sim-pairs")}
    entry, trained = find_entry(project, "sim-pairs"), train_ids(project, rows.values())
    assert captions and captions.keys() <= trained
    for image_id, row in captions.items():
        assert rows[image_id]["modality"] == "sar"
        assert row["source_caption"] == OPTICAL and row["method"] == "optical-model"
        assert row["caption"] != OPTICAL and "SAR image" in row["caption"]
        assert contradictions(row["caption"], row["facts"], "optical-model", entry) == []
        assert row["model_sha256"] == sha256_file(project.checkpoint("coca-optical") / "model.safetensors")
        assert -1.0 <= row["score"] <= 1.0
        proof = json.loads(row["proof"])
        labels = {each["label"] for each in proof["statements"]}
        assert labels == {"water", "built-up areas", "bridge"}
        assert proof["grounder_sha256"] == sha256_file(project.checkpoint("grounder") / "model.safetensors")
    assert any(reason.startswith("no caption survives rewriting") for reason in reasons.values())
    assert metrics["uncaptioned"] == dict(sorted(Counter(reasons.values()).items()))
    assert len(captions) + len(reasons) == len(uncaptioned_pairs(list(rows.values()), entry))


def test_sentences_that_the_grounder_does_not_prove_are_withheld(project, tmp_path):
    """No score is above 1, so nothing is proven; what says nothing that could be proven is none either."""
    project = pair_threshold(variant(project, tmp_path), -1.0, least=1.1)
    metrics = caption_optical_halves(project, "sim-pairs")
    captions, reasons = tables(project.optical_captions("sim-pairs"))
    assert captions == {}
    captioned = Counter(reasons.values())[UNPROVEN_CAPTION]
    assert captioned > 0 and metrics["dropped_statements"][UNPROVEN] == 2 * captioned, "sentences of each"


def test_halves_that_disagree_are_dropped_by_the_stated_threshold(project, tmp_path):
    lax, strict = variant(project, tmp_path / "a"), variant(project, tmp_path / "b")
    caption_optical_halves(pair_threshold(lax, -1.0), "sim-pairs")
    every, _ = tables(lax.optical_captions("sim-pairs"))
    scores = sorted(row["score"] for row in every.values())
    caption_optical_halves(pair_threshold(strict, scores[-1]), "sim-pairs")
    captions, reasons = tables(strict.optical_captions("sim-pairs"))
    assert captions.keys() == {image_id for image_id, row in every.items() if row["score"] >= scores[-1]}
    assert Counter(reasons.values())[DISAGREE] == len(every) - len(captions)

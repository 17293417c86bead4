"""Questions on the small real corpora: what is claimed to be absent is not in their annotations."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from orchestration.build import SAMPLE_FOLDERS
from sartext.catalogue.loading import PACKAGED, load_entry
from sartext.config import Project, VqaParameters
from sartext.corpora.index import build_index
from sartext.corpora.masks import read_mask
from sartext.narrator.facts import from_json
from sartext.narrator.stage import caption_corpus
from sartext.narrator.vocabulary import bare, cover_noun
from sartext.release.formats.format import Material
from sartext.release.formats.llava_vqa import doubtful_images
from sartext.tables import CAPTIONS, INDEX, read_rows
from sartext.vqa.claims import Doubt
from sartext.vqa.making import Source, make_questions
from sartext.vqa.proof import proves
from sartext.vqa.question import Question, to_row
from tests.corpora.making import real_project

pytestmark = pytest.mark.realdata

CORPORA = ("oil-spill", "sar-aircraft", "terramesh")


@pytest.fixture(scope="module")
def project(realdata: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    folders = {name: realdata / SAMPLE_FOLDERS[name] for name in CORPORA}
    project = real_project(tmp_path_factory.mktemp("vqa"), folders, captions=list(CORPORA))
    for name in CORPORA:
        build_index(project, name)
        caption_corpus(project, name)
    return project


@pytest.fixture(scope="module")
def pairs(project: Project) -> list[dict[str, Any]]:
    return [
        {**row, "corpus": name, "split": "test", "group_id": row["image_id"]}
        for name in CORPORA
        for row in read_rows(project.captions(name) / "captions.parquet", CAPTIONS)
    ]


@pytest.fixture(scope="module")
def source(project: Project, pairs: list[dict[str, Any]]) -> Source:
    catalogue = {name: load_entry(PACKAGED / f"{name}.yaml") for name in CORPORA}
    return Source(pairs, catalogue, doubtful_images(Material(project, catalogue, pairs)))


@pytest.fixture(scope="module")
def questions(source: Source) -> list[Question]:
    return make_questions(source, VqaParameters())


def test_every_answer_is_proven(pairs: list[dict[str, Any]], questions: list[Question]) -> None:
    facts = {row["image_id"]: from_json(row["facts"]) for row in pairs}
    assert {question.corpus for question in questions} == set(CORPORA)
    assert all(proves(to_row(question), facts[question.image_id]) for question in questions)


def test_no_number_is_asked_of_a_mask_with_unknown_pixels(source: Source, questions: list[Question]) -> None:
    assert source.doubtful == dict.fromkeys(("oil-spill/img_0016", "oil-spill/img_0032"), Doubt.PIXELS)
    facts_of = {row["image_id"]: from_json(row["facts"]) for row in source.pairs}
    assert [fact.count for fact in facts_of["oil-spill/img_0016"].objects] == [2]
    forms = {question.form for question in questions if question.image_id in source.doubtful}
    assert forms <= {"exists", "larger", "largest"}


def test_no_pixel_is_of_a_class_that_is_claimed_absent(project: Project, questions: list[Question]) -> None:
    entry = load_entry(PACKAGED / "oil-spill.yaml")
    keys = [bare(cover_noun(kind) if kind.stuff else kind.noun) for kind in entry.classes]
    rows = read_rows(project.corpus("oil-spill") / "index.parquet", INDEX)
    paths = {row["image_id"]: row["path"] for row in rows}
    for question in claiming_absence(questions, "oil-spill"):
        mask = project.root / paths[question.image_id].replace("/images/", "/masks/").replace(".jpg", ".png")
        classes, _ = read_mask(mask.read_bytes(), entry)
        there = {keys[number] for number in np.unique(classes) if number >= 0}
        assert not there & set(question.facts["exhaustive"]), question.id


def claiming_absence(questions: list[Question], corpus: str) -> list[Question]:
    found = [question for question in questions if question.corpus == corpus and question.facts["exhaustive"]]
    assert found
    return found


def test_no_box_is_of_a_type_that_is_claimed_to_be_absent(project: Project, questions: list[Question]) -> None:
    nouns = {kind.label: bare(kind.noun) for kind in load_entry(PACKAGED / "sar-aircraft.yaml").classes}
    rows = read_rows(project.corpus("sar-aircraft") / "index.parquet", INDEX)
    there = {row["image_id"]: {nouns[box["label"]] for box in row["objects"]} for row in rows}
    for question in claiming_absence(questions, "sar-aircraft"):
        assert not there[question.image_id] & set(question.facts["exhaustive"]), question.id
    assert not [question.id for question in questions if "aircraft of another type" in question.subjects]

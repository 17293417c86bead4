"""Questions on pairs: words, splits, and what they depend on."""

import random
import re
from collections import Counter, defaultdict
from typing import Any

import pytest

from sartext.config import VqaParameters
from sartext.errors import ArtefactError
from sartext.narrator.facts import CoverFact, Facts, ObjectFact, PresentFact, from_json, to_json
from sartext.narrator.vocabulary import NUMBER_WORDS, share_word
from sartext.vqa.claims import Doubt, Image, claims_of
from sartext.vqa.making import Source, make_questions
from sartext.vqa.proof import proves
from sartext.vqa.question import TYPES, Question, from_row, lines_of, read_questions, read_splits, to_row
from sartext.vqa.subjects import OPEN, STUFF, THINGS, annotation_of, worded
from tests.narrator.examples import entry_of
from tests.vqa.scenes import BOXES, COVERS, MASKS
from tests.vqa.scenes import THINGS as CLASSES

PARAMETERS = VqaParameters(seed=3)
SPLITS = ("train", "train", "test")


def objects_of(rng: random.Random) -> Facts:
    found = []
    for kind in rng.sample(CLASSES[2:5], rng.randint(1, 2)):
        count = rng.randint(1, 13)
        center = rng.randint(0, count)
        found.append(ObjectFact(kind.label, kind.noun, kind.plural, count, center, count - center))
    return Facts(objects=tuple(sorted(found, key=lambda fact: (-fact.count, fact.noun))))


def cover_of(rng: random.Random) -> Facts:
    shares = [0.7, 0.25, 0.05] if rng.random() < 0.7 else [0.6, 0.3]
    nouns = rng.sample(["water", "forest", "built-up areas", "bare soil"], len(shares))
    zones = [None, "upper-left", "lower-right"]
    pairs = zip(nouns, shares, strict=True)
    return Facts(
        cover=tuple(CoverFact(noun, noun, share, share_word(share), rng.choice(zones)) for noun, share in pairs)
    )


def pairs_of(corpus: str, make, count: int = 120) -> list[dict[str, Any]]:
    rng = random.Random(corpus)
    return [
        {
            "image_id": f"{corpus}/{number:03d}",
            "corpus": corpus,
            "split": SPLITS[number % 3],
            "group_id": f"{corpus}/{number // 2:03d}",
            "method": "a2c",
            "facts": to_json(make(rng)),
        }
        for number in range(count)
    ]


PAIRS = [*pairs_of("boxes", objects_of), *pairs_of("masks", cover_of)]
CATALOGUE = {"boxes": BOXES, "masks": MASKS}
FACTS = {row["image_id"]: from_json(row["facts"]) for row in PAIRS}


def questions_on(rows: list[dict[str, Any]], **parameters: int) -> list[Question]:
    return make_questions(Source(rows, CATALOGUE), VqaParameters(**{"seed": 3, **parameters}))


QUESTIONS = questions_on(PAIRS)


def test_every_type_is_asked_and_every_answer_proven() -> None:
    assert {question.type for question in QUESTIONS} == set(TYPES)
    assert all(proves(to_row(question), FACTS[question.image_id]) for question in QUESTIONS)


def test_split_and_group_are_those_of_the_image() -> None:
    known = {row["image_id"]: row for row in PAIRS}
    for question in QUESTIONS:
        assert all(
            getattr(question, name) == known[question.image_id][name] for name in ("split", "group_id", "corpus")
        )


def test_ids_are_unique_begin_with_the_image_and_are_sorted() -> None:
    ids = [question.id for question in QUESTIONS]
    assert len(set(ids)) == len(ids)
    assert ids == sorted(ids)
    assert all(question.id.startswith(f"{question.image_id}:{question.form}") for question in QUESTIONS)


def test_the_same_pairs_in_another_order_give_the_same_bytes() -> None:
    shuffled = random.Random(1).sample(PAIRS, len(PAIRS))
    assert lines_of(questions_on(shuffled)) == lines_of(QUESTIONS)


def test_another_seed_asks_other_questions_and_another_corpus_moves_none() -> None:
    other = questions_on(PAIRS, seed=4)
    assert {question.id for question in other} != {question.id for question in QUESTIONS}
    alone = questions_on(pairs_of("boxes", objects_of))
    assert alone == [question for question in QUESTIONS if question.corpus == "boxes"]


def test_an_image_has_at_most_so_many_questions() -> None:
    few = questions_on(PAIRS, per_image=2)
    assert max(Counter(question.image_id for question in few).values()) == 2


def test_counts_above_the_largest_are_not_asked() -> None:
    small = questions_on(PAIRS, largest_count=4)
    answers = {question.answer for question in small if question.type == "count"}
    assert answers == set(NUMBER_WORDS[:5])
    with pytest.raises(ValueError, match="less than or equal to 10"):
        VqaParameters(largest_count=11)


def test_yes_and_no_are_even_in_each_split_corpus_and_class() -> None:
    counts = defaultdict(Counter)
    for question in QUESTIONS:
        if question.form in {"exists", "more", "larger"}:
            counts[question.split, question.corpus, question.form, question.subjects][question.answer] += 1
    assert counts
    assert all(found["yes"] == found["no"] for found in counts.values())


@pytest.mark.parametrize("method", ["narrator", "optical-model", "optical-rules", "optical-llm"])
def test_what_a_model_or_an_optical_caption_says_is_not_asked_about(method: str) -> None:
    rows = [{**row, "method": method} for row in PAIRS]
    assert questions_on(rows) == []


def test_a_doubtful_image_is_asked_only_what_its_annotation_proves_nevertheless() -> None:
    doubtful = {row["image_id"]: Doubt.OBJECTS for row in PAIRS[::2]}
    found = make_questions(Source(PAIRS, CATALOGUE, doubtful), PARAMETERS)
    assert any(question.facts["exhaustive"] for question in found)
    ours = [question for question in found if question.image_id in doubtful]
    assert not any(question.facts["exhaustive"] for question in ours)
    forms = {name: {question.form for question in ours if question.corpus == name} for name in CATALOGUE}
    assert forms == {"boxes": {"exists"}, "masks": {"exists", "zone", "larger", "largest", "dominant"}}


def every_claim():
    for row in PAIRS[::5]:
        annotation = annotation_of(CATALOGUE[row["corpus"]])
        for claim in claims_of(Image(FACTS[row["image_id"]], annotation, 10)):
            yield claim, annotation


def test_every_wording_is_a_question_without_gaps() -> None:
    assert all(len(set(texts)) == len(texts) >= 3 for forms in (THINGS, STUFF, OPEN) for texts in forms.values())
    seen = set()
    for claim, annotation in every_claim():
        for style in range(12):
            text = worded(claim.form, claim.subjects, annotation.subjects, style)
            seen.add(text)
            assert re.fullmatch(r"[A-Z][A-Za-z0-9 ,:-]+\?", text), text
            assert "  " not in text
            assert not re.search(r"\b(any|the|an?) (an?|the)\b", text), text
    assert len(seen) > 200


def test_a_closed_question_names_its_answers() -> None:
    for claim, annotation in every_claim():
        if claim.form not in {"exists", "how-many", "more", "larger", "dominant", "only"}:
            for style in range(3):
                assert claim.answer in worded(claim.form, claim.subjects, annotation.subjects, style)


def test_a_background_is_asked_about() -> None:
    entry = entry_of("segmentation", "sea", COVERS, background="open sea")
    alone, land = to_json(Facts(scene="open sea")), to_json(cover_of(random.Random(1)))
    rows = pairs_of("sea", cover_of, 24)
    rows = [{**row, "facts": alone if number % 2 else land} for number, row in enumerate(rows)]
    facts = {row["image_id"]: from_json(row["facts"]) for row in rows}
    questions = make_questions(Source(rows, {"sea": entry}), PARAMETERS)
    found = [question for question in questions if question.form == "only"]
    assert Counter(question.answer for question in found if question.split == "test") == {"yes": 4, "no": 4}
    assert all("open sea" in question.text for question in found)
    assert all(proves(to_row(question), facts[question.image_id]) for question in found)


def test_present_classes_alone_are_one_sided_and_not_asked() -> None:
    facts = to_json(Facts(present=(PresentFact("bridge", "bridge", "bridges"),)))
    rows = [{**row, "facts": facts, "corpus": "masks"} for row in pairs_of("masks", cover_of, 9)]
    assert questions_on(rows) == []


def test_rows_survive_the_file(tmp_path) -> None:
    (tmp_path / "vqa").mkdir()
    (tmp_path / "vqa" / "test.jsonl").write_text(lines_of(QUESTIONS))
    assert read_splits(tmp_path) == {"test": QUESTIONS}


@pytest.mark.parametrize(
    "change",
    [
        {"type": "colour"},
        {"answer": ""},
        {"subjects": "ship"},
        {"subjects": [1]},
        {"facts": {}},
        {"facts": {"objects": [1], "cover": [], "present": [], "scene": None, "exhaustive": []}},
        {"image": 3},
        {"conversations": []},
        {"conversations": [{"from": "human", "value": "How many?"}, {"from": "gpt", "value": "one"}]},
        {"extra": 1},
    ],
)
def test_what_is_no_question_is_refused(change: dict[str, Any]) -> None:
    row = to_row(QUESTIONS[0])
    assert from_row(row) == QUESTIONS[0]
    with pytest.raises(ValueError, match=r"."):
        from_row({**row, **change})


def test_a_damaged_line_is_named(tmp_path) -> None:
    path = tmp_path / "test.jsonl"
    path.write_text(lines_of(QUESTIONS[:2]) + "{\n")
    with pytest.raises(ArtefactError, match="line 3 is no question"):
        read_questions(path)
    path.write_text(lines_of(QUESTIONS[:1]) * 2)
    with pytest.raises(ArtefactError, match=r"line 2 .* stands twice"):
        read_questions(path)
    with pytest.raises(ArtefactError, match="llava-vqa"):
        read_splits(tmp_path)

"""Facts and captions as statements, one by one, and how they are compared."""

from pathlib import Path

import pytest

from sartext.narrator.facts import CoverFact, Facts, ObjectFact, PresentFact
from sartext.narrator.realisation import realise
from sartext.narrator.statements import (
    COVER_CLASS,
    COVER_SHARE,
    COVER_ZONE,
    KINDS,
    OBJECT_CLASS,
    OBJECT_COUNT,
    OBJECT_ZONE,
    SCENE,
    Count,
    Statement,
    compare,
    read_statements,
    statements_of,
)
from sartext.narrator.vocabulary import annotated_by, vocabulary_of

from .examples import entry_of, stuff, thing

SHIP, BRIDGE = thing("ship", "ship", "ships", "vessel"), thing("bridge", "bridge", "bridges")
WATER, TOWN = stuff("water", "water"), stuff("built-up", "built-up area", "built-up areas")


def entry(name, *classes, **more):
    return entry_of("detection", name, classes, **more)


CORPUS = entry("ships", SHIP, BRIDGE, WATER, TOWN)
NOUNS = vocabulary_of([CORPUS]).nouns

FACTS = Facts(
    objects=(ObjectFact("ship", "ship", "ships", 3, 2, 1), ObjectFact("bridge", "bridge", "bridges", 1, 0, 1)),
    cover=(
        CoverFact("water", "water", 0.6, "most"),
        CoverFact("built-up", "built-up areas", 0.2, "about a quarter", "upper-left"),
    ),
)

MOSTLY_WATER = Facts(cover=FACTS.cover[:1])


def test_facts_are_statements_one_by_one():
    assert set(statements_of(FACTS)) == {
        Statement(OBJECT_CLASS, "ship"),
        Statement(OBJECT_COUNT, "ship", "3"),
        Statement(OBJECT_ZONE, "ship", "2 center"),
        Statement(OBJECT_ZONE, "ship", "1 outside"),
        Statement(OBJECT_CLASS, "bridge"),
        Statement(OBJECT_COUNT, "bridge", "1"),
        Statement(OBJECT_ZONE, "bridge", "1 outside"),
        Statement(COVER_CLASS, "water"),
        Statement(COVER_SHARE, "water", "most"),
        Statement(COVER_CLASS, "built-up areas"),
        Statement(COVER_SHARE, "built-up areas", "about a quarter"),
        Statement(COVER_ZONE, "built-up areas", "upper left"),
    }


@pytest.mark.parametrize("facts", [FACTS, Facts(objects=FACTS.objects), Facts(cover=FACTS.cover)])
def test_every_paraphrase_states_the_facts(facts):
    for number in range(40):
        for caption in realise(facts, f"corpus/{number}", 11, 5):
            reading = read_statements(caption, NOUNS)
            assert set(reading.statements) == set(statements_of(facts)), caption
            assert not reading.problems


def test_at_least_one_of_a_class_states_the_class_alone():
    sea = vocabulary_of([entry("oil", SHIP, WATER, background="open sea")])
    for text, more in (
        ("There is at least one ship in this SAR image.", ()),
        ("Water covers most of this SAR image. There is at least one ship.", statements_of(MOSTLY_WATER)),
        ("There is at least one ship in the open sea.", ()),
    ):
        reading = read_statements(text, sea.nouns, sea.scenes)
        assert set(reading.statements) == {Statement(OBJECT_CLASS, "ship"), *more}
    ships = Facts(present=(PresentFact("ship", "ship", "ships"),), cover=MOSTLY_WATER.cover)
    assert set(statements_of(ships)) == {Statement(OBJECT_CLASS, "ship"), *statements_of(MOSTLY_WATER)}


def test_more_than_twenty_is_one_number():
    many = Facts(objects=(ObjectFact("ship", "ship", "ships", 45, 30, 15),))
    reading = read_statements(realise(many, "corpus/1", 11)[0], NOUNS)
    assert set(reading.statements) == set(statements_of(many))


def test_a_background_is_a_statement_where_nothing_else_is_told():
    sea = entry("oil", SHIP, stuff("sea", "sea"), background="sea")
    nouns, scenes = vocabulary_of([sea]).nouns, vocabulary_of([sea]).scenes
    alone = Facts(scene="sea")
    assert read_statements(realise(alone, "oil/1", 11)[0], nouns, scenes).statements == (Statement(SCENE, "sea"),)
    covered = Facts(cover=(CoverFact("sea", "sea", 0.9, "nearly all"),))
    reading = read_statements(realise(covered, "oil/1", 11)[0], nouns, scenes)
    assert set(reading.statements) == set(statements_of(covered))


def test_text_that_says_nothing_states_nothing():
    for text in ("", "ship ship ship of of", "a beautiful picture.", "is is the the most."):
        reading = read_statements(text, NOUNS)
        assert not reading.statements
        assert reading.problems


def test_right_stated_and_true_are_counted_by_kind():
    stated = read_statements("There are two ships in this SAR image. They are in the center.", NOUNS).statements
    counts, undecided = compare(stated, statements_of(Facts(objects=FACTS.objects)))
    assert undecided == 0
    assert set(counts) == set(KINDS)
    assert (counts[OBJECT_CLASS].right, counts[OBJECT_CLASS].stated, counts[OBJECT_CLASS].true) == (1, 1, 2)
    assert (counts[OBJECT_COUNT].right, counts[OBJECT_COUNT].stated, counts[OBJECT_COUNT].true) == (0, 1, 2)
    assert (counts[OBJECT_ZONE].right, counts[OBJECT_ZONE].stated, counts[OBJECT_ZONE].true) == (1, 1, 3)
    assert counts[COVER_CLASS] == Count()
    assert counts[OBJECT_CLASS] + counts[OBJECT_COUNT] == Count(1, 2, 4)


def test_what_the_annotation_does_not_decide_is_neither_right_nor_wrong():
    ships_only = annotated_by(entry("ships", SHIP))
    caption = "Water covers most of this SAR image. There is one bridge in the center."
    stated = read_statements(caption, NOUNS).statements
    counts, undecided = compare(stated, statements_of(Facts(objects=FACTS.objects[:1])), ships_only)
    assert undecided == len(stated) == 5
    assert not any(count.stated for count in counts.values())
    counts, undecided = compare(stated, (), None)
    assert undecided == 0
    assert sum(count.stated for count in counts.values()) == 5


def test_a_class_that_is_not_annotated_exhaustively_is_not_decided_by_its_absence():
    rough = SHIP.model_copy(update={"exhaustive": False})
    assert annotated_by(entry("ships", rough, BRIDGE)) == {"bridge"}


def test_real_captions_are_read_back(realdata):
    """Of all captions that the sample release has built here, if it was."""
    from sartext.catalogue.loading import load_catalogue
    from sartext.config import Project
    from sartext.narrator.facts import from_json
    from sartext.tables import CAPTIONS, read_rows

    root = Path(__file__).resolve().parents[2]
    folders = sorted((root / "build/sample/build/captions").glob("*/captions.parquet"))
    if not folders:
        pytest.skip("`make sample` was not run here")
    catalogue = load_catalogue(Project(root))
    entries = [catalogue[path.parent.name] for path in folders]
    nouns, scenes = vocabulary_of(entries).nouns, vocabulary_of(entries).scenes
    for path in folders:
        for row in read_rows(path, CAPTIONS):
            if row["method"] in {"a2c", "sa2c"}:
                reading = read_statements(row["caption"], nouns, scenes)
                assert set(reading.statements) == set(statements_of(from_json(row["facts"]))), row["caption"]

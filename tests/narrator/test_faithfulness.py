"""Every caption is read back by a parser that does not know the grammar; whatever disagrees is found."""

import ast
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

import sartext.narrator.faithfulness as faithfulness
from sartext.narrator.annotated import cover_facts, cover_naming, naming, object_facts
from sartext.narrator.facts import Facts, to_json
from sartext.narrator.faithfulness import contradictions
from sartext.narrator.realisation import canonical, realise
from sartext.narrator.vocabulary import ZONES, share_word

from .examples import SPOKEN_OF_OPTICAL, box, entry_of, region

ENTRY = entry_of("segmentation", background="land without open water")
THINGS = ("ship", "bridge", "A220", "other", "tank")
CLASSES = {kind.label: kind for kind in ENTRY.classes}
STUFF = ("water", "forest", "crops", "built-up", "soil", "oil-spill")
FAST = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])

placed = st.builds(box, st.sampled_from(THINGS), st.floats(0, 64), st.floats(0, 64))
boxes = st.lists(placed, min_size=1, max_size=30)
crowds = st.tuples(st.sampled_from(THINGS), st.integers(1, 60), st.integers(0, 60)).map(
    lambda crowd: [box(crowd[0], 32, 32)] * crowd[1] + [box(crowd[0], 3, 3)] * crowd[2]
)


@st.composite
def covers(draw):
    labels = draw(st.lists(st.sampled_from(STUFF), min_size=1, max_size=6, unique=True))
    weights = [draw(st.floats(0.01, 1.0)) for _ in labels]
    rows = []
    for label, weight in zip(labels, weights, strict=True):
        zones = {zone.replace("-", "_"): draw(st.floats(0, 1)) for zone in ZONES}
        rows += region(label, weight / sum(weights), **zones)
    return cover_facts(rows, cover_naming(ENTRY))


object_records = st.one_of(boxes, crowds).map(lambda rows: object_facts(rows, 64, 64, naming(ENTRY))[0].objects)
records = st.one_of(
    object_records.map(lambda found: Facts(objects=found)),
    covers().map(lambda found: Facts(cover=found)),
    st.builds(lambda objects, cover: Facts(objects=objects, cover=cover), object_records, covers()),
).filter(lambda facts: facts.objects or facts.cover)


def problems(caption, facts, entry=ENTRY):
    return contradictions(caption, to_json(facts), "sa2c", entry)


def all_texts(facts, image_id):
    return [canonical(facts), *realise(facts, image_id, 7, n=5)]


@FAST
@given(records, st.text("abc/0123456789", min_size=1, max_size=6))
def test_no_realisation_contradicts_its_facts(facts, image_id):
    texts = all_texts(facts, image_id)
    assert len(set(texts[1:])) == len(texts) - 1
    of_one_share = len({fact.share for fact in facts.cover}) == 1 and len(facts.cover) > 2
    assert (2 if of_one_share else 3) <= len(texts) - 1 <= 5, "a long record has fewer short texts"
    for text in texts:
        assert problems(text, facts) == []
        assert problems(text, facts, entry=None) == []


@FAST
@given(records, st.integers(0, 999))
def test_every_realisation_is_a_clean_text(facts, number):
    for text in all_texts(facts, f"toy/{number}"):
        assert not re.search(r"[()\[\]%\d]", re.sub(r"A220", "", text))
        assert not re.search(r"\s\s|\s[.,;]|[.,;]{2}", text)
        assert re.fullmatch(r"(?:[A-Z][^.]*\.)(?: [A-Z][^.]*\.)*", text)
        spoken = set(re.findall(r"[a-z]+", text.lower()))
        assert not spoken & SPOKEN_OF_OPTICAL
        assert not re.search(r"\b(one|(?<!of )it) are\b|\b(ships|bridges|tanks|crops) (is|covers|takes)\b", text)


@FAST
@given(records, st.integers(0, 999))
def test_the_same_facts_image_and_seed_give_the_same_text(facts, number):
    image_id = f"toy/{number}"
    assert realise(facts, image_id, 3) == realise(facts, image_id, 3)
    assert realise(facts, image_id, 3, n=5)[0] == realise(facts, image_id, 3)[0]


def mutated_objects(facts, data):
    index = data.draw(st.integers(0, len(facts.objects) - 1))
    fact = facts.objects[index]
    known = CLASSES[next(label for label in THINGS if label not in {fact.label for fact in facts.objects})]

    def with_more(center, outside):
        moved = {"center": fact.center + center, "outside": fact.outside + outside}
        return replace(fact, count=fact.count + center + outside, **moved)

    changes = {
        "one more": with_more(1, 0),
        "one more outside": with_more(0, 1),
        "another place": with_more(-1, 1) if fact.center else with_more(1, -1),
        "another class": replace(fact, label=known.label, noun=known.noun, plural=known.plural),
        "removed": None,
    }
    if fact.count > 1:
        changes["one fewer"] = with_more(-1, 0) if fact.center else with_more(0, -1)
    new = changes[data.draw(st.sampled_from(sorted(changes)))]
    kept = () if new is None else (new,)
    return replace(facts, objects=(*facts.objects[:index], *kept, *facts.objects[index + 1 :]))


@FAST
@given(records.filter(lambda facts: 0 < len(facts.objects) < 5), st.integers(0, 99), st.data())
def test_any_change_of_one_object_fact_is_found(facts, number, data):
    assume(all(max(fact.count, fact.center, fact.outside) < 20 for fact in facts.objects))
    wrong = mutated_objects(facts, data)
    for text in all_texts(facts, f"toy/{number}"):
        assert problems(text, wrong)
    if wrong.objects or wrong.cover:
        for text in all_texts(wrong, f"toy/{number}"):
            assert problems(text, facts)


def mutated_cover(facts, data):
    index = data.draw(st.integers(0, len(facts.cover) - 1))
    fact = facts.cover[index]
    other = next((label for label in STUFF[:5] if label not in {fact.label for fact in facts.cover}), None)
    fraction = 0.5 if fact.share != "about half" else 0.25
    zone = data.draw(st.sampled_from([zone for zone in (*ZONES, None) if zone != fact.zone]))
    changes = {
        "another share": replace(fact, fraction=fraction, share=share_word(fraction)),
        "another zone": replace(fact, zone=zone),
        "removed": None,
    }
    if other:
        changes["another class"] = replace(fact, label=other, noun=CLASSES[other].plural)
    new = changes[data.draw(st.sampled_from(sorted(changes)))]
    kept = () if new is None else (new,)
    return replace(facts, cover=(*facts.cover[:index], *kept, *facts.cover[index + 1 :]))


@FAST
@given(records.filter(lambda facts: facts.cover), st.integers(0, 99), st.data())
def test_any_change_of_one_land_cover_fact_is_found(facts, number, data):
    wrong = mutated_cover(facts, data)
    for text in all_texts(facts, f"toy/{number}"):
        assert problems(text, wrong)


SHIPS = object_facts([box("ship", 30, 30), box("ship", 3, 3)], 64, 64, naming(ENTRY))[0]


@pytest.mark.parametrize(
    ("caption", "problem"),
    [
        ("There are three ships in this SAR image. One is in the center; two are outside the center.", "three"),
        ("There are two bridges in this SAR image. One is in the center; one is outside it.", "bridge"),
        ("There are two ships in this SAR image. Both are in the center.", "ship: two in the center"),
        ("There are two ships in this SAR image.", "does not say 'ship: one in the center'"),
        ("Two ships and one zeppelin are in this SAR image. One ship is in the center.", "zeppelin"),
        ("There are two ships in this SAR image. One is in the center; one is outside it. It is sunny.", "sunny"),
        ("There are two ships in this SAR image. One is in the center; one is outside it", "sentence"),
        ("There are two ship in this SAR image. One is in the center; one is outside it.", "agree"),
        ("there are two ships in this SAR image. One is in the center; one is outside it.", "lower case"),
        ("There are ships in this SAR image. One is in the center; one is outside it.", "without a number"),
        ("Water covers most of this SAR image. There are two ships. One is in the center.", "water"),
        ("", "does not say 'ship'"),
        ("There is at least one ship in this SAR image.", "does not say 'ship: two'"),
        (
            "There are two ships in this SAR image. One is in the center; one is outside it. There is no bridge.",
            "no 'bridge'",
        ),
    ],
)
def test_a_false_or_incomplete_caption_is_told(caption, problem):
    assert any(problem in line for line in problems(caption, SHIPS)), problems(caption, SHIPS)


def test_facts_that_contradict_themselves_are_told():
    (ship,) = SHIPS.objects
    wrong = Facts(objects=(replace(ship, count=5),))
    assert any("facts:" in line for line in problems(canonical(SHIPS), wrong))


def test_a_background_must_be_said():
    facts = Facts(scene="land without open water")
    for text in all_texts(facts, "toy/a"):
        assert problems(text, facts) == []
    assert problems("This SAR image shows open water.", facts)
    assert problems("This SAR image shows land without open water.", Facts())


def test_the_parser_knows_nothing_of_the_grammar():
    forbidden = {"realisation", "cover_grammar", "rewriting", "clauses", "lexicon", "annotated"}
    folder = Path(faithfulness.__file__).parent
    for name in ("faithfulness", "statements", "reading", "vocabulary", "facts"):
        tree = ast.parse((folder / f"{name}.py").read_text(encoding="utf-8"))
        modules = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        assert not {module.rpartition(".")[2] for module in modules} & forbidden, name

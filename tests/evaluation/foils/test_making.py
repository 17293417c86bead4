"""A foil changes exactly one fact, is false of its image, and cannot be told from the caption by its words."""

from collections import Counter
from dataclasses import replace
from difflib import SequenceMatcher

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sartext.catalogue.entry import CorpusClass
from sartext.catalogue.loading import PACKAGED, load_entry
from sartext.evaluation.foil_changes import KINDS, QUADRANTS, SHARE_MARGIN, changes_of
from sartext.evaluation.foils import (
    CLAUSES,
    NO_ENTRY,
    NO_PARTNER,
    OTHER_PATTERN,
    WORDS_CHANGED,
    apart,
    choose,
    make_foils,
)
from sartext.narrator.facts import CoverFact, ObjectFact, normalise
from sartext.narrator.realisation import realise
from sartext.narrator.statements import read_statements, statements_of
from sartext.narrator.vocabulary import SHARES, annotated_by, bare, vocabulary_of
from tests.evaluation.generated import (
    BRIDGE,
    CROPS,
    FOREST,
    SHIP,
    TANK,
    WATER,
    benchmark,
    benchmark_of,
    cover,
    cover_facts,
    example,
    object_facts,
    objects,
    quoted_facts,
)

ENTRIES = {name: load_entry(PACKAGED / f"{name}.yaml") for name in ("sim-objects", "sim-landcover")}
NOUNS = vocabulary_of(ENTRIES.values()).nouns
LAND = tuple(known for known in ENTRIES["sim-landcover"].classes if known.stuff and known.say)


def changes(facts, corpus="sim-objects", method="a2c"):
    return changes_of(facts, corpus, method, ENTRIES[corpus])


@st.composite
def described(draw):
    """Facts with the corpus and method that they come from."""
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    if draw(st.booleans()):
        return objects(rng, most=24), "sim-objects", "a2c"
    ships = objects(rng, classes=(SHIP,)).objects if draw(st.booleans()) else ()
    return replace(cover(rng, LAND), objects=ships), "sim-landcover", "sa2c"


def differing(facts, other):
    """The objects and land cover that only one of two records has."""
    left, right = (
        Counter([*record.items, *((fact.noun, fact.share, fact.zone) for fact in record.cover)])
        for record in (facts, other)
    )
    return left - right, right - left


@given(described())
@settings(max_examples=100, deadline=None)
def test_every_change_is_of_one_fact_and_makes_it_false(record):
    facts, corpus, _ = record
    for change in changes(*record):
        [true], [false] = differing(facts, change.facts)
        assert normalise(change.facts) != normalise(facts)
        assert (change.facts.scene, change.facts.statements) == (facts.scene, facts.statements)
        before = next(fact for fact in (*facts.objects, *facts.cover) if fact.noun == true[0])
        after = next(fact for fact in (*change.facts.objects, *change.facts.cover) if fact.noun == false[0])
        if change.kind == "class":
            assert (
                false[1:] == (after.plural, *true[2:]) if isinstance(after, ObjectFact) else false[1:] == true[1:]
            )
            assert bare(false[0]) in annotated_by(ENTRIES[corpus])
            assert bare(false[0]) not in {bare(fact.noun) for fact in (*facts.objects, *facts.cover)}
        elif change.kind == "share":
            lower = {word: bound for bound, word in SHARES}[after.share]
            upper = min([bound for bound, _ in SHARES if bound > lower], default=1.0)
            assert not lower - SHARE_MARGIN < before.fraction < upper + SHARE_MARGIN
            assert (before.noun, before.zone) == (after.noun, after.zone)
        elif isinstance(after, CoverFact):
            assert before.zone != after.zone
            assert {before.zone, after.zone} <= set(QUADRANTS)
            assert (before.noun, before.share) == (after.noun, after.share)
        else:
            assert abs(after.count - before.count) == (change.kind == "count")
            assert (after.center, after.outside) != (before.center, before.outside)
            assert after.center + after.outside == after.count
            assert min(after.center, after.outside) >= 0 < after.count <= 20
            assert (after.center > 0) + (after.outside > 0) == (before.center > 0) + (before.outside > 0)


@given(described(), st.integers(0, 99))
@settings(max_examples=40, deadline=None)
def test_read_back_the_caption_is_true_and_the_foil_is_not(record, seed):
    facts, *_ = record
    truth = set(statements_of(facts))
    for change in changes(*record):
        caption, foil = (realise(stated_facts, "a/1", seed)[0] for stated_facts in (facts, change.facts))
        assert caption != foil
        if not read_statements(caption, NOUNS).problems:
            assert set(read_statements(caption, NOUNS).statements) <= truth
        stated = read_statements(foil, NOUNS)
        assert stated.problems or set(stated.statements) - truth


def test_both_are_told_in_the_same_words_but_for_what_is_changed():
    """Number, noun, zone or share, and the verb or the place that go with them; the rest in the same order."""
    for foil_of in make_foils(benchmark(300, seed=4), ENTRIES, 2).items:
        caption, foil = (text.casefold().replace(";", ",").split() for text in (foil_of.caption, foil_of.foil))
        assert 0 < apart(foil_of.caption, foil_of.foil) <= WORDS_CHANGED
        if foil_of.kind in {"zone", "share"}:
            kept = SequenceMatcher(None, caption, foil, autojunk=False).get_matching_blocks()
            assert sum(block.size for block in kept) >= max(len(caption), len(foil)) - 8
    assert apart("There is one ship.", "There are two ships.") == 3
    assert apart("One ship; two bridges.", "one ship, two bridges") == 0


@given(described())
@settings(max_examples=50, deadline=None)
def test_every_change_has_its_opposite(record):
    """From the foil's facts the truth is a change too: of the same pair, the other way."""
    facts, *origin = record
    for change in changes(*record):
        if change.kind in {"zone", "count"}:
            [back] = (
                other for other in changes(change.facts, *origin) if normalise(other.facts) == normalise(facts)
            )
            assert (back.coarse, back.fine, back.forward) == (change.coarse, change.fine, not change.forward)


def test_both_directions_of_every_pair_are_equally_frequent():
    """So a model that always prefers the same value, whichever it is, gets half of them right."""
    tested = benchmark(300)
    for kind in KINDS:
        candidates = {
            row.image_id: [change for change in changes(row.facts, row.corpus, row.method) if change.kind == kind]
            for row in tested.examples
        }
        chosen = choose(candidates, 3)
        assert len(chosen) > 30
        assert all(change in candidates[name] for name, change in chosen.items())
        balance = Counter()
        for change in chosen.values():
            balance[change.coarse] += 1 if change.forward else -1
        assert not any(balance.values())
        assert chosen == choose(dict(reversed(candidates.items())), 3)
        assert list(chosen) == sorted(chosen)


def test_the_foils_of_a_benchmark():
    tested = benchmark(120)
    foils = make_foils(tested, ENTRIES, 5)
    assert foils == make_foils(tested, ENTRIES, 5)
    assert foils != make_foils(tested, ENTRIES, 6)
    by_kind = Counter(foil.kind for foil in foils.items)
    assert set(by_kind) == set(KINDS)
    for kind in KINDS:
        assert by_kind[kind] + sum(foils.skipped[kind].values()) == 120
    assert len({(foil.kind, foil.image_id) for foil in foils.items}) == len(foils)
    for foil in foils.items:
        shown = tested.examples[foil.place]
        assert (shown.image_id, shown.group_id) == (foil.image_id, foil.group_id)
        assert foil.caption == realise(shown.facts, shown.image_id, 5)[0]
        assert foil.foil == realise(foil.facts, shown.image_id, 5)[0]


def test_what_has_no_foil_is_counted_by_reason():
    clauses = example("sim-objects/0000", quoted_facts("A harbor is in the image."), method="optical-rules")
    lonely = example("sim-objects/0001", object_facts((SHIP, 1, 0)))
    foreign = example("elsewhere/0002", object_facts((SHIP, 0, 21)))
    foils = make_foils(benchmark_of([foreign, clauses, lonely]), ENTRIES, 0)
    assert not foils
    assert foils.skipped["count"][CLAUSES] == 1
    assert foils.skipped["count"][NO_PARTNER] == 1
    assert foils.skipped["class"][NO_ENTRY] == 1
    assert sum(foils.skipped["count"].values()) == 3


@pytest.mark.parametrize("method", ["a2c", "sa2c"])
def test_only_boxes_prove_that_a_class_of_objects_is_absent(method):
    kinds = {change.kind for change in changes(object_facts((SHIP, 1, 1)), method=method)}
    assert ("class" in kinds) == (method == "a2c")


def kind_of(entry, *classes):
    """A catalogue entry with more classes."""
    return entry.model_copy(update={"classes": (*entry.classes, *classes)})


def false_nouns(facts, entry, method):
    """What the changes of class tell, by the noun that they replace."""
    pairs = set()
    for change in changes_of(facts, entry.name, method, entry):
        if change.kind == "class":
            [true], [false] = differing(facts, change.facts)
            pairs.add((true[0], false[0]))
    return pairs


VESSEL = CorpusClass(label="vessel", noun="vessel", plural="vessels", hypernym="craft")
VEGETATION = CorpusClass(label="green", noun="vegetation", plural="vegetation", hypernym="land", stuff=True)


def test_a_class_that_is_not_annotated_exhaustively_is_no_foil():
    classes = (
        known.model_copy(update={"exhaustive": known.label == "ship"}) for known in ENTRIES["sim-objects"].classes
    )
    entry = ENTRIES["sim-objects"].model_copy(update={"classes": tuple(classes)})
    assert false_nouns(object_facts((TANK, 1, 1)), entry, "a2c") == {("storage tank", "ship")}
    loose = VESSEL.model_copy(update={"hypernym": "thing", "exhaustive": False, "label": "boat"})
    entry = kind_of(ENTRIES["sim-objects"], VESSEL, loose)
    nouns = {noun for _, noun in false_nouns(object_facts((BRIDGE, 0, 1)), entry, "a2c")}
    assert "vessel" not in nouns, "one of the two classes of this noun is not annotated exhaustively"


def test_what_is_a_kind_of_the_other_is_no_foil_of_it():
    """Two ships are two vessels, and two vessels may be ships."""
    entry = kind_of(ENTRIES["sim-objects"], VESSEL)
    for facts in (object_facts((SHIP, 1, 1), (BRIDGE, 0, 1)), object_facts((VESSEL, 0, 1))):
        assert not {noun for _, noun in false_nouns(facts, entry, "a2c")} & {"ship", "vessel"}
    assert {("bridge", "ship"), ("bridge", "vessel")} <= false_nouns(object_facts((BRIDGE, 0, 1)), entry, "a2c")
    land = kind_of(ENTRIES["sim-landcover"], VEGETATION)
    both = cover_facts((FOREST, 0.45, None), (WATER, 0.45, None))
    of_water = {noun for true, noun in false_nouns(both, land, "sa2c") if true == "water"}
    assert of_water == {"cropland", "bare soil", "built-up areas", "roads"}
    of_green = {noun for _, noun in false_nouns(cover_facts((VEGETATION, 0.45, None)), land, "sa2c")}
    assert of_green == {"water", "bare soil", "built-up areas", "roads"}


def test_another_type_is_no_foil():
    """An A330 is of another type than an A220, and so may be called by that."""
    entry = load_entry(PACKAGED / "sar-aircraft.yaml")
    known = next(known for known in entry.classes if known.label == "a330")
    nouns = {noun for _, noun in false_nouns(object_facts((known, 1, 1)), entry, "a2c")}
    assert "A220 aircraft" in nouns
    assert not any("another" in noun for noun in nouns)


def test_shares_never_sum_to_more_than_the_image():
    facts = cover_facts((WATER, 0.5, None), (CROPS, 0.4, None), (FOREST, 0.08, None))
    lower = {word: bound for bound, word in SHARES}
    for change in changes_of(facts, "sim-landcover", "sa2c", None):
        assert sum(lower[fact.share] for fact in change.facts.cover) < 1


def test_a_foil_that_would_be_told_more_briefly_is_left_out(monkeypatch):
    monkeypatch.setattr("sartext.evaluation.foils.WORDS_CHANGED", 0)
    foils = make_foils(benchmark(20), ENTRIES, 5)
    assert not foils
    assert foils.skipped["share"][OTHER_PATTERN] > 0

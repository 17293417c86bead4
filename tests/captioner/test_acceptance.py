"""What a model writes is read into facts, or not at all, judged statement by statement, and released or not."""

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sartext.captioner.captioner import ModelCaption
from sartext.captioner.proof import BELOW, BY_CAPTION, BY_MAP, consistent_facts, decide
from sartext.captioner.scores import Fit
from sartext.captioner.thresholds import Rule, Threshold
from sartext.models.grounder.evidence import MapModel
from sartext.models.grounder.maps import Grounding, Peak
from sartext.narrator import statements
from sartext.narrator.annotated import cover_facts, cover_naming, naming, object_facts
from sartext.narrator.facts import Facts, PresentFact, from_json, to_json
from sartext.narrator.faithfulness import contradictions
from sartext.narrator.realisation import canonical, realise
from sartext.narrator.statements import CONTRADICTORY, Statement, judge, read_facts, statements_of
from sartext.narrator.vocabulary import SHARES, ZONES, annotated_by, bare, vocabulary_of
from tests.narrator.examples import box, entry_of, region

ENTRY = entry_of("segmentation", background="land without open water")
SHIPS = entry_of(name="ships", classes=ENTRY.classes[:1])
WORDS = vocabulary_of([SHIPS, ENTRY])


def objects(*boxes):
    return object_facts(boxes, 64, 64, naming(ENTRY))[0].objects


def cover(*rows):
    return cover_facts([region for regions in rows for region in regions], cover_naming(ENTRY))


SEA = Facts(
    objects=objects(box("ship", 30, 30), box("ship", 3, 3), box("bridge", 3, 3)),
    cover=cover(region("water", 0.7), region("forest", 0.2, upper_left=0.9), region("oil-spill", 0.05)),
)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 10_000))
def test_what_the_grammar_says_is_read_back_as_the_same_statements(number):
    for text in [canonical(SEA), *realise(SEA, f"toy/{number}", 7, n=3)]:
        read = read_facts(text, WORDS)
        assert isinstance(read, Facts), (text, read)
        assert set(statements_of(read)) == set(statements_of(SEA))
        again = canonical(read)
        assert contradictions(again, to_json(read), "narrator", None) == []


def test_a_background_is_read():
    facts = Facts(scene="land without open water")
    assert read_facts("This SAR image shows land without open water.", WORDS) == facts


def rule(**scores):
    """A rule under which everything scores one half, and classes have these thresholds."""
    return Rule(Fit(), 0.8, {key: Threshold(9, 9, least) for key, least in scores.items()})


def rules_of(**changed):
    """Rules that release ships, bridges, water and forest, but for those that are changed."""
    names = ("ship", "bridge", "water", "forest")
    return {kind: rule(**dict.fromkeys(names, 0.5)) for kind in statements.KINDS} | {
        getattr(statements, kind): changed_rule for kind, changed_rule in changed.items()
    }


MAPS = MapModel({"": (1.0, 0.0)}, 0.01, (0.0, 0.01), {"": (1.0, 5.0)}, (10.0, -6.0))


def seen(*peaks, water=0.0):
    """What a grounder sees: peaks (class, x, y, height), and water on the left part of the image, else forest."""
    shares = np.zeros((3, 32, 32), dtype=np.float32)
    shares[0, :, : round(32 * water)] = 1.0
    shares[1] = 1.0 - shares[0]
    found = tuple(Peak(label, x, y, 4.0, 4.0, height) for label, x, y, height in peaks)
    return Grounding(64, found, ("water", "forest"), shares, {}, {})


SHIP_AND_SHIP = seen(("ship", 30, 30, 0.99), ("ship", 4, 4, 0.99), water=0.75)


def test_what_passes_is_stated_wholly_and_what_does_not_is_left_unsaid():
    rules = rules_of(
        OBJECT_COUNT=rule(ship=0.5, bridge=0.6), COVER_ZONE=rule(), COVER_SHARE=rule(water=0.5), SCENE=rule()
    )
    decision = decide(ModelCaption(canonical(SEA), -0.1), SHIP_AND_SHIP, MAPS, WORDS, rules)
    (ship,), (water,) = decision.facts.objects, decision.facts.cover
    assert (ship.noun, ship.count, ship.center, water.noun, water.zone) == ("ship", 2, 1, "water", None)
    assert [(fact.noun, fact.stuff) for fact in decision.facts.present] == [("bridge", False), ("forest", True)]
    assert decision.score == 0.5
    assert Statement(statements.OBJECT_CLASS, "bridge") in decision.accepted
    assert Statement(statements.OBJECT_COUNT, "bridge", "1") not in decision.accepted
    for text in [canonical(decision.facts), *realise(decision.facts, "toy/1", 7, n=5)]:
        assert contradictions(text, to_json(decision.facts), "narrator", None) == [], text
        assert set(statements_of(read_facts(text, WORDS))) == decision.accepted
    nothing = {kind: rule() for kind in statements.KINDS}
    assert decide(ModelCaption(canonical(SEA), -0.1), SHIP_AND_SHIP, MAPS, WORDS, nothing).reason == BELOW


def test_each_statement_has_its_score_and_what_proposed_it():
    """The caption leaves the ships out, the maps hold them; a caption that cannot be read proposes nothing."""
    said = canonical(Facts(cover=SEA.cover[:1]))
    for text, by in ((said, BY_CAPTION), ("A river beside a town.", BY_MAP)):
        decision = decide(ModelCaption(text, -0.1), SHIP_AND_SHIP, MAPS, WORDS, rules_of(SCENE=rule()))
        proofs = {proof.statement: proof.by for proof in decision.proofs}
        assert proofs.keys() == set(statements_of(decision.facts))
        assert proofs[Statement(statements.OBJECT_COUNT, "ship", "2")] == BY_MAP
        assert proofs[Statement(statements.COVER_CLASS, "water")] == by
        assert decision.by_map_alone == (by == BY_MAP)
        assert decision.unread == ("" if by == BY_CAPTION else statements.NO_FACTS)
        rows = json.loads(decision.record("f" * 64))["statements"]
        assert [(row["kind"], row["score"]) for row in rows] == [
            (proof.statement.kind, proof.score) for proof in decision.proofs
        ]


def test_released_facts_never_contradict_each_other():
    """Caption and maps differ in every number: whatever is released has one number of each, and they add up."""
    said = Facts(
        objects=objects(*[box("ship", 30, 30)] * 3, box("ship", 3, 3)),
        cover=cover(region("water", 0.6), region("forest", 0.4)),
    )
    decision = decide(ModelCaption(canonical(said), -0.1), SHIP_AND_SHIP, MAPS, WORDS, rules_of(SCENE=rule()))
    (ship,) = decision.facts.objects
    assert ship.count == ship.center + ship.outside
    labels = [fact.noun for fact in (*decision.facts.cover, *decision.facts.present)]
    assert len(labels) == len(set(labels))
    assert sum(fact.fraction for fact in decision.facts.cover) <= 1.0
    text = canonical(decision.facts)
    assert isinstance(read_facts(text, WORDS), Facts), text


CLASSES = {"thing": st.sampled_from(sorted(WORDS.things)), "stuff": st.sampled_from(sorted(WORDS.stuff))}
PLACES = [f"{number} {place}" for number in (1, 2, 3) for place in ("center", "outside")]
ANYTHING = st.one_of(
    st.builds(Statement, st.just(statements.OBJECT_CLASS), CLASSES["thing"]),
    st.builds(Statement, st.just(statements.OBJECT_COUNT), CLASSES["thing"], st.integers(1, 4).map(str)),
    st.builds(Statement, st.just(statements.OBJECT_ZONE), CLASSES["thing"], st.sampled_from(PLACES)),
    st.builds(Statement, st.just(statements.COVER_CLASS), CLASSES["stuff"]),
    st.builds(
        Statement,
        st.just(statements.COVER_SHARE),
        CLASSES["stuff"],
        st.sampled_from([word for _, word in SHARES]),
    ),
    st.builds(Statement, st.just(statements.COVER_ZONE), CLASSES["stuff"], st.sampled_from([*ZONES.values()])),
)
"""A statement of any kind that may have passed."""


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(ANYTHING, st.floats(0, 1), max_size=40))
def test_no_caption_of_whatever_passed_contradicts_itself(passed):
    """One number of a class, one share, each class named once, and room for all: in the image and in each zone."""
    facts = consistent_facts(passed, SHIP_AND_SHIP, WORDS)
    stated = statements_of(facts)
    assert set(stated) <= passed.keys()
    assert sum(fact.fraction for fact in facts.cover) <= 1.0 + 1e-9
    for zone in ZONES:
        inside = [fact.share for fact in facts.cover if fact.zone == zone]
        assert sum(0.6 * bound * inside.count(word) for bound, word in SHARES) <= 0.25
    for text in [canonical(facts), *realise(facts, "toy/1", 7, n=3)] if stated else []:
        assert set(statements_of(read_facts(text, WORDS))) == set(stated), text


@settings(max_examples=40, deadline=None)
@given(
    st.sets(st.sampled_from(sorted(WORDS.things)), min_size=1), st.booleans(), st.booleans(), st.integers(0, 999)
)
def test_at_least_one_is_realised_and_read_back(keys, counted, covered, number):
    present = tuple(PresentFact(*WORDS.things[key]) for key in sorted(keys))
    unsaid = sorted(WORDS.stuff.keys() - {bare(fact.noun) for fact in SEA.cover})
    present += tuple(statements.seen_fact(key, WORDS) for key in unsaid[: number % 3])
    left = tuple(fact for fact in SEA.objects if fact.noun not in keys) if counted else ()
    facts = Facts(objects=left, cover=SEA.cover if covered else (), present=present)
    for text in [canonical(facts), *realise(facts, f"toy/{number}", 7, n=3)]:
        assert contradictions(text, to_json(facts), "narrator", None) == [], text
        assert set(statements_of(read_facts(text, WORDS))) == set(statements_of(facts))
        assert contradictions(text, to_json(Facts(objects=left, cover=facts.cover)), "narrator", ENTRY)
        assert from_json(to_json(facts)) == facts


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("There is a river next to some houses.", statements.NO_FACTS),
        ("There are two zeppelins in the center of this SAR image.", statements.NO_FACTS),
        ("There are two ships in this SAR image. One is in the center; two are outside it.", CONTRADICTORY),
        ("There are two ships and three ships in this SAR image. All lie in the center.", CONTRADICTORY),
        ("There are two ship in this SAR image. Both are in the center.", CONTRADICTORY),
        ("Water covers most of this SAR image, and forest covers most of it.", CONTRADICTORY),
        ("There are no ships in this SAR image.", CONTRADICTORY),
        ("There is at least one ship in the center.", CONTRADICTORY),
        ("There is at least one ship. There are two ships in the center.", CONTRADICTORY),
        ("There is at least one ship. There is at least one ship.", CONTRADICTORY),
        ("There are two ships in this SAR image. Both are in the center", CONTRADICTORY),
        ("There are two ships in this SAR image.", statements.INCOMPLETE),
        ("This SAR image shows.", statements.NOTHING),
    ],
)
def test_a_text_that_is_not_wholly_understood_gives_no_facts(text, reason):
    assert read_facts(text, WORDS) == reason


def test_more_than_twenty_is_at_least_as_many():
    text = "There are more than twenty ships in this SAR image. Nineteen are in the center; five are outside it."
    (ship,) = read_facts(text, WORDS).objects
    assert (ship.count, ship.center, ship.outside) == (24, 19, 5)


def test_shares_are_read_as_the_middle_of_what_the_word_covers():
    read = read_facts(
        "Most of this SAR image is water, mostly in the middle, and forest covers a part of it.", WORDS
    )
    assert [(fact.fraction, fact.zone) for fact in read.cover] == [(0.675, "middle"), (0.15, None)]


def test_statements_are_true_or_false_only_where_the_annotation_decides():
    said = Facts(
        objects=objects(box("ship", 30, 30), box("bridge", 3, 3)), cover=cover(region("water", 0.7, middle=0.9))
    )
    truth = Facts(objects=objects(box("ship", 3, 3)))
    judged = dict(judge(statements_of(said), statements_of(truth), annotated_by(SHIPS)))
    assert judged == {
        Statement(statements.OBJECT_CLASS, "ship"): True,
        Statement(statements.OBJECT_COUNT, "ship", "1"): True,
        Statement(statements.OBJECT_ZONE, "ship", "1 center"): False,
    }
    everything = dict(judge(statements_of(said), statements_of(truth), annotated_by(ENTRY)))
    assert everything[Statement(statements.OBJECT_CLASS, "bridge")] is False
    right = {statement.kind: correct for statement, correct in everything.items()}
    assert not any(right[kind] for kind in statements.COVER_KINDS)


def test_corpora_that_label_a_thing_differently_share_its_noun():
    vessel = SHIPS.classes[0].model_copy(update={"label": "vessel"})
    words = vocabulary_of([SHIPS, entry_of(name="other", classes=(vessel,))])
    assert words.things == {"ship": ("ship", "ship", "ships")}


def test_of_several_scenes_that_pass_the_surest_is_stated():
    words = replace(WORDS, scenes=("Farmland", "Forest"))
    passed = {Statement(statements.SCENE, "farmland"): 0.8, Statement(statements.SCENE, "forest"): 0.9}
    assert consistent_facts(passed, seen(), words).scene == "Forest"

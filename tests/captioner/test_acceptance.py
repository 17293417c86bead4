"""What a model writes is read into facts, or not at all, judged statement by statement, and released or not."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sartext.captioner.captioner import ModelCaption
from sartext.captioner.narration import BELOW, decide
from sartext.captioner.thresholds import Fit, Rule, Threshold
from sartext.narrator import statements
from sartext.narrator.annotated import cover_facts, cover_naming, naming, object_facts
from sartext.narrator.facts import Facts, PresentFact, from_json, to_json
from sartext.narrator.faithfulness import contradictions
from sartext.narrator.realisation import canonical, realise
from sartext.narrator.statements import CONTRADICTORY, Statement, judge, read_facts, statements_of
from sartext.narrator.vocabulary import annotated_by, vocabulary_of
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


def test_what_passes_is_told_wholly_and_what_does_not_is_left_unsaid():
    rules = {kind: rule(ship=0.5, bridge=0.5) for kind in statements.OBJECT_KINDS}
    rules |= {kind: rule(water=0.5, forest=0.5) for kind in (*statements.COVER_KINDS, statements.SCENE)}
    rules[statements.OBJECT_COUNT] = rule(ship=0.5, bridge=0.6)
    rules[statements.COVER_ZONE] = rule()
    rules[statements.COVER_SHARE] = rule(water=0.5)
    decision = decide(ModelCaption(canonical(SEA), -0.1), WORDS, rules)
    (ship,), (bridge,), (water,) = decision.facts.objects, decision.facts.present, decision.facts.cover
    assert (ship.noun, ship.count, bridge.noun, water.noun, water.zone) == ("ship", 2, "bridge", "water", None)
    assert decision.score == 0.5
    kept = {statement for statement, accepted in decision.statements() if accepted}
    assert Statement(statements.OBJECT_CLASS, "bridge") in kept
    assert Statement(statements.OBJECT_COUNT, "bridge", "1") not in kept
    for text in [canonical(decision.facts), *realise(decision.facts, "toy/1", 7, n=5)]:
        assert contradictions(text, to_json(decision.facts), "narrator", None) == []
        assert "at least one bridge" in text.casefold() and "forest" not in text.casefold()
    assert decide(ModelCaption(canonical(SEA), -0.1), WORDS, {}).reason == BELOW


@settings(max_examples=40, deadline=None)
@given(
    st.sets(st.sampled_from(sorted(WORDS.things)), min_size=1), st.booleans(), st.booleans(), st.integers(0, 999)
)
def test_at_least_one_is_realised_and_read_back(keys, counted, covered, number):
    present = tuple(PresentFact(*WORDS.things[key]) for key in sorted(keys))
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

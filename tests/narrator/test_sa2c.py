"""SA2C: land cover is told by its share of the valid pixels and by the zone that holds most of it."""

from itertools import chain

import pytest

from sartext.errors import ArtefactError
from sartext.narrator.annotated import cover_facts, cover_naming, named_zone
from sartext.narrator.facts import CoverFact, Facts, ObjectFact, normalise
from sartext.narrator.faithfulness import contradictions
from sartext.narrator.realisation import canonical, realise
from sartext.narrator.vocabulary import share_word

from .examples import entry_of, region, stuff

NAMES = cover_naming(entry_of("segmentation"))


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [
        (0.0, 0.0999, "a small part"),
        (0.10, 0.1999, "a part"),
        (0.20, 0.3499, "about a quarter"),
        (0.35, 0.4499, "over a third"),
        (0.45, 0.5499, "about half"),
        (0.55, 0.7999, "most"),
        (0.80, 1.0, "nearly all"),
    ],
)
def test_shares_have_an_inclusive_lower_bound(low, high, word):
    assert share_word(low) == share_word(high) == word


@pytest.mark.parametrize(
    ("label", "fraction", "component", "named"),
    [
        ("water", 0.005, 1000, True),
        ("water", 0.00499, 1000, False),
        ("oil-spill", 0.0001, 10, True),
        ("oil-spill", 0.0001, 9, False),
        ("oil-spill", 0.02, 9, False),
    ],
)
def test_stuff_counts_from_half_a_percent_and_rare_stuff_from_one_component(label, fraction, component, named):
    assert bool(cover_facts(region(label, fraction, component), NAMES)) is named


@pytest.mark.parametrize(
    ("fraction", "shares", "zone"),
    [
        (0.3, {"upper-left": 0.6, "upper-right": 0.2}, "upper-left"),
        (0.3, {"upper-left": 0.59, "upper-right": 0.2}, None),
        (0.3, {"middle": 0.6, "upper-left": 0.3}, "middle"),
        (0.3, {"middle": 0.7, "upper-left": 0.62}, "middle"),
        (0.3, {"middle": 0.61, "upper-left": 0.75}, "upper-left"),
        (0.3, {"middle": 0.7, "upper-left": 0.7}, "upper-left"),
        (0.3, {}, None),
        (0.79, {"upper-left": 1.0}, "upper-left"),
        (0.81, {"upper-left": 1.0}, None),
    ],
)
def test_one_zone_is_named_if_it_holds_sixty_percent_of_a_class_that_does_not_lie_everywhere(
    fraction, shares, zone
):
    assert named_zone(fraction, shares) == zone


def test_classes_that_are_never_told_make_no_statement():
    assert cover_facts(region("not-water", 0.7) + region("no-data", 0.3), NAMES) == ()


def test_the_dominant_class_stands_first():
    found = cover_facts(region("forest", 0.2) + region("water", 0.5) + region("crops", 0.3), NAMES)
    assert [fact.noun for fact in found] == ["water", "crops", "forest"]


def test_classes_with_one_noun_are_one_class():
    entry = entry_of("segmentation", classes=(stuff("sea", "water"), stuff("lake", "water")))
    rows = region("sea", 0.3, upper_left=1.0) + region("lake", 0.1, upper_left=0.0)
    (water,) = cover_facts(rows, cover_naming(entry))
    assert (water.fraction, water.share, water.zone) == (0.4, "over a third", "upper-left")


def test_an_unknown_class_is_an_error():
    with pytest.raises(ArtefactError, match="did you mean 'water'"):
        cover_facts(region("watre", 0.5), NAMES)


@pytest.mark.parametrize(
    ("regions", "caption"),
    [
        (
            [region("water", 0.4, upper_left=0.7), region("forest", 0.22), region("built-up", 0.05)],
            "Water covers over a third of this SAR image, mostly in the upper left. "
            "Forest covers about a quarter of it, and a small part is covered by built-up areas.",
        ),
        (
            [region("soil", 0.6), region("water", 0.12), region("forest", 0.07)],
            "Bare soil covers most of this SAR image. Water covers a part of it, and a small part is forest.",
        ),
        ([region("crops", 1.0)], "Crops cover nearly all of this SAR image."),
        (
            [region("water", 0.85), region("crops", 0.05), region("forest", 0.05), region("soil", 0.05)],
            "Water covers nearly all of this SAR image. "
            "Bare soil, crops and forest each cover a small part of it.",
        ),
        (
            [region("water", 0.85), region("crops", 0.05, middle=0.7), region("forest", 0.06, middle=0.8)],
            "Water covers nearly all of this SAR image. "
            "Forest and crops each cover a small part of it, mostly in the middle.",
        ),
        (
            [
                region("water", 0.85),
                region("crops", 0.03),
                region("forest", 0.04, middle=0.8),
                region("soil", 0.05),
            ],
            "Water covers nearly all of this SAR image. "
            "Small parts of it are forest in the middle, bare soil and crops.",
        ),
        (
            [region("water", 0.95), region("oil-spill", 0.01, middle=0.9)],
            "Water covers nearly all of this SAR image. "
            "An oil spill covers a small part of it, mostly in the middle.",
        ),
    ],
    ids=["zone", "three shares", "one class", "one share", "one share and zone", "zone before", "countable"],
)
def test_the_sentences_of_land_cover(regions, caption):
    assert canonical(Facts(cover=cover_facts(chain(*regions), NAMES))) == caption


MANY_CLASSES = (
    ("water", 0.30, "about a quarter", "upper-left"),
    ("bare soil", 0.22, "about a quarter", None),
    ("forest", 0.15, "a part", "lower-right"),
    ("crops", 0.12, "a part", "upper-right"),
    ("built-up areas", 0.09, "a small part", "middle"),
    ("roads", 0.07, "a small part", None),
)


@pytest.mark.parametrize("number", range(60))
def test_a_caption_of_seven_classes_has_at_most_sixty_words(number):
    cover = tuple(CoverFact(noun, noun, *more) for noun, *more in MANY_CLASSES)
    facts = Facts(objects=(ObjectFact("ship", "ship", "ships", 5, 2, 3),), cover=cover)
    assert all(len(text.split()) <= 60 for text in realise(facts, f"toy/{number}", 3, n=5))
    assert len(realise(facts, f"toy/{number}", 3, n=5)) == 5


def test_a_short_caption_need_not_be_brief():
    facts = Facts(cover=(CoverFact("water", "water", 0.6, "most", "middle"),))
    assert all(" in the middle" in text and " at " not in text for text in realise(facts, "toy/1", 3, n=5))


def test_exact_fractions_do_not_make_another_caption():
    def water(fraction, zone):
        return normalise(Facts(cover=(CoverFact("water", "water", fraction, "over a third", zone),)))

    assert water(0.41, "middle") == water(0.39, "middle") != water(0.39, None)


def test_outside_without_a_place_is_no_word_of_a_caption():
    facts = Facts(cover=(CoverFact("water", "water", 0.616, "most"),))
    told = contradictions("Most of the image lies outside water.", facts.json, "sa2c", None)
    assert "says 'outside', which no fact supports" in told

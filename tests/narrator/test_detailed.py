"""Detailed captions: all that the caption states, sizes in pixels and shares in percent, and nothing else."""

import ast
import re
from dataclasses import replace
from pathlib import Path
from random import Random

import pytest

import sartext.narrator.detail_reading as detail_reading
from sartext.narrator.detail_grammar import detailed
from sartext.narrator.detail_reading import SIZES, percent
from sartext.narrator.facts import CoverFact, Facts, ObjectFact, to_json
from sartext.narrator.faithfulness import detailed_contradictions
from sartext.narrator.vocabulary import share_word

from .generated import facts_with

TRIALS = 600


def sized(facts: Facts, random: Random) -> Facts:
    """The record with a size of each object, as an annotation gives them."""
    objects = []
    for fact in facts.objects:
        small = random.randint(0, fact.count)
        medium = random.randint(0, fact.count - small)
        objects.append(replace(fact, sizes=(small, medium, fact.count - small - medium)))
    return replace(facts, objects=tuple(objects))


def problems(text: str, facts: Facts, method: str = "a2c", caption: str = "") -> list[str]:
    return detailed_contradictions(text, caption, to_json(facts), method, None)


@pytest.mark.parametrize("kind", ["objects", "cover", "both"])
def test_every_detailed_caption_is_read_back_as_its_facts(kind):
    random = Random(5)
    for number in range(TRIALS):
        facts = sized(facts_with(random, kind), random)
        text = detailed(facts, f"toy/{number}", 11)
        assert problems(text, facts) == [], text
        assert not re.search(r"\b(\w+) \1\b|(?<!and )\b(?:one \w+|the ship|the bridge) (?:are|count) ", text), text


@pytest.mark.parametrize("kind", ["objects", "cover"])
def test_a_planted_size_or_percentage_is_found(kind):
    random = Random(6)
    missed = 0
    for number in range(200):
        facts = sized(facts_with(random, kind), random)
        text = detailed(facts, f"toy/{number}", 11)
        found = re.findall(r"\b(?:small|medium-sized|large)\b(?! part)|\b\d+(?= percent)", text)
        old = random.choice(found)
        new = (
            str(int(old) + random.choice([3, 10]))
            if old.isdigit()
            else random.choice([s for s in SIZES if s != old])
        )
        start = text.rfind(f"{old} percent" if old.isdigit() else old)
        missed += not problems(text[:start] + new + text[start + len(old) :], facts)
    assert missed == 0


SHIP = ObjectFact("ship", "ship", "ships", 3, 2, 1, (2, 1, 0))
WATER = CoverFact("water", "water", 0.616, "most")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("Two ships are in the center and one outside it.", "does not say 'ship: 1 medium-sized'"),
        (
            "Two ships are in the center. In pixels, two ships are small and one ship is medium-sized.",
            "ship: three",
        ),
        ("{} In pixels, all three ships are small.", "says 'ship: 3 small'"),
        ("{} In pixels, two ships are small and one ship is medium-sized and fast.", "says 'fast'"),
        ("{} In pixels, two ships are small and one ship.", "counts objects without a size"),
        ("{} In pixels, ships are small.", "names 'ships' without its number"),
        ("{} In 99 pixels, two ships are small and one ship is medium-sized.", "says '99'"),
        ("{} In pixels, two ships are small and one ship is medium-sized, 99 percent.", "says '99'"),
        ("{} In pixels, two ships are small, one ship is medium-sized and one bridge is large.", "says 'bridge'"),
    ],
)
def test_a_false_or_incomplete_detail_is_told(text, problem):
    placed = "Two ships are in the center and one outside it."
    assert any(problem in line for line in problems(text.format(placed), Facts(objects=(SHIP,))))


@pytest.mark.parametrize(
    ("detail", "problem"),
    [
        ("large water covers 62 percent", "says 'large' in a sentence on percent"),
        ("twenty water covers 62 percent", "says 'twenty' in a sentence on percent"),
        ("water covers under 63 percent", "says only a bound for 'water'"),
    ],
)
def test_nothing_else_hides_in_a_sentence_on_percent(detail, problem):
    text = f"Water covers most of this SAR image. To the nearest percent, {detail}."
    assert problem in problems(text, Facts(cover=(WATER,)))


def test_shares_are_rounded_and_under_one_percent_is_said():
    assert [percent(value) for value in (0.616, 0.125, 0.004, 0.005, 1.0)] == [62, 13, 0, 1, 100]
    spill = CoverFact("oil-spill", "an oil spill", 0.001, share_word(0.001))
    texts = [detailed(Facts(cover=(WATER, spill)), f"toy/{number}", 11) for number in range(50)]
    assert all("62 percent" in text and "under 1 percent" in text for text in texts)


def test_what_no_annotation_proves_is_not_added():
    """A narrator's record holds the middle of a range as share, and no sizes."""
    unsized = Facts(objects=(replace(SHIP, sizes=(0, 0, 0)),))
    assert "pixels" not in detailed(unsized, "toy/1", 11)
    caption = "Water covers most of this SAR image."
    more = f"{caption} To the nearest percent, water covers 62 percent."
    for method in ("narrator", "grounder", "optical-model", "optical-rules"):
        assert problems(caption, Facts(cover=(WATER,)), method, caption) == []
        assert problems(more, Facts(cover=(WATER,)), method, caption)
    assert problems(more, Facts(cover=(WATER,)), "sa2c", caption) == []


def test_the_reader_of_details_knows_nothing_of_their_grammar():
    tree = ast.parse(Path(detail_reading.__file__).read_text(encoding="utf-8"))
    modules = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert not any("grammar" in module or "realisation" in module for module in modules)

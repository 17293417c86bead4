"""The detailed caption: all that the caption states, in other words, and what the facts know beside it.

Facts of an annotation hold how large the box of each object is and the share of land cover as a number. Sizes are
those of COCO: small under 32 x 32 pixels of the file, large from 96 x 96. Percentages are rounded. What a model or
an optical caption states holds no more than is said: its detailed caption is its caption.
"""

from sartext.narrator.choices import Choices
from sartext.narrator.detail_reading import SIZES, percent
from sartext.narrator.facts import Facts, ObjectFact
from sartext.narrator.realisation import realise
from sartext.narrator.vocabulary import LARGEST_COUNT, enumerate_phrases, number_word
from sartext.narrator.wording import is_plural, sentences

_SALT = "detailed"
"""Added to the image's id, so that the detailed caption takes other forms than the caption."""

_MEASURES = (
    "measured in pixels",
    "in pixels",
    "by area in pixels",
    "by size in pixels",
    "in terms of pixels",
    "by number of pixels",
)
_COUNTS = (("is", "are"), ("counts as", "count as"))

_FIGURES = ("in figures", "in numbers")
_EXACT = ("to the nearest percent", "in whole percent", "rounded to whole percent")
_COVERS = (
    ("covers", "cover"),
    ("takes up", "take up"),
    ("occupies", "occupy"),
    ("makes up", "make up"),
    ("accounts for", "account for"),
)
_COVERED = ("shows {}", "is covered by {}", "is taken up by {}", "is occupied by {}")
_OF_IMAGE = (" of the image", " of the area", "")


def detailed(facts: Facts, image_id: str, seed: int) -> str:
    """Return the detailed caption of facts from an annotation."""
    choices = Choices.of(seed, f"{image_id}/{_SALT}/more")
    text = realise(facts, f"{image_id}/{_SALT}", seed)[0]
    parts = [_shares(facts, choices)] if facts.cover else []
    parts += [_sizes(facts.objects, choices)] if facts.objects and all(map(_is_sized, facts.objects)) else []
    return " ".join((text, sentences(*parts))) if parts else text


def _is_sized(fact: ObjectFact) -> bool:
    return sum(fact.sizes) == fact.count


def _shares(facts: Facts, choices: Choices) -> str:
    """One clause with the share of every class as a number; the verb stands once, and no number first."""
    first, *others = ((fact.noun, _percent(percent(fact.fraction))) for fact in facts.cover)
    if choices.pick((True, True, False)):
        verb, of_image = choices.pick(_COVERS)[is_plural(first[0])], choices.pick(_OF_IMAGE)
        listed = [f"{first[0]} {verb} {first[1]}{of_image}", *(f"{noun} {share}" for noun, share in others)]
        exact, text = choices.pick(_EXACT), enumerate_phrases(listed)
        return f"{exact}, {text}" if choices.pick((True, False)) else f"{text}, {exact}"
    covered, of_image = choices.pick(_COVERED), choices.pick(_OF_IMAGE[:2])
    by = "by " * covered.endswith("by {}")
    listed = [f"{first[1]}{of_image} {covered.format(first[0])}"]
    return f"{choices.pick(_FIGURES)}, {enumerate_phrases([*listed, *(f'{n} {by}{noun}' for noun, n in others)])}"


def _percent(value: int) -> str:
    return f"{value} percent" if value else "under 1 percent"


def _sizes(objects: tuple[ObjectFact, ...], choices: Choices) -> str:
    """One clause for each size, with the objects of that size."""
    verbs, measure = choices.pick(_COUNTS), choices.pick(_MEASURES)
    clauses = []
    for size, name in enumerate(SIZES):
        found = [(_sized(fact, fact.sizes[size]), fact.sizes[size]) for fact in objects if fact.sizes[size]]
        if found:
            many = sum(count for _, count in found) > 1
            clauses.append(f"{enumerate_phrases([who for who, _ in found])} {verbs[many]} {name}")
    apart = any(" and " in clause for clause in clauses)
    text = "; ".join(clauses) if apart else enumerate_phrases(clauses)
    return f"{measure}, {text}" if choices.pick((True, False)) else f"{text}, {measure}"


def _sized(fact: ObjectFact, count: int) -> str:
    """The objects of one class and size; all of them where that is so."""
    noun = fact.noun if count == 1 else fact.plural
    if fact.count == 1:
        return f"the {noun}"
    if count < fact.count or count > LARGEST_COUNT:
        return f"{number_word(min(count, LARGEST_COUNT + 1))} {noun}"
    return f"both {noun}" if count == 2 else f"all {number_word(count)} {noun}"

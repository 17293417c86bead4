"""Question-answer pairs for the first stage of SAR-GPT, from the captions of optical images: text, no facts.

A description asks for one of an image's captions. A contrast asks which of two nouns it shows: one heads a noun
phrase of its captions, the other is of a theme that none of them touches. Captions do not tell everything, so a
contrast is likely and not proven: these pairs train and never test. Of two nouns each is right equally often, so
the words alone tell nothing.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from itertools import zip_longest
from typing import Literal

from sartext.narrator.lexicon import EXTENTS, GENERIC, MEASURES, PLACES, SINGULAR, VISIBLE
from sartext.narrator.vocabulary import LISTS, word_set
from sartext.vqa.making import Candidate, balanced

DESCRIPTIONS = (
    "What can be seen in this image?",
    "Describe the image briefly.",
    "What does this image show?",
    "Describe this image in one sentence.",
    "Give a short caption of the image.",
)

CONTRASTS = (
    "Which of the two does this image show: {a} or {b}?",
    "Does this image show {a} or {b}?",
    "Which can be seen in this image: {a} or {b}?",
)

DRAWS = 12
"""Nouns of other images that are drawn for every contrast wanted; those that could be there are put back."""

THEMES = tuple(map(word_set, LISTS["themes"]))
"""Nouns that are seen together, or name the same: an image that shows one may show all of them unmentioned."""

UNREMARKABLE = word_set(LISTS["unremarkable"])
"""Nouns that are often there and not mentioned, or mean several things: not asked about."""

_SILENT = PLACES | GENERIC | MEASURES | EXTENTS


@dataclass(frozen=True, slots=True)
class OpticalQuestion:
    """A question about an optical image, and its answer."""

    image_id: str
    text: str
    answer: str
    type: Literal["description", "contrast"]


def optical_questions(
    images: Iterable[tuple[str, Sequence[str]]], seed: int, *, descriptions: int = 1, contrasts: int = 1
) -> list[OpticalQuestion]:
    """Return question-answer pairs on optical images, in the order of their ids, descriptions first.

    ``images`` are id and captions of each. An image has at most so many descriptions, none twice, and contrasts,
    fewer where its captions have no noun that is known, or where the same two nouns are not right equally often.
    """
    captioned = sorted((image_id, tuple(dict.fromkeys(captions))) for image_id, captions in images)
    candidates = _candidates({image_id: head_nouns(captions) for image_id, captions in captioned}, seed, contrasts)
    chosen: dict[str, list[Candidate]] = {}
    for candidate in balanced(candidates, contrasts):
        chosen.setdefault(candidate.image_id, []).append(candidate)
    questions: list[OpticalQuestion] = []
    for image_id, captions in captioned:
        questions += _described(image_id, captions, seed, descriptions)
        contrasted = sorted(chosen.get(image_id, ()), key=lambda candidate: candidate.rank)
        questions += [_contrast(candidate, seed) for candidate in contrasted]
    return questions


def head_nouns(captions: Iterable[str]) -> tuple[str, ...]:
    """Return the nouns that head a noun phrase of some captions, in the singular, in alphabetical order.

    Only nouns that SAR shows at some resolution, see `narrator.lexicon`; of "forest road" the second.
    """
    heads = set()
    for caption in captions:
        words = re.findall(r"[a-z]+(?:-[a-z]+)*", caption.casefold())
        for word, after in zip_longest(words, words[1:], fillvalue=""):
            if word in VISIBLE and after not in VISIBLE and word not in _SILENT:
                heads.add(SINGULAR.get(word, word))
    return tuple(sorted(heads - _SILENT))


def _described(image_id: str, captions: Sequence[str], seed: int, count: int) -> list[OpticalQuestion]:
    order = sorted(captions, key=lambda caption: _draw(seed, image_id, caption))
    styles = [_draw(seed, image_id, f"description {number}") % len(DESCRIPTIONS) for number in range(count)]
    return [
        OpticalQuestion(image_id, DESCRIPTIONS[style], caption, "description")
        for style, caption in zip(styles, order, strict=False)
    ]


def _candidates(nouns: Mapping[str, Sequence[str]], seed: int, contrasts: int) -> list[Candidate]:
    """Contrasts of a noun of an image with nouns drawn from the other images, as often as they occur there."""
    pool = [noun for heads in nouns.values() for noun in heads if noun not in UNREMARKABLE]
    candidates = []
    for image_id, heads in nouns.items():
        themes = _themes(heads)
        shown = [noun for noun in heads if noun not in UNREMARKABLE]
        draws = (_draw(seed, image_id, f"other {number}") for number in range(DRAWS * contrasts if shown else 0))
        pairs = {(shown[draw % len(shown)], pool[draw // len(shown) % len(pool)]) for draw in draws}
        for answer, other in sorted(pairs):
            if other not in heads and _themes([other]) and not themes & _themes([other]):
                rank = _draw(seed, image_id, f"contrast {answer} {other}")
                pair = tuple(sorted((answer, other)))
                candidates.append(Candidate(0, image_id, "contrast", "shown", pair, answer, rank))
    return candidates


def _contrast(candidate: Candidate, seed: int) -> OpticalQuestion:
    style, turned = divmod(_draw(seed, candidate.image_id, f"wording {candidate.classes}"), 2)
    first, second = candidate.classes[::-1] if turned else candidate.classes
    text = CONTRASTS[style % len(CONTRASTS)].format(a=first, b=second)
    return OpticalQuestion(candidate.image_id, text, candidate.answer, "contrast")


def _themes(nouns: Iterable[str]) -> set[int]:
    return {number for number, theme in enumerate(THEMES) for noun in nouns if noun in theme}


def _draw(seed: int, image_id: str, what: str) -> int:
    return int.from_bytes(blake2b(f"{seed}/{image_id}/{what}".encode(), digest_size=8).digest(), "big")

"""What captions are compared with: the released caption, and the same facts in other words."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from sartext.evaluation.benchmarks import Example
from sartext.narrator.facts import Facts
from sartext.narrator.realisation import realise

REFERENCES = 5
TRIED = 3 * REFERENCES
"""Realisations asked for: some of them may differ in punctuation only, which the metrics leave out."""


BY_MODELS = frozenset({"narrator", "optical-model"})
"""Methods whose captions a model wrote: no reference is like them, and they change with the model."""


@dataclass(frozen=True)
class Wordings:
    """The references of an image, and one more caption of the same facts.

    Args:
        references: one to ``REFERENCES``, the released caption first.
        sixth: a realisation beyond them, which a system that knew all facts could have said; None where the
            grammar has no more.
    """

    references: tuple[str, ...]
    sixth: str | None


def wordings(caption: str, facts: Facts, image_id: str, seed: int) -> Wordings:
    """Return the references of an image.

    Rewritten optical captions have one wording, theirs; facts of one class of land cover may have fewer than five.

    Args:
        caption: as the release has it.
        facts: that it states.
        image_id: chooses the wordings, together with ``seed``.
        seed: of the evaluation.
    """
    others = [] if facts.statements else realise(facts, image_id, seed, TRIED)
    distinct: dict[tuple[str, ...], str] = {}
    for one in (caption, *others):
        distinct.setdefault(_words(one), one)
    told = list(distinct.values())
    return Wordings(tuple(told[:REFERENCES]), told[REFERENCES] if len(told) > REFERENCES else None)


def references_rows(examples: Iterable[Example], seed: int) -> list[dict[str, str | int]]:
    """Return the references of images, a row each, numbered from 1: what anyone can score captions against."""
    return [
        {"image_id": one.image_id, "number": number, "reference": text}
        for one in examples
        for number, text in enumerate(wordings(one.caption, one.facts, one.image_id, seed).references, 1)
    ]


def _words(text: str) -> tuple[str, ...]:
    return tuple(re.findall(r"\w+", text.casefold()))

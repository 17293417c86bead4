"""What a caption may state: a small structured record that travels with the text."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

from sartext.errors import ArtefactError
from sartext.files import canonical_json
from sartext.narrator.vocabulary import LARGEST_COUNT

Item = tuple[str, str, int, int, int]
"""Noun, plural, count, in the center, outside, as a caption says them: counts over twenty are all twenty-fact."""


@dataclass(frozen=True, slots=True)
class ObjectFact:
    """The objects of one class: how many, how many of them in and outside the center, and their sizes.

    ``sizes`` counts boxes under 32 x 32 pixels, under 96 x 96 pixels and larger (the bounds of COCO).
    """

    label: str
    noun: str
    plural: str
    count: int
    center: int
    outside: int
    sizes: tuple[int, int, int] = (0, 0, 0)


@dataclass(frozen=True, slots=True)
class CoverFact:
    """The land cover of one class.

    ``noun`` is as the caption says it (``water``, ``crops``, ``an oil spill``), ``fraction`` its share of the
    valid pixels from 0 to 1, ``share`` that share in words, ``zone`` where at least 60 % of it lies, if
    anywhere.
    """

    label: str
    noun: str
    fraction: float
    share: str
    zone: str | None = None


@dataclass(frozen=True, slots=True)
class PresentFact:
    """A class of objects of which there is at least one; nothing is stated of how many or where."""

    label: str
    noun: str
    plural: str


@dataclass(frozen=True)
class Facts:
    """Everything that a caption states.

    ``objects`` are ordered by descending count, ``cover`` by descending fraction. ``scene`` is what a
    mask-proven image without objects shows. ``statements`` are the clauses of an optical caption that a SAR image
    bears out, ``source_caption`` the caption they come from and ``dropped`` how many were left out, by reason.
    ``present`` are classes of which a model saw at least one, without saying how many or where.
    """

    objects: tuple[ObjectFact, ...] = ()
    cover: tuple[CoverFact, ...] = ()
    scene: str | None = None
    statements: tuple[str, ...] = ()
    source_caption: str | None = None
    dropped: tuple[tuple[str, int], ...] = ()
    present: tuple[PresentFact, ...] = ()

    @cached_property
    def items(self) -> tuple[Item, ...]:
        """The objects as a caption says them."""
        return tuple(
            (fact.noun, fact.plural, _said(fact.count), _said(fact.center), _said(fact.outside))
            for fact in self.objects
        )

    @cached_property
    def json(self) -> str:
        """The record as canonical JSON; kept, because many images of a corpus share one record."""
        return _record_json(self)


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def to_json(facts: Facts) -> str:
    """Return the record as canonical JSON: sorted keys, no spaces; equal facts give equal text."""
    return facts.json


def _record_json(facts: Facts) -> str:
    """Built by hand, because a corpus has a hundred thousand of them; a test compares it with `canonical_json`."""
    cover = ",".join(map(_cover_json, facts.cover))
    objects = ",".join(map(_object_json, facts.objects))
    statements = ",".join(map(_quoted, facts.statements))
    dropped = ",".join(f"{_quoted(reason)}:{count}" for reason, count in sorted(facts.dropped))
    # no key where there are none: the records of annotated images stay as they were
    present = f'"present":[{",".join(map(_present_json, facts.present))}],' if facts.present else ""
    return (
        f'{{"cover":[{cover}],"dropped":{{{dropped}}},"objects":[{objects}],{present}'
        f'"scene":{_nullable(facts.scene)},'
        f'"source_caption":{_nullable(facts.source_caption)},"statements":[{statements}]}}'
    )


def _nullable(text: str | None) -> str:
    return "null" if text is None else _quoted(text)


def _cover_json(fact: CoverFact) -> str:
    return f'{{"fraction":{float(fact.fraction)!r},{_cover_words(fact.label, fact.noun, fact.share, fact.zone)}}}'


@lru_cache(maxsize=4096)
def _cover_words(label: str, noun: str, share: str, zone: str | None) -> str:
    return f'"label":{_quoted(label)},"noun":{_quoted(noun)},"share":{_quoted(share)},"zone":{_nullable(zone)}'


def _object_json(fact: ObjectFact) -> str:
    small, medium, large = fact.sizes
    label, plural = _object_words(fact.label, fact.noun, fact.plural)
    return (
        f'{{"center":{fact.center},"count":{fact.count},{label},"outside":{fact.outside},{plural},'
        f'"sizes":[{small},{medium},{large}]}}'
    )


def _present_json(fact: PresentFact) -> str:
    label, plural = _object_words(fact.label, fact.noun, fact.plural)
    return f"{{{label},{plural}}}"


@lru_cache(maxsize=4096)
def _object_words(label: str, noun: str, plural: str) -> tuple[str, str]:
    return f'"label":{_quoted(label)},"noun":{_quoted(noun)}', f'"plural":{_quoted(plural)}'


def from_json(text: str) -> Facts:
    """Return the record that ``to_json`` wrote.

    Raises:
        ArtefactError: the text is no such record.
    """
    try:
        content: Mapping[str, Any] = json.loads(text)
        return Facts(
            objects=tuple(
                ObjectFact(**{**fact, "sizes": tuple(fact.get("sizes", (0, 0, 0)))}) for fact in content["objects"]
            ),
            cover=tuple(CoverFact(**fact) for fact in content["cover"]),
            scene=content["scene"],
            statements=tuple(content["statements"]),
            source_caption=content.get("source_caption"),
            dropped=tuple(sorted(content.get("dropped", {}).items())),
            present=tuple(PresentFact(**fact) for fact in content.get("present", [])),
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ArtefactError(
            f"not a record of facts ({error})", where=text[:80], way_out="build the captions again"
        ) from error


def normalise(facts: Facts) -> str:
    """Return what decides whether two captions say the same: labels, counts as said, zones and share words.

    Sizes and exact fractions do not count, and all counts over twenty are equal, as a caption says
    "more than twenty" of each.
    """
    present = {"present": sorted(fact.label for fact in facts.present)} if facts.present else {}
    return canonical_json(
        {
            **present,
            "objects": sorted(
                [fact.label, _said(fact.count), _said(fact.center), _said(fact.outside)] for fact in facts.objects
            ),
            "cover": sorted([fact.label, fact.share, fact.zone or ""] for fact in facts.cover),
            "scene": facts.scene,
            "statements": sorted(statement.casefold() for statement in facts.statements),
        }
    )


def _said(count: int) -> int:
    return min(count, LARGEST_COUNT + 1)

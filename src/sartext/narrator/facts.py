"""What a caption may state, a small structured record that travels with the text; and what a caption method is."""

import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any

from sartext.catalogue.entry import Entry, Kind
from sartext.errors import ArtefactError
from sartext.files import canonical_json
from sartext.narrator.vocabulary import CACHED, LARGEST_COUNT

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
    """The land cover of one class, its noun as the caption says it (``water``, ``crops``, ``an oil spill``).

    ``fraction`` is its share of the valid pixels from 0 to 1, ``share`` that in words, ``zone`` where at least 60
    percent of it lies, if anywhere.
    """

    label: str
    noun: str
    fraction: float
    share: str
    zone: str | None = None


@dataclass(frozen=True, slots=True)
class PresentFact:
    """A class that is there, at least one object or some land cover, without how many, how much or where.

    Land cover has the noun of `CoverFact`, also as its plural.
    """

    label: str
    noun: str
    plural: str
    stuff: bool = False


@dataclass(frozen=True)
class Facts:
    """Everything that a caption states.

    ``objects`` are ordered by descending count, ``cover`` by descending fraction. ``scene`` is what a
    mask-proven image without objects shows. ``statements`` are the clauses of an optical caption that a SAR image
    bears out, ``source_caption`` the caption they come from and ``dropped`` how many were left out, by reason.
    ``present`` are classes that a model saw, without saying how many, how much or where. ``scene_class`` is
    what the image shows as a whole; unlike ``scene``, it says nothing of what else there is.
    """

    objects: tuple[ObjectFact, ...] = ()
    cover: tuple[CoverFact, ...] = ()
    scene: str | None = None
    statements: tuple[str, ...] = ()
    source_caption: str | None = None
    dropped: tuple[tuple[str, int], ...] = ()
    present: tuple[PresentFact, ...] = ()
    scene_class: str | None = None

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
        cover, objects, present = (
            ",".join(map(_fact_json, facts)) for facts in (self.cover, self.objects, self.present)
        )
        # no key where there are none: the records of annotated images stay as they were
        present = f'"present":[{present}],' if present else ""
        of_class = f',"scene_class":{_quoted(self.scene_class)}' if self.scene_class else ""
        return (
            f'{{"cover":[{cover}],"dropped":{_quoted(dict(self.dropped))},"objects":[{objects}],{present}'
            f'"scene":{_quoted(self.scene)}{of_class},"source_caption":{_quoted(self.source_caption)},'
            f'"statements":{_quoted(self.statements)}}}'
        )


_quoted = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode
"""`canonical_json`, made once: a corpus has a hundred thousand records, of few different facts."""


@lru_cache(maxsize=CACHED)
def _fact_json(fact: ObjectFact | CoverFact | PresentFact) -> str:
    fields = {name: getattr(fact, name) for name in fact.__slots__}
    return _quoted({**fields, "fraction": float(fields["fraction"])} if "fraction" in fields else fields)


def to_json(facts: Facts) -> str:
    """Return the record as canonical JSON: sorted keys, no spaces; equal facts give equal text."""
    return facts.json


def from_json(text: str) -> Facts:
    """Return the record that ``to_json`` wrote; any other text is an ArtefactError."""
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
            scene_class=content.get("scene_class"),
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
    labels = [fact.label for fact in facts.objects]
    said = {
        "objects": sorted([label, *item[2:]] for label, item in zip(labels, facts.items, strict=True)),
        "cover": sorted([fact.label, fact.share, fact.zone or ""] for fact in facts.cover),
        "scene": facts.scene,
        "statements": sorted(statement.casefold() for statement in facts.statements),
    }
    present = {"present": sorted(fact.label for fact in facts.present)} if facts.present else {}
    of_class = {"scene_class": facts.scene_class} if facts.scene_class else {}
    return canonical_json(said | present | of_class)


def _said(count: int) -> int:
    return min(count, LARGEST_COUNT + 1)


@dataclass
class Tally:
    """What was counted while a corpus was captioned."""

    images: int = 0
    dropped_boxes: int = 0
    uncaptioned: Counter[str] = field(default_factory=Counter)
    dropped_statements: Counter[str] = field(default_factory=Counter)
    examples: list[str] = field(default_factory=list)


ReadIndex = Callable[[Sequence[str]], Iterable[Mapping[str, Any]]]
"""From names of columns to the rows of a corpus's index."""

RowFacts = Callable[[Mapping[str, Any], Tally], Facts | str]
"""From a row of a corpus's index, of a SAR image, to its facts or to why there are none."""


@dataclass(frozen=True)
class CaptionMethod:
    """A way to make captions; the registry ``narrator.methods`` lists them.

    Args:
        name: as tables and parameters give it.
        version: raised when its rules change.
        description: for the card of a release: where such a caption comes from.
        by_model: a model writes it: it enters the train split only, with the hash of the model.
        quotes: it quotes an optical caption, which a row holds beside it; else its facts are statements that can
            be compared one by one.
        reworded: a language model put the quoted caption into words of its own, from the words of that caption.
        score: what the score of a row means; empty where rows have none.
        row_facts: for each kind of corpora that the stage `captions` captions by it, what leads from a corpus's
            entry and index to what makes facts of a row; none where a stage of its own makes the captions.
    """

    name: str
    version: str
    description: str
    by_model: bool = False
    quotes: bool = False
    reworded: bool = False
    score: str = ""
    row_facts: Mapping[Kind, Callable[[Entry, ReadIndex], RowFacts]] = field(default_factory=dict)

    @property
    def annotated(self) -> bool:
        """Whether its facts come from annotations, and so prove what they state."""
        return not (self.by_model or self.quotes)

    def caption_row(
        self,
        image_id: str,
        caption: str,
        facts: Facts,
        *,
        detailed: str | None = None,
        source_caption: str | None = None,
        model_sha256: str | None = None,
        model: str | None = None,
        prompt_sha256: str | None = None,
        score: float | None = None,
        proof: str | None = None,
    ) -> dict[str, Any]:
        """Return the row of a caption in the table of a corpus's captions, see `tables.CAPTIONS`."""
        return {
            "image_id": image_id,
            "caption": caption,
            "caption_detailed": detailed or caption,
            "method": self.name,
            "method_version": self.version,
            "facts": facts.json,
            "source_caption": source_caption,
            "model_sha256": model_sha256,
            "model": model,
            "prompt_sha256": prompt_sha256,
            "score": score,
            "proof": proof,
        }

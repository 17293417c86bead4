"""What the facts of an image prove: claims, each a question without words and its answer.

Of a doubtful image (see `Doubt`) only what stays true whatever else is there is asked, form by form:

- ``exists``: yes, because more of anything takes away nothing that is annotated. No is never claimed.
- ``how-many``, ``where-one``, ``where-many``, ``mostly-where``, ``more`` and ``most-numerous`` are not asked: one
  more thing may change them. That things lie both in the center and outside it would stay true, but it would be
  the only answer that such images have.
- ``zone``, ``larger`` and ``largest``: a mask in which every pixel has a class proves them, because a thing that
  is left out is no land cover. Pixels without a class may be of any and lie anywhere: ``zone`` is not asked, as
  facts do not say how much of a class its zone holds, and two shares must differ even if all that is unstated is
  added to the smaller.
- ``dominant``: the largest share is compared with all that is unstated; where pixels have no class, with the
  second and the unstated together.
- ``shown`` needs an absence and is not asked.
- ``only``: no, because something else is annotated. Yes is not claimed.

Nor is a count, a place or a comparison asked of a class that its corpus does not annotate exhaustively.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import IntEnum
from functools import cached_property
from itertools import chain, combinations

from sartext.narrator.facts import CoverFact, Facts, ObjectFact, PresentFact
from sartext.narrator.vocabulary import NUMBER_WORDS, ZONES, bare
from sartext.vqa.subjects import Annotation, Subject, related

_Fact = ObjectFact | CoverFact | PresentFact

YES, NO = "yes", "no"
CENTER, OUTSIDE, BOTH = "in the center", "outside the center", "both"

WHOLE = 1e-9
"""Shares of the valid pixels are quotients of counts: their sum is 1 to rounding, or short by a pixel."""

MARGIN = 0.05
"""By how much of the image two shares must differ to be compared: less is within the error of a drawn mask."""


@dataclass(frozen=True, slots=True)
class Claim:
    """A question without words, fields as of `question.Question`; ``exhaustive`` are claimed to be absent."""

    type: str
    form: str
    subjects: tuple[str, ...]
    answer: str
    facts: Facts
    exhaustive: tuple[str, ...] = ()


class Doubt(IntEnum):
    """What the annotation of an image lacks.

    ``OBJECTS``: things were left out of it, boxes that could not be used or components of a mask that were too
    small. ``PIXELS``: pixels of its mask have no known class and may be of any; they may be things, too.
    """

    NONE = 0
    OBJECTS = 1
    PIXELS = 2


@dataclass(frozen=True)
class Image:
    """One image: its record, what its corpus's annotation decides, the largest count asked, what is in doubt."""

    facts: Facts
    annotation: Annotation
    limit: int
    doubt: Doubt = Doubt.NONE

    @cached_property
    def counted(self) -> dict[str, ObjectFact]:
        """The objects of which all are annotated, by key."""
        objects = {} if self.doubt else {bare(fact.noun): fact for fact in self.facts.objects}
        return {key: fact for key, fact in objects.items() if self._complete(key)}

    @cached_property
    def measured(self) -> dict[str, CoverFact]:
        """The land cover of which all is annotated, but for pixels without a class, by key."""
        cover = {bare(fact.noun): fact for fact in self.facts.cover}
        return {key: fact for key, fact in cover.items() if self._complete(key)}

    def _complete(self, key: str) -> bool:
        """Whether a class may be asked about and its corpus annotates every instance of it."""
        return key in self.annotation.subjects and self.annotation.subjects[key].exhaustive

    @property
    def unstated(self) -> float:
        """The share of the image that no stated land cover holds."""
        return max(1 - sum(fact.fraction for fact in self.facts.cover), 0.0)

    @property
    def unknown(self) -> float:
        """The most that any land cover can hold beyond its stated share."""
        return self.unstated if self.doubt is Doubt.PIXELS else 0.0

    @cached_property
    def present(self) -> set[str]:
        """Everything stated of the image, by key."""
        facts = self.facts
        return {bare(fact.noun) for fact in chain[_Fact](facts.objects, facts.cover, facts.present)}

    @cached_property
    def absent(self) -> list[Subject]:
        """The subjects that are proven not to be there, sorted by key.

        The image must not be doubtful, a class be annotated exhaustively, and nothing that is stated may be of its
        kind. Boxes prove the absence of things. A mask proves it only where the stated land cover adds up to the
        whole image: a class under 0.5 % would be there unstated.
        """
        if self.doubt:
            return []
        stated = [self.annotation.subjects[key] for key in self.present if key in self.annotation.subjects]
        whole = abs(sum(fact.fraction for fact in self.facts.cover) - 1) <= WHOLE
        return [
            subject
            for key, subject in sorted(self.annotation.subjects.items())
            if subject.exhaustive
            and key not in self.present
            and not any(related(subject, other) for other in stated)
            and (whole or (self.annotation.boxes and not subject.stuff))
        ]


def claims_of(image: Image) -> list[Claim]:
    """Return everything that is asked of an image; ``statements`` of optical captions prove nothing precise."""
    if image.facts.statements:
        return []
    forms = (_presence, _count, _position, _comparison, _dominant, _scene)
    return [claim for claims in forms for claim in claims(image)]


def turned(claim: Claim) -> Claim:
    """Return a claim on two classes with their order turned, and the answer that then holds."""
    flipped = {YES: NO, NO: YES}.get(claim.answer, claim.answer)
    return replace(claim, subjects=claim.subjects[::-1], answer=flipped)


def _presence(image: Image) -> Iterator[Claim]:
    for key in sorted(image.present & image.annotation.subjects.keys()):
        yield Claim("presence", "exists", (key,), YES, _only(image.facts, key))
    for subject in image.absent:
        yield Claim("presence", "exists", (subject.key,), NO, _whole(image.facts), (subject.key,))


def _count(image: Image) -> Iterator[Claim]:
    for key, fact in image.counted.items():
        if fact.count <= image.limit:
            yield Claim("count", "how-many", (key,), NUMBER_WORDS[fact.count], _only(image.facts, key))
    for subject in image.absent:
        if not subject.stuff:
            yield Claim("count", "how-many", (subject.key,), NUMBER_WORDS[0], _whole(image.facts), (subject.key,))


def _position(image: Image) -> Iterator[Claim]:
    for key, fact in image.counted.items():
        where = BOTH if fact.center and fact.outside else CENTER if fact.center else OUTSIDE
        form = "where-one" if fact.count == 1 else "where-many"
        yield Claim("position", form, (key,), where, _only(image.facts, key))
    for key, cover in image.measured.items():
        if cover.zone and image.doubt is not Doubt.PIXELS:
            yield Claim("position", "zone", (key,), ZONES[cover.zone], _only(image.facts, key))


def _comparison(image: Image) -> Iterator[Claim]:
    counts = {key: float(fact.count) for key, fact in image.counted.items()}
    shares = {key: fact.fraction for key, fact in image.measured.items()}
    yield from _compared(image, counts, "more", "most-numerous", least=1.0)
    yield from _compared(image, shares, "larger", "largest", least=MARGIN + image.unknown)
    for key, fact in image.counted.items():
        if fact.center and fact.outside and fact.center != fact.outside:
            answer = CENTER if fact.center > fact.outside else OUTSIDE
            yield Claim("comparison", "mostly-where", (key,), answer, _only(image.facts, key))


def _compared(image: Image, amounts: dict[str, float], more: str, most: str, *, least: float) -> Iterator[Claim]:
    """Two classes, of which one at least is there; both questions on a pair are asked."""
    if not amounts:
        return
    subjects = image.annotation.subjects
    stuff = subjects[next(iter(amounts))].stuff
    zeros = {subject.key for subject in image.absent if subject.stuff == stuff}
    values = {**amounts, **dict.fromkeys(zeros, 0.0)}
    for first, second in combinations(sorted(values), 2):
        difference = values[first] - values[second]
        if abs(difference) < least or related(subjects[first], subjects[second]):
            continue
        missing = tuple(sorted(zeros & {first, second}))
        facts = _whole(image.facts) if missing else _only(image.facts, first, second)
        answer = YES if difference > 0 else NO
        yield Claim("comparison", more, (first, second), answer, facts, missing)
        if _offered(subjects[first], subjects[second]):
            winner = subjects[first if difference > 0 else second].option
            yield Claim("comparison", most, (first, second), winner, facts, missing)


def _dominant(image: Image) -> Iterator[Claim]:
    """The class of the largest share, where no other class can be as large, stated or not."""
    facts = image.facts
    if facts.cover:
        shares = sorted((fact.fraction for fact in facts.cover), reverse=True)
        second = shares[1] if len(shares) > 1 else 0.0
        rest = max(image.unstated, second + image.unknown)
        largest = bare(max(facts.cover, key=lambda fact: fact.fraction).noun)
        if shares[0] - rest >= MARGIN and largest in image.annotation.subjects:
            yield Claim("dominant", "dominant", (), largest, replace(_whole(facts), objects=(), present=()))


def _scene(image: Image) -> Iterator[Claim]:
    """Which of two classes the image shows; whether it shows the background alone."""
    subjects = image.annotation.subjects
    missing = image.absent
    for key in sorted(image.present & subjects.keys()):
        subject = subjects[key]
        for other in missing:
            if subject.stuff == other.stuff and not related(subject, other) and _offered(subject, other):
                pair = tuple(sorted((key, other.key)))
                yield Claim("scene", "shown", pair, subject.option, _whole(image.facts), (other.key,))
    background = image.annotation.background
    if background and image.facts.scene and not image.doubt:
        yield Claim("scene", "only", (bare(background),), YES, _whole(image.facts))
    elif background and image.present - {bare(background)}:
        yield Claim("scene", "only", (bare(background),), NO, _whole(image.facts))


def _offered(*subjects: Subject) -> bool:
    """Whether classes can be named as "A or B": not "snow or ice" or "A320 or A321 aircraft"."""
    return not any(" or " in subject.option for subject in subjects)


def _only(facts: Facts, *keys: str) -> Facts:
    return Facts(
        objects=tuple(fact for fact in facts.objects if bare(fact.noun) in keys),
        cover=tuple(fact for fact in facts.cover if bare(fact.noun) in keys),
        present=tuple(fact for fact in facts.present if bare(fact.noun) in keys),
    )


def _whole(facts: Facts) -> Facts:
    return Facts(objects=facts.objects, cover=facts.cover, scene=facts.scene, present=facts.present)

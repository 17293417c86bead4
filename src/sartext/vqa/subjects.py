"""The classes of a corpus that may be asked about, and how: a small grammar, several wordings of each form.

The wording is chosen by the hash of the question's id, so it tells nothing of the answer. A closed question names
the answers that it takes.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sartext.catalogue.entry import CorpusClass, Entry
from sartext.narrator.vocabulary import bare, cover_noun, key_of

VAGUE = frozenset({"another", "other"})
"""A noun with one of these means the rest of its corpus's classes, which a question cannot take for known."""

_ZONES = "upper left, upper right, lower left, lower right or middle"

SHOWN = (
    "Which of the two does this image show: {x} or {y}?",
    "Does this SAR image show {x} or {y}?",
    "Which can be seen in this image: {x} or {y}?",
)

THINGS: dict[str, tuple[str, ...]] = {
    "exists": (
        "Are there any {x} in this image?",
        "Can any {x} be seen in this SAR image?",
        "Does this image show any {x}?",
        "Does the SAR image contain any {x}?",
    ),
    "how-many": (
        "How many {x} are there in this image?",
        "How many {x} does this SAR image show?",
        "What is the number of {x} in this image?",
        "How many {x} can be seen?",
    ),
    "where-one": (
        "Is the {singular} in the center or outside the center of this image?",
        "Where does the {singular} lie: in the center or outside the center?",
        "Where is the {singular} in this SAR image: in the center or outside the center?",
    ),
    "where-many": (
        "Are the {x} in the center of this image, outside the center, or both?",
        "Where do the {x} lie: in the center, outside the center, or both?",
        "Where are the {x} in this SAR image: in the center, outside the center, or both?",
    ),
    "mostly-where": (
        "Are more of the {x} in the center or outside the center of this image?",
        "Where do most of the {x} lie: in the center or outside the center?",
        "Where are there more {x}: in the center or outside the center?",
    ),
    "more": (
        "Are there more {x} than {y} in this image?",
        "Does this SAR image show more {x} than {y}?",
        "Is the number of {x} larger than the number of {y}?",
    ),
    "most-numerous": (
        "Which are more numerous in this image: {x} or {y}?",
        "Are there more {x} or more {y} in this SAR image?",
        "Which does this image show more of: {x} or {y}?",
    ),
    "shown": SHOWN,
}
"""Wordings of questions on things; ``{x}`` and ``{y}`` are plurals, ``{singular}`` the singular."""

STUFF: dict[str, tuple[str, ...]] = {
    "exists": (
        "Can you see any {of} in this image?",
        "Can any {of} be seen in this SAR image?",
        "Does this image show any {of}?",
        "Is any part of this SAR image covered by {x}?",
    ),
    "zone": (
        f"Where does the greater part of the {{of}} lie: {_ZONES}?",
        f"Which part of this image holds most of the {{of}}: {_ZONES}?",
        f"In which part of this SAR image can most of the {{of}} be found: {_ZONES}?",
    ),
    "larger": (
        "Is more of this image covered by {x} than by {y}?",
        "Is a larger part of this SAR image covered by {x} than by {y}?",
        "Is more of this SAR image made up of {x} than of {y}?",
    ),
    "largest": (
        "Which covers more of this image: {x} or {y}?",
        "Which of the two covers a larger part of this SAR image: {x} or {y}?",
        "Is more of this image covered by {x} or by {y}?",
    ),
    "shown": SHOWN,
}
"""Wordings of questions on land cover; ``{x}`` and ``{y}`` as captions say them, ``{of}`` without article."""

OPEN: dict[str, tuple[str, ...]] = {
    "dominant": (
        "Which land cover dominates this image?",
        "What covers the largest part of this SAR image?",
        "What is the main land cover in this image?",
        "Which land cover takes up most space in this SAR image?",
    ),
    "only": (
        "Does this image show nothing but {scene}?",
        "Is {scene} all that this SAR image shows?",
        "Is there only {scene} in this image?",
    ),
}


@dataclass(frozen=True, slots=True)
class Subject:
    """What is called by one noun; its ``key`` is that in lower case and without article.

    ``plural`` is what several are called; land cover (``stuff``) keeps its noun. ``exhaustive``: the corpus
    annotates every instance, so that absence is a fact. ``broader`` is what it is a kind of, by key.
    """

    key: str
    noun: str
    plural: str
    stuff: bool
    exhaustive: bool
    broader: frozenset[str]

    @property
    def option(self) -> str:
        """How it is offered as one of two answers, and then answered."""
        return self.key if self.stuff else self.plural


@dataclass(frozen=True)
class Annotation:
    """What the annotation of a corpus decides.

    Args:
        subjects: what may be asked about, by key.
        boxes: whether things are annotated by boxes; else they are components of a mask, which hold at least ten
            pixels, so that smaller ones may be there unannotated.
        background: what an image without objects shows, if the catalogue says it.
    """

    subjects: Mapping[str, Subject]
    boxes: bool
    background: str | None


def annotation_of(entry: Entry) -> Annotation:
    """Return what the annotation of a corpus decides; classes of one noun are one subject."""
    subjects: dict[str, Subject] = {}
    for kind in entry.part_classes:
        if kind.say and kind.valid and not VAGUE & set(kind.noun.casefold().split()):
            subject = subject_of(kind)
            before = subjects.get(subject.key, subject)
            if before.stuff == subject.stuff:
                subjects[subject.key] = replace(
                    before,
                    exhaustive=before.exhaustive and subject.exhaustive,
                    broader=before.broader | subject.broader,
                )
    return Annotation(subjects, entry.kind == "detection", entry.background)


def subject_of(kind: CorpusClass) -> Subject:
    """Return what a class is called, and what it is a kind of."""
    noun, key = cover_noun(kind) if kind.stuff else kind.noun, key_of(kind)
    broader = frozenset({bare(kind.hypernym)} - {key})
    return Subject(key, noun, noun if kind.stuff else kind.plural, kind.stuff, kind.exhaustive, broader)


def related(first: Subject, second: Subject) -> bool:
    """Whether one is a kind of the other, so that neither question nor answer can tell them apart."""
    return first.key in second.broader or second.key in first.broader


def worded(form: str, keys: Sequence[str], subjects: Mapping[str, Subject], style: int) -> str:
    """Return a question of a form on classes, ``subjects`` by key; any number, ``style``, decides the wording."""
    if form in OPEN:
        options = OPEN[form]
        return options[style % len(options)].format(scene="".join(keys))
    first, last = subjects[keys[0]], subjects[keys[-1]]
    options = (STUFF if first.stuff else THINGS)[form]
    return options[style % len(options)].format(x=first.plural, y=last.plural, singular=first.noun, of=first.key)

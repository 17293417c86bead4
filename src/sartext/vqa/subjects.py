"""The classes of a corpus that may be asked about."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sartext.catalogue.entry import CorpusClass, Entry
from sartext.narrator.nouns import bare, cover_noun, key_of

VAGUE = frozenset({"another", "other"})
"""A noun with one of these means the rest of its corpus's classes, which a question cannot take for known."""


@dataclass(frozen=True, slots=True)
class Subject:
    """What is called by one noun.

    Args:
        key: the noun as facts have it, in lower case and without article.
        noun: the noun as captions say it.
        plural: what several are called; land cover keeps its noun.
        stuff: whether it is land cover.
        exhaustive: whether the corpus annotates every instance, so that absence is a fact.
        broader: what it is a kind of, by key.
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
        corpus: its name.
        subjects: what may be asked about, by key.
        boxes: whether things are annotated by boxes; else they are components of a mask, which hold at least ten
            pixels, so that smaller ones may be there unannotated.
        background: what an image without objects shows, if the catalogue says it.
    """

    corpus: str
    subjects: Mapping[str, Subject]
    boxes: bool
    background: str | None


def annotation_of(entry: Entry) -> Annotation:
    """Return what the annotation of a corpus decides; classes of one noun are one subject."""
    subjects: dict[str, Subject] = {}
    for kind in entry.classes:
        if kind.say and kind.valid and not VAGUE & set(kind.noun.casefold().split()):
            subject = subject_of(kind)
            before = subjects.get(subject.key, subject)
            if before.stuff == subject.stuff:
                subjects[subject.key] = replace(
                    before,
                    exhaustive=before.exhaustive and subject.exhaustive,
                    broader=before.broader | subject.broader,
                )
    return Annotation(entry.name, subjects, entry.kind == "detection", entry.background)


def subject_of(kind: CorpusClass) -> Subject:
    """Return what a class is called, and what it is a kind of."""
    noun = cover_noun(kind) if kind.stuff else kind.noun
    key = key_of(kind)
    broader = frozenset({bare(kind.hypernym)} - {key})
    return Subject(key, noun, noun if kind.stuff else kind.plural, kind.stuff, kind.exhaustive, broader)


def related(first: Subject, second: Subject) -> bool:
    """Whether one is a kind of the other, so that neither question nor answer can tell them apart."""
    return first.key in second.broader or second.key in first.broader

"""What a narrator may talk about: the classes of the corpora that it learned from, by the noun captions use."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import chain

from sartext.catalogue.entry import Entry
from sartext.catalogue.loading import find_entry
from sartext.config import Project
from sartext.narrator.sa2c import spoken


@dataclass(frozen=True)
class Vocabulary:
    """The classes of some corpora; a key is the noun in lower case and without article.

    Corpora label the same thing differently, so the noun decides what is the same; the first corpus gives the
    label.

    Args:
        nouns: every noun that is read: its key, and ``one``, ``many``, ``any`` or ``cover``.
        things: label, noun and plural of what is counted, by key.
        stuff: label and noun, as captions say it, of land cover, by key.
        scenes: backgrounds that may be named.
    """

    nouns: Mapping[str, tuple[str, str]]
    things: Mapping[str, tuple[str, str, str]]
    stuff: Mapping[str, tuple[str, str]]
    scenes: tuple[str, ...]


def vocabulary_of(entries: Iterable[Entry]) -> Vocabulary:
    """Return what captions of some corpora talk about."""
    nouns: dict[str, tuple[str, str]] = {}
    things: dict[str, tuple[str, str, str]] = {}
    stuff: dict[str, tuple[str, str]] = {}
    scenes: set[str] = set()
    for entry in entries:
        scenes |= {entry.background} if entry.background else set()
        for one in entry.classes:
            if not (one.say and one.valid):
                continue
            if one.stuff:
                key = bare(spoken(one))
                stuff.setdefault(key, (one.label, spoken(one)))
                for noun in (key, bare(one.noun), bare(one.plural)):
                    nouns.setdefault(noun, (key, "cover"))
            else:
                key = bare(one.noun)
                things.setdefault(key, (one.label, one.noun, one.plural))
                nouns.setdefault(key, (key, "any" if one.noun == one.plural else "one"))
                nouns.setdefault(one.plural.casefold(), (key, "many"))
    return Vocabulary(nouns, things, stuff, tuple(sorted(scenes)))


def project_vocabulary(project: Project) -> Vocabulary:
    """Return what the narrator of a project has learned to talk about: the classes of the captioned corpora."""
    return vocabulary_of(find_entry(project, name) for name in project.parameters.captions)


def annotated_by(entry: Entry) -> frozenset[str]:
    """Return the keys of the classes whose presence and absence a corpus's annotation decides, and its background.

    On another class an annotation says nothing: boxes of ships neither prove nor refute a wood.
    """
    told = (one for one in entry.classes if one.say and one.valid and one.exhaustive)
    keys = (bare(spoken(one) if one.stuff else one.noun) for one in told)
    return frozenset(chain(keys, [entry.background.casefold()] if entry.background else []))


def bare(noun: str) -> str:
    """Return a noun in lower case and without article."""
    text = noun.casefold()
    for article in ("an ", "a "):
        text = text.removeprefix(article)
    return text

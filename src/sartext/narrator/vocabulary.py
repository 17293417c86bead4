"""Words that captions use, words that they never use, and the nouns of the classes that they may talk about."""

import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sartext.catalogue.entry import CorpusClass, Entry
from sartext.catalogue.loading import find_entry
from sartext.config import Project

CACHED = 1 << 15
"""Sentences kept: a corpus has few different facts, and each has few patterns."""


LISTS: dict[str, Any] = tomllib.loads((Path(__file__).parent / "words.toml").read_text(encoding="utf-8"))
"""The word lists of ``words.toml``."""


def word_set(text: str) -> frozenset[str]:
    """Return the words of a text, as a set."""
    return frozenset(text.split())


NUMBER_WORDS = tuple(LISTS["number_words"].split())
LARGEST_COUNT = 20
MANY = "more than twenty"
SOME = "at least one"

SHARES = (
    (0.80, "nearly all"),
    (0.55, "most"),
    (0.45, "about half"),
    (0.35, "over a third"),
    (0.20, "about a quarter"),
    (0.10, "a part"),
    (0.0, "a small part"),
)
"""Lower bound (inclusive) of a class's share of the valid pixels, and how a caption says it; largest first."""

_ZONES = ("upper-left", "upper-right", "lower-left", "lower-right", "middle")
ZONES = MappingProxyType({zone: zone.replace("-", " ") for zone in _ZONES})
"""Zones of land cover: as the index names them, and as a caption says them."""

COLOUR_WORDS = word_set(LISTS["colour_words"])
WEATHER_WORDS = word_set(LISTS["weather_words"])
BRIGHTNESS_WORDS = word_set(LISTS["brightness_words"])
"""Removed from optical captions: what is bright in an optical image need not be bright in a SAR image."""

FORBIDDEN_WORDS = frozenset({"flood", "flooded", "flooding", "floods", "floodwater"})
"""A mask of water does not tell a flood from a lake."""


def number_word(count: int) -> str:
    """Return a count as a caption says it: ``one`` to ``twenty``, then ``more than twenty``."""
    return NUMBER_WORDS[count] if count <= LARGEST_COUNT else MANY


def share_word(fraction: float) -> str:
    """Return how a caption says a share of the valid pixels, from 0 to 1."""
    return next(word for bound, word in SHARES if fraction >= bound)


def capital(text: str) -> str:
    """Return the text with a capital first letter."""
    return text[:1].upper() + text[1:]


def enumerate_phrases(phrases: Sequence[str]) -> str:
    """Return ``a``, ``a and b`` or ``a, b and c``."""
    return phrases[0] if len(phrases) == 1 else f"{', '.join(phrases[:-1])} and {phrases[-1]}"


@dataclass(frozen=True)
class Vocabulary:
    """The classes of some corpora; a key is the noun in lower case and without article.

    Corpora label the same thing differently, so the noun decides what is the same; the first corpus gives the
    label.

    Args:
        nouns: every noun that is read: its key, and ``one``, ``many``, ``any`` or ``cover``.
        things: label, noun and plural of what is counted, by key.
        stuff: label and noun, as captions say it, of land cover, by key.
        scenes: backgrounds and scene classes that may be named.
        scene_classes: those among them that an image is of as a whole, and that prove nothing absent.
        hypernyms: what things and land cover are kinds of, by key.
    """

    nouns: Mapping[str, tuple[str, str]]
    things: Mapping[str, tuple[str, str, str]]
    stuff: Mapping[str, tuple[str, str]]
    scenes: tuple[str, ...]
    scene_classes: frozenset[str] = frozenset()
    hypernyms: Mapping[str, str] = field(default_factory=dict)


def vocabulary_of(entries: Iterable[Entry]) -> Vocabulary:
    """Return what captions of some corpora talk about."""
    nouns: dict[str, tuple[str, str]] = {}
    things: dict[str, tuple[str, str, str]] = {}
    stuff: dict[str, tuple[str, str]] = {}
    scenes: set[str] = set()
    scene_classes: set[str] = set()
    hypernyms: dict[str, str] = {}
    for entry in entries:
        scene_classes |= {kind.noun for kind in entry.scene_classes if _is_named(kind)}
        scenes |= {entry.background} if entry.background else set()
        for corpus_class in filter(_is_named, entry.part_classes):
            key = key_of(corpus_class)
            hypernyms.setdefault(key, corpus_class.hypernym)
            if corpus_class.stuff:
                stuff.setdefault(key, (corpus_class.label, cover_noun(corpus_class)))
            else:
                things.setdefault(key, (corpus_class.label, corpus_class.noun, corpus_class.plural))
            for noun, meaning in nouns_of(corpus_class).items():
                nouns.setdefault(noun, meaning)
    named = tuple(sorted(scenes | scene_classes))
    return Vocabulary(nouns, things, stuff, named, frozenset(scene_classes), hypernyms)


def nouns_of(corpus_class: CorpusClass) -> dict[str, tuple[str, str]]:
    """Return the nouns that a class is read by: its key, and ``one``, ``many``, ``any`` or ``cover``."""
    key = key_of(corpus_class)
    if corpus_class.stuff:
        return dict.fromkeys((key, bare(corpus_class.noun), bare(corpus_class.plural)), (key, "cover"))
    return thing_nouns(corpus_class.noun, corpus_class.plural)


def thing_nouns(noun: str, plural: str) -> dict[str, tuple[str, str]]:
    """Return the nouns that a class of objects is read by, see ``nouns_of``."""
    key = bare(noun)
    return {plural.casefold(): (key, "many"), key: (key, "any" if noun == plural else "one")}


def key_of(corpus_class: CorpusClass) -> str:
    """Return the key of a class."""
    return bare(cover_noun(corpus_class) if corpus_class.stuff else corpus_class.noun)


def cover_noun(corpus_class: CorpusClass) -> str:
    """Return a class of land cover as captions say it.

    A mass noun or plural as it is (``water``, ``crops``), a rare countable one with its article (``an oil
    spill``: the mask proves at least one), another countable one in the plural (``built-up areas``).
    """
    if corpus_class.noun == corpus_class.plural or corpus_class.noun.startswith(("a ", "an ")):
        return corpus_class.noun
    if corpus_class.rare:
        return f"{'an' if corpus_class.noun[0] in 'aeiou' else 'a'} {corpus_class.noun}"
    return corpus_class.plural


def project_vocabulary(project: Project) -> Vocabulary:
    """Return what the narrator of a project has learned to talk about: the classes of the captioned corpora."""
    return vocabulary_of(find_entry(project, name) for name in project.parameters.captions)


def annotated_by(entry: Entry) -> frozenset[str]:
    """Return the keys of the classes whose presence and absence a corpus's annotation decides, and its scenes.

    On another class an annotation says nothing: boxes of ships neither prove nor refute a wood.
    """
    keys = {key_of(kind) for kind in entry.part_classes if _is_named(kind) and kind.exhaustive}
    keys |= {kind.noun.casefold() for kind in entry.scene_classes if _is_named(kind)}
    return frozenset(keys | ({entry.background.casefold()} if entry.background else set()))


def coarsest(entry: Entry) -> float:
    """Return the coarsest resolution of a corpus in metres; ten where it is not stated, as Sentinel-1 has."""
    return max(entry.resolution_m, default=10.0)


def bare(noun: str) -> str:
    """Return a noun in lower case and without article."""
    return noun.casefold().removeprefix("an ").removeprefix("a ")


def _is_named(corpus_class: CorpusClass) -> bool:
    return corpus_class.say and corpus_class.valid

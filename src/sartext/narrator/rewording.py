"""Whether a caption that a language model worded says only what the caption that it quotes says and SAR shows.

Every word must be borne out by the quoted caption or state nothing, and be one that the lists of ``words.toml``
know; a number must stand with the noun that it has there; nothing may be denied, and nothing that moves is named:
it may have gone before the SAR image was taken. What relates to what is not checked.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from sartext.narrator import lexicon
from sartext.narrator.lexicon import BE, MOVES, UNSEEN, kind_of
from sartext.narrator.vocabulary import LISTS, NUMBER_WORDS, word_set

NEW, NUMBER, DENIED = "a word that the source does not say", "another number", "denies something"
"""What may be wrong with a word, beside the reasons for which rules leave a word out."""

REPEATS = 4
"""Different facts that one caption may stand for."""

LINKS = word_set(LISTS["rewording_links"])
"""Words that state nothing by themselves: they may stand where the source has others."""

REPLACEMENTS = {
    "images": ("photos", "images", "pictures", "photographs"),
    "bare": ("bareland", "barelands", "bare-land"),
    "land": ("bareland", "barelands", "bare-land"),
    "built-up": ("built",),
    "on": ("in",),
    "have": ("has",),
    "has": ("have",),
}
"""Words that may stand for another word of the source."""

_COUNTING = lexicon.NUMBERS | (lexicon.QUANTIFIERS - {"some"}) | {"one"}
_COMPOUND = frozenset(word for words in lexicon.COMPOUND_PREPOSITIONS for word in words)
_KNOWN = (
    lexicon.PLACES
    | lexicon.MEASURES
    | lexicon.ADJECTIVES
    | lexicon.ADVERBS
    | lexicon.PREPOSITIONS
    | lexicon.PARTICIPLES
    | lexicon.QUANTIFIERS
    | lexicon.DETERMINERS
    | lexicon.NUMBERS
    | lexicon.CLAUSE_WORDS
    | lexicon.RELATIVES
    | lexicon.VERBS.keys()
    | lexicon.PLURAL_VERBS.keys()
    | BE
    | _COMPOUND
    | LINKS
)
"""Words of form, place, size, number and position; the nouns are those of `lexicon.VISIBLE`."""

_WORD = re.compile(r"[a-z0-9]+(?:['-][a-z0-9]+)*")
_TOKEN = re.compile(rf"{_WORD.pattern}|[,;.:!?]")
_ABSENT = re.compile(
    r"\b(?<!not )(?:far from|away from|out of|outside|instead of|rather than|free of|devoid of|lack(?:s|ing)?)\b"
)
_NEARLY = re.compile(r"\bnot (?=far from\b)")


@dataclass(frozen=True)
class Problem:
    """What is wrong with a caption: its kind, which is counted, and the word or words that show it."""

    kind: str
    words: str = ""

    def __str__(self) -> str:
        return f"{self.kind}: '{self.words}'" if self.words else self.kind


def rewording_problems(caption: str, source: str, resolution: float) -> list[Problem]:
    """Return what a caption says that its source does not bear out, or that SAR does not show.

    Args:
        caption: what a model wrote.
        source: the caption of the optical image that it quotes.
        resolution: of the SAR image in metres; it decides which nouns SAR shows.
    """
    said = set(_WORD.findall(_plain(source)))
    denied = _denied(source)
    problems = [Problem(DENIED, word) for word in _tokens(caption) if word in lexicon.DENIALS]
    for word in dict.fromkeys(_WORD.findall(_plain(caption))):
        if word in LINKS:
            continue
        if kind_of(word):
            problems.append(Problem(kind_of(word), word))
        elif not borne_out(word, said) or (
            word in lexicon.VISIBLE and not said & {word, *REPLACEMENTS.get(word, ())}
        ):
            problems.append(Problem(NEW, word))
        elif word in lexicon.MOVING:
            problems.append(Problem(MOVES, word))
        elif _singular(word) in denied:
            problems.append(Problem(DENIED, word))
        elif not _is_shown(word, resolution):
            problems.append(Problem(UNSEEN, word))
    counted = set(_counts(source))
    problems += [
        Problem(NUMBER, f"{number} {noun}") for number, noun in _counts(caption) if (number, noun) not in counted
    ]
    return problems


def things(text: str, resolution: float) -> frozenset[str]:
    """Return what a caption names of what SAR shows, in the singular, of nouns that mean the same the first.

    Left out are nouns that say little alone, what moves, and what the caption says is not there.
    """
    denied = _denied(text)
    nouns = {
        _singular(word) for word in _WORD.findall(_plain(text)) if lexicon.VISIBLE.get(word, 0.0) >= resolution
    }
    nouns -= {_singular(word) for word in lexicon.GENERIC | lexicon.MOVING}
    return frozenset(lexicon.SYNONYMS.get(noun, noun) for noun in nouns - denied)


def repeated(captions: Iterable[tuple[str, frozenset[str]]]) -> frozenset[str]:
    """Return the captions, in lower case, that stand for more than ``REPEATS`` different facts.

    ``captions`` are texts with the things that their sources name: a model that says the same again and again does
    not read what it is given.
    """
    facts: dict[str, set[frozenset[str]]] = {}
    for text, named in captions:
        facts.setdefault(text.casefold(), set()).add(named)
    return frozenset(text for text, named in facts.items() if len(named) > REPEATS)


def borne_out(word: str, source: set[str]) -> bool:
    """Whether a word is one of the source's, or one that may stand for it."""
    # a verb may change its number with its subject: "surrounds" and "surround", "crosses" and "cross"
    verbs = (f"{word}s", f"{word}es", word.removesuffix("s"), word.removesuffix("es"))
    return not source.isdisjoint({word, *verbs, *REPLACEMENTS.get(word, ())})


def _plain(text: str) -> str:
    return text.casefold().replace("\u2019", "'")


def _tokens(text: str) -> list[str]:
    return _TOKEN.findall(_NEARLY.sub("", _plain(text)))


def _singular(word: str) -> str:
    return lexicon.SINGULAR.get(word, word)


def _is_shown(word: str, resolution: float) -> bool:
    return word in _KNOWN or word.isdigit() or lexicon.VISIBLE.get(word, 0.0) >= resolution


def _denied(text: str) -> set[str]:
    """The nouns that a caption denies, in the singular: what follows a denial up to the next mark or "is"."""
    denied: set[str] = set()
    open_denial = False
    for token in _TOKEN.findall(_NEARLY.sub("", _ABSENT.sub("without", _plain(text)))):
        if token in {",", ";", ".", ":", "!", "?"} or token in lexicon.CLAUSE_WORDS | BE:
            open_denial = False
        open_denial |= token in lexicon.DENIALS
        if open_denial and token in lexicon.VISIBLE:
            denied.add(_singular(token))
    return denied


def _counts(text: str) -> Iterator[tuple[str, str]]:
    """Yield each number of a caption with the noun that it stands with, in the singular."""
    number, noun = "", ""
    for token in [*_tokens(text), "."]:
        if token == "of" and number in lexicon.COUNTS and not noun:  # noqa: S105 - "hundreds of trees"
            continue
        if token in _COUNTING or token in lexicon.COUNTS or token.isdigit():
            if number and noun:
                yield number, _singular(noun)
            number, noun = _as_word(token), ""
        elif not token[0].isalnum() or _ends_phrase(token, noun):
            if number and noun:
                yield number, _singular(noun)
            number = ""
        else:
            noun = token


def _as_word(token: str) -> str:
    return NUMBER_WORDS[int(token)] if token.isdigit() and int(token) < len(NUMBER_WORDS) else token


def _ends_phrase(token: str, noun: str) -> bool:
    if token in {"and", "of"} or token in BE or token in lexicon.RELATIVES or token in lexicon.CLAUSE_WORDS:
        return True
    if token in lexicon.PREPOSITIONS:
        return True
    verb = token in lexicon.VERBS or token in lexicon.PLURAL_VERBS or token in lexicon.PARTICIPLES
    return bool(noun) and verb

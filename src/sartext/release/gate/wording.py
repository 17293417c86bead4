"""What can be told of a caption from its words alone."""

import re
from collections.abc import Iterable

from sartext.narrator.vocabulary import NUMBER_WORDS

FUNCTION_WORDS = frozenset(
    re.findall(
        r"\w+",
        """a an the this that these those there it its they in on at of to from by with near and or but is are was
        has have which where while as into over under between around along across beside no not some most all""",
    )
)
"""English words one of which stands in every English sentence of a caption."""

DANGLING = frozenset(
    re.findall(
        r"\w+",
        """a an the this these and or but of in on at to from by with near over under between is are was has have
        about as while where which""",
    )
)
"""Words that an English sentence of a caption does not end in."""

_WORD = re.compile(r"[A-Za-z0-9]+(?:['-][A-Za-z0-9]+)*")
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
_NUMBER = re.compile(r"\bmore than twenty\b|\b(?:" + "|".join(NUMBER_WORDS) + r"|\d+)\b")
_VERB = re.compile(r"\b(?:is|are)\b")
_ARTICLE = re.compile(r"\b(?:an|a)\b")
CHARACTERS = re.compile(r"[A-Za-z0-9 .,;:!?'/-]*")


def words(text: str) -> list[str]:
    """Return the words of a text in lower case; a hyphenated word is one word."""
    return [word.lower() for word in _WORD.findall(text)]


def sentences(text: str) -> list[str]:
    """Return the sentences of a text, each with its end mark."""
    return [part for part in _SENTENCE_END.split(text.strip()) if part]


def forbidden(text: str, banned: frozenset[str]) -> str:
    """Return the banned words that a text holds, also as a part of a hyphenated word, joined by commas."""
    parts = {part for word in words(text) for part in (word, *word.split("-"))}
    return ", ".join(sorted(parts & banned))


def unfinished(text: str) -> str:
    """Return what is unfinished about a caption, or an empty text."""
    found = sentences(text)
    if not found:
        return "empty"
    for sentence in found:
        inside = words(sentence)
        if sentence[-1] not in ".!?":
            return f"no full stop: '{_tail(sentence)}'"
        if sentence.endswith(("..", ",.", ";.", ":.", " .")):
            return f"breaks off: '{_tail(sentence)}'"
        if not inside or inside[-1] in DANGLING:
            return f"breaks off: '{_tail(sentence)}'"
        if sentence[0].islower():
            return f"no capital letter: '{sentence[:30]}'"
    return ""


def untidy(text: str) -> str:
    """Return what is not English letters, figures and plain punctuation in a caption, or an empty text."""
    odd = sorted(set(CHARACTERS.sub("", text)))
    if odd:
        return "odd characters: " + " ".join(ascii(character)[1:-1] for character in odd[:5])
    if text != " ".join(text.split()):
        return "spaces at the ends or doubled"
    return "" if FUNCTION_WORDS.intersection(words(text)) else "no English function word"


def noun_mask(nouns: Iterable[str]) -> re.Pattern[str]:
    """Return the expression that finds any of some nouns, in lower case, the longest first."""
    ordered = sorted({noun.lower() for noun in nouns}, key=lambda one: (-len(one), one))
    return re.compile(r"\b(?:" + "|".join(map(re.escape, ordered)) + r")\b" if ordered else r"(?!)")


def pattern(sentence: str, nouns: re.Pattern[str]) -> str:
    """Return a sentence with its numbers and nouns masked, and singular and plural made alike."""
    masked = _NUMBER.sub("#", nouns.sub("@", sentence.lower()))
    return _ARTICLE.sub("a", _VERB.sub("is", masked))


def _tail(sentence: str) -> str:
    return sentence[-30:]

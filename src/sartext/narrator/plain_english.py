"""What makes a text a caption: finished sentences of plain English, in letters, figures and plain punctuation."""

import re

COMMON_WORDS = frozenset(
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
    if not sentences(text):
        return "empty"
    for sentence in sentences(text):
        inside = words(sentence)
        if sentence[-1] not in ".!?":
            return f"no full stop: '{sentence[-30:]}'"
        if sentence.endswith(("..", ",.", ";.", ":.", " .")) or not inside or inside[-1] in DANGLING:
            return f"breaks off: '{sentence[-30:]}'"
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
    return "" if COMMON_WORDS.intersection(words(text)) else "no English function word"

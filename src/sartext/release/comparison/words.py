"""What changed in captions word by word."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Literal

Kind = Literal["words", "case or punctuation", "white space"]
KINDS: tuple[Kind, ...] = ("words", "case or punctuation", "white space")
"""What a changed caption differs in: the first of these that it differs in."""

Segment = tuple[Literal["same", "removed", "added"], str]

_WORD = r"\w+(?:[-'\u2019]\w+)*|[^\w\s]"
_TOKEN, _PART = re.compile(_WORD), re.compile(rf"\s+|{_WORD}")


@dataclass(frozen=True)
class WordChanges:
    """What changed in a set of captions.

    Args:
        kinds: how many captions differ in words, in case or punctuation alone, in white space alone.
        exchanged: old and new words (one of them empty where words were put in or taken out) with how often, the
            most frequent first.
    """

    kinds: tuple[tuple[Kind, int], ...] = ()
    exchanged: tuple[tuple[str, str, int], ...] = ()


def word_changes(changes: Iterable[tuple[str, str]]) -> WordChanges:
    """Return what changed in captions, given as old and new text."""
    kinds: Counter[Kind] = Counter()
    exchanged: Counter[tuple[str, str]] = Counter()
    for (before, after), count in Counter(changes).items():
        kinds[kind_of(before, after)] += count
        for exchange in exchanges(before, after):
            exchanged[exchange] += count
    ordered = sorted(exchanged.items(), key=lambda item: (-item[1], item[0]))
    return WordChanges(
        tuple((kind, kinds[kind]) for kind in KINDS if kinds[kind]),
        tuple((before, after, count) for (before, after), count in ordered),
    )


def kind_of(before: str, after: str) -> Kind:
    """Return what two unequal captions differ in."""
    if before.split() == after.split():
        return "white space"
    return "words" if _plain(before) != _plain(after) else "case or punctuation"


def _plain(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def exchanges(before: str, after: str) -> list[tuple[str, str]]:
    """Return the words, or runs of words, that stand for others; an empty text stands for nothing.

    Runs of equal length are taken word by word.
    """
    old, new = _TOKEN.findall(before), _TOKEN.findall(after)
    found = []
    for operation, start, end, first, last in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if operation == "equal":
            continue
        if end - start == last - first:
            found += list(zip(old[start:end], new[first:last], strict=True))
        else:
            found.append((" ".join(old[start:end]), " ".join(new[first:last])))
    return found


def segments(before: str, after: str) -> list[Segment]:
    """Return a text that shows both captions at once: what stayed, what was removed, what was added, in order."""
    old, new = _PART.findall(before), _PART.findall(after)
    shown: list[Segment] = []
    for operation, start, end, first, last in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if operation == "equal":
            shown.append(("same", "".join(old[start:end])))
            continue
        parts: tuple[Segment, Segment] = ("removed", "".join(old[start:end])), ("added", "".join(new[first:last]))
        shown += [part for part in parts if part[1]]
    return shown

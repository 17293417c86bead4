"""What the grammars of objects, land cover and scenes share: verbs, names of the image, groups of objects."""

import re
from functools import lru_cache
from typing import Literal, NamedTuple

from sartext.narrator.facts import Item
from sartext.narrator.vocabulary import CACHED, enumerate_phrases, number_word

Verb = tuple[str, str]
"""A verb for one and for many."""

ARTICLES = ("a ", "an ")
_SINGULAR_IN_S = frozenset({"debris", "gas"})
_PREPOSITIONS = re.compile(r" (?:of|with|without|in|on|at|by|near|beside|along|for|from) ")

IMAGES = ("this SAR image", "the SAR image")
FURTHER_IMAGES = ("the image", "this image")
"""Names of an image that has just been named."""

SHOWS = ("shows", "contains", "depicts", "displays", "includes", "captures")
"""What an image does to what is in it."""


def _both(verb: str) -> Verb:
    return verb, verb


def _is(participle: str) -> Verb:
    return f"is {participle}", f"are {participle}"


IS: Verb = ("is", "are")
LIES: Verb = ("lies", "lie")

APPEARS: tuple[Verb, ...] = (
    _is("visible"),
    _both("can be seen"),
    ("appears", "appear"),
    _both("can be found"),
    _is("present"),
    _is("shown"),
    _both("can be observed"),
)
"""What something does in an image."""

FOUND: tuple[Verb, ...] = (
    _both("can be seen"),
    _both("can be found"),
    _is("found"),
    _is("visible"),
    ("appears", "appear"),
)
"""What something does behind the name of its place."""

POSITIONS: tuple[Verb, ...] = (IS, LIES, _is("located"), _is("situated"), _is("positioned"), _is("found"))
"""What something that was named before does in its place."""

LOCATED: tuple[Verb, ...] = (*POSITIONS[:5], *FOUND)
"""What something does in a place."""


class Group(NamedTuple):
    """Objects as a phrase, the count of the first class of the phrase, and how many there are in all."""

    text: str
    first: int
    total: int

    def agrees(self, verb: Verb) -> str:
        """Return the form of a verb that the group takes."""
        return verb[self.total != 1]

    @property
    def there(self) -> str:
        """What stands before the group to say that it exists."""
        return f"there {IS[self.first != 1]} {self.text}"


@lru_cache(maxsize=CACHED)
def group(items: tuple[Item, ...], position: Literal[2, 3, 4]) -> Group:
    """Return all objects (2), those in the center (3) or those outside it (4), with numbers and nouns."""
    counts = [item[position] for item in items if item[position]]
    nouns = [item[0] if item[position] == 1 else item[1] for item in items if item[position]]
    text = enumerate_phrases([f"{number_word(count)} {noun}" for count, noun in zip(counts, nouns, strict=True)])
    return Group(text, counts[0], sum(counts))


def sentences(*parts: str) -> str:
    """Return texts as sentences: each with a capital letter and a full stop."""
    return " ".join(f"{part[:1].upper()}{part[1:]}." for part in parts)


def is_plural(noun: str) -> bool:
    """Return whether land cover or a scene, as captions say it, takes a verb in the plural."""
    head = _PREPOSITIONS.split(noun, maxsplit=1)[0]
    if head.startswith(ARTICLES) or head in _SINGULAR_IN_S:
        return False
    return head.endswith("s") and not head.endswith("ss")

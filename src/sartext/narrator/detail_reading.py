"""Reading what a detailed caption says beyond its caption: sizes of objects in pixels, shares in percent.

These stand in sentences of their own, which are known by the words "pixels" and "percent". As everywhere, the
reader knows nothing of the grammar, and every word must be accounted for.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sartext.narrator.facts import Facts
from sartext.narrator.reading import COUNTS, Token, tokens_of
from sartext.narrator.vocabulary import LARGEST_COUNT, bare, word_set

SIZES = ("small", "medium-sized", "large")
"""How a detailed caption says the sizes of `ObjectFact`."""

_WORDS = word_set(
    """account accounts all an and are area as both by count counts cover covered covers figures image in is make
    makes measured nearest number numbers occupied occupies occupy of percent pixels rounded shows size take taken
    takes terms the to under up whole for"""
)
"""Words that state nothing by themselves."""

_DETAIL = re.compile(r"\b(?:percent|pixels)\b")


@dataclass(frozen=True, order=True)
class Detail:
    """The number of objects of a class and size (``small``), or a share of land cover in percent (``percent``)."""

    label: str
    what: str
    value: int

    @property
    def words(self) -> str:
        """The detail for people, such as ``ship: 2 small``."""
        return f"{self.label}: {self.value} {self.what}"


def percent(fraction: float) -> int:
    """Return a share in whole percent; 0 is less than a half, and halves go up."""
    return int(fraction * 100 + 0.5)


def details_of(facts: Facts) -> set[Detail]:
    """Return what a record knows beyond what captions state; sizes where those of all objects are known."""
    found = {Detail(bare(fact.noun), "percent", percent(fact.fraction)) for fact in facts.cover}
    if all(sum(fact.sizes) == fact.count for fact in facts.objects):
        for fact in facts.objects:
            sizes = zip(SIZES, fact.sizes, strict=True)
            found |= {Detail(bare(fact.noun), size, min(n, LARGEST_COUNT + 1)) for size, n in sizes if n}
    return found


def parted(text: str) -> tuple[str, list[str]]:
    """Return a detailed caption without its sentences on sizes and numbers, and these."""
    found = re.split(r"(?<=\.)\s+", text.strip())
    return " ".join(part for part in found if not _DETAIL.search(part)), [p for p in found if _DETAIL.search(p)]


def read_details(sentences: Sequence[str], nouns: Mapping[str, tuple[str, str]]) -> tuple[set[Detail], list[str]]:
    """Return the details that sentences state, and what is wrong with them; for ``nouns`` see `read_caption`."""
    found: list[Detail] = []
    problems: list[str] = []
    for sentence in sentences:
        tokens = tokens_of(sentence.rstrip("."), nouns)
        odd = [token.text for token in tokens if not _is_known(token)]
        problems += [f"says '{text}', which no fact supports" for text in odd]
        words = {token.text for token in tokens}
        read = _read_shares if "percent" in words and "pixels" not in words else _read_sizes
        details, wrong = read(tokens)
        found += details
        problems += wrong
    twice = sorted({detail.words for detail in found if found.count(detail) > 1})
    return set(found), [*problems, *(f"says '{words}' twice" for words in twice)]


def _is_known(token: Token) -> bool:
    if token.kind == "word":
        return token.text in _WORDS or token.text in SIZES or token.text.isdigit()
    return token.kind in {"count", "thing", "stuff", "mark"}


def _read_shares(tokens: Sequence[Token]) -> tuple[list[Detail], list[str]]:
    """Each number stands with the noun of its turn; nothing else is counted or sized."""
    if odd := [token.text for token in tokens if token.kind in {"count", "thing"} or token.text in SIZES]:
        return [], [f"says '{odd[0]}' in a sentence on percent"]
    nouns = [(place, token) for place, token in enumerate(tokens) if token.kind == "stuff"]
    numbers = [place for place, token in enumerate(tokens) if token.text.isdigit()]
    turns = sorted([*numbers, *(place for place, _ in nouns)])
    ordered = turns[::2] in (numbers, [place for place, _ in nouns])
    if len(nouns) != len(numbers) or not nouns or not ordered:
        return [], ["a sentence on percent does not give every class its number"]
    pairs = [(noun.label, place) for (_, noun), place in zip(nouns, numbers, strict=True)]
    under = [label for label, place in pairs if place and tokens[place - 1].text == "under"]
    found = [Detail(label, "percent", int(tokens[place].text) - (label in under)) for label, place in pairs]
    vague = [detail.label for detail in found if detail.label in under and detail.value]
    return found, [f"says only a bound for '{label}'" for label in vague]


def _read_sizes(tokens: Sequence[Token]) -> tuple[list[Detail], list[str]]:
    """A size is that of the objects since the size before; no number in figures, no land cover stands here."""
    found: list[Detail] = []
    waiting: list[tuple[str, int]] = []
    odd = [
        token.text for token in tokens if token.kind == "stuff" or token.text.isdigit() or token.text == "percent"
    ]
    problems = [f"says '{text}' in a sentence on sizes" for text in odd]
    for place, token in enumerate(tokens):
        if token.kind == "thing":
            count = _count_before(tokens, place)
            if token.form not in {"any", "one" if count == 1 else "many"} or not count:
                problems.append(f"names '{token.text}' without its number")
            waiting.append((token.label, count))
        elif token.text in SIZES and not waiting:
            problems.append(f"says '{token.text}' of nothing")
        elif token.text in SIZES:
            found += [Detail(label, token.text, count) for label, count in waiting]
            waiting = []
    return found, problems + ["counts objects without a size"] * bool(waiting)


def _count_before(tokens: Sequence[Token], place: int) -> int:
    """The number that stands before a noun: "the ship" is one, "both ships" are two; 0 where there is none."""
    before = tokens[place - 1] if place else None
    if before is None:
        return 0
    return COUNTS[before.text] if before.kind == "count" else {"the": 1, "both": 2}.get(before.text, 0)

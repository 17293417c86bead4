"""Whether an answer follows from facts: the check of a question's row, which knows nothing of how it was made.

A release tells of no image what its annotation lacks: boxes that could not be used, components of a mask that
were too small, pixels without a class. Nor does a record: some of the pixels that no stated land cover holds are
those of the stated things. So the proof takes counts, places and shares for complete, as it does the absence of a
thing where no land cover is stated. Where some is, an absence needs it to fill the image, which the record shows.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

from sartext.narrator.facts import Facts

_WORDS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"]
_HALVES = ("upper left", "upper right", "lower left", "lower right", "middle")


class _Record:
    """Facts by noun, lower case and without article, and what the row claims to be annotated exhaustively."""

    def __init__(self, facts: Facts, exhaustive: Sequence[str]) -> None:
        self.facts = facts
        self.things = {_key(fact.noun): fact for fact in facts.objects}
        self.cover = {_key(fact.noun): fact for fact in facts.cover}
        self.seen = {_key(fact.noun) for fact in facts.present} | self.things.keys() | self.cover.keys()
        self.exhaustive = frozenset(exhaustive)

    def lacks(self, key: str) -> bool:
        """Nothing of it is stated, and its corpus would have stated it."""
        complete = self.whole and not self.facts.statements
        return complete and key in self.exhaustive and key not in self.seen

    @property
    def whole(self) -> bool:
        """Whether no pixel of a mask is left unstated: stated land cover fills the image, and boxes have none."""
        stated = sum(fact.fraction for fact in self.facts.cover)
        scene = self.facts.scene or self.facts.scene_class
        return scene is None and (not self.facts.cover or abs(stated - 1.0) <= 1e-9)

    def amount(self, key: str, *, cover: bool) -> float | None:
        """How many or how much there is; None where the facts do not say."""
        if cover and key in self.cover:
            return self.cover[key].fraction
        if not cover and key in self.things:
            return float(self.things[key].count)
        return 0.0 if self.lacks(key) else None

    def name(self, key: str) -> str:
        """How a class that is there is called in an answer."""
        return self.things[key].plural if key in self.things else key


def proves(row: Mapping[str, Any], facts: Facts) -> bool:
    """Return whether a question's answer follows from facts, and whether its stated facts are among them.

    That the classes in ``facts.exhaustive`` of the row of ``vqa/<split>.jsonl`` are annotated exhaustively is
    taken from the row: the record of an image, ``facts``, cannot tell.
    """
    form, stated, subjects = row["form"], row["facts"], row["subjects"]
    type_, wanted, rule = _RULES.get(form, ("unknown", 0, _dominant))
    if type_ != row["type"] or len(set(subjects)) != len(subjects) or not _contains(facts, stated):
        return False
    return len(subjects) == wanted and rule(_Record(facts, stated["exhaustive"]), subjects, row["answer"])


def _contains(facts: Facts, stated: Mapping[str, Any]) -> bool:
    """Whether every stated fact is one of the image, and a claim of absence states all that is known."""
    whole = {name: [_fields(fact) for fact in getattr(facts, name)] for name in ("objects", "cover", "present")}
    for name, known in whole.items():
        if any(not any(fact.items() <= each.items() for each in known) for fact in stated[name]):
            return False
        if stated["exhaustive"] and len(stated[name]) != len(known):
            return False
    return stated["scene"] in {None, facts.scene}


def _fields(fact: Any) -> dict[str, Any]:  # noqa: ANN401 - one of three records of facts
    return {name: getattr(fact, name) for name in fact.__dataclass_fields__}


def _exists(record: _Record, subjects: Sequence[str], answer: str) -> bool:
    (key,) = subjects
    return key in record.seen if answer == "yes" else answer == "no" and record.lacks(key)


def _how_many(record: _Record, subjects: Sequence[str], answer: str) -> bool:
    (key,) = subjects
    counted = key not in record.cover and answer in _WORDS
    return counted and record.amount(key, cover=False) == float(_WORDS.index(answer))


def _where(record: _Record, subjects: Sequence[str], answer: str, *, several: bool) -> bool:
    (key,) = subjects
    fact = record.things.get(key)
    if fact is None or (fact.count > 1) != several:
        return False
    places = {"in the center": (True, False), "outside the center": (False, True), "both": (True, True)}
    return places.get(answer) == (fact.center > 0, fact.outside > 0)


def _zone(record: _Record, subjects: Sequence[str], answer: str) -> bool:
    (key,) = subjects
    fact = record.cover.get(key)
    return fact is not None and answer in _HALVES and fact.zone == answer.replace(" ", "-")


def _mostly(record: _Record, subjects: Sequence[str], answer: str) -> bool:
    (key,) = subjects
    fact = record.things.get(key)
    if fact is None or fact.center == fact.outside:
        return False
    return answer == ("in the center" if fact.center > fact.outside else "outside the center")


def _more(record: _Record, subjects: Sequence[str], answer: str, *, cover: bool) -> bool:
    first, second = (record.amount(key, cover=cover) for key in subjects)
    if first is None or second is None or first == second:
        return False
    return answer == ("yes" if first > second else "no")


def _most(record: _Record, subjects: Sequence[str], answer: str, *, cover: bool) -> bool:
    first, second = (record.amount(key, cover=cover) for key in subjects)
    if first is None or second is None or first == second:
        return False
    return answer == record.name(subjects[0] if first > second else subjects[1])


def _dominant(record: _Record, subjects: Sequence[str], answer: str) -> bool:
    """What is not stated at all could be one class: the dominant one must be larger than that too."""
    if subjects or answer not in record.cover:
        return False
    shares = {key: fact.fraction for key, fact in record.cover.items()}
    unstated = 1.0 - sum(shares.values())
    return all(shares[answer] > share for key, share in [*shares.items(), ("", unstated)] if key != answer)


def _shown(record: _Record, subjects: Sequence[str], answer: str) -> bool:
    there = [key for key in subjects if key in record.seen]
    gone = [key for key in subjects if record.lacks(key)]
    if len(there) != 1 or len(gone) != 1:
        return False
    plurals = {fact.plural for fact in record.facts.present if _key(fact.noun) == there[0]}
    return answer in plurals | {record.name(there[0])}


def _only(record: _Record, subjects: Sequence[str], answer: str) -> bool:
    (key,) = subjects
    if answer == "yes":
        return record.facts.scene is not None and _key(record.facts.scene) == key and not record.seen
    return answer == "no" and bool(record.seen - {key})


def _key(noun: str) -> str:
    words = noun.casefold().split()
    return " ".join(words[1:] if words[0] in {"a", "an"} else words)


_Rule = Callable[[_Record, Sequence[str], str], bool]

_RULES: dict[str, tuple[str, int, _Rule]] = {
    "exists": ("presence", 1, _exists),
    "how-many": ("count", 1, _how_many),
    "where-one": ("position", 1, partial(_where, several=False)),
    "where-many": ("position", 1, partial(_where, several=True)),
    "zone": ("position", 1, _zone),
    "mostly-where": ("comparison", 1, _mostly),
    "more": ("comparison", 2, partial(_more, cover=False)),
    "larger": ("comparison", 2, partial(_more, cover=True)),
    "most-numerous": ("comparison", 2, partial(_most, cover=False)),
    "largest": ("comparison", 2, partial(_most, cover=True)),
    "dominant": ("dominant", 0, _dominant),
    "shown": ("scene", 2, _shown),
    "only": ("scene", 1, _only),
}
"""Of each form that is known its type, on how many classes it is, and its rule."""

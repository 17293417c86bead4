"""By what the images of a release can be filtered: the registry of facets, and their columns for the page."""

from array import array
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sartext.explorer.shards import packed
from sartext.narrator.facts import Facts
from sartext.narrator.vocabulary import bare
from sartext.registry import Registry
from sartext.release.inputs import SPLIT_NAMES

Row = Mapping[str, Any]

UNKNOWN = "not stated"
NO_CLASS = "no class"
SHOWN, WITHHELD = "shown", "withheld"

LENGTHS = ((10, "up to 10 words"), (20, "11 to 20 words"), (30, "21 to 30 words"), (50, "31 to 50 words"))
LONGEST = "over 50 words"


@dataclass(frozen=True)
class Facet:
    """A property that images are filtered by.

    Args:
        name: of it in the address of the page.
        title: for people.
        values: which values a row has, with the facts of its caption; at least one.
        order: values that stand in this order; others follow by how many images have them.
    """

    name: str
    title: str
    values: Callable[[Row, Facts], Sequence[str]]
    order: Sequence[str] = ()


def _column(name: str) -> Callable[[Row, Facts], Sequence[str]]:
    return lambda row, facts: (str(row.get(name) or UNKNOWN),)


def _classes(row: Row, facts: Facts) -> Sequence[str]:
    nouns = [bare(fact.noun) for part in (facts.objects, facts.cover, facts.present) for fact in part]
    scenes = [name.casefold() for name in (facts.scene, facts.scene_class) if name]
    return sorted({*nouns, *scenes}) or (NO_CLASS,)


def _length(row: Row, facts: Facts) -> Sequence[str]:
    words = len(str(row["caption"]).split())
    return (next((title for most, title in LENGTHS if words <= most), LONGEST),)


def _picture(row: Row, facts: Facts) -> Sequence[str]:
    return (WITHHELD if row.get("image_sha256") is None else SHOWN,)


FACETS: Registry[Facet] = Registry(
    "facet",
    (
        Facet("class", "Class", _classes),
        Facet("corpus", "Corpus", _column("corpus")),
        Facet("split", "Split", _column("split"), SPLIT_NAMES),
        Facet("method", "Caption method", _column("method")),
        Facet("sensor", "Sensor", _column("sensor")),
        Facet("licence", "Licence", _column("licence")),
        Facet("length", "Length of the caption", _length, (*(title for _, title in LENGTHS), LONGEST)),
        Facet("picture", "Picture", _picture, (SHOWN, WITHHELD)),
    ),
)


class FacetColumn:
    """The values of one facet for all rows, each value written once."""

    def __init__(self, facet: Facet) -> None:
        self._facet = facet
        self._known: dict[str, int] = {}
        self._codes = array("I")
        self._ends = array("I")

    def add(self, row: Row, facts: Facts) -> None:
        """Add the values of the next row."""
        for value in self._facet.values(row, facts):
            self._codes.append(self._known.setdefault(value, len(self._known)))
        self._ends.append(len(self._codes))

    def data(self) -> dict[str, object]:
        """Return it for the page: values in order, codes of all rows, and where each row's end if not one."""
        codes = np.frombuffer(self._codes, dtype=np.uint32)
        counts = np.bincount(codes, minlength=len(self._known))
        place = {value: at for at, value in enumerate(self._facet.order)}
        values = sorted(
            self._known, key=lambda value: (place.get(value, len(place)), -counts[self._known[value]], value)
        )
        rank = np.empty(len(values), dtype=np.uint32)
        rank[[self._known[value] for value in values]] = np.arange(len(values), dtype=np.uint32)
        single = len(self._codes) == len(self._ends)
        return {
            "name": self._facet.name,
            "title": self._facet.title,
            "values": values,
            "codes": packed(rank[codes]),
            "ends": None if single else packed(np.frombuffer(self._ends, dtype=np.uint32)),
        }

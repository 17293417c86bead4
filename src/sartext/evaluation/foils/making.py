"""The foils of a benchmark: for each image and kind of fact a true caption and a false one, in the same words.

Both are realised from facts anew, by the same patterns: that one of them is the caption of the release would give
it away. Equal captions of other images set no ceiling, as each comparison is between two texts for one image.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from sartext.catalogue.entry import Entry
from sartext.evaluation.benchmarks import Benchmark, Example
from sartext.evaluation.foils.changes import COUNTED_BY, KINDS, Change, Kind, changes_of
from sartext.evaluation.foils.choosing import choose
from sartext.narrator.facts import Facts, normalise
from sartext.narrator.realisation import realise

NOTHING_TO_CHANGE = {
    "count": "no object that could be one more or one fewer in the same zones",
    "class": "no class that could be another of the corpus, proven absent",
    "zone": "no zone that could be another while the same zones are mentioned",
    "share": "no share that could be another without contradicting the others",
}
CLAUSES = "its facts are clauses of an optical caption"
NO_ENTRY = "no catalogue entry of its corpus is at hand"
NO_PARTNER = "no image with the opposite change is left"
OTHER_PATTERN = "the grammar would tell the changed fact by another pattern"

WORDS_CHANGED = 6
"""Words in which a caption and its foil differ at most: number, noun, share or zone, and the verbs with them.

A longer noun or share can make the grammar tell the rest more briefly; a foil is not to be known by that.
"""


@dataclass(frozen=True)
class Foil:
    """Two texts for one image.

    Args:
        kind: of the fact that is changed.
        place: of the image among the benchmark's examples.
        image_id: of the image.
        group_id: of the image.
        caption: true of it.
        foil: false of it.
        facts: what the foil states.
    """

    kind: Kind
    place: int
    image_id: str
    group_id: str
    caption: str
    foil: str
    facts: Facts


@dataclass(frozen=True)
class Foils:
    """The foils of a benchmark, by kind and then image id; how many images have none, by kind and reason."""

    benchmark: str
    items: tuple[Foil, ...]
    skipped: Mapping[str, Mapping[str, int]]

    def __len__(self) -> int:
        return len(self.items)

    def reasons(self, kind: str) -> str:
        """Return why images have no foil of a kind, with their numbers."""
        skipped = self.skipped.get(kind, {})
        return ", ".join(f"{reason} ({count})" for reason, count in skipped.items()) or "no image"

    def why_none(self) -> str:
        """Return why images have no foil, by kind."""
        return "; ".join(f"{kind}: {self.reasons(kind)}" for kind in KINDS)


def make_foils(benchmark: Benchmark, entries: Mapping[str, Entry], seed: int) -> Foils:
    """Return the foils of a benchmark; the same benchmark and seed give the same.

    Args:
        benchmark: whose facts are changed.
        entries: the catalogue of its corpora, by name; classes are changed only where it is known.
        seed: of the patterns and of the draws among equals.
    """
    items: list[Foil] = []
    skipped: dict[str, dict[str, int]] = {}
    candidates = {one.image_id: _candidates(one, entries, seed) for one in benchmark.examples}
    for number, kind in enumerate(KINDS):
        of_kind = {name: [one for one in every if one.change.kind == kind] for name, every in candidates.items()}
        usable = {name: [one.change for one in some if one.alike] for name, some in of_kind.items()}
        chosen = choose({name: some for name, some in usable.items() if some}, seed + number)
        reasons: Counter[str] = Counter()
        for place, one in enumerate(benchmark.examples):
            if one.image_id in chosen:
                changed = chosen[one.image_id].facts
                caption, foil = _text(one.facts, one, seed), _text(changed, one, seed)
                items.append(Foil(kind, place, one.image_id, one.group_id, caption, foil, changed))
            elif of_kind[one.image_id]:
                reasons[NO_PARTNER if usable[one.image_id] else OTHER_PATTERN] += 1
            else:
                reasons[_why_none(one, kind, entries)] += 1
        skipped[kind] = dict(sorted(reasons.items()))
    return Foils(benchmark.name, tuple(items), skipped)


@dataclass(frozen=True)
class _Candidate:
    """A change, and whether both texts have the same words but for what is changed."""

    change: Change
    alike: bool


def _candidates(one: Example, entries: Mapping[str, Entry], seed: int) -> list[_Candidate]:
    """The changes that make another record of facts, once each."""
    changes = changes_of(one.facts, one.corpus, one.method, entries.get(one.corpus))
    found = {normalise(change.facts): change for change in changes}
    found.pop(normalise(one.facts), None)
    caption = _text(one.facts, one, seed) if found else ""
    return [
        _Candidate(change, 0 < apart(caption, _text(change.facts, one, seed)) <= WORDS_CHANGED)
        for _, change in sorted(found.items())
    ]


def apart(caption: str, other: str) -> int:
    """Return how many words the one text has that the other has not, whichever has more."""
    first, second = (Counter(text.casefold().translate(_MARKS).split()) for text in (caption, other))
    return max((first - second).total(), (second - first).total())


_MARKS = str.maketrans("", "", ".,;")


def _text(facts: Facts, one: Example, seed: int) -> str:
    return realise(facts, one.image_id, seed)[0]


def _why_none(one: Example, kind: Kind, entries: Mapping[str, Entry]) -> str:
    if one.facts.statements:
        return CLAUSES
    if kind == "class" and one.corpus not in entries and (one.facts.cover or one.method == COUNTED_BY):
        return NO_ENTRY
    return NOTHING_TO_CHANGE[kind]

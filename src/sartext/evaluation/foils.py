"""Foils: a true caption beside one in which exactly one fact is changed; which of the two does a model prefer?

For each image and kind of fact both texts are realised anew, by the same patterns: that one of them is the caption
of the release would give it away. Equal captions of other images set no ceiling, as two texts are compared for one
image.

What people and scenes make frequent is more often true: one ship more often than two, water more often than roads.
A text alone would then tell the caption from its foil. So foils come in pairs of images: what is true of the one
is the foil of the other. Over both, a preference for either value gains nothing.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from sartext.catalogue.entry import Entry
from sartext.evaluation.benchmarks import Benchmark, Example
from sartext.evaluation.foil_changes import COUNTED_BY, KINDS, Change, Kind, changes_of
from sartext.narrator.facts import Facts, normalise
from sartext.narrator.realisation import realise

LEVELS = ("fine", "coarse")
"""Partners whose other facts are alike are taken first."""

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
    """A true and a false text for the image at a place among the examples; ``facts`` are of the false one."""

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
    """Return the foils of a benchmark, equal for equal seeds; classes are changed only where the catalogue has
    entries.
    """
    items: list[Foil] = []
    skipped: dict[str, dict[str, int]] = {}
    candidates = {example.image_id: _candidates(example, entries, seed) for example in benchmark.examples}
    for number, kind in enumerate(KINDS):
        of_kind = {
            name: [(change, alike) for change, alike in of_image if change.kind == kind]
            for name, of_image in candidates.items()
        }
        usable = {name: [change for change, alike in of_image if alike] for name, of_image in of_kind.items()}
        chosen = choose({name: changes for name, changes in usable.items() if changes}, seed + number)
        reasons: Counter[str] = Counter()
        for place, example in enumerate(benchmark.examples):
            if example.image_id in chosen:
                changed = chosen[example.image_id].facts
                caption, foil = _text(example.facts, example, seed), _text(changed, example, seed)
                items.append(Foil(kind, place, example.image_id, example.group_id, caption, foil, changed))
            elif of_kind[example.image_id]:
                reasons[NO_PARTNER if usable[example.image_id] else OTHER_PATTERN] += 1
            else:
                reasons[_why_none(example, kind, entries)] += 1
        skipped[kind] = dict(sorted(reasons.items()))
    return Foils(benchmark.name, tuple(items), skipped)


def _candidates(example: Example, entries: Mapping[str, Entry], seed: int) -> list[tuple[Change, bool]]:
    """The changes that make another record of facts, once each; and whether both texts are alike but for it."""
    changes = changes_of(example.facts, example.corpus, example.method, entries.get(example.corpus))
    distinct = {normalise(change.facts): change for change in changes}
    distinct.pop(normalise(example.facts), None)
    caption = _text(example.facts, example, seed) if distinct else ""
    return [
        (change, 0 < apart(caption, _text(change.facts, example, seed)) <= WORDS_CHANGED)
        for _, change in sorted(distinct.items())
    ]


def apart(caption: str, other: str) -> int:
    """Return how many words the one text has that the other has not, whichever has more."""
    first, second = (Counter(text.casefold().translate(_MARKS).split()) for text in (caption, other))
    return max((first - second).total(), (second - first).total())


_MARKS = str.maketrans("", "", ".,;")


def _text(facts: Facts, example: Example, seed: int) -> str:
    return realise(facts, example.image_id, seed)[0]


def _why_none(example: Example, kind: Kind, entries: Mapping[str, Entry]) -> str:
    if example.facts.statements:
        return CLAUSES
    if kind == "class" and example.corpus not in entries and (example.facts.cover or example.method == COUNTED_BY):
        return NO_ENTRY
    return NOTHING_TO_CHANGE[kind]


def choose(candidates: Mapping[str, Sequence[Change]], seed: int) -> dict[str, Change]:
    """Return at most one change per image id, as many forward as backward ones of every pair of values.

    Those with few possible partners choose first; among equals, the order is drawn.
    """
    rng = np.random.default_rng(seed)
    drawn = dict(zip(sorted(candidates), map(float, rng.random(len(candidates))), strict=True))
    chosen: dict[str, Change] = {}
    for level in LEVELS:
        _pair(candidates, drawn, level, chosen)
    return dict(sorted(chosen.items()))


def _pair(
    candidates: Mapping[str, Sequence[Change]], drawn: Mapping[str, float], level: str, chosen: dict[str, Change]
) -> None:
    """Add pairs of images whose changes are opposite."""
    free: dict[tuple[str, bool], dict[str, Change]] = defaultdict(dict)
    for name in sorted(candidates):
        if name not in chosen:
            for change in candidates[name]:
                free[getattr(change, level), change.forward].setdefault(name, change)
    options = {
        name: sum(len(free.get((getattr(change, level), not change.forward), ())) for change in candidates[name])
        for name in candidates
    }

    def priority(name: str) -> tuple[int, float]:
        return options[name], drawn[name]

    queues = {key: iter(sorted(names, key=priority)) for key, names in free.items()}
    for name in sorted(candidates, key=priority):
        if name in chosen:
            continue
        for change in sorted(
            candidates[name],
            key=lambda candidate: (len(free.get(_opposite(candidate, level), ())), candidate.fine),
        ):
            key = _opposite(change, level)
            partner = next((other for other in queues.get(key, ()) if other not in chosen and other != name), None)
            if partner is not None:
                chosen[name], chosen[partner] = change, free[key][partner]
                break


def _opposite(change: Change, level: str) -> tuple[str, bool]:
    return getattr(change, level), not change.forward

"""All figures of a physics set: curves against looks, resolution and contrast, and pairs that differ by an object.

All settings show the same scenes, so a difference to the ordinary setting is paired by scene. A reader that reads
objects changes its caption far more often when an object goes than when only speckle is drawn anew, which changes
every pixel and no fact.
"""

from collections.abc import Iterator, Sequence, Set
from dataclasses import astuple
from typing import Protocol

import numpy as np
from torch import Tensor

from sartext.bootstrap import Floats, Interval, Sums, by_group, estimate, intervals, resample
from sartext.evaluation.benchmarks import Pixels
from sartext.evaluation.figures import Figure, not_computed
from sartext.evaluation.physics import (
    CHANGE,
    COMPARED,
    CURVES,
    MEAN_RECALL,
    ORDINARY,
    SETTINGS,
    WRITTEN,
    setting_of,
    subset_of,
)
from sartext.evaluation.physics.rendering import NAME, PhysicsSet
from sartext.evaluation.physics.scenes import vocabulary
from sartext.evaluation.retrieval import retrieval
from sartext.narrator.statements import (
    COVER_KINDS,
    KINDS,
    OBJECT_CLASS,
    OBJECT_COUNT,
    OBJECT_KINDS,
    Statement,
    compare,
    read_statements,
    statements_of,
)

SUBSET = "removed"

NO_PAIRS = "no scene of the set has an object that could be removed: raise the number of scenes"

PARTS = {"fact": KINDS, "object": OBJECT_KINDS, "cover": COVER_KINDS}
"""Kinds of statements with a precision and a recall, by the beginning of the metric's name."""

NOTHING_STATED = "nothing was stated that the annotation decides"
NOTHING_TRUE = "no scene of the set has such a fact"


class Reader(Protocol):
    """What is scored: it compares pictures with captions, and may write captions."""

    @property
    def writes(self) -> bool:
        """Whether it can write captions."""

    def see(self, pictures: Pixels) -> Tensor:
        """Return features of length 1, pictures x width, of uint8 pictures x height x width."""

    def hear(self, captions: Sequence[str]) -> Tensor:
        """Return features of length 1, captions x width."""

    def tell(self, pictures: Pixels) -> list[str]:
        """Return a caption per picture; an empty one states nothing."""


def stated(captions: Sequence[str]) -> list[frozenset[Statement]]:
    """Return what captions state, one set of statements per caption."""
    words = vocabulary()
    return [frozenset(read_statements(caption, words.nouns, words.scenes).statements) for caption in captions]


def score_physics(variant: str, reader: Reader, physics: PhysicsSet, *, resamples: int, seed: int) -> list[Figure]:
    """Return the curves and pairs of a reader, by the name of its variant.

    Intervals are drawn over scenes, by the same draws for all readers, which are thereby paired.

    Returns:
        Figures of the task ``physics``: subsets ``looks:<n>``, ``resolution:<k>``, ``contrast:<dB>`` and
        ``removed``; see `curve_figures` and `pair_figures`.

    Raises:
        EvaluationError: it gives features that are no numbers.
    """
    curves = curve_figures(variant, reader, physics, resamples=resamples, seed=seed)
    return [*curves, *pair_figures(variant, reader, physics, resamples=resamples, seed=seed)]


def curve_figures(variant: str, reader: Reader, physics: PhysicsSet, *, resamples: int, seed: int) -> list[Figure]:
    """Return the figures of a reader at every point of the curves, times 100.

    The gallery of a setting is the pictures of that setting and the captions of all scenes; captions with equal
    facts are equally right. Beside every value that is not of the ordinary setting stands its difference to it,
    ``<metric>_change``.
    """
    curves = {MEAN_RECALL: _recalls(reader, physics)}
    if reader.writes:
        curves |= _faithfulness(reader, physics)
    # one draw of scenes for all: the measures of a reader are paired too
    sums = Sums(
        np.concatenate([curve.numerators for curve in curves.values()], axis=1),
        np.concatenate([curve.denominators for curve in curves.values()], axis=1),
    )
    values, drawn = estimate([sums]), resample([sums], resamples, seed)
    figures: list[Figure] = []
    for number, metric in enumerate(curves):
        columns = slice(number * len(SETTINGS), (number + 1) * len(SETTINGS))
        figures += _points(variant, metric, values[columns], drawn[:, columns], len(physics.scenes))
    return figures


def _recalls(reader: Reader, physics: PhysicsSet) -> Sums:
    texts = reader.hear(physics.captions)
    recalls = [
        retrieval(reader.see(physics.pictures[setting]), texts, physics.labels).per_pair for setting in SETTINGS
    ]
    numerators = np.stack(recalls, axis=1)
    return Sums(numerators, np.ones_like(numerators))


def _faithfulness(reader: Reader, physics: PhysicsSet) -> dict[str, Sums]:
    """Precision and recall of what is stated, by part; 100 times the right ones are the numerators."""
    counted = []
    for setting in SETTINGS:
        of_scenes = zip(stated(reader.tell(physics.pictures[setting])), physics.scenes, strict=True)
        compared = (compare(said, statements_of(scene.facts), scene.decided)[0] for said, scene in of_scenes)
        counted.append([[astuple(counts[kind]) for kind in KINDS] for counts in compared])
    table = np.array(counted, dtype=np.float64)  # settings x scenes x kinds x right, stated and true statements
    curves = {}
    for part, kinds in PARTS.items():
        of_part = table[:, :, [KINDS.index(kind) for kind in kinds]].sum(axis=2)
        right, said, true = of_part.transpose(2, 1, 0)
        curves[f"{part}_precision"] = Sums(100 * right, said)
        curves[f"{part}_recall"] = Sums(100 * right, true)
    return curves


def _points(variant: str, metric: str, values: Floats, drawn: Floats, scenes: int) -> Iterator[Figure]:
    reason = NOTHING_STATED if metric.endswith("_precision") else NOTHING_TRUE
    base = SETTINGS.index(ORDINARY)
    bounds = intervals(values, drawn)
    changes = intervals(values - values[base], drawn - drawn[:, [base]])
    for name, points in CURVES.items():
        for point in points:
            column = SETTINGS.index(setting_of(name, point))
            subset = subset_of(name, point)
            yield _figure(metric, variant, bounds[column], subset, scenes, reason=reason)
            if column != base:
                yield _figure(f"{metric}{CHANGE}", variant, changes[column], subset, scenes, reason=reason)


def _figure(metric: str, variant: str, interval: Interval, subset: str, n: int, *, reason: str = "") -> Figure:
    if interval.value is None:
        return not_computed("physics", metric, variant, reason, benchmark=NAME, subset=subset)
    return Figure("physics", metric, variant, interval.value, interval.low, interval.high, n, NAME, subset)


def pair_figures(variant: str, reader: Reader, physics: PhysicsSet, *, resamples: int, seed: int) -> list[Figure]:
    """Return how a reader follows the removal of one object, in percent of the pairs.

    ``similarity_fell``: the similarity of the picture and the caption of the whole scene is lower without the
    object; equal ones count half, chance is 50. ``caption_changed``: the statements of the reader's caption
    change. ``count_followed``: the number that it states of the removed object's class falls by exactly one; a
    class that is not named counts as none, one that is named without a number follows nothing. ``…_by_speckle`` is
    the same where only speckle was drawn anew, and ``…_beyond_speckle`` the difference, paired by scene.
    """
    metrics = [metric.name for metric in ((*COMPARED, *WRITTEN) if reader.writes else COMPARED)]
    if not physics.removals:
        return [
            not_computed("physics", metric, variant, NO_PAIRS, benchmark=NAME, subset=SUBSET) for metric in metrics
        ]
    columns = [_fell(reader, physics)]
    if reader.writes:
        changed, followed = _changes(reader, physics)
        columns += [*changed, changed[0] - changed[1], *followed, followed[0] - followed[1]]
    percent = 100 * np.stack(columns, axis=1)
    places = [removal.place for removal in physics.removals]
    sums = Sums(by_group(percent, places), by_group(np.ones_like(percent), places))
    bounds = intervals(estimate([sums]), resample([sums], resamples, seed))
    return [
        _figure(metric, variant, interval, SUBSET, len(physics.removals))
        for metric, interval in zip(metrics, bounds, strict=True)
    ]


def _fell(reader: Reader, physics: PhysicsSet) -> Floats:
    """1 where the whole scene's caption fits the picture without the object worse, 0.5 where equally well."""
    places = [removal.place for removal in physics.removals]
    whole = reader.see(physics.pictures[ORDINARY][places])
    without = reader.see(np.stack([removal.picture for removal in physics.removals]))
    heard = reader.hear([physics.captions[place] for place in places])
    cosines = [(seen.double() * heard.double()).sum(dim=1).numpy() for seen in (whole, without)]
    return np.asarray((1 + np.sign(cosines[0] - cosines[1])) / 2, dtype=np.float64)


def _changes(reader: Reader, physics: PhysicsSet) -> tuple[list[Floats], list[Floats]]:
    """By pair, whether the statements changed and whether the count followed: without the object, with speckle."""
    places = [removal.place for removal in physics.removals]
    nouns = [removal.noun for removal in physics.removals]
    once = list(dict.fromkeys(places))
    whole, redrawn = (
        dict(zip(once, stated(reader.tell(pictures[once])), strict=True))
        for pictures in (physics.pictures[ORDINARY], physics.redrawn)
    )
    without = stated(reader.tell(np.stack([removal.picture for removal in physics.removals])))
    changed, followed = [], []
    for others in (without, [redrawn[place] for place in places]):
        pairs = [(whole[place], other, noun) for place, other, noun in zip(places, others, nouns, strict=True)]
        changed.append(np.array([float(before != after) for before, after, _ in pairs]))
        followed.append(np.array([float(_fewer(before, after, noun)) for before, after, noun in pairs]))
    return changed, followed


def _fewer(before: Set[Statement], after: Set[Statement], noun: str) -> bool:
    """Whether the number of a class that captions state falls by one."""
    first, second = _count(before, noun), _count(after, noun)
    return first is not None and second is not None and first - second == 1


def _count(statements: Set[Statement], noun: str) -> int | None:
    """The number of objects of a class that a caption states; nothing where it names the class without one."""
    stated = (
        int(statement.value)
        for statement in statements
        if (statement.kind, statement.label) == (OBJECT_COUNT, noun)
    )
    return next(stated, None if Statement(OBJECT_CLASS, noun) in statements else 0)

"""Recall and faithfulness against looks, resolution and contrast, with intervals by scene.

All settings show the same scenes, so a difference to the ordinary setting is paired by scene.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from sartext.evaluation.bootstrap import Floats, Sums, estimate, intervals, resample
from sartext.evaluation.figures import Figure, not_computed
from sartext.evaluation.physics.reading import Reader, stated
from sartext.evaluation.physics.rendering import NAME, PhysicsSet
from sartext.evaluation.physics.settings import (
    CHANGE,
    CURVES,
    MEAN_RECALL,
    ORDINARY,
    SETTINGS,
    setting_of,
    subset_of,
)
from sartext.evaluation.retrieval import retrieval
from sartext.narrator.statements import COVER_KINDS, KINDS, OBJECT_KINDS, Count, compare, statements_of

PARTS = {"fact": KINDS, "object": OBJECT_KINDS, "cover": COVER_KINDS}
"""Kinds of statements whose precision and recall are told, by the beginning of the metric's name."""

NOTHING_STATED = "nothing was stated that the annotation decides"
NOTHING_TRUE = "no scene of the set has such a fact"


@dataclass(frozen=True)
class Curve:
    """A measure at every setting: its sums by scene, [scenes, settings], and why it may have no value."""

    metric: str
    sums: Sums
    reason: str = ""


def curve_figures(variant: str, reader: Reader, physics: PhysicsSet, *, resamples: int, seed: int) -> list[Figure]:
    """Return the figures of a reader at every point of the curves, times 100.

    The gallery of a setting is the pictures of that setting and the captions of all scenes; captions with equal
    facts are equally right. Beside every value that is not of the ordinary setting stands its difference to it,
    ``<metric>_change``.

    Args:
        variant: the reader's name.
        reader: what is scored.
        physics: the pictures and their facts.
        resamples: draws of the bootstrap over scenes.
        seed: of the draws.
    """
    curves = [Curve(MEAN_RECALL, _recalls(reader, physics))]
    if reader.writes:
        curves += _faithfulness(reader, physics)
    # one draw of scenes for all: the measures of a reader are paired too
    sums = Sums(
        np.concatenate([one.sums.numerators for one in curves], axis=1),
        np.concatenate([one.sums.denominators for one in curves], axis=1),
    )
    values, drawn = estimate([sums]), resample([sums], resamples, seed)
    figures: list[Figure] = []
    for number, curve in enumerate(curves):
        columns = slice(number * len(SETTINGS), (number + 1) * len(SETTINGS))
        figures += _told(variant, curve, values[columns], drawn[:, columns], len(physics.scenes))
    return figures


def _recalls(reader: Reader, physics: PhysicsSet) -> Sums:
    texts = reader.hear(physics.captions)
    recalls = [
        retrieval(reader.see(physics.pictures[setting]), texts, physics.labels).per_pair for setting in SETTINGS
    ]
    numerators = np.stack(recalls, axis=1)
    return Sums(numerators, np.ones_like(numerators))


def _faithfulness(reader: Reader, physics: PhysicsSet) -> Iterator[Curve]:
    """Precision and recall of what is stated, by part; 100 times the right ones are the numerators."""
    counted = [_counts(reader.tell(physics.pictures[setting]), physics) for setting in SETTINGS]
    for part, kinds in PARTS.items():
        table = np.array([[_total(counts, kinds) for counts in scenes] for scenes in counted], dtype=np.float64)
        right, said, true = np.moveaxis(table.transpose(1, 0, 2), 2, 0)
        yield Curve(f"{part}_precision", Sums(100 * right, said), NOTHING_STATED)
        yield Curve(f"{part}_recall", Sums(100 * right, true), NOTHING_TRUE)


def _counts(captions: Sequence[str], physics: PhysicsSet) -> list[dict[str, Count]]:
    """The counts by kind of each scene's caption."""
    return [
        compare(told, statements_of(scene.facts), scene.decided)[0]
        for told, scene in zip(stated(captions), physics.scenes, strict=True)
    ]


def _total(counts: dict[str, Count], kinds: Sequence[str]) -> tuple[int, int, int]:
    total = sum((counts[kind] for kind in kinds), Count())
    return total.right, total.stated, total.true


def _told(variant: str, curve: Curve, values: Floats, drawn: Floats, scenes: int) -> Iterator[Figure]:
    base = SETTINGS.index(ORDINARY)
    found = intervals(values, drawn)
    changes = intervals(values - values[base], drawn - drawn[:, [base]])
    for name, points in CURVES.items():
        for point in points:
            column = SETTINGS.index(setting_of(name, point))
            subset = subset_of(name, point)
            told = [(curve.metric, found[column])]
            if column != base:
                told.append((f"{curve.metric}{CHANGE}", changes[column]))
            for metric, one in told:
                if one.value is None:
                    yield not_computed("physics", metric, variant, curve.reason, benchmark=NAME, subset=subset)
                else:
                    yield Figure("physics", metric, variant, one.value, one.low, one.high, scenes, NAME, subset)

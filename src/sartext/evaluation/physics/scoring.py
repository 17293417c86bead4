"""All figures of a physics set: curves against looks, resolution and contrast, and pairs that differ by an object.

All settings show the same scenes, so a difference to the ordinary setting is paired by scene. A reader that reads
objects changes its caption far more often when an object goes than when only speckle is drawn anew, which changes
every pixel and no fact.
"""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Final

import numpy as np
from torch import Tensor

from sartext.errors import EvaluationError
from sartext.evaluation.baselines import CONSTANT
from sartext.evaluation.bootstrap import Floats, Sums, estimate, intervals, resample
from sartext.evaluation.figures import Figure, not_computed
from sartext.evaluation.physics.reading import Reader, constant_reader, reader_of, stated
from sartext.evaluation.physics.rendering import NAME, PhysicsSet
from sartext.evaluation.physics.settings import (
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
from sartext.evaluation.retrieval import retrieval
from sartext.models.model import Model
from sartext.narrator.statements import (
    COVER_KINDS,
    KINDS,
    OBJECT_CLASS,
    OBJECT_COUNT,
    OBJECT_KINDS,
    Count,
    Statement,
    compare,
    statements_of,
)

RESAMPLES: Final = 2000

SUBSET = "removed"

NO_PAIRS = "no scene of the set has an object that could be removed: raise the number of scenes"

PARTS = {"fact": KINDS, "object": OBJECT_KINDS, "cover": COVER_KINDS}
"""Kinds of statements whose precision and recall are told, by the beginning of the metric's name."""

NOTHING_STATED = "nothing was stated that the annotation decides"
NOTHING_TRUE = "no scene of the set has such a fact"


def score_physics(
    models: Mapping[str, Model | Reader], physics: PhysicsSet, *, resamples: int = RESAMPLES, seed: int
) -> list[Figure]:
    """Return the curves and pairs of models, and of the baseline ``constant`` that sees nothing.

    Args:
        models: by variant; a CLIP compares, a CoCa also writes captions.
        physics: what they are scored on.
        resamples: draws of the bootstrap.
        seed: of the draws; the same for all models, which are thereby paired.

    Returns:
        Figures of the task ``physics``: subsets ``looks:<n>``, ``resolution:<k>``, ``contrast:<dB>`` and
        ``removed``; see `curve_figures` and `pair_figures`.

    Raises:
        EvaluationError: a model gives features that are no numbers, or is called as the baseline is.
    """
    if CONSTANT in models:
        raise EvaluationError(
            f"a model is called '{CONSTANT}', as the baseline is", way_out="give it another name"
        )
    readers = {name: reader_of(model) for name, model in models.items()} | {
        CONSTANT: constant_reader(physics.captions)
    }
    figures: list[Figure] = []
    for variant, reader in readers.items():
        figures += curve_figures(variant, reader, physics, resamples=resamples, seed=seed)
        figures += pair_figures(variant, reader, physics, resamples=resamples, seed=seed)
    return figures


@dataclass(frozen=True)
class MetricCurve:
    """A metric at every setting: its sums by scene, [scenes, settings], and why it may have no value."""

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
    curves = [MetricCurve(MEAN_RECALL, _recalls(reader, physics))]
    if reader.writes:
        curves += _faithfulness(reader, physics)
    # one draw of scenes for all: the measures of a reader are paired too
    sums = Sums(
        np.concatenate([curve.sums.numerators for curve in curves], axis=1),
        np.concatenate([curve.sums.denominators for curve in curves], axis=1),
    )
    values, drawn = estimate([sums]), resample([sums], resamples, seed)
    figures: list[Figure] = []
    for number, curve in enumerate(curves):
        columns = slice(number * len(SETTINGS), (number + 1) * len(SETTINGS))
        figures += _points(variant, curve, values[columns], drawn[:, columns], len(physics.scenes))
    return figures


def _recalls(reader: Reader, physics: PhysicsSet) -> Sums:
    texts = reader.hear(physics.captions)
    recalls = [
        retrieval(reader.see(physics.pictures[setting]), texts, physics.labels).per_pair for setting in SETTINGS
    ]
    numerators = np.stack(recalls, axis=1)
    return Sums(numerators, np.ones_like(numerators))


def _faithfulness(reader: Reader, physics: PhysicsSet) -> Iterator[MetricCurve]:
    """Precision and recall of what is stated, by part; 100 times the right ones are the numerators."""
    counted = [_counts(reader.tell(physics.pictures[setting]), physics) for setting in SETTINGS]
    for part, kinds in PARTS.items():
        table = np.array([[_total(counts, kinds) for counts in scenes] for scenes in counted], dtype=np.float64)
        right, said, true = np.moveaxis(table.transpose(1, 0, 2), 2, 0)
        yield MetricCurve(f"{part}_precision", Sums(100 * right, said), NOTHING_STATED)
        yield MetricCurve(f"{part}_recall", Sums(100 * right, true), NOTHING_TRUE)


def _counts(captions: Sequence[str], physics: PhysicsSet) -> list[dict[str, Count]]:
    """The counts by kind of each scene's caption."""
    return [
        compare(statements, statements_of(scene.facts), scene.decided)[0]
        for statements, scene in zip(stated(captions), physics.scenes, strict=True)
    ]


def _total(counts: dict[str, Count], kinds: Sequence[str]) -> tuple[int, int, int]:
    total = sum((counts[kind] for kind in kinds), Count())
    return total.right, total.stated, total.true


def _points(variant: str, curve: MetricCurve, values: Floats, drawn: Floats, scenes: int) -> Iterator[Figure]:
    base = SETTINGS.index(ORDINARY)
    bounds = intervals(values, drawn)
    changes = intervals(values - values[base], drawn - drawn[:, [base]])
    for name, points in CURVES.items():
        for point in points:
            column = SETTINGS.index(setting_of(name, point))
            subset = subset_of(name, point)
            named = [(curve.metric, bounds[column])]
            if column != base:
                named.append((f"{curve.metric}{CHANGE}", changes[column]))
            for metric, interval in named:
                if interval.value is None:
                    yield not_computed("physics", metric, variant, curve.reason, benchmark=NAME, subset=subset)
                else:
                    yield Figure(
                        "physics",
                        metric,
                        variant,
                        interval.value,
                        interval.low,
                        interval.high,
                        scenes,
                        NAME,
                        subset,
                    )


def pair_figures(variant: str, reader: Reader, physics: PhysicsSet, *, resamples: int, seed: int) -> list[Figure]:
    """Return how a reader follows the removal of one object, in percent of the pairs.

    ``similarity_fell``: the similarity of the picture and the caption of the whole scene is lower without the
    object; equal ones count half, chance is 50. ``caption_changed``: the statements of the reader's caption
    change. ``count_followed``: the number that it states of the removed object's class falls by exactly one; a
    class that is not named counts as none, one that is named without a number follows nothing.
    ``…_by_speckle`` is the same where only speckle was drawn anew, and ``…_beyond_speckle`` the difference, paired
    by scene.

    Args:
        variant: the reader's name.
        reader: what is scored.
        physics: the pairs.
        resamples: draws of the bootstrap over scenes.
        seed: of the draws.
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
    sums = _by_scene(np.stack(columns, axis=1), physics)
    bounds = intervals(estimate([sums]), resample([sums], resamples, seed))
    return [
        Figure(
            "physics",
            metric,
            variant,
            interval.value,
            interval.low,
            interval.high,
            len(physics.removals),
            NAME,
            SUBSET,
        )
        for metric, interval in zip(metrics, bounds, strict=True)
    ]


def _fell(reader: Reader, physics: PhysicsSet) -> Floats:
    """1 where the whole scene's caption fits the picture without the object worse, 0.5 where equally well."""
    places = [removal.place for removal in physics.removals]
    whole = reader.see(physics.pictures[ORDINARY][places])
    without = reader.see(np.stack([removal.picture for removal in physics.removals]))
    heard = reader.hear([physics.captions[place] for place in places])
    return (1 + np.sign(_cosines(whole, heard) - _cosines(without, heard))) / 2


def _cosines(pictures: Tensor, captions: Tensor) -> Floats:
    return np.asarray((pictures.double() * captions.double()).sum(dim=1).numpy(), dtype=np.float64)


def _changes(reader: Reader, physics: PhysicsSet) -> tuple[list[Floats], list[Floats]]:
    """By pair, whether the statements changed and whether the count followed: without the object, with speckle."""
    places = [removal.place for removal in physics.removals]
    nouns = [removal.noun for removal in physics.removals]
    whole = _spread(stated(reader.tell(physics.pictures[ORDINARY][_once(places)])), places)
    redrawn = _spread(stated(reader.tell(physics.redrawn[_once(places)])), places)
    without = stated(reader.tell(np.stack([removal.picture for removal in physics.removals])))
    changed, followed = [], []
    for other in (without, redrawn):
        pairs = list(zip(whole, other, nouns, strict=True))
        changed.append(np.array([float(before != after) for before, after, _ in pairs]))
        followed.append(np.array([float(_fewer(before, after, noun)) for before, after, noun in pairs]))
    return changed, followed


def _once(places: Sequence[int]) -> list[int]:
    return list(dict.fromkeys(places))


def _spread(statements: Sequence[frozenset[Statement]], places: Sequence[int]) -> list[frozenset[Statement]]:
    """What was told of each scene once, for every pair of that scene."""
    known = dict(zip(_once(places), statements, strict=True))
    return [known[place] for place in places]


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


def _by_scene(columns: Floats, physics: PhysicsSet) -> Sums:
    """Percent and pairs, summed over the pairs of each scene."""
    _, group = np.unique([removal.place for removal in physics.removals], return_inverse=True)
    numerators = np.zeros((int(group.max()) + 1, columns.shape[1]))
    np.add.at(numerators, group, 100 * columns)
    pairs = np.bincount(group).astype(np.float64)
    return Sums(numerators, np.repeat(pairs[:, None], columns.shape[1], axis=1))

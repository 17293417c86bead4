"""The figures of a complete study: every arm at every share, its intervals, and the paired differences."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from sartext.bootstrap import Floats, Interval, Sums, estimate, intervals, resample
from sartext.config.arms import Arm
from sartext.narrator.statements import COVER_KINDS, KINDS, OBJECT_COUNT, OBJECT_KINDS
from sartext.study.cells import StudyCell, diverged
from sartext.study.running import Finished

BOOTSTRAP_SEED = 20
RIGHT, STATED, TRUE = range(3)
PLAIN = ("pairs", "distinct", "sets", "recall", "own_recall", "nats", "tokens")

Group = Mapping[str, Any]


@dataclass(frozen=True)
class StudyMetric:
    """A figure of the test split: a sum over groups divided by another one, times ``scale``; how it is shown."""

    name: str
    title: str
    higher_is_better: bool
    scale: float
    numerator: Callable[[Group], float]
    denominator: Callable[[Group], float]
    unit: str = "%"
    digits: int = 1

    def of(self, sums: Group) -> float | None:
        """Return the figure of sums; nothing where nothing counts."""
        count = self.denominator(sums)
        return self.scale * self.numerator(sums) / count if count else None


def _sum(name: str) -> Callable[[Group], float]:
    return lambda group: float(group[name])


def _statements(kinds: Sequence[str], which: int) -> Callable[[Group], float]:
    return lambda group: float(sum(group["statements"][kind][which] for kind in kinds))


def _facts(name: str, title: str, kinds: Sequence[str], of: int) -> StudyMetric:
    return StudyMetric(name, title, True, 100.0, _statements(kinds, RIGHT), _statements(kinds, of))


_NATS = "nats per token, lower is better"

MAIN = (
    StudyMetric("mean_recall", "mean recall", True, 1.0, _sum("distinct"), _sum("sets"), "0 to 100"),
    StudyMetric("cross_entropy", "caption cross-entropy", False, 1.0, _sum("nats"), _sum("tokens"), _NATS, 3),
    _facts("precision", "precision of facts", KINDS, STATED),
    _facts("recall", "recall of facts", KINDS, TRUE),
    _facts("exact_count", "exact count", (OBJECT_COUNT,), TRUE),
)
FURTHER = (
    StudyMetric("aware_recall", "duplicate-aware recall", True, 1.0, _sum("recall"), _sum("pairs"), "0 to 100"),
    StudyMetric("own_recall", "one-positive recall", True, 1.0, _sum("own_recall"), _sum("pairs"), "0 to 100"),
    _facts("object_precision", "precision, objects", OBJECT_KINDS, STATED),
    _facts("object_recall", "recall, objects", OBJECT_KINDS, TRUE),
    _facts("cover_precision", "precision, land cover", COVER_KINDS, STATED),
    _facts("cover_recall", "recall, land cover", COVER_KINDS, TRUE),
)
METRICS = (*MAIN, *FURTHER)


@dataclass(frozen=True)
class ArmRow:
    """An arm at one share of the SAR captions.

    ``pairs`` are the SAR pairs learned from, ``samples`` and ``seconds`` what all its stages took until they
    stopped, ``sar_samples`` those of them that were SAR pairs, ``kept`` the samples of the last stage at the step
    that was kept; all are means over the seeds that did not diverge. ``diverged`` counts those that did: with any,
    there are no figures.
    """

    arm: Arm
    fraction: float
    learning_rate: float
    pairs: float | None
    samples: float | None
    sar_samples: float | None
    kept: float | None
    seconds: float | None
    diverged: int
    metrics: Mapping[str, Interval]


@dataclass(frozen=True)
class Difference:
    """An arm minus a control, in one metric at one share; ``seeds`` counts those in which the arm is better."""

    arm: Arm
    control: Arm
    fraction: float
    metric: StudyMetric
    interval: Interval
    seeds: int

    @property
    def verdict(self) -> int:
        """1 where the whole interval says that the arm is better, -1 where worse, 0 where neither."""
        low, high = self.interval.low, self.interval.high
        if low is None or high is None or low <= 0 <= high:
            return 0
        return 1 if (low > 0) == self.metric.higher_is_better else -1


@dataclass(frozen=True)
class Findings:
    """Everything that tables and page tell.

    ``blind`` is the best that never looks at the images, by metric: chance in retrieval, the commonest number of
    each class; means over the seeds.
    """

    rows: tuple[ArmRow, ...]
    differences: tuple[Difference, ...]
    blind: Mapping[str, float]


@dataclass(frozen=True)
class _Columns:
    """Columns of all arms and metrics: [columns], [resamples, columns], [seeds, columns]."""

    values: Floats
    drawn: Floats
    by_seed: Floats


def find(finished: Finished) -> Findings:
    """Compute all figures of a complete study; the same cells give the same figures.

    Raises:
        ArtefactError: a cell is missing or damaged.
    """
    fractions = enumerate(sorted(set(finished.design.study.fractions)), start=BOOTSTRAP_SEED)
    of_shares = [_at(finished, fraction, seed) for seed, fraction in fractions]
    return Findings(
        tuple(row for share in of_shares for row in share.rows),
        tuple(difference for share in of_shares for difference in share.differences),
        _blind(finished),
    )


def _blind(finished: Finished) -> dict[str, float]:
    examined = {
        entry.cell.seed: finished.result(entry.cell)["examination"]["blind"]
        for entry in finished.entries
        if entry.cell.row in finished.design.rows and not diverged(finished.result(entry.cell))
    }
    means = {
        metric.name: _mean([of_seed[metric.name] for of_seed in examined.values() if metric.name in of_seed])
        for metric in METRICS
    }
    return {name: value for name, value in means.items() if value is not None}


def lineage_total(finished: Finished, cell: StudyCell, what: str) -> float:
    """Return a figure of a cell's training summed over it and the stages that it starts from."""
    parent = lineage_total(finished, cell.parent, what) if cell.parent is not None else 0.0
    return parent + float(finished.result(cell)[what])


def _at(finished: Finished, fraction: float, bootstrap_seed: int) -> Findings:
    """The figures and differences at one share."""
    study, arms = finished.design.study, finished.design.arms
    cells = {
        (entry.cell.seed, entry.arm.name): entry.cell for entry in finished.entries if entry.fraction == fraction
    }
    results = [[finished.result(cells[seed, arm.name]) for arm in arms] for seed in study.seeds]
    sums = [_sums([*map(groups_of, of_seed)]) for of_seed in results]
    scale = np.array([metric.scale for _ in arms for metric in METRICS])
    lost = [any(map(diverged, of_arm)) for of_arm in zip(*results, strict=True)]
    # the seeds that are left would tell of easier ones: an arm that diverged in any has no figure
    known = np.where(np.repeat(lost, len(METRICS)), np.nan, 1.0)
    every = _Columns(
        values=estimate(sums) * scale * known,
        drawn=resample(sums, study.resamples, bootstrap_seed, same_groups=finished.design.data != "sim") * scale,
        by_seed=np.stack([estimate([of_seed]) * scale for of_seed in sums]),
    )
    bounds = intervals(every.values, every.drawn)
    rows = tuple(
        _row(finished, arm, fraction, [cells[seed, arm.name] for seed in study.seeds], bounds[at * len(METRICS) :])
        for at, arm in enumerate(arms)
    )
    differences = tuple(
        _difference(
            Difference(arm, control, fraction, metric, Interval(None, None, None), 0),
            arms.index(arm) * len(METRICS) + at,
            arms.index(control) * len(METRICS) + at,
            every,
        )
        for arm, control in finished.design.comparisons
        for at, metric in enumerate(METRICS)
    )
    return Findings(rows, differences, {})


def groups_of(result: Mapping[str, Any]) -> Mapping[str, Group]:
    """Return the sums by group of a cell; none of one that diverged."""
    groups: Mapping[str, Group] = {} if diverged(result) else result["examination"]["groups"]
    return groups


def total(groups: Collection[Group]) -> Group:
    """Return the sums of groups together; zeros of none."""
    plain = {name: sum(sums[name] for sums in groups) for name in PLAIN}
    statements = {
        kind: [sum(sums["statements"][kind][at] for sums in groups) for at in range(3)] for kind in KINDS
    }
    return {**plain, "statements": statements}


def _sums(arms: Sequence[Mapping[str, Group]]) -> Sums:
    """The sums of one seed: a row per group, a column per arm and metric."""
    names = sorted({name for arm in arms for name in arm}) or [""]
    nothing = total(())
    groups = [[arm.get(name, nothing) for arm in arms] for name in names]
    return Sums(
        np.array([[metric.numerator(group) for group in each for metric in METRICS] for each in groups]),
        np.array([[metric.denominator(group) for group in each for metric in METRICS] for each in groups]),
    )


def _row(
    finished: Finished, arm: Arm, fraction: float, of_seeds: Sequence[StudyCell], bounds: Sequence[Interval]
) -> ArmRow:
    cells = [cell for cell in of_seeds if not diverged(finished.result(cell))]
    results = [finished.result(cell) for cell in cells]
    return ArmRow(
        arm=arm,
        fraction=fraction,
        learning_rate=of_seeds[0].learning_rate,
        pairs=_mean([result["sar_pairs"] for result in results]),
        samples=_mean([lineage_total(finished, cell, "samples") for cell in cells]),
        sar_samples=_mean([lineage_total(finished, cell, "sar_samples") for cell in cells]),
        kept=_mean([result["kept_samples"] for result in results]),
        seconds=_mean([lineage_total(finished, cell, "seconds") for cell in cells]),
        diverged=len(of_seeds) - len(cells),
        metrics={metric.name: bounds[at] for at, metric in enumerate(METRICS)},
    )


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if values else None


def _difference(unknown: Difference, mine: int, other: int, columns: _Columns) -> Difference:
    """What is known of a difference of two columns."""
    drawn = columns.drawn[:, [mine]] - columns.drawn[:, [other]]
    [interval] = intervals(columns.values[[mine]] - columns.values[[other]], drawn)
    gain = columns.by_seed[:, mine] - columns.by_seed[:, other]
    better = gain > 0 if unknown.metric.higher_is_better else gain < 0
    return replace(unknown, interval=interval, seeds=int(better.sum()))

"""The champion of a model: the version that passed its thresholds and did not fall behind the one before.

A version becomes champion only if every figure that its thresholds name reaches them, and none of these figures
lies outside the 95 % interval of the present champion's, on its worse side. Both must be measured on the same
benchmark, by its hash: where the present champion was measured on another one, it is measured anew; where that
cannot be done, it stays.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from sartext.errors import SarTextError

ALIAS = "champion"
FIGURES_TAG = "evaluation.figures"
BENCHMARK_TAG = "evaluation.benchmark"

Outcome = Literal["champion", "stays", "refused", "waits"]


@dataclass(frozen=True)
class Measured:
    """A figure: its value and 95 % interval, nothing where there is none."""

    value: float
    low: float | None = None
    high: float | None = None


Figures = Mapping[str, Measured]
"""By ``<task>/<metric>``, of a whole benchmark."""


@dataclass(frozen=True)
class Contender:
    """A version with what was measured of it.

    Args:
        version: in the registry.
        figures: on the benchmark.
        benchmark: the hash of its definition.
    """

    version: str
    figures: Figures
    benchmark: str

    def tags(self) -> dict[str, str]:
        """Return what its version carries, so that the next evaluation can compare with it."""
        figures = {name: asdict(one) for name, one in sorted(self.figures.items())}
        return {FIGURES_TAG: json.dumps(figures), BENCHMARK_TAG: self.benchmark}


@dataclass(frozen=True)
class Decision:
    """What became of a model's evaluation.

    Args:
        model: its name in the registry.
        outcome: ``champion``: the evaluated version has the alias now, or had it and keeps it; ``stays``: another
            version keeps it; ``refused``: the evaluated version did not pass; ``waits``: there is no version yet.
        version: the one that was evaluated, if it is registered.
        champion: the version that has the alias after this, if any.
        reasons: sentences.
    """

    model: str
    outcome: Outcome
    version: str | None
    champion: str | None
    reasons: tuple[str, ...]

    def line(self) -> str:
        """Return it as one line for a person."""
        version = f" version {self.version}" if self.version else ""
        words = {
            "champion": "is the champion",
            "stays": f"does not replace champion version {self.champion}",
            "refused": "does not become champion",
            "waits": "waits: it is not in the registry",
        }[self.outcome]
        return f"{self.model}{version} {words}: {'; '.join(self.reasons)}"


Remeasure = Callable[[str], Figures]
"""Measures a version on the benchmark of the evaluation."""


def decide(
    model: str,
    contender: Contender,
    thresholds: Mapping[str, float],
    present: Contender | None,
    remeasure: Remeasure,
) -> Decision:
    """Decide whether a version becomes the champion of its model.

    Args:
        model: its name.
        contender: the version that was evaluated.
        thresholds: by ``<task>/<metric>``.
        present: the champion, if there is one.
        remeasure: called with the present champion's version where it was measured on another benchmark.
    """
    failed = [text for name, bound in thresholds.items() if (text := _misses(contender.figures, name, bound))]
    champion = present.version if present else None
    if failed:
        reasons = list(failed)
        if champion == contender.version:
            reasons.append("it keeps the alias that it has, as no other version takes it")
        elif champion:
            reasons.append(f"version {champion} stays champion")
        return Decision(model, "refused", contender.version, champion, tuple(reasons))
    passed = f"it passes {'its threshold' if len(thresholds) == 1 else f'all {len(thresholds)} thresholds'}"
    if present is None:
        return _named(model, contender, passed, "there was no champion")
    if present.version == contender.version:
        return _named(model, contender, passed, "it was the champion before")
    figures = present.figures
    told = "measured on the same benchmark"
    if present.benchmark != contender.benchmark or not thresholds.keys() <= figures.keys():
        try:
            figures = remeasure(present.version)
        except SarTextError as error:
            reason = (
                f"version {present.version} was measured on another benchmark and cannot be measured anew: {error}"
            )
            return Decision(model, "stays", contender.version, present.version, (passed, reason))
        told = "measured anew on this benchmark"
    behind = [text for name in thresholds if (text := _behind(contender.figures, figures, name))]
    if behind:
        return Decision(model, "stays", contender.version, present.version, (passed, *behind))
    return _named(model, contender, passed, f"it does not fall behind version {present.version}, {told}")


def _named(model: str, contender: Contender, *reasons: str) -> Decision:
    return Decision(model, "champion", contender.version, contender.version, reasons)


def _lower_is_better(name: str) -> bool:
    from sartext.evaluation.measures import measure

    task, _, metric = name.partition("/")
    return measure(task, metric).higher is False  # type: ignore[arg-type]  # the parameters allow tasks only


def _misses(figures: Figures, name: str, bound: float) -> str:
    """Why a threshold is not passed; nothing where it is."""
    one = figures.get(name)
    if one is None:
        return f"{name} was not computed, {bound:g} is asked"
    if _lower_is_better(name):
        return f"{name} is {one.value:.4g}, at most {bound:g} is allowed" if one.value > bound else ""
    return f"{name} is {one.value:.4g}, at least {bound:g} is asked" if one.value < bound else ""


def _behind(mine: Figures, other: Figures, name: str) -> str:
    """Why a figure falls behind the champion's by more than its interval; nothing where it does not."""
    one, best = mine[name], other.get(name)
    if best is None:
        return f"{name} of the champion was not computed"
    low = best.value if best.low is None else best.low
    high = best.value if best.high is None else best.high
    if (one.value > high) if _lower_is_better(name) else (one.value < low):
        return f"{name} is {one.value:.4g}, the champion's {best.value:.4g} [{low:.4g}, {high:.4g}]"
    return ""


def contender_of(version: Any) -> Contender:  # noqa: ANN401 - mlflow is untyped
    """Return a version of the registry with what its tags tell of its evaluation; no figures where they do not."""
    told = json.loads(version.tags.get(FIGURES_TAG, "{}"))
    figures = {name: Measured(**one) for name, one in told.items()}
    return Contender(str(version.version), figures, version.tags.get(BENCHMARK_TAG, ""))


def summary(decisions: Sequence[Decision]) -> list[dict[str, Any]]:
    """Return decisions as JSON has them."""
    return [asdict(one) for one in decisions]

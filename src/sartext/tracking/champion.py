"""Which version of a model becomes its champion: the rules, apart from any registry.

A version becomes champion only if every figure that its thresholds name reaches them, and none of these figures
lies outside the 95 % interval of the present champion's, on its worse side. Both must be measured on the same
benchmark, by its hash: where the present champion was measured on another one, it is measured anew; where that
cannot be done, it stays.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from sartext.errors import SarTextError

FIGURES_TAG = "evaluation.figures"
BENCHMARK_TAG = "evaluation.benchmark"

Outcome = Literal["champion", "stays", "refused", "waits"]


@dataclass(frozen=True)
class Estimate:
    """A figure: its value and 95 % interval, None where there is none."""

    value: float
    low: float | None = None
    high: float | None = None


Figures = Mapping[str, Estimate]
"""By ``<task>/<metric>``, of a whole benchmark."""

Remeasure = Callable[[str], Figures]
"""Measures a version on the benchmark of the evaluation."""


@dataclass(frozen=True)
class Contender:
    """A version of a model with its figures on a benchmark, which is named by the hash of its definition."""

    version: str
    figures: Figures
    benchmark: str

    def tags(self) -> dict[str, str]:
        """Return what its version carries, so that the next evaluation can compare with it."""
        figures = {name: asdict(figure) for name, figure in sorted(self.figures.items())}
        return {FIGURES_TAG: json.dumps(figures), BENCHMARK_TAG: self.benchmark}

    @classmethod
    def of_version(cls, version: Any) -> "Contender":  # noqa: ANN401 - mlflow is untyped
        """Return a version of the registry with the figures of its tags; none where it was not evaluated."""
        figures = json.loads(version.tags.get(FIGURES_TAG, "{}"))
        estimates = {name: Estimate(**figure) for name, figure in figures.items()}
        return cls(str(version.version), estimates, version.tags.get(BENCHMARK_TAG, ""))


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
            "waits": "waits",
        }[self.outcome]
        return f"{self.model}{version} {words}: {'; '.join(self.reasons)}"


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
    champion = present.version if present else None
    missed = [text for name, bound in thresholds.items() if (text := _shortfall(contender.figures, name, bound))]
    if missed:
        if champion == contender.version:
            missed.append("it keeps the alias that it has, as no other version takes it")
        elif champion:
            missed.append(f"version {champion} stays champion")
        return Decision(model, "refused", contender.version, champion, tuple(missed))
    passed = f"it passes {'its threshold' if len(thresholds) == 1 else f'all {len(thresholds)} thresholds'}"
    if present is None or present.version == contender.version:
        before = "there was no champion" if present is None else "it was the champion before"
        return Decision(model, "champion", contender.version, contender.version, (passed, before))
    figures, how = present.figures, "measured on the same benchmark"
    if present.benchmark != contender.benchmark or not thresholds.keys() <= figures.keys():
        try:
            figures, how = remeasure(present.version), "measured anew on this benchmark"
        except SarTextError as error:
            reason = (
                f"version {present.version} was measured on another benchmark and cannot be measured anew: {error}"
            )
            return Decision(model, "stays", contender.version, present.version, (passed, reason))
    worse = [text for name in thresholds if (text := _regression(contender.figures, figures, name))]
    if worse:
        return Decision(model, "stays", contender.version, present.version, (passed, *worse))
    reason = f"it does not fall behind version {present.version}, {how}"
    return Decision(model, "champion", contender.version, contender.version, (passed, reason))


def _lower_is_better(name: str) -> bool:
    from sartext.evaluation.registry import metric_named

    return metric_named(name, where="params.yaml: champions").higher_is_better is False


def _shortfall(figures: Figures, name: str, bound: float) -> str:
    """Say why a threshold is not passed; nothing where it is."""
    figure = figures.get(name)
    if figure is None:
        return f"{name} was not computed, {bound:g} is asked"
    if _lower_is_better(name):
        return f"{name} is {figure.value:.4g}, at most {bound:g} is allowed" if figure.value > bound else ""
    return f"{name} is {figure.value:.4g}, at least {bound:g} is asked" if figure.value < bound else ""


def _regression(figures: Figures, champions: Figures, name: str) -> str:
    """Say why a figure is behind the champion's by more than its interval; nothing where it is not."""
    figure, best = figures[name], champions.get(name)
    if best is None:
        return f"{name} of the champion was not computed"
    low = best.value if best.low is None else best.low
    high = best.value if best.high is None else best.high
    if (figure.value > high) if _lower_is_better(name) else (figure.value < low):
        return f"{name} is {figure.value:.4g}, the champion's {best.value:.4g} [{low:.4g}, {high:.4g}]"
    return ""

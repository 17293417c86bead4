"""The registry of metrics: every figure is of one of these, and each is defined in the file that computes it."""

from collections.abc import Iterable

from sartext.errors import ParameterError, nearest
from sartext.evaluation import foil_scoring as foils
from sartext.evaluation import grounding, physics, vqa
from sartext.evaluation.figures import MINUS, OVER, Figure, Task
from sartext.evaluation.metrics import Metric, cider, coco, recall, reference_free, spice
from sartext.registry import Registry

CAPTIONING = Registry(
    "metric of captioning",
    (
        *coco.METRICS,
        *cider.METRICS,
        *spice.METRICS,
        *reference_free.METRICS,
    ),
)

METRICS: dict[Task, Registry[Metric]] = {
    "retrieval": Registry("metric of retrieval", recall.METRICS),
    "captioning": CAPTIONING,
    "vqa": Registry("metric of VQA", vqa.METRICS),
    "grounding": Registry("metric of grounding", grounding.METRICS),
    "foils": Registry("metric of foils", foils.METRICS),
    "physics": Registry("metric of physics curves", physics.METRICS),
}
"""The metrics of every task, in the order in which they are shown."""


def metric_of(task: Task, name: str) -> Metric:
    """Return a metric; one that is not registered, as a foreign table may have, by its own name."""
    registry = METRICS[task]
    if name in registry:
        return registry[name]
    return Metric(task, name, name.replace("_", " ").replace(".", ": "), 2, "", None)


def metric_named(reference: str, *, where: object = None) -> Metric:
    """Return the metric that a parameter, ``where``, names, such as ``captioning/fact_precision``.

    Raises:
        ParameterError: there is no such task or metric; the message holds the nearest one.
    """
    task, _, name = reference.partition("/")
    for known, registry in METRICS.items():
        if known == task:
            return registry.get(name, where=where)
    raise ParameterError(f"no task '{task}'", where=where, way_out=nearest(task, METRICS))


def names_in(task: Task, section: str) -> tuple[str, ...]:
    """Return the names of the metrics that a section of the page shows, in order."""
    return tuple(metric.name for metric in METRICS[task] if metric.section == section)


def headlines(task: Task) -> tuple[str, ...]:
    """Return the names of the metrics that stand in summaries, in order."""
    return tuple(metric.name for metric in METRICS[task] if metric.headline)


def in_order(task: Task, names: Iterable[str]) -> list[str]:
    """Return names of metrics in the order of the registry; those that it lacks come last, by name."""
    order = {name: place for place, name in enumerate(METRICS[task].names)}
    return sorted(names, key=lambda name: (order.get(name, len(order)), name))


def number(value: float, digits: int, *, signed: bool = False) -> str:
    """Return a number as it is written everywhere: fixed digits, a true minus sign, no negative zero."""
    text = f"{value:{'+' if signed else ''},.{digits}f}"
    if not any(character in "123456789" for character in text):
        text = text.lstrip("+-")
    return text.replace("-", "\u2212")


def shown(figure: Figure) -> tuple[str, str]:
    """Return a figure's value and its interval as text; the interval is empty where there is none.

    Raises:
        ValueError: it has no value.
    """
    if figure.value is None:
        raise ValueError(f"{figure.place} has no value")
    ratio, signed = OVER in figure.variant, MINUS in figure.variant
    digits = 1 if ratio else metric_of(figure.task, figure.metric).digits
    value = number(figure.value, digits, signed=signed) + ("\u00d7" if ratio else "")
    if figure.low is None or figure.high is None:
        return value, ""
    bounds = (number(bound, digits, signed=signed) for bound in (figure.low, figure.high))
    return value, f"[{', '.join(bounds)}]"

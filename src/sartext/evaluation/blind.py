"""The best answer that never sees the image, of every headline figure: what is above it was seen."""

from collections.abc import Iterable

from sartext.evaluation.details import Variant
from sartext.evaluation.figures import EVERYTHING, Figure
from sartext.evaluation.registry import metric_of


def best_blind(figures: Iterable[Figure], variants: Iterable[Variant]) -> list[Figure]:
    """Return, of each headline metric on each whole benchmark, the best figure of the blind variants.

    They are sorted by task, benchmark and metric; of equally good variants the one that stands first is named.
    """
    order = {variant.name: place for place, variant in enumerate(variants) if variant.blind}
    best: dict[tuple[str, str, str], Figure] = {}
    for figure in sorted(
        (figure for figure in figures if figure.variant in order and figure.subset == EVERYTHING),
        key=lambda figure: order[figure.variant],
    ):
        metric = metric_of(figure.task, figure.metric)
        if not metric.headline or figure.value is None:
            continue
        place = (figure.task, figure.benchmark, figure.metric)
        known = best.get(place)
        if known is None or known.value is None or _better(figure.value, known.value, metric.higher_is_better):
            best[place] = figure
    return [best[place] for place in sorted(best)]


def _better(value: float, other: float, higher_is_better: bool | None) -> bool:
    return value < other if higher_is_better is False else value > other

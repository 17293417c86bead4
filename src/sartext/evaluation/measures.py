"""The measures of the report: what they are called, in what unit, and how many digits mean something."""

from dataclasses import dataclass

from sartext.evaluation.differences import MINUS
from sartext.evaluation.figures import Figure, Task
from sartext.narrator.statements import KINDS

OVER = " over "
"""Between the names of two variants: the ratio of their figures."""


@dataclass(frozen=True)
class Measure:
    """How one metric is shown.

    Args:
        task: that it belongs to.
        metric: its name in the figures.
        title: for people.
        digits: after the point.
        unit: such as ``0 to 100``; empty where it is clear.
        higher: whether more is better; nothing where neither is.
    """

    task: Task
    metric: str
    title: str
    digits: int = 1
    unit: str = "0 to 100"
    higher: bool | None = True


STATEMENTS = tuple(kind.replace(" ", "_") for kind in KINDS)
"""The kinds of statements, as they begin the names of metrics."""

_ALL = (
    Measure("retrieval", "one_positive.mean_recall", "mean recall, one positive"),
    Measure("retrieval", "duplicate_aware.mean_recall", "mean recall, duplicate-aware"),
    *(
        Measure("retrieval", f"{scoring}.{way}_r{cut}", f"{arrow} R@{cut}")
        for scoring in ("one_positive", "duplicate_aware")
        for way, arrow in (("i2t", "image to text"), ("t2i", "text to image"))
        for cut in (1, 5, 10)
    ),
    *(Measure("captioning", f"bleu_{n}", f"BLEU-{n}", 3, "0 to 1") for n in (1, 2, 3, 4)),
    Measure("captioning", "meteor", "METEOR", 3, "0 to 1"),
    Measure("captioning", "rouge_l", "ROUGE-L", 3, "0 to 1"),
    Measure("captioning", "cider_d", "CIDEr-D", 2, "0 to 10"),
    Measure("captioning", "cider_d_frozen", "CIDEr-D, frozen idf", 2, "0 to 10"),
    Measure("captioning", "spice", "SPICE", 3, "0 to 1"),
    Measure("captioning", "fact_precision", "facts: precision", unit="%"),
    Measure("captioning", "fact_recall", "facts: recall", unit="%"),
    Measure("captioning", "object_precision", "objects: precision", unit="%"),
    Measure("captioning", "object_recall", "objects: recall", unit="%"),
    Measure("captioning", "cover_precision", "land cover: precision", unit="%"),
    Measure("captioning", "cover_recall", "land cover: recall", unit="%"),
    Measure("captioning", "invented_objects", "invented objects per caption", 2, "", higher=False),
    Measure("captioning", "wrong_counts", "wrong counts", unit="% of those stated", higher=False),
    Measure("captioning", "wrong_zones", "wrong zones", unit="% of those stated", higher=False),
    Measure("captioning", "wrong_shares", "wrong shares", unit="% of those stated", higher=False),
    Measure("captioning", "undecided_statements", "undecided statements", 2, "per caption", higher=None),
    *(
        Measure("captioning", f"{kind}_{end}", f"{kind.replace('_', ' ')}: {end}", unit="%")
        for kind in STATEMENTS
        for end in ("precision", "recall")
    ),
    Measure("captioning", "unreadable_captions", "captions that state nothing", unit="%", higher=False),
    Measure("captioning", "odd_captions", "captions with words that no fact supports", unit="%", higher=False),
    Measure("captioning", "empty_captions", "empty captions", 0, "", higher=False),
    Measure("captioning", "images_without_caption", "images without a caption", 0, "", higher=False),
    Measure("captioning", "words", "words", 1, "per caption", higher=None),
    Measure("captioning", "distinct_captions", "distinct captions", unit="%", higher=None),
    Measure("captioning", "distinct_unigrams", "distinct words", unit="%", higher=None),
    Measure("captioning", "distinct_bigrams", "distinct pairs of words", unit="%", higher=None),
    Measure("captioning", "vocabulary", "vocabulary", 0, "words", higher=None),
    Measure("captioning", "copied_captions", "equal to a training caption", unit="%", higher=None),
    Measure("vqa", "aa", "average accuracy (AA)"),
    Measure("vqa", "oa", "overall accuracy (OA)"),
    Measure("vqa", "accuracy", "accuracy", unit="%"),
    Measure("vqa", "empty", "empty answers", unit="%", higher=False),
    Measure("foils", "accuracy", "true caption preferred", unit="%"),
    Measure("foils", "mean_accuracy", "true caption preferred, mean of the kinds", unit="%"),
    Measure("physics", "duplicate_aware_mean_recall", "mean recall"),
    Measure("physics", "fact_precision", "facts: precision", unit="%"),
    Measure("physics", "fact_recall", "facts: recall", unit="%"),
    Measure("physics", "caption_changed", "caption changes when an object goes", unit="% of pairs"),
    Measure("physics", "caption_changed_by_speckle", "caption changes with the speckle alone", unit="% of pairs",
            higher=False),
    Measure("physics", "caption_changed_beyond_speckle", "the first minus the second", unit="points"),
    Measure("physics", "count_followed", "stated count falls by one", unit="% of pairs"),
    Measure("physics", "count_followed_by_speckle", "stated count falls by one with the speckle alone",
            unit="% of pairs", higher=False),
    Measure("physics", "count_followed_beyond_speckle", "the first minus the second", unit="points"),
    Measure("physics", "similarity_fell", "similarity falls when an object goes", unit="% of pairs"),
)  # fmt: skip
_KNOWN = {(one.task, one.metric): one for one in _ALL}

CUTS = tuple(
    f"{scoring}.{way}_r{cut}"
    for scoring in ("duplicate_aware", "one_positive")
    for way in ("i2t", "t2i")
    for cut in (1, 5, 10)
)
FACTS = (
    *(f"{group}_{end}" for group in ("fact", "object", "cover") for end in ("precision", "recall")),
    "invented_objects",
    "wrong_counts",
    "wrong_zones",
    "wrong_shares",
)
"""Whether captions say what is there."""

SCORES = ("bleu_1", "bleu_2", "bleu_3", "bleu_4", "meteor", "rouge_l", "cider_d", "cider_d_frozen", "spice")
"""The scores of captions that the field reports, in its order."""


def measure(task: Task, metric: str) -> Measure:
    """Return how a metric is shown; one that is not known here by its own name, with two digits."""
    known = _KNOWN.get((task, metric))
    return known or Measure(task, metric, metric.replace("_", " ").replace(".", ": "), 2, "", higher=None)


def in_order(task: Task, metrics: set[str]) -> list[str]:
    """Return metrics in the order of this module; those that it does not know come last, by name."""
    order = [one.metric for one in _ALL if one.task == task]
    return sorted(metrics, key=lambda name: (order.index(name) if name in order else len(order), name))


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
    digits = 1 if ratio else measure(figure.task, figure.metric).digits
    value = number(figure.value, digits, signed=signed) + ("\u00d7" if ratio else "")
    if figure.low is None or figure.high is None:
        return value, ""
    bounds = (number(bound, digits, signed=signed) for bound in (figure.low, figure.high))
    return value, f"[{', '.join(bounds)}]"

"""The metrics, a file per family: BLEU, METEOR and ROUGE-L, CIDEr-D, SPICE, those without references, recall."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from sartext.bootstrap import Floats
from sartext.evaluation.figures import Task

Compute = Callable[[Sequence[str], Sequence[Sequence[str]]], Floats]
"""From n tokenised captions and the references of each, at least one, to what each caption adds: [n] or [n, k]."""


@dataclass(frozen=True)
class Metric:
    """A metric of a task. All that concerns it stands in the file that computes it.

    Args:
        task: that it belongs to; its name is unique there.
        name: in the figures.
        title: for people.
        digits: that are shown after the point.
        unit: such as ``0 to 100``; empty for a number without one.
        higher_is_better: None where neither direction is better.
        meaning: what it says, and what it does not, in a sentence.
        section: of the report's page that shows it, within the task.
        headline: whether it stands in summaries and is compared between models.
        per_caption: whether tables of captions have a column of it.
        chance: its value for random answers, from the labels of the items: equal labels are equally right.
        compute: what each caption adds, where that follows from captions and references alone; equal functions are
            called once. Without ``score`` it is [n] and the metric is its mean; nan leaves a caption out.
        score: from sums of ``compute`` over a corpus, [..., k], to the metric, [...].
        unavailable: returns why it cannot be computed on this machine; empty where it can.
    """

    task: Task
    name: str
    title: str
    digits: int = 1
    unit: str = "0 to 100"
    higher_is_better: bool | None = True
    meaning: str = ""
    section: str = ""
    headline: bool = False
    per_caption: bool = False
    chance: Callable[[Sequence[int]], float] | None = None
    compute: Compute | None = None
    score: Callable[[Floats], Floats] | None = None
    unavailable: Callable[[], str] = lambda: ""

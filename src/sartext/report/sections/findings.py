"""The verdict on top: what was found, in words that follow from the figures and their intervals."""

from collections.abc import Iterable, Iterator, Sequence
from html import escape

from sartext.evaluation.details import Variant
from sartext.evaluation.figures import Figure, Task
from sartext.evaluation.measures import measure, shown
from sartext.report.comparison import Comparison, Verdict, compare, foundation_of, rivals, sibling, side, trained
from sartext.report.view import View, listed

AWARE = "duplicate_aware.mean_recall"
WORDS: dict[Verdict, str] = {"better": "better", "worse": "worse", "even": "not told apart"}
ARM_METRICS: Sequence[tuple[Task, str]] = (
    ("retrieval", AWARE),
    ("captioning", "cider_d"),
    ("captioning", "fact_precision"),
    ("captioning", "fact_recall"),
)
CHANCE = 50.0
SIDES: dict[int, Verdict] = {1: "better", 0: "even", -1: "worse"}

Finding = tuple[Verdict, str, str]
"""A verdict, the words of its mark, and the sentence beside it."""


def findings(view: View) -> str:
    """Return the tiles and the sentences at the top of the page."""
    told = [*_retrieval(view), *_arms(view), *_narrated(view), *_captions(view), *_answers(view), *_foils(view)]
    told += _physics(view)
    items = "".join(
        f'<li><span class="mark {verdict}">{word}</span><span>{text}</span></li>' for verdict, word, text in told
    )
    return f'{_tiles(view)}<ul class="findings">{items}</ul>'


def _tiles(view: View) -> str:
    """The best model's headline figure of each task."""
    wanted: Sequence[tuple[Task, str]] = (
        ("retrieval", AWARE),
        ("captioning", "cider_d"),
        ("captioning", "fact_precision"),
        ("vqa", "oa"),
        ("foils", "mean_accuracy"),
    )
    tiles = []
    for task, metric in wanted:
        models = [one for one in view.index.measured(task, metric) if one.role == "model"]
        if models:
            best = max((_value(view, task, metric, one.name), -at, one) for at, one in enumerate(models))[2]
            figure = view.index.find(task, metric, best.name)
            if figure is not None:
                value, interval = shown(figure)
                known = measure(task, metric)
                tiles.append(
                    f'<div class="tile"><div class="what">{_task(task)}: {escape(known.title)}</div>'
                    f'<div class="big">{value} <span class="range">{interval}</span></div>'
                    f'<div class="what">{escape(best.name)}{f", {escape(known.unit)}" if known.unit else ""}'
                    "</div></div>"
                )
    return f'<div class="tiles">{"".join(tiles)}</div>' if tiles else ""


def _task(task: Task) -> str:
    return {"vqa": "VQA"}.get(task, task.capitalize())


def _value(view: View, task: Task, metric: str, variant: str) -> float:
    figure = view.index.find(task, metric, variant)
    return float("-inf") if figure is None or figure.value is None else figure.value


def _with(figure: Figure) -> str:
    """A value and its interval, which no line breaks apart."""
    value, interval = shown(figure)
    return f"{value} {interval}".strip().replace(" ", "\u00a0")


def _of(view: View, task: Task, metric: str, variant: str) -> str:
    figure = view.index.find(task, metric, variant)
    return _with(figure) if figure is not None and figure.value is not None else "not computed"


def _beside(view: View, one: str, other: str, task: Task, metric: str) -> str:
    """Both figures of a comparison."""
    return f"{_of(view, task, metric, one)} against {_of(view, task, metric, other)}"


def _retrieval(view: View) -> Iterator[Finding]:
    """The retrieval models beside what they began from, and beside an order drawn at random."""
    rules = [one for one in view.index.measured("retrieval", AWARE) if one.role == "baseline"]
    for one in trained(view.index, "retrieval", AWARE):
        if one.role != "model" or one.name.endswith("-annotated"):
            continue
        foundation = foundation_of(view.index, one, "retrieval", AWARE)
        beside = [*([foundation] if foundation else []), *rules]
        what = f"in retrieval, {measure('retrieval', AWARE).title}"
        yield from _against(view, one, beside, what, ("retrieval", AWARE))


def _against(
    view: View, one: Variant, others: Sequence[Variant], what: str, measured: tuple[Task, str]
) -> Iterator[Finding]:
    """One model beside several others in one measure, as far as it was taken of both."""
    task, metric = measured
    found = {other.name: compare(view.index, one.name, other.name, task, metric) for other in others}
    known = {name: comparison for name, comparison in found.items() if comparison is not None}
    if known:
        verdict, word = _together([comparison.verdict for comparison in known.values()])
        values = "; ".join(f"{escape(name)} {_of(view, task, metric, name)}" for name in (one.name, *known))
        yield verdict, word, f"<b>{escape(one.name)}</b> {what}: {_split(known)} ({values})."


def _arms(view: View) -> Iterator[Finding]:
    """What the transfer bought, against every control, in one sentence per measure."""
    for task, metric in ARM_METRICS:
        every = trained(view.index, task, metric)
        for main in every:
            found = {
                one.name: compare(view.index, main.name, one.name, task, metric) for one in rivals(main, every)
            }
            known = {name: one for name, one in found.items() if one is not None}
            if known:
                verdict, word = _together([one.verdict for one in known.values()])
                what = f"<b>{escape(main.name)}</b>, {_task(task).lower()}, {escape(measure(task, metric).title)}"
                yield verdict, word, f"{what}: {_split(known)}."


def _together(verdicts: Sequence[Verdict]) -> tuple[Verdict, str]:
    kinds = set(verdicts)
    if kinds == {"better"}:
        return "better", "better"
    if kinds == {"worse"}:
        return "worse", "worse"
    return "even", "mixed" if kinds != {"even"} else "not told apart"


def _split(found: dict[str, Comparison]) -> str:
    parts = []
    for verdict, words in (("better", "better than"), ("worse", "worse than"), ("even", "not told apart from")):
        names = [escape(name) for name, one in found.items() if one.verdict == verdict]
        if names:
            parts.append(f'<span class="{verdict}">{words}</span> {listed(names)}')
    return "; ".join(parts)


def _narrated(view: View) -> Iterator[Finding]:
    for task, metric in ARM_METRICS:
        for one in trained(view.index, task, metric):
            narrow = sibling(view.index, one)
            found = compare(view.index, one.name, narrow.name, task, metric) if narrow else None
            if narrow is not None and found is not None:
                text = (
                    f"Narrated captions in the training of <b>{escape(one.name)}</b>{_samples(one, narrow)}: "
                    f"{escape(measure(task, metric).title)} with them "
                    f"{_beside(view, one.name, narrow.name, task, metric)} without."
                )
                yield found.verdict, WORDS[found.verdict], text


def _samples(one: Variant, narrow: Variant) -> str:
    """How much the two saw: a training that stops early has seen less than was planned."""
    if one.samples is None or narrow.samples is None:
        return ""
    if one.samples == narrow.samples:
        return ", at equal samples"
    return f", {one.samples:,} samples with them and {narrow.samples:,} without"


def _captions(view: View) -> Iterator[Finding]:
    """The captioning models beside captions that nobody made for the image."""
    rules = [one for one in view.index.measured("captioning", "cider_d") if one.role == "baseline"]
    for one in trained(view.index, "captioning", "cider_d"):
        if one.role == "model" and not one.name.endswith("-annotated"):
            yield from _against(view, one, rules, "in captioning, CIDEr-D", ("captioning", "cider_d"))


def _answers(view: View) -> Iterator[Finding]:
    measured = view.index.measured("vqa", "oa")
    blind = [one for one in measured if one.role == "baseline" or one.name.endswith("-blind")]
    for one in measured:
        if one.role == "model" and one not in blind:
            what = "in answering, beside baselines that see no image, OA"
            yield from _against(view, one, blind, what, ("vqa", "oa"))


def _foils(view: View) -> Iterator[Finding]:
    kinds = view.index.subsets("foils", "kind")
    for one in _headline_models(view, "foils"):
        found = {kind: view.index.find("foils", "accuracy", one.name, subset=f"kind:{kind}") for kind in kinds}
        known = {kind: figure for kind, figure in found.items() if figure is not None and figure.value is not None}
        signs = {kind: SIDES[side(figure, CHANCE)] for kind, figure in known.items()}
        if not signs:
            continue
        verdict, word = _together(list(signs.values()))
        parts = [
            f'<span class="{kind}">{words}</span> for {listed(names)}'
            for kind, words in (
                ("better", "above chance"),
                ("worse", "below chance"),
                ("even", "not told apart from chance"),
            )
            if (names := [name for name, sign in signs.items() if sign == kind])
        ]
        yield (
            verdict,
            {"better": "above chance", "worse": "below chance"}.get(word, word),
            f"<b>{escape(one.name)}</b> prefers a true caption to one with a single changed fact: "
            f"{'; '.join(parts)} (mean {_of(view, 'foils', 'mean_accuracy', one.name)}, chance 50).",
        )


def _headline_models(view: View, task: Task) -> Iterable[Variant]:
    names = {one.variant for one in view.index.figures if one.task == task and one.value is not None}
    return [
        one
        for one in view.index.variants
        if one.role == "model" and one.name in names and not one.name.endswith("-annotated")
    ]


def _physics(view: View) -> Iterator[Finding]:
    """Whether captions follow the scene: an object removed, beside nothing but another draw of the speckle."""
    for one in _headline_models(view, "physics"):
        gone = _removal(view, one.name, "caption_changed")
        speckle = _removal(view, one.name, "caption_changed_by_speckle")
        if gone is None or speckle is None or gone.value is None or speckle.value is None:
            continue
        beyond = _removal(view, one.name, "caption_changed_beyond_speckle")
        verdict = SIDES[side(beyond, 0.0) if beyond is not None else 0]
        yield (
            verdict,
            {"better": "follows", "worse": "does not follow"}.get(verdict, WORDS[verdict]),
            f"<b>{escape(one.name)}</b> with one object removed from the scene: its caption changes in "
            f"{_with(gone)} % of the pairs; with another draw of the speckle alone in {_with(speckle)} %.",
        )


def _removal(view: View, variant: str, metric: str) -> Figure | None:
    """A figure of the removed objects, whichever benchmark it is on."""
    return next(
        (
            one
            for one in view.index.figures
            if (one.task, one.metric, one.variant) == ("physics", metric, variant) and one.value is not None
        ),
        None,
    )

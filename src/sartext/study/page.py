"""What the study's page shows: its template is ``study/templates/page.html``."""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence

from sartext.bootstrap import Interval
from sartext.config.arms import SAR, Arm
from sartext.evaluation.registry import number
from sartext.files import write_text
from sartext.narrator.rewriting import OPTICAL_RULES
from sartext.pages import Cell, Chart, Row, Table, charts, listed, render
from sartext.pages.marks import Look, looks
from sartext.study.cells import diverged
from sartext.study.figures import FURTHER, MAIN, ArmRow, Difference, Findings, StudyMetric, groups_of
from sartext.study.running import Finished
from sartext.study.tables import count, summary

DATA = {
    "sim": "simulated scenes",
    "sample": "the small real corpora",
    "pretrained": "the small real corpora from ImageNet weights",
}
SHARE, ARM = "SAR captions", "arm"
KINDS = {1: "better", -1: "worse"}
"""Of cells, by verdict."""

COURSE = ("SAR pairs", "learning rate", "samples", "of them SAR", "kept at", "seconds")


def write_page(finished: Finished, findings: Findings) -> None:
    """Write ``index.html`` to the study's folder; it needs no other file."""
    write_text(finished.design.output / "index.html", page(finished, findings))


def page(finished: Finished, findings: Findings) -> str:
    """Return the page as HTML."""
    design, study = finished.design, finished.design.study
    stage = design.rows[SAR]
    styles = looks(arm.name for arm in design.arms)
    return render(
        "study/templates/page.html",
        title=f"Progressive transfer and its controls, on {DATA[design.data]}",
        simulated=design.data == "sim",
        seeds=len(study.seeds),
        shares=len(set(study.fractions)),
        pretrained=design.data == "pretrained",
        arms=design.arms,
        controls=[control for arm, control in design.comparisons if arm == design.arms[0]],
        looks=styles,
        blind=[
            f"{metric.title} {findings.blind[metric.name]:.1f}" for metric in MAIN if metric.name in findings.blind
        ],
        verdicts=_verdicts(findings),
        arm_charts=[_arms_chart(findings, metric, styles) for metric in MAIN],
        difference_charts=[_differences_chart(findings, metric, styles) for metric in MAIN],
        differences=_differences(findings, len(study.seeds)),
        every_arm=_by_share(findings, COURSE, MAIN, _course),
        further=_by_share(findings, (), FURTHER, lambda row: []),
        paraphrased=stage.paraphrase and design.parameters.narrator.paraphrase,
        methods=stage.methods if stage.methods and OPTICAL_RULES.name not in stage.methods else (),
        first_seed=study.seeds[0],
        largest_share=_percent(max(study.fractions)),
        examples=_examples(finished),
        recipe=_recipe(finished, findings),
    )


def _percent(share: float) -> str:
    return f"{100 * share:g}\u00a0%"


def finding(findings: Findings, arm: Arm, control: Arm, metric: StudyMetric) -> dict[int, list[float]]:
    """Return the shares at which the intervals say that an arm is better (1) than a control or worse (-1)."""
    shares: dict[int, list[float]] = {1: [], -1: [], 0: []}
    for difference in findings.differences:
        if (difference.arm, difference.control, difference.metric) == (arm, control, metric):
            shares[difference.verdict].append(difference.fraction)
    return {verdict: at for verdict, at in shares.items() if verdict and at}


def _verdicts(findings: Findings) -> Table:
    heads = [ARM, "against", *(metric.title for metric in MAIN)]
    rows = [
        Row([arm.name, control.name, *(_verdict(finding(findings, arm, control, metric)) for metric in MAIN)])
        for arm, control in _pairs(findings)
    ]
    return Table(heads, rows, texts=heads)


def _pairs(findings: Findings) -> list[tuple[Arm, Arm]]:
    return list(dict.fromkeys((difference.arm, difference.control) for difference in findings.differences))


def _verdict(shares: Mapping[int, Sequence[float]]) -> Cell:
    at = {KINDS[verdict]: listed([f"{100 * share:g}" for share in known]) for verdict, known in shares.items()}
    parts = tuple(Cell(f"{kind} at {numbers}\u00a0%", kind=kind) for kind, numbers in at.items())
    return Cell("not told apart", kind="soft", parts=parts)


def _arms_chart(findings: Findings, metric: StudyMetric, styles: Mapping[str, Look]) -> Chart:
    intervals: dict[str, dict[float, Interval]] = {}
    for row in findings.rows:
        intervals.setdefault(row.arm.name, {})[row.fraction] = row.metrics[metric.name]
    return _chart(metric, metric.title, intervals, styles)


def _differences_chart(findings: Findings, metric: StudyMetric, styles: Mapping[str, Look]) -> Chart:
    """Of the first arm."""
    intervals: dict[str, dict[float, Interval]] = {}
    for difference in findings.differences:
        if difference.arm == findings.rows[0].arm and difference.metric is metric:
            intervals.setdefault(difference.control.name, {})[difference.fraction] = difference.interval
    return _chart(metric, f"difference in {metric.title}", intervals, styles, zero_line=True)


def _chart(
    metric: StudyMetric,
    title: str,
    intervals: Mapping[str, Mapping[float, Interval]],
    styles: Mapping[str, Look],
    *,
    zero_line: bool = False,
) -> Chart:
    """Lines over the shares of the SAR captions, which stand at their logarithms."""
    shares = sorted({share for line in intervals.values() for share in line})
    places = {share: _place(share, shares) for share in shares}
    lines = []
    for name, line in intervals.items():
        points = [
            charts.Point(places[share], interval.value, interval.low, interval.high)
            for share, interval in line.items()
            if interval.value is not None
        ]
        lines.append(charts.Line(name, styles[name], points))
    svg = charts.lines(
        f"{title} against the share of SAR captions; the table holds the figures",
        lines,
        [(at, f"{100 * share:g} %") for share, at in places.items()],
        SHARE,
        from_zero=False,
        zero_line=zero_line,
        omit_far=True,
    )
    return Chart(f"{title[0].upper()}{title[1:]}", metric.unit, svg)


def _place(share: float, shares: Sequence[float]) -> float:
    if len(shares) == 1:
        return 0.5
    first, last = math.log(shares[0]), math.log(shares[-1])
    return (math.log(share) - first) / (last - first)


def _by_share(
    findings: Findings,
    heads: Sequence[str],
    metrics: Sequence[StudyMetric],
    cells: Callable[[ArmRow], Sequence[str]],
) -> Table:
    """Every arm at every share, with some of its figures."""
    rows = []
    for row in findings.rows:
        lost = f"diverged in {row.diverged} seed{'s' if row.diverged > 1 else ''}"
        figures = [lost if row.diverged else _interval(row.metrics[metric.name], metric) for metric in metrics]
        share = _percent(row.fraction)
        rows.append(Row([share, row.arm.name, *cells(row), *figures], share))
    titles = [f"{metric.title}, %" if metric.unit == "%" else metric.title for metric in metrics]
    return Table([SHARE, ARM, *heads, *titles], rows, texts=[ARM], ruled=True)


def _course(row: ArmRow) -> list[str]:
    counts = (count(value) for value in (row.samples, row.sar_samples, row.kept, row.seconds))
    return [count(row.pairs), f"{row.learning_rate:g}", *counts]


def _differences(findings: Findings, seeds: int) -> Table:
    cells: dict[tuple[str, str, str], list[Cell]] = {}
    for difference in findings.differences:
        if difference.metric in MAIN:
            key = (_percent(difference.fraction), difference.arm.name, difference.control.name)
            cells.setdefault(key, []).append(_difference(difference, seeds))
    rows = [Row([*key, *of_metrics], key[0]) for key, of_metrics in cells.items()]
    heads = [SHARE, ARM, "minus"]
    return Table([*heads, *(metric.title for metric in MAIN)], rows, texts=heads[1:], ruled=True)


def _difference(difference: Difference, seeds: int) -> Cell:
    cell = _interval(difference.interval, difference.metric, signed=True)
    detail = f"{cell.detail} in {difference.seeds} of {seeds}".strip()
    return Cell(cell.text, detail, kind=KINDS.get(difference.verdict, ""))


def _interval(interval: Interval, metric: StudyMetric, *, signed: bool = False) -> Cell:
    if interval.value is None or interval.low is None or interval.high is None:
        return Cell("not computed", kind="none")
    value, low, high = (
        number(end, metric.digits, signed=signed) for end in (interval.value, interval.low, interval.high)
    )
    return Cell(value, f"[{low}, {high}]")


def _examples(finished: Finished) -> Table:
    """What the arms write of the same test images, of the first seed at the largest share."""
    study = finished.design.study
    captions = {
        entry.arm.name: finished.result(entry.cell)["examination"]["examples"]
        for entry in finished.entries
        if (entry.cell.seed, entry.fraction) == (study.seeds[0], max(study.fractions))
        and not diverged(finished.result(entry.cell))
        and entry.cell.row in finished.design.rows  # a grounder writes nothing
    }
    rows = []
    for at, example in enumerate(next(iter(captions.values()), ())):
        image_id = example["image_id"]
        rows.append(Row([image_id, "annotation", example["truth"]], image_id))
        for name, written in captions.items():
            text = written[at]["caption"] or Cell("no end of the sentence", kind="soft")
            rows.append(Row(["", name, text], image_id))
    return Table(["image", "by", "caption"], rows, texts=["by", "caption"], ruled=True)


def _recipe(finished: Finished, findings: Findings) -> Iterator[tuple[str, Cell | str]]:
    """How the study was made."""
    study, made = finished.design.study, summary(finished, findings)
    chosen = (
        f"{row['row']} at {100 * row['fraction']:g} %: {row['chosen']:g}" for row in made["learning_rates"]["rows"]
    )
    yield "simulator and recipe", Cell(finished.design.digest, code=True)
    yield "seeds", ", ".join(map(str, study.seeds))
    yield "development seeds", ", ".join(map(str, study.development_seeds))
    yield "shares", ", ".join(map(_percent, sorted(study.fractions)))
    grid = ", ".join(f"{rate:g}" for rate in study.learning_rates)
    yield "grid of learning rates", grid or "none: each row's was chosen beforehand"
    yield "chosen", "; ".join(chosen)
    yield "batch", f"{finished.design.parameters.training.batch} pairs"
    yield "validations", f"{_validations(finished)} in every training; the best one's weights are kept"
    yield "test pairs", ", ".join(_tested(finished))
    yield "resamples", f"{study.resamples:,}"
    yield "versions", ", ".join(f"{name} {version}" for name, version in made["versions"].items())
    yield "files", "cells.csv (every training), table.csv, study.json"


def _validations(finished: Finished) -> str:
    results = [finished.result(entry.cell) for entry in finished.entries]
    counts = sorted({len(result["validations"]) for result in results if not diverged(result)})
    return " to ".join(map(str, dict.fromkeys((counts[0], counts[-1])))) if counts else "none"


def _tested(finished: Finished) -> Iterator[str]:
    """The pairs that all arms of a seed were scored on."""
    for seed in finished.design.study.seeds:
        every = (groups_of(finished.result(entry.cell)) for entry in finished.entries if entry.cell.seed == seed)
        groups = next(filter(None, every), {})
        yield f"{sum(sums['pairs'] for sums in groups.values())} in {len(groups)} groups"

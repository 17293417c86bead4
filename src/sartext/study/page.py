"""The study's page: one file without outside links, charts and tables and what they mean."""

from collections.abc import Callable, Iterable, Sequence
from html import escape

from sartext.config.arms import ARMS, CONTROLS, Arm
from sartext.evaluation.bootstrap import Interval
from sartext.files import write_text
from sartext.study.cells import diverged
from sartext.study.charts import Line, chart, swatch
from sartext.study.figures import FURTHER, MAIN, Difference, Findings, Metric, Row, groups_of
from sartext.study.running import Finished
from sartext.study.style import STYLE
from sartext.study.tables import count, summary
from sartext.study.wording import finding, meaning, title, told

DIGITS = {"cross_entropy": 3}
UNITLESS = {"cross_entropy", "mean_recall", "own_recall"}
UNITS = {
    "mean_recall": "0 to 100",
    "cross_entropy": "nats per token, lower is better",
    "precision": "%",
    "recall": "%",
}


def write_page(finished: Finished, findings: Findings) -> None:
    """Write ``index.html`` to the study's folder; it needs no other file."""
    write_text(finished.design.output / "index.html", page(finished, findings))


def page(finished: Finished, findings: Findings) -> str:
    """Return the page as HTML."""
    heading = title(finished.design)
    parts = [
        f"<h1>{escape(heading)}</h1>",
        f'<p class="lead">{told(finished.design)}</p>',
        "<h2>What was found</h2>",
        _findings_table(findings),
        f'<p class="soft">{_ABOUT_VERDICTS}</p>',
        "<h2>The arms</h2>",
        _legend(ARMS),
        '<div class="charts">',
        *(_arms_chart(findings, metric) for metric in MAIN),
        "</div>",
        "<h2>Progressive minus each control</h2>",
        f"<p>{_ABOUT_DIFFERENCES}</p>",
        _legend(CONTROLS),
        '<div class="charts">',
        *(_differences_chart(findings, metric) for metric in MAIN),
        "</div>",
        _differences_table(findings, len(finished.design.study.seeds)),
        "<h2>Every arm</h2>",
        _arms_table(findings),
        "<h2>Further figures</h2>",
        _further_table(findings),
        "<h2>What the figures mean, and what they do not</h2>",
        _list(meaning(finished.design)),
        _examples(finished),
        "<h2>How it was made</h2>",
        _made(finished, findings),
    ]
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{escape(heading)}</title>\n<style>{STYLE}</style>\n</head>\n<body>\n<main>\n"
        + "\n".join(parts)
        + "\n</main>\n</body>\n</html>\n"
    )


_ABOUT_VERDICTS = (
    "“Better” and “worse” are said only where the whole 95 % interval of the paired difference lies on "
    "one side of zero. The intervals are not corrected for the number of comparisons: one in twenty may "
    "lie there by chance."
)
_ABOUT_DIFFERENCES = (
    "The difference is taken seed by seed on the same test images. Above zero, progressive has the higher "
    "figure; for cross-entropy, lower is better."
)


def _list(items: Iterable[str]) -> str:
    return f"<ul>{''.join(f'<li>{one}</li>' for one in items)}</ul>"


def _findings_table(findings: Findings) -> str:
    heads = ["progressive against", *(metric.title for metric in MAIN)]
    body = [
        _table_row([control.name, *(finding(findings, control, metric) for metric in MAIN)], False, texts=5)
        for control in CONTROLS
    ]
    return _table("At which shares of the SAR captions progressive is better or worse.", heads, body, names=5)


def _legend(arms: Sequence[Arm]) -> str:
    items = (
        f"<li>{swatch(ARMS.index(arm))} <span><b>{arm.name}</b> {escape(arm.title)}</span></li>" for arm in arms
    )
    return f'<ul class="legend">{"".join(items)}</ul>'


def _arms_chart(findings: Findings, metric: Metric) -> str:
    lines = [
        Line(
            arm.name,
            ARMS.index(arm),
            [(row.fraction, row.metrics[metric.name]) for row in findings.rows if row.arm is arm],
        )
        for arm in ARMS
    ]
    return _figure(metric, metric.title, chart(metric.title, lines))


def _differences_chart(findings: Findings, metric: Metric) -> str:
    lines = [
        Line(
            control.name,
            ARMS.index(control),
            [(one.fraction, one.interval) for one in findings.differences if _is(one, control, metric)],
        )
        for control in CONTROLS
    ]
    name = f"difference in {metric.title}"
    return _figure(metric, name, chart(name, lines, zero=True))


def _figure(metric: Metric, name: str, drawn: str) -> str:
    heading = f"{name[0].upper()}{name[1:]}"
    return f'<figure><h3>{heading} <span class="range">{UNITS[metric.name]}</span></h3>{drawn}</figure>'


def _is(one: Difference, control: Arm, metric: Metric) -> bool:
    return one.control is control and one.metric is metric


def _arms_table(findings: Findings) -> str:
    heads = ["SAR captions", "arm", "SAR pairs", "learning rate", "samples", "of them SAR", "kept at", "seconds"]
    caption = (
        "Means over seeds with 95 % intervals. Samples and seconds of all stages of an arm until they stopped; "
        "“kept at” is the sample of the last stage whose weights validation chose; “SAR pairs” is what the share "
        "comes to. An arm that diverged in a seed has no figures."
    )
    return _by_share(findings, caption, heads, MAIN, lambda row: [*_place(row), *_course(row)])


def _further_table(findings: Findings) -> str:
    caption = (
        "Mean recall where only an image's own caption counts, and facts by kind. One-positive recall has a "
        "ceiling: captions repeat, and a model that knows all facts cannot tell equal ones apart "
        "(<code>cells.csv</code> has it)."
    )
    return _by_share(findings, caption, ["SAR captions", "arm"], FURTHER, _place)


def _by_share(
    findings: Findings,
    caption: str,
    heads: Sequence[str],
    metrics: Sequence[Metric],
    cells: Callable[[Row], list[str]],
) -> str:
    titles = [f"{metric.title}{'' if metric.name in UNITLESS else ', %'}" for metric in metrics]
    body, before = [], None
    for row in findings.rows:
        lost = f"diverged in {row.diverged} seed{'s' if row.diverged > 1 else ''}"
        figures = [lost if row.diverged else _interval(row.metrics[metric.name], metric) for metric in metrics]
        body.append(_table_row([*cells(row), *figures], row.fraction != before))
        before = row.fraction
    return _table(caption, [*heads, *titles], body, names=2)


def _place(row: Row) -> list[str]:
    return [f"{100 * row.fraction:g} %", row.arm.name]


def _course(row: Row) -> list[str]:
    counts = (count(one) for one in (row.samples, row.sar_samples, row.kept, row.seconds))
    return [count(row.pairs), f"{row.learning_rate:g}", *counts]


def _differences_table(findings: Findings, seeds: int) -> str:
    heads = ["SAR captions", "progressive minus", *(metric.title for metric in MAIN)]
    places: dict[tuple[float, str], dict[str, Difference]] = {}
    for one in findings.differences:
        places.setdefault((one.fraction, one.control.name), {})[one.metric.name] = one
    body, before = [], None
    for (fraction, control), found in places.items():
        cells = [f"{100 * fraction:g} %", control, *(_difference(found[metric.name], seeds) for metric in MAIN)]
        body.append(_table_row(cells, fraction != before))
        before = fraction
    caption = (
        "Paired differences with 95 % intervals, and in how many seeds progressive is better; "
        "green where it is better, red where it is worse."
    )
    return _table(caption, heads, body, names=2)


def _difference(one: Difference, seeds: int) -> str:
    kind = {1: "good", -1: "bad", 0: ""}[one.verdict]
    return (
        f'<span class="{kind}">{_interval(one.interval, one.metric, signed=True)}</span><br>{one.seeds} of {seeds}'
    )


def _interval(one: Interval, metric: Metric, *, signed: bool = False) -> str:
    if one.value is None or one.low is None or one.high is None:
        return "not computed"
    digits = DIGITS.get(metric.name, 1)
    shown = [_number(value, digits, signed) for value in (one.value, one.low, one.high)]
    return f'{shown[0]} <span class="range">[{shown[1]}, {shown[2]}]</span>'


def _number(value: float, digits: int, signed: bool) -> str:
    return f"{value:{'+' if signed else ''}.{digits}f}".replace("-", "&minus;")


def _table(caption: str, heads: Sequence[str], body: Sequence[str], *, names: int) -> str:
    head = "".join(
        f'<th scope="col"{_class("text" if at < names else "")}>{one}</th>' for at, one in enumerate(heads)
    )
    return (
        f'<p class="soft">{caption}</p><div class="scroll" tabindex="0"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(body)}</tbody></table></div>"
    )


def _table_row(cells: Sequence[str], first: bool, texts: int = 2) -> str:
    head = f'<th scope="row">{cells[0]}</th>'
    rest = "".join(
        f"<td{_class('text name' if at < texts - 1 else '')}>{one}</td>" for at, one in enumerate(cells[1:])
    )
    return f"<tr{_class('first' if first else '')}>{head}{rest}</tr>"


def _class(name: str) -> str:
    return f' class="{name}"' if name else ""


def _examples(finished: Finished) -> str:
    """What the arms write of the same test images, of the first seed at the largest share."""
    design = finished.design
    share = max(design.study.fractions)
    chosen = [one for one in finished.entries if one.cell.seed == design.study.seeds[0] and one.fraction == share]
    results = {
        entry.arm.name: finished.result(entry.cell)["examination"]["examples"]
        for entry in chosen
        if not diverged(finished.result(entry.cell))
    }
    if not results:
        return ""
    body = []
    for number, example in enumerate(next(iter(results.values()))):
        rows = [
            ("annotation", example["truth"]),
            *((name, found[number]["caption"]) for name, found in results.items()),
        ]
        for at, (name, text) in enumerate(rows):
            cells = [
                escape(example["image_id"]) if at == 0 else "",
                name,
                escape(text) or "<i>no end of the sentence</i>",
            ]
            body.append(_table_row(cells, at == 0, texts=3))
    seed = design.study.seeds[0]
    caption = f"The first test images of seed {seed}, at {100 * share:g} % of the SAR captions; not chosen."
    return f"<h2>What the arms write</h2>{_table(caption, ['image', 'by', 'caption'], body, names=3)}"


def _validations(finished: Finished) -> str:
    results = [finished.result(entry.cell) for entry in finished.entries]
    counts = sorted({len(one["validations"]) for one in results if not diverged(one)})
    return " to ".join(map(str, dict.fromkeys((counts[0], counts[-1])))) if counts else "none"


def _tested(finished: Finished) -> Iterable[str]:
    """The pairs that all arms of a seed were scored on."""
    for seed in finished.design.study.seeds:
        every = (groups_of(finished.result(one.cell)) for one in finished.entries if one.cell.seed == seed)
        groups = next(filter(None, every), {})
        yield f"{sum(one['pairs'] for one in groups.values())} in {len(groups)} groups"


def _made(finished: Finished, findings: Findings) -> str:
    found = summary(finished, findings)
    study = finished.design.study
    chosen = [
        f"{one['row']} at {100 * one['fraction']:g} %: {one['chosen']:g}"
        for one in found["learning_rates"]["rows"]
    ]
    told = {
        "simulator and recipe": f"<code>{finished.design.digest}</code>",
        "seeds": ", ".join(map(str, study.seeds)),
        "development seeds": ", ".join(map(str, study.development_seeds)),
        "shares": ", ".join(f"{100 * one:g} %" for one in sorted(study.fractions)),
        "grid of learning rates": ", ".join(f"{one:g}" for one in study.learning_rates),
        "chosen": "; ".join(chosen),
        "batch": f"{finished.design.parameters.training.batch} pairs",
        "validations": f"{_validations(finished)} in every training; the best one's weights are kept",
        "test pairs": ", ".join(_tested(finished)),
        "resamples": f"{study.resamples:,}",
        "versions": ", ".join(f"{name} {version}" for name, version in found["versions"].items()),
        "files": "<code>cells.csv</code> (every training), <code>table.csv</code>, <code>study.json</code>",
    }
    return f'<dl class="facts">{"".join(f"<dt>{name}</dt><dd>{value}</dd>" for name, value in told.items())}</dl>'

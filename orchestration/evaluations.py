"""What a person sees of an evaluation and of the report in Dagster: headline figures over time, and the page."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from dagster import MetadataValue, TableColumn, TableRecord, TableSchema

from sartext.config import Project
from sartext.evaluation.figures import EVERYTHING, Figure, read_figures
from sartext.files import read_json

PREFIX = "evaluation@"
REPORT = "report"
PROMOTION = "promotion"
HEADLINES: dict[str, Sequence[str]] = {
    "retrieval": ("one_positive.mean_recall", "duplicate_aware.mean_recall"),
    "captioning": ("bleu_4", "cider_d", "fact_precision", "fact_recall"),
    "vqa": ("aa", "oa"),
    "foils": ("mean_accuracy",),
    "physics": ("caption_changed_beyond_speckle",),
}
"""The figures that Dagster draws over time, by task; all others are in ``report.json``."""

REMOVED = "removed"

Metadata = dict[str, Any]


def describe_evaluation(project: Project, task: str) -> Metadata:
    """Return the metadata of ``evaluation@<task>``: a number per headline figure, and all of them as a table.

    Numbers have the same name at every materialisation, so Dagster draws them over time.
    """
    path = project.build / "evaluation" / task / "figures.json"
    return _headlines(read_figures(path)) if path.is_file() else {}


def describe_report(project: Project) -> Metadata:
    """Return the metadata of ``report``: the page and every headline figure."""
    folder = project.build / "report"
    if not (folder / "report.json").is_file():
        return {}
    found: Metadata = {"page": MetadataValue.url((folder / "index.html").as_uri())}
    if (runs := project.build / "log" / "runs.html").is_file():
        found["runs behind it"] = MetadataValue.url(runs.as_uri())
    return {**found, **_headlines(Figure(**one) for one in read_json(folder / "report.json")["figures"])}


def _headlines(figures: Iterable[Figure]) -> Metadata:
    known = [one for one in figures if _is_headline(one)]
    found: Metadata = dict(_numbers(known))
    if known:
        names = ("figure", "variant", "benchmark", "value", "95 % interval", "n")
        records = [TableRecord(dict(zip(names, _cells(one), strict=True))) for one in known]
        found["figures"] = MetadataValue.table(records, TableSchema([TableColumn(name) for name in names]))
    return found


def _is_headline(one: Figure) -> bool:
    single = " minus " not in one.variant and " over " not in one.variant
    return single and one.subset in {EVERYTHING, REMOVED} and one.metric in HEADLINES[one.task]


def _numbers(figures: Sequence[Figure]) -> Iterator[tuple[str, float]]:
    """The figures with a value; the benchmark is named where a task has several."""
    benchmarks = {task: sorted({one.benchmark for one in figures if one.task == task}) for task in HEADLINES}
    for one in figures:
        if one.value is not None:
            several = len(benchmarks[one.task]) > 1
            place = f" on {one.benchmark}" if several else ""
            yield f"{one.task} {one.metric} of {one.variant}{place}", float(one.value)


def _cells(one: Figure) -> tuple[str, ...]:
    value = one.reason if one.value is None else f"{one.value:.4g}"
    interval = "" if one.low is None or one.high is None else f"{one.low:.4g} to {one.high:.4g}"
    return f"{one.task} {one.metric}", one.variant, one.benchmark, value, interval, str(one.n)


def describe_promotion(project: Project) -> Metadata:
    """Return the metadata of ``promotion``: what became of the version of each model."""
    path = project.build / "promotion" / "promotion.json"
    decisions: Sequence[dict[str, Any]] = read_json(path)["decisions"] if path.is_file() else ()
    if not decisions:
        return {}
    names = ("model", "outcome", "version", "champion", "why")
    rows = [
        (one["model"], one["outcome"], one["version"] or "", one["champion"] or "", "; ".join(one["reasons"]))
        for one in decisions
    ]
    records = [TableRecord(dict(zip(names, row, strict=True))) for row in rows]
    return {"champions": MetadataValue.table(records, TableSchema([TableColumn(name) for name in names]))}

"""The tables at the end of a build: models, what they captioned, pairs, the gate's figures, the release."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from sartext.config import Project
from sartext.files import read_json
from sartext.release.gate.verdict import Outcome, judged_nothing, outcome

SCORES: Mapping[str, tuple[str, str, str]] = {
    "recall": ("retrieval", "duplicate_aware.mean_recall", ".1f"),
    "one positive": ("retrieval", "one_positive.mean_recall", ".1f"),
    "BLEU-4": ("captioning", "bleu_4", ".3f"),
    "CIDEr-D": ("captioning", "cider_d", ".3f"),
    "facts": ("captioning", "fact_precision", ".1f"),
    "OA": ("vqa", "oa", ".1f"),
    "AA": ("vqa", "aa", ".1f"),
}
"""Heading, task, metric and format: mean recall by equal facts and by one positive, precision of facts, VQA."""

DETAIL_CHARACTERS = 60
SPLITS = ("train", "validation", "test")
COLOURS: Mapping[Outcome, str] = {"passed": "green", "failed": "red", "not judged": "yellow"}


@dataclass(frozen=True)
class SuiteSummary:
    """One suite of the gate: what came of it, and the expectation that tells most, with its figure."""

    name: str
    verdict: Outcome
    expectations: int
    worst: str


def count_pairs(path: Path) -> dict[str, Counter[str]]:
    """Count the pairs of a candidate per corpus and split."""
    import pyarrow.parquet as pq

    pairs: dict[str, Counter[str]] = {}
    for row in pq.read_table(path, columns=["corpus", "split"]).to_pylist():
        pairs.setdefault(row["corpus"], Counter())[row["split"]] += 1
    return dict(sorted(pairs.items()))


def summarise_gate(gate: Mapping[str, Any]) -> list[SuiteSummary]:
    """Sum up each suite; what failed comes before what holds, critical before warning, figures before none."""
    return [
        SuiteSummary(
            str(suite["name"]), _verdict(suite), len(suite["expectations"]), _worst(suite["expectations"])
        )
        for suite in gate["suites"]
    ]


def _verdict(suite: Mapping[str, Any]) -> Outcome:
    if not suite["passed"]:
        return "failed"
    return "not judged" if judged_nothing(suite["expectations"]) else "passed"


def _worst(expectations: Sequence[Mapping[str, Any]]) -> str:
    if not expectations:
        return "judged nothing"
    if judged_nothing(expectations):
        return _short(str(expectations[0]["detail"]))
    worst = min(
        expectations,
        key=lambda row: (bool(row["passed"]), row["severity"] != "critical", row.get("figure") is None),
    )
    if worst["passed"]:
        measured = [row for row in expectations if row.get("figure")]
        figures = [f"{row['name']} {row['figure']:,.4g} {row.get('unit') or ''}".rstrip() for row in measured]
        return "; ".join([_held(expectations), *figures[:2]])
    figure = "" if worst.get("figure") is None else f" {worst['figure']:.4g} {worst.get('unit') or ''}"
    detail = str(worst.get("detail") or worst["status"])
    return f"{worst['name']}{figure.rstrip()} ({worst['severity']}: {_short(detail)})"


def _held(expectations: Sequence[Mapping[str, Any]]) -> str:
    unjudged = sum(outcome(row) == "not judged" for row in expectations)
    return f"all hold, {unjudged} not judged" if unjudged else "all hold"


@dataclass(frozen=True)
class ModelSummary:
    """A checkpoint: what it started from, the pairs that it saw, its best step of how many, and the loss there."""

    name: str
    origin: str
    samples: int
    best_step: int
    steps: int
    loss: float | None


def summarise_models(project: Project, made: Collection[str]) -> list[ModelSummary]:
    """Sum up the checkpoints and models of a run, from their training records."""
    parameters = project.parameters
    models = []
    for name, row in {**parameters.checkpoints, **parameters.models}.items():
        if {f"checkpoint/{name}", f"model/{name}"} & set(made):
            training = read_json(project.checkpoint(name) / "training.json")
            loss = (training["best"] or {}).get("loss")
            origin = Path(row.origin).stem if row.origin.endswith(".yaml") else Path(row.origin).name
            steps = (training["samples"], training["best_step"], training["steps"])
            models.append(ModelSummary(name, origin, *steps, loss))
    return models


@dataclass(frozen=True)
class NarrationSummary:
    """What a model captioned: the images it saw, the captions that passed, and why most of the others did not."""

    corpus: str
    method: str
    seen: int
    captions: int
    reason: str


def summarise_narrations(project: Project, made: Collection[str]) -> list[NarrationSummary]:
    """Sum up what models captioned in a run."""
    folders = [
        *((f"optical-captions/{name}", "captioned_halves") for name in project.parameters.optical_captions),
        *((f"narrated/{name}", "narrated") for name in project.parameters.narrated),
    ]
    narrations = []
    for asset, seen in folders:
        if asset in made:
            metrics = read_json(project.build / asset / "metrics.json")
            reasons = Counter(metrics["uncaptioned"])
            narrations.append(
                NarrationSummary(
                    metrics["corpus"],
                    metrics["method"],
                    metrics[seen],
                    metrics["captions"],
                    "; ".join(f"{count:,} {_short(reason)}" for reason, count in reasons.most_common(2)),
                )
            )
    return narrations


def _short(text: str) -> str:
    return text if len(text) <= DETAIL_CHARACTERS else f"{text[:DETAIL_CHARACTERS].rstrip()}…"


def show_summary(
    project: Project, console: Console, *, seconds: float, made: Collection[str], published: bool
) -> None:
    """Print models and their captions, pairs, the gate, and the release with its path and the run's duration.

    Args:
        project: the checkout.
        console: where to print.
        seconds: how long the run took.
        made: the assets that the run made or found unchanged; others, left from earlier runs, are not shown.
        published: whether this run published the release.
    """
    models = summarise_models(project, made)
    if models:
        console.print(_models_table(models))
    narrations = summarise_narrations(project, made)
    if narrations:
        console.print(_narrations_table(narrations))
    if "candidate" in made:
        console.print(_pairs_table(count_pairs(project.build / "candidate" / "pairs.parquet")))
    if "quality" in made:
        console.print(_gate_table(summarise_gate(read_json(project.build / "quality" / "gate.json"))))
    if "publication" in made:
        console.print()
        record = read_json(project.build / "publication" / "publication.json")
        how = "newly published" if published else "nothing changed, nothing published"
        console.print(f"release   {record['version']} ({how})", highlight=False)
        console.print(f"path      {record['path']}", highlight=False, soft_wrap=True)
    if "report" in made:
        show_report(project, console)
    console.print(f"duration  {seconds:.1f} s", highlight=False)


def _pairs_table(pairs: Mapping[str, Counter[str]]) -> Table:
    table = Table(title="Image-text pairs", title_justify="left")
    table.add_column("corpus")
    for split in (*SPLITS, "all"):
        table.add_column(split, justify="right")
    for corpus, counts in pairs.items():
        table.add_row(corpus, *(f"{counts[split]:,}" for split in SPLITS), f"{counts.total():,}")
    totals = sum(pairs.values(), Counter())
    table.add_section()
    table.add_row("all", *(f"{totals[split]:,}" for split in SPLITS), f"{totals.total():,}")
    return table


def _models_table(models: Sequence[ModelSummary]) -> Table:
    table = Table(title="Models", title_justify="left")
    for heading in ("checkpoint", "from"):
        table.add_column(heading)
    for heading in ("pairs seen", "best step", "validation loss"):
        table.add_column(heading, justify="right")
    for model in models:
        loss = "" if model.loss is None else f"{model.loss:.4f}"
        steps = f"{model.best_step:,} of {model.steps:,}"
        table.add_row(model.name, model.origin, f"{model.samples:,}", steps, loss)
    return table


def _narrations_table(narrations: Sequence[NarrationSummary]) -> Table:
    table = Table(title="Captions by models", title_justify="left")
    for heading in ("corpus", "method", "images", "captions", "left out, mostly"):
        figure = heading in {"images", "captions"}
        table.add_column(heading, justify="right" if figure else "left", overflow="fold")
    for row in narrations:
        table.add_row(row.corpus, row.method, f"{row.seen:,}", f"{row.captions:,}", row.reason)
    return table


def _gate_table(suites: Sequence[SuiteSummary]) -> Table:
    table = Table(title="Quality gate", title_justify="left")
    for heading in ("suite", "verdict", "expectations", "figure"):
        table.add_column(heading, justify="right" if heading == "expectations" else "left", overflow="fold")
    for suite in suites:
        verdict = f"[{COLOURS[suite.verdict]}]{suite.verdict}[/]"
        table.add_row(suite.name, verdict, str(suite.expectations), suite.worst)
    return table


def show_report(project: Project, console: Console) -> None:
    """Print the figures of the first benchmark by variant, and the path of the page."""
    content: Mapping[str, Any] = read_json(project.build / "report" / "report.json")
    benchmark = content["benchmarks"][0]
    console.print(_scores_table(content["variants"], content["figures"], benchmark))
    page = project.relative(project.build / "report" / "index.html")
    console.print(f"report    {page}", highlight=False, soft_wrap=True)


def _scores_table(
    variants: Sequence[Mapping[str, Any]], figures: Sequence[Mapping[str, Any]], benchmark: Mapping[str, Any]
) -> Table:
    whole = {
        (figure["task"], figure["metric"], figure["variant"]): figure["value"]
        for figure in figures
        if figure["benchmark"] == benchmark["name"] and figure["subset"] == "all"
    }
    table = Table(title=f"{benchmark['name']}, {benchmark['images']:,} images", title_justify="left", box=None)
    table.add_column("variant", no_wrap=True)
    for heading in SCORES:
        table.add_column(heading, justify="right")
    for name in dict.fromkeys(variant["name"] for variant in variants):
        cells = [_cell(whole.get((task, metric, name)), form) for task, metric, form in SCORES.values()]
        if any(cells):
            table.add_row(name, *cells)
    return table


def _cell(value: float | None, form: str) -> str:
    return "" if value is None else format(value, form)

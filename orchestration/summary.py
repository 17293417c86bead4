"""The tables at the end of a build: models, what they captioned, pairs, the gate's figures, the release."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from orchestration.scores import show_report
from sartext.config import Project
from sartext.files import read_json
from sartext.release.gate.verdict import Outcome, judged_nothing, outcome

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

    found: dict[str, Counter[str]] = {}
    for row in pq.read_table(path, columns=["corpus", "split"]).to_pylist():
        found.setdefault(row["corpus"], Counter())[row["split"]] += 1
    return dict(sorted(found.items()))


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
    one = min(
        expectations,
        key=lambda row: (bool(row["passed"]), row["severity"] != "critical", row.get("figure") is None),
    )
    if one["passed"]:
        measured = [row for row in expectations if row.get("figure")]
        figures = [f"{row['name']} {row['figure']:,.4g} {row.get('unit') or ''}".rstrip() for row in measured]
        return "; ".join([_held(expectations), *figures[:2]])
    figure = "" if one.get("figure") is None else f" {one['figure']:.4g} {one.get('unit') or ''}"
    said = str(one.get("detail") or one["status"])
    return f"{one['name']}{figure.rstrip()} ({one['severity']}: {_short(said)})"


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
    found = []
    for name, row in {**parameters.checkpoints, **parameters.models}.items():
        if {f"checkpoint/{name}", f"model/{name}"} & set(made):
            told = read_json(project.checkpoint(name) / "training.json")
            loss = (told["best"] or {}).get("loss")
            origin = Path(row.origin).stem if row.origin.endswith(".yaml") else Path(row.origin).name
            found.append(ModelSummary(name, origin, told["samples"], told["best_step"], told["steps"], loss))
    return found


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
    found = []
    for asset, seen in folders:
        if asset in made:
            told = read_json(project.build / asset / "metrics.json")
            reasons = Counter(told["uncaptioned"])
            found.append(
                NarrationSummary(
                    told["corpus"],
                    told["method"],
                    told[seen],
                    told["captions"],
                    "; ".join(f"{count:,} {_short(reason)}" for reason, count in reasons.most_common(2)),
                )
            )
    return found


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
        made: the assets that the run made or found unchanged; of others, left from earlier runs, nothing is told.
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
        told = read_json(project.build / "publication" / "publication.json")
        how = "newly published" if published else "nothing changed, nothing published"
        console.print(f"release   {told['version']} ({how})", highlight=False)
        console.print(f"path      {told['path']}", highlight=False, soft_wrap=True)
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
    for one in models:
        loss = "" if one.loss is None else f"{one.loss:.4f}"
        table.add_row(one.name, one.origin, f"{one.samples:,}", f"{one.best_step:,} of {one.steps:,}", loss)
    return table


def _narrations_table(narrations: Sequence[NarrationSummary]) -> Table:
    table = Table(title="Captions by models", title_justify="left")
    for heading in ("corpus", "method", "images", "captions", "left out, mostly"):
        figure = heading in {"images", "captions"}
        table.add_column(heading, justify="right" if figure else "left", overflow="fold")
    for one in narrations:
        table.add_row(one.corpus, one.method, f"{one.seen:,}", f"{one.captions:,}", one.reason)
    return table


def _gate_table(suites: Sequence[SuiteSummary]) -> Table:
    table = Table(title="Quality gate", title_justify="left")
    for heading in ("suite", "verdict", "expectations", "figure"):
        table.add_column(heading, justify="right" if heading == "expectations" else "left", overflow="fold")
    for one in suites:
        table.add_row(one.name, f"[{COLOURS[one.verdict]}]{one.verdict}[/]", str(one.expectations), one.worst)
    return table

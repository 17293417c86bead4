"""The page: one file without outside links that opens from disk."""

from collections.abc import Callable, Mapping
from typing import Any

from sartext.evaluation.benchmarks import SIMULATED
from sartext.evaluation.metrics import Metric
from sartext.evaluation.registry import METRICS
from sartext.pages import Cell, Row, Table, render
from sartext.report.claims import claims
from sartext.report.findings import findings
from sartext.report.grounding import grounding
from sartext.report.inputs import Release
from sartext.report.sections import captioning, foils, physics, retrieval, vqa
from sartext.report.view import DASH, ReportView

BESIDE = {
    "foundation": "the foundation",
    "arm": "the arms of progressive transfer",
    "baseline": "the baselines",
}
"""What the lead calls the variants that are no models of ours."""

SMALL = 50_000_000
"""Weights under which a model is called tiny: the smallest that the field uses has three times as many."""


def meaning(view: ReportView) -> dict[str, Any]:
    """Return what decides which sentences say what the figures mean, and what they do not."""
    variants, details = view.index.variants, view.details
    corpora = {name for benchmark in details.benchmarks for name in benchmark.corpora}
    trained = [variant for variant in variants if variant.role in {"arm", "model"}]
    sizes = [variant.weights for variant in trained if variant.weights is not None]
    return {
        "benchmark": details.benchmarks[0],
        "corpora": len(corpora),
        "simulated": sum(name.startswith(SIMULATED) for name in corpora),
        "sar_only": [
            variant.name
            for variant in variants
            if variant.role == "arm" and variant.samples == variant.sar_samples
        ],
        "weights": sorted({min(sizes), max(sizes)}) if sizes and max(sizes) < SMALL else [],
        "random": [
            variant.name for variant in variants if variant.role == "foundation" and not variant.pretrained
        ],
        "metrics": _definitions(view),
        "notes": details.notes,
    }


def _definitions(view: ReportView) -> list[Metric]:
    """The headline metrics that were measured, and SPICE where it was not: it says why."""
    measured = {(figure.task, figure.metric) for figure in view.index.figures if figure.value is not None}
    every = [metric for registry in METRICS.values() for metric in registry]
    known = [metric for metric in every if metric.headline and (metric.task, metric.name) in measured]
    return known if view.index.trained("captioning", "spice") else [*known, METRICS["captioning"]["spice"]]


def provenance(view: ReportView) -> dict[str, Any]:
    """Return where the figures come from: release, commit, data, benchmarks, models."""
    benchmarks = [
        Row(
            [
                row.name,
                *(f"{count:,}" for count in (row.images, row.groups, row.distinct_facts, row.left_out)),
                ", ".join(f"{name} {count:,}" for name, count in sorted(row.corpora.items())),
                Cell(row.sha256, code=True),
            ]
        )
        for row in view.details.benchmarks
    ]
    models = [
        Row(
            [
                view.name_cell(variant),
                variant.title,
                DASH if variant.weights is None else f"{variant.weights:,}",
                ", ".join(variant.stages) or DASH,
                variant.origin or DASH,
                Cell(variant.model_sha256, code=True),
            ]
        )
        for variant in view.details.variants
        if variant.model_sha256 is not None
    ]
    of_benchmarks = ["benchmark", "images", "groups", "different facts", "left out", "corpora",
                     "SHA-256 of its definition"]  # fmt: skip
    of_models = ["model", "what it is", "weights", "stages that trained it", "started from",
                 "SHA-256 of its weights"]  # fmt: skip
    return {
        "release": [
            (name, Cell(text, code=_is_hash(text))) for name, text in _identity(view.release).items() if text
        ],
        "benchmarks": Table(of_benchmarks, benchmarks, texts=of_benchmarks[-2:]),
        "models": Table(of_models, models, texts=[head for head in of_models if head != "weights"]),
    }


def _identity(release: Release) -> Mapping[str, str | None]:
    missing = "outside a git repository" if release.version else "not published yet"
    commit = release.commit or missing
    tools = sorted((release.tools or {}).items())
    version = f" {release.version}" if release.version else ", these bytes are not published"
    return {
        "release": f"{release.name}{version}",
        "content SHA-256": release.content_sha256,
        "commit": f"{commit}, tracked files differed" if release.dirty else commit,
        **{f"data/{name}": digest or "not recorded" for name, digest in sorted((release.data or {}).items())},
        "tools": ", ".join(f"{name} {version}" for name, version in tools if version),
    }


def _is_hash(text: str) -> bool:
    return " " not in text and len(text) > 20


SECTIONS: Mapping[str, tuple[str, Callable[[ReportView], dict[str, Any] | None]]] = {
    "claims": ("Claims", claims),
    "retrieval": ("Retrieval", retrieval),
    "captioning": ("Captioning", captioning),
    "vqa": ("VQA", vqa),
    "grounding": ("Grounding", grounding),
    "foils": ("Foils", foils),
    "physics": ("Physics", physics),
    "meaning": ("What it means", meaning),
    "provenance": ("Provenance", provenance),
}
"""By the name of a section's template and anchor: its title in the navigation, and what it shows."""


def page(view: ReportView) -> str:
    """Return the page as HTML; equal inputs give equal text."""
    sections = {name: content for name, (_, write) in SECTIONS.items() if (content := write(view)) is not None}
    roles = {variant.role for variant in view.details.variants}
    return render(
        "report/templates/page.html",
        title=f"Evaluation of {view.release.title}",
        release=view.release,
        benchmark=view.details.benchmarks[0],
        beside=[title for role, title in BESIDE.items() if role in roles],
        found=findings(view),
        sections=[(name, SECTIONS[name][0]) for name in sections],
        variants=view.details.variants,
        looks=view.looks,
        pictures=view.pictures,
        chosen=view.details.chosen,
        **sections,
    )

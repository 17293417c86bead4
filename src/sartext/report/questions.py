"""Questions and foils: what a model answers, and whether it prefers a true caption to one with a changed fact."""

from typing import Any

from sartext.evaluation.figures import Figure
from sartext.evaluation.vqa import normalise_answer
from sartext.report.view import Column, ReportView, dots, drawn, variants_table

CHANCE = 50.0
"""Of foils, in percent."""


def vqa(view: ReportView) -> dict[str, Any]:
    """Return what the section on visual question answering shows."""
    index = view.index
    types = index.subsets("vqa", "type", "accuracy")
    corpora = index.subsets("vqa", "corpus", "accuracy")
    by_type = [Column(name, "vqa", "accuracy", f"type:{name}") for name in types]
    charts = [dots(view, "vqa", "accuracy", subset=f"type:{name}", title=f"Questions: {name}") for name in types]
    return {
        "dots": drawn([dots(view, "vqa", "oa"), *charts]),
        "blind_model": any(variant.kind == "gpt" for variant in index.baselines("vqa", "oa")),
        "numbers": _numbers(view),
        "by_type": variants_table(view, [Column("OA", "vqa", "oa"), Column("AA", "vqa", "aa"), *by_type]),
        "by_corpus": variants_table(view, [Column(name, "vqa", "accuracy", f"corpus:{name}") for name in corpora]),
        "examples": [
            (example, {name: _is_right(answer, example.answer) for name, answer in example.answers.items()})
            for example in view.details.questions
        ],
    }


def _numbers(view: ReportView) -> list[tuple[str, int]]:
    """How many questions each type has, from the variant that was asked most."""
    numbers: dict[str, int] = {}
    figures: list[Figure] = view.index.of("vqa", "accuracy")
    for figure in figures:
        prefix, _, name = figure.subset.partition(":")
        if prefix == "type" and figure.n:
            numbers[name] = max(figure.n, numbers.get(name, 0))
    return sorted(numbers.items())


def _is_right(answer: str, right: str) -> bool:
    return normalise_answer(answer) == normalise_answer(right)


def foils(view: ReportView) -> dict[str, Any]:
    """Return what the section on foils shows."""
    kinds = view.index.subsets("foils", "kind")
    return {
        "dots": drawn(
            dots(
                view,
                "foils",
                "accuracy",
                subset=f"kind:{kind}",
                title=f"Changed: {kind}",
                reference=(CHANCE, "chance"),
            )
            for kind in kinds
        ),
        "by_kind": variants_table(
            view,
            [
                Column("mean of the kinds", "foils", "mean_accuracy"),
                *(Column(f"{kind} changed", "foils", "accuracy", f"kind:{kind}") for kind in kinds),
            ],
        ),
        "examples": view.details.foils,
    }

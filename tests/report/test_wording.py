"""What the page states follows from the very figures and variants that it stands beside."""

import re
from collections.abc import Callable, Collection
from dataclasses import replace

import pytest

from sartext.config import Project
from sartext.config.training import EvaluationParameters
from sartext.evaluation.details import Variant
from sartext.evaluation.figures import Figure
from sartext.evaluation.registry import shown
from sartext.pages.marks import Look
from sartext.report.claims import claims
from sartext.report.findings import ReportFinding, findings
from sartext.report.grounding import grounding
from sartext.report.inputs import Evaluation, Release, read_evaluation
from sartext.report.page import meaning, page
from sartext.report.sections import captioning, physics, retrieval, vqa
from sartext.report.view import Column, ReportView, looks_of, variants_table, view_of
from tests.report.conftest import COMPARISONS
from tests.report.evaluations import BENCHMARK, KINDS

RELEASE = Release("sar-text", "SAR-Text", "5c" * 32)
Change = Callable[[Figure], Figure]


@pytest.fixture(scope="module")
def evaluation(template: Project) -> Evaluation:
    return read_evaluation(template.build / "evaluation")


def make_view(evaluation: Evaluation) -> ReportView:
    return view_of(evaluation, RELEASE, EvaluationParameters(comparisons=COMPARISONS))


def changed(evaluation: Evaluation, change: Change) -> Evaluation:
    return replace(evaluation, figures=tuple(map(change, evaluation.figures)))


def with_variants(evaluation: Evaluation, change: Callable[[Variant], Variant]) -> Evaluation:
    details = replace(evaluation.details, variants=tuple(map(change, evaluation.details.variants)))
    return replace(evaluation, details=details)


def without(evaluation: Evaluation, names: Collection[str]) -> Evaluation:
    """The same evaluation, had these variants never been."""
    kept = tuple(variant for variant in evaluation.details.variants if variant.name not in names)
    figures = tuple(figure for figure in evaluation.figures if not {*figure.variant.split(" minus ")} & {*names})
    curves = tuple(curve for curve in evaluation.details.curves if curve.variant not in names)
    details = replace(evaluation.details, variants=kept, curves=curves)
    return replace(evaluation, details=details, figures=figures)


def finding(view: ReportView, kind: str, variant: str, what: str = "") -> ReportFinding:
    """The only finding of a kind on a variant."""
    of_variant = (item for item in findings(view)["findings"] if (item.kind, item.variant) == (kind, variant))
    [only] = [item for item in of_variant if what in item.what]
    return only


def test_kinds_of_foils_that_do_not_exist_are_not_spoken_of(evaluation: Evaluation) -> None:
    def change(figure: Figure) -> Figure:
        gone = figure.task == "foils" and figure.subset in {"kind:share", "kind:zone"}
        return replace(figure, value=None, low=None, high=None, reason="no foil of this kind") if gone else figure

    for foils, kinds in ((changed(evaluation, change), ["class", "count"]), (evaluation, [*KINDS])):
        assert finding(make_view(foils), "foils", "sar-rs-clip").groups == [("better", kinds)]


def test_a_kind_of_foils_without_an_interval_is_not_told_apart_from_chance(evaluation: Evaluation) -> None:
    def change(figure: Figure) -> Figure:
        alone = figure.task == "foils" and figure.subset == "kind:class"
        return replace(figure, low=None, high=None) if alone else figure

    foils = finding(make_view(changed(evaluation, change)), "foils", "sar-rs-clip")
    assert ("even", ["class"]) in foils.groups
    assert (foils.verdict, foils.word) == ("even", "mixed")


def test_without_any_interval_nothing_is_called_better_or_worse(evaluation: Evaluation) -> None:
    shown = page(make_view(changed(evaluation, lambda figure: replace(figure, low=None, high=None))))
    assert not re.findall(r'class="(?:mark )?(?:better|worse)"', shown)
    assert "whisker" not in re.sub("<style>.*?</style>", "", shown, flags=re.DOTALL)
    assert "[" not in re.sub("<[^>]*>", "", "".join(re.findall(r"<tbody>.*?</tbody>", shown, re.DOTALL)))


@pytest.mark.parametrize(
    ("samples", "text"),
    [(17_600, "at equal samples"), (12_800, "17,600 samples with them and 12,800 without"), (None, None)],
)
def test_samples_are_said_as_they_were(evaluation: Evaluation, samples: int | None, text: str | None) -> None:
    def change(variant: Variant) -> Variant:
        return replace(variant, samples=samples) if variant.name == "sar-rs-clip-annotated" else variant

    view = make_view(with_variants(evaluation, change))
    assert finding(view, "narrated", "sar-rs-clip").samples == (samples and (17_600, samples))
    [sentence] = re.findall(r"in the training of <b>sar-rs-clip</b>(.*?): mean recall", page(view))
    assert sentence == (f", {text}" if text else "")


@pytest.mark.parametrize(
    ("low", "high", "word"),
    [(2, 9, "follows"), (-9, -2, "does not follow"), (-2, 9, "not told apart"), (None, None, "not told apart")],
)
def test_captions_follow_more_than_speckle(
    evaluation: Evaluation, low: float | None, high: float | None, word: str
) -> None:
    def change(figure: Figure) -> Figure:
        beyond = figure.metric == "caption_changed_beyond_speckle"
        return replace(figure, low=low, high=high) if beyond else figure

    assert finding(make_view(changed(evaluation, change)), "removed", "sar-rs-coca").word == word


def test_the_ceiling_of_one_positive_recall_has_a_row(evaluation: Evaluation) -> None:
    (_, table), *others = claims(make_view(evaluation))["tables"]
    assert "perfect" in [row.cells[0].text for row in table.rows if row.group == "ceilings"]
    assert [name for (name, _), _ in others] == ["hrsid-test"]


def test_charts_of_sizes_show_the_few_variants_that_can_be_told_apart(evaluation: Evaluation) -> None:
    names = re.findall(r"<g><title>(.*?)</title>", captioning(make_view(evaluation))["sizes"][0].svg)
    assert names == ["foundation", "progressive", "sar-rs-coca"]


def test_rows_of_the_removed_objects_stand_in_the_order_of_all_other_charts(evaluation: Evaluation) -> None:
    view = make_view(replace(evaluation, figures=tuple(reversed(evaluation.figures))))
    shown = physics(view)
    assert shown is not None
    [chart] = [chart for chart in shown["removed"] if chart.title.startswith("Similarity falls")]
    names = re.findall(r'text-anchor="end">([a-z-]+)</text>', chart.svg)
    assert names == ["progressive", "sar-rs-clip", "sar-rs-coca"]


def test_arms_of_sar_captions_alone_are_spoken_of_only_where_they_are(evaluation: Evaluation) -> None:
    def named(evaluation: Evaluation) -> list[str]:
        return list(meaning(make_view(evaluation))["sar_only"])

    assert named(evaluation) == ["direct", "direct-total"]
    assert named(without(evaluation, {"direct-total"})) == ["direct"]
    assert "<b>direct</b>" not in page(make_view(without(bare(evaluation), {"direct", "direct-total"})))


def bare(evaluation: Evaluation) -> Evaluation:
    """The same evaluation without examples."""
    details = replace(evaluation.details, captions=(), retrieval=(), foils=(), questions=(), strips=())
    return replace(evaluation, details=details)


def test_random_weights_are_those_of_the_foundations_that_are_there(evaluation: Evaluation) -> None:
    def named(evaluation: Evaluation) -> list[str]:
        return list(meaning(make_view(evaluation))["random"])

    foundations = {"foundation", "foundation-clip"}
    assert {*named(evaluation)} == foundations
    assert named(without(evaluation, {"foundation-clip"})) == ["foundation"]
    assert named(with_variants(evaluation, lambda variant: replace(variant, pretrained=True))) == []
    assert "Random weights" not in page(make_view(without(bare(evaluation), foundations)))


def test_the_lead_names_what_stands_beside_the_models(evaluation: Evaluation) -> None:
    def lead(evaluation: Evaluation) -> str:
        [text] = re.findall(r'<p class="lead">(.*?)</p>', page(make_view(bare(evaluation))), re.DOTALL)
        return str(text)

    assert all(name in lead(evaluation) for name in ("the foundation", "the arms", "the baselines"))
    others = {variant.name for variant in evaluation.details.variants if variant.role in {"foundation", "arm"}}
    assert "the foundation" not in lead(without(evaluation, others))
    assert "the baselines" in lead(without(evaluation, others))


def test_what_never_looks_and_the_blind_model_are_spoken_of_only_where_they_are(evaluation: Evaluation) -> None:
    shown = retrieval(make_view(evaluation))
    assert (shown["blind"], shown["benchmark"]) == (["chance", "constant-ranking"], BENCHMARK)
    assert vqa(make_view(evaluation))["blind_model"]
    alone = make_view(without(evaluation, {"chance", "constant-ranking", "sar-gpt-blind"}))
    assert retrieval(alone)["blind"] == []
    assert not vqa(alone)["blind_model"]


def test_what_seeing_is_worth_is_shown_by_type_where_it_was_measured(evaluation: Evaluation) -> None:
    assert not vqa(make_view(evaluation))["beside_blind"].rows
    name = "sar-gpt minus sar-gpt-blind"
    counts = Figure("vqa", "accuracy", name, 12.5, 8.0, 17.0, n=210, subset="type:count")
    table = vqa(make_view(replace(evaluation, figures=(*evaluation.figures, counts))))["beside_blind"]
    (row,) = table.rows
    cells = dict(zip(table.heads, row.cells, strict=True))
    assert (cells["variant"].text, cells["minus"]) == ("sar-gpt", "sar-gpt-blind")
    assert (cells["count"].text, cells["count"].detail) == shown(counts)


def test_answers_are_right_as_they_are_scored(evaluation: Evaluation) -> None:
    example, right = vqa(make_view(evaluation))["examples"][0]
    assert example.answer == "three"
    assert right == {"sar-gpt": True, "sar-gpt-blind": False, "constant": False}


@pytest.mark.parametrize(
    ("names", "title"),
    [
        (("narrator", "sar-rs-coca"), "the narrator, and models trained on the release"),
        (("sar-rs-coca",), "models trained on the release"),
        (("narrator",), "the narrator"),
    ],
)
def test_the_narrator_heads_its_group(evaluation: Evaluation, names: tuple[str, ...], title: str) -> None:
    variants = tuple(Variant(name, "", "model", "coca") for name in names)
    details = replace(evaluation.details, variants=variants)
    figures = tuple(Figure("captioning", "bleu_4", name, 0.5) for name in names)
    view = make_view(replace(evaluation, details=details, figures=figures))
    table = variants_table(view, [Column("BLEU-4", "captioning", "bleu_4")])
    assert {row.group for row in table.rows} == {title}


def test_lines_of_foundations_baselines_and_ceilings_can_be_told_apart() -> None:
    names = ("foundation", "foundation-clip", "chance", "perfect", "model")
    roles = ("foundation", "foundation", "baseline", "ceiling", "model")
    looks = looks_of([Variant(name, "", role, "coca") for name, role in zip(names, roles, strict=True)])
    assert len({look.classes for look in looks.values()}) == len(names)
    assert looks["chance"].dotted
    assert looks["model"] == Look(0)


def test_without_a_grounder_there_is_no_section_on_it(evaluation: Evaluation) -> None:
    assert grounding(make_view(evaluation)) is not None
    others = replace(evaluation, figures=tuple(each for each in evaluation.figures if each.task != "grounding"))
    assert grounding(make_view(others)) is None

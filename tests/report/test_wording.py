"""What the page says in words: every sentence is true of the very figures and variants that it stands beside."""

import re
from collections.abc import Callable, Collection
from dataclasses import replace

import pytest

from sartext.config import Project
from sartext.evaluation.details import Variant
from sartext.evaluation.figures import Figure
from sartext.report.page import page
from sartext.report.reading import Evaluation, read_evaluation
from sartext.report.release import Release
from sartext.report.sections.captioning import captioning
from sartext.report.sections.claims import claims
from sartext.report.sections.findings import findings
from sartext.report.sections.foils import foils
from sartext.report.sections.meaning import meaning
from sartext.report.sections.physics import physics
from sartext.report.sections.retrieval import retrieval
from sartext.report.sections.vqa import vqa
from sartext.report.tables import Column, variants_table
from sartext.report.view import View, view_of
from tests.report.evaluations import BENCHMARK, KINDS

RELEASE = Release("sar-text", "SAR-Text", "5c" * 32)


@pytest.fixture(scope="module")
def evaluation(template: Project) -> Evaluation:
    return read_evaluation(template.build / "evaluation")


def view(evaluation: Evaluation) -> View:
    return view_of(evaluation, RELEASE)


def changed(evaluation: Evaluation, change: Callable[[Figure], Figure]) -> View:
    return view(replace(evaluation, figures=tuple(map(change, evaluation.figures))))


def with_variants(evaluation: Evaluation, change: Callable[[Variant], Variant]) -> View:
    details = replace(evaluation.details, variants=tuple(map(change, evaluation.details.variants)))
    return view(replace(evaluation, details=details))


def without(evaluation: Evaluation, names: Collection[str]) -> View:
    """The same evaluation, had these variants never been."""
    kept = tuple(one for one in evaluation.details.variants if one.name not in names)
    figures = tuple(
        one for one in evaluation.figures if not {*one.variant.replace(" minus ", "\n").split("\n")} & {*names}
    )
    curves = tuple(one for one in evaluation.details.curves if one.variant not in names)
    details = replace(evaluation.details, variants=kept, curves=curves)
    return view(replace(evaluation, details=details, figures=figures))


def sentence(html: str, beginning: str) -> str:
    """The finding that begins so, as text."""
    items = [re.sub("<[^>]*>", " ", one) for one in re.findall(r"<li>.*?</li>", html, re.DOTALL)]
    found = [" ".join(one.split()) for one in items if beginning in " ".join(one.split())]
    assert len(found) == 1, (beginning, found)
    return found[0]


def test_what_the_intervals_of_foils_leave_out_is_said(evaluation: Evaluation) -> None:
    assert "with the foils drawn once" in foils(view(evaluation))


def test_kinds_of_foils_that_do_not_exist_are_not_spoken_of(evaluation: Evaluation) -> None:
    def change(one: Figure) -> Figure:
        gone = one.task == "foils" and one.subset in {"kind:share", "kind:zone"}
        return replace(one, value=None, low=None, high=None, reason="no foil of this kind") if gone else one

    told = sentence(findings(changed(evaluation, change)), "sar-rs-clip prefers")
    assert "above chance for class and count (" in told
    assert "share" not in told and "zone" not in told
    assert all(kind in sentence(findings(view(evaluation)), "sar-rs-clip prefers") for kind in KINDS)


def test_a_kind_of_foils_without_an_interval_is_not_told_apart_from_chance(evaluation: Evaluation) -> None:
    def change(one: Figure) -> Figure:
        alone = one.task == "foils" and one.subset == "kind:class"
        return replace(one, low=None, high=None) if alone else one

    told = sentence(findings(changed(evaluation, change)), "sar-rs-clip prefers")
    assert "not told apart from chance for class (" in told


def test_without_any_interval_nothing_is_called_better_or_worse(evaluation: Evaluation) -> None:
    shown = page(changed(evaluation, lambda one: replace(one, low=None, high=None)))
    assert not re.findall(r'class="(?:mark )?(?:better|worse)"', shown)
    assert "whisker" not in re.sub("<style>.*?</style>", "", shown, flags=re.DOTALL)
    assert "[" not in re.sub("<[^>]*>", "", "".join(re.findall(r"<tbody>.*?</tbody>", shown, re.DOTALL)))
    assert re.search(r"is shown without, and nothing is\s+called better or worse by it", shown)


@pytest.mark.parametrize(
    ("narrow", "told"),
    [
        (17_600, "in the training of sar-rs-clip , at equal samples: mean recall"),
        (12_800, "in the training of sar-rs-clip , 17,600 samples with them and 12,800 without: mean recall"),
        (None, "in the training of sar-rs-clip : mean recall"),
    ],
)
def test_equal_samples_are_said_only_where_they_were_equal(
    evaluation: Evaluation, narrow: int | None, told: str
) -> None:
    def change(one: Variant) -> Variant:
        return replace(one, samples=narrow) if one.name == "sar-rs-clip-annotated" else one

    assert told in sentence(findings(with_variants(evaluation, change)), "in the training of sar-rs-clip ")


@pytest.mark.parametrize(
    ("low", "high", "mark"),
    [
        (2.0, 9.0, "follows"),
        (-9.0, -2.0, "does not follow"),
        (-2.0, 9.0, "not told apart"),
        (None, None, "not told apart"),
    ],
)
def test_captions_follow_a_removed_object_only_beyond_what_speckle_does(
    evaluation: Evaluation, low: float | None, high: float | None, mark: str
) -> None:
    def change(one: Figure) -> Figure:
        return replace(one, low=low, high=high) if one.metric == "caption_changed_beyond_speckle" else one

    told = sentence(findings(changed(evaluation, change)), "sar-rs-coca with one object removed")
    assert told.startswith(f"{mark} sar-rs-coca")


def test_the_ceiling_of_one_positive_recall_is_named_by_its_row(evaluation: Evaluation) -> None:
    html = claims(view(evaluation))
    assert "only the figure in the row <b>perfect</b>" in html
    assert re.search(r'<th scope="row" class="variant">[^\n]*? perfect</th>', html)


def test_the_nearest_caption_is_near_to_the_picture_and_of_no_nearest_image(evaluation: Evaluation) -> None:
    html = captioning(view(evaluation))
    assert "training caption that the retrieval model finds nearest to the picture" in html
    assert "nearest training image" not in html


def test_the_resolution_cell_is_varied_and_no_pixel_spacing(evaluation: Evaluation) -> None:
    html = physics(view(evaluation))
    assert "resolution cell, times the ordinary one" in html
    assert "pixel spacing, times" not in html


def test_rows_of_the_removed_objects_stand_in_the_order_of_all_other_charts(evaluation: Evaluation) -> None:
    told = view(evaluation)
    drawn = physics(replace(told, index=replace(told.index, figures=tuple(reversed(told.index.figures)))))
    chart = drawn[drawn.index("<h4>Similarity falls") :]
    names = re.findall(r'text-anchor="end">([a-z-]+)</text>', chart[: chart.index("</figure>")])
    assert names == ["progressive", "sar-rs-clip", "sar-rs-coca"]


def test_controls_are_spoken_of_only_where_they_are(evaluation: Evaluation) -> None:
    said = "training on these alone, which is why <b>direct</b> and <b>direct-total</b> stand beside it."
    assert said in meaning(view(evaluation))
    assert "which is why <b>direct</b> stands beside it." in meaning(without(evaluation, {"direct-total"}))
    assert "direct" not in meaning(without(evaluation, {"direct", "direct-total"}))


def test_random_weights_are_those_of_the_foundations_that_are_there(evaluation: Evaluation) -> None:
    foundations = {"foundation", "foundation-clip"}
    assert "<b>foundation</b> and <b>foundation-clip</b> are not pretrained" in meaning(view(evaluation))
    assert "<b>foundation</b> is not pretrained" in meaning(without(evaluation, {"foundation-clip"}))
    assert "not pretrained" not in meaning(without(evaluation, foundations))

    def change(one: Variant) -> Variant:
        return replace(one, pretrained=True) if one.name in foundations else one

    assert "not pretrained" not in meaning(with_variants(evaluation, change))


def test_the_lead_names_what_stands_beside_the_models(evaluation: Evaluation) -> None:
    lead = "</b> beside the foundation, the arms of progressive transfer and the baselines, on <b>"
    assert lead in page(view(evaluation))
    bare = replace(evaluation.details, captions=(), retrieval=(), foils=(), questions=(), strips=())
    others = {one.name for one in bare.variants if one.role in {"foundation", "arm"}}
    assert "</b> beside the baselines, on <b>" in page(without(replace(evaluation, details=bare), others))


def test_why_chance_finds_something_is_said_where_it_was_drawn(evaluation: Evaluation) -> None:
    html = retrieval(view(evaluation))
    assert "<b>chance</b> is an order drawn at random" in html
    assert (
        f"{BENCHMARK.images:,} captions of {BENCHMARK.name} state {BENCHMARK.distinct_facts:,} different" in html
    )
    assert "drawn at random" not in retrieval(without(evaluation, {"chance"}))


def test_the_blind_language_model_is_spoken_of_only_where_it_answered(evaluation: Evaluation) -> None:
    html = vqa(view(evaluation))
    assert "and the same language model trained without images. Whatever" in html
    assert html.count('<span class="soft">answer:</span> three') == len(evaluation.details.questions)
    bare = replace(evaluation, details=replace(evaluation.details, questions=()))
    alone = vqa(without(bare, {"sar-gpt-blind"}))
    assert "a constant answer per type and a constant per type and corpus. Whatever" in alone


@pytest.mark.parametrize(
    ("names", "title"),
    [
        (("narrator", "sar-rs-coca"), "the narrator, and models trained on the release"),
        (("sar-rs-coca",), "models trained on the release"),
        (("narrator",), "the narrator"),
    ],
)
def test_the_narrator_heads_its_group_only_where_it_is_in_it(
    evaluation: Evaluation, names: tuple[str, ...], title: str
) -> None:
    variants = tuple(Variant(name, "", "model", "coca") for name in names)
    details = replace(evaluation.details, variants=variants)
    figures = tuple(Figure("captioning", "bleu_4", name, 0.5) for name in names)
    told = view_of(replace(evaluation, details=details, figures=figures), RELEASE)
    html = variants_table("caption", told.index, [Column("BLEU-4", "captioning", "bleu_4")], told.looks)
    assert re.findall(r'scope="rowgroup"><span>(.*?)</span>', html) == [title]

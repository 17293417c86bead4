"""When one variant is called better than another, and what follows from the figures."""

from dataclasses import replace

import pytest

from sartext.config.training import EvaluationParameters
from sartext.evaluation.details import Variant
from sartext.evaluation.figures import Figure, difference
from sartext.evaluation.registry import in_order, number, shown
from sartext.report.comparison import FigureIndex, compare, derived

BASE = Variant("foundation", "", "foundation", "coca")
BASE_CLIP = Variant("foundation-clip", "", "foundation", "clip")
MODEL = Variant("sar-rs-coca", "", "model", "coca")
ARM, OTHER = Variant("progressive", "", "arm", "coca"), Variant("direct", "", "arm", "coca")
VARIANTS = (BASE, BASE_CLIP, ARM, OTHER, MODEL)


def figure(variant: str, value: float, half: float, metric: str = "bleu_4") -> Figure:
    return Figure("captioning", metric, variant, value, value - half, value + half, 10)


def index_of(*figures: Figure, variants: tuple[Variant, ...] = VARIANTS) -> FigureIndex:
    return FigureIndex(figures, variants, "release-test")


def verdict(index: FigureIndex, metric: str = "bleu_4") -> str | None:
    found = compare(index, "progressive", "direct", "captioning", metric)
    return found.verdict if found else None


def apart(progressive: float, direct: float, half: float, metric: str = "bleu_4") -> tuple[Figure, Figure]:
    return figure("progressive", progressive, half, metric), figure("direct", direct, half, metric)


@pytest.mark.parametrize(
    ("figures", "metric", "expected"),
    [
        (apart(0.5, 0.3, 0.05), "bleu_4", "better"),
        (apart(0.3, 0.5, 0.05), "bleu_4", "worse"),
        (apart(0.5, 0.3, 0.15), "bleu_4", "even"),
        (apart(5, 20, 1, "wrong_counts"), "wrong_counts", "better"),
        ((figure("progressive", 0.5, 0.01), Figure("captioning", "bleu_4", "direct", 0.1)), "bleu_4", "even"),
        ((figure("progressive", 0.5, 0.01),), "bleu_4", None),
    ],
    ids=["better", "worse", "intervals that meet", "less is better", "without an interval", "not measured"],
)
def test_intervals_that_do_not_meet_tell_variants_apart(
    figures: tuple[Figure, ...], metric: str, expected: str | None
) -> None:
    assert verdict(index_of(*figures), metric) == expected


def test_the_paired_difference_decides_where_it_was_measured() -> None:
    both = apart(0.5, 0.3, 0.15)
    paired = figure(difference("progressive", "direct"), 0.2, 0.1)
    assert verdict(index_of(*both, paired)) == "better"
    assert verdict(index_of(*both, replace(paired, low=-0.01))) == "even"


def test_a_difference_that_was_taken_the_other_way_is_turned_round() -> None:
    turned = figure(difference("direct", "progressive"), -0.2, 0.1)
    found = compare(index_of(*apart(0.5, 0.3, 0.15), turned), "progressive", "direct", "captioning", "bleu_4")
    assert found is not None
    assert (found.verdict, found.figure.value) == ("better", 0.2)
    assert (found.figure.low, found.figure.high) == pytest.approx((0.1, 0.3))


def test_a_paired_difference_without_an_interval_tells_nothing_apart() -> None:
    both = apart(0.5, 0.1, 0.01)
    paired = replace(figure(difference("progressive", "direct"), 0.4, 0), low=None, high=None)
    assert verdict(index_of(*both, paired)) == "even"
    turned = replace(paired, variant=difference("direct", "progressive"), value=-0.4)
    found = compare(index_of(*both, turned), "progressive", "direct", "captioning", "bleu_4")
    assert found is not None
    assert (found.verdict, found.figure.value, found.figure.low) == ("even", 0.4, None)
    assert shown(found.figure) == ("+0.400", "")


def test_a_difference_that_the_report_computed_is_no_paired_one() -> None:
    measured = index_of(*apart(0.5, 0.1, 0.01))
    for pair in (("progressive", "direct"), ("direct", "progressive")):
        computed = replace(figure(difference(*pair), 0.4, 0), low=None, high=None)
        assert verdict(measured.with_more([computed])) == "better"


def test_a_model_is_compared_with_the_foundation_of_its_kind() -> None:
    names = ("foundation", "foundation-clip", "sar-rs-coca")
    index = index_of(*(figure(name, 0.1, 0) for name in names))
    assert index.foundation_of(MODEL, "captioning", "bleu_4") == BASE


def test_what_is_compared_and_what_a_suffix_means_is_declared_in_the_parameters() -> None:
    names = ("first", "second", "third", "model", "model.plain")
    variants = tuple(Variant(name, "", "model" if "model" in name else "arm", "coca") for name in names)
    declared = EvaluationParameters(comparisons={"second": ("third", "model")}, without_narrated=".plain")
    figures = tuple(figure(name, 0.5, 0.1) for name in names)
    index = FigureIndex(figures, variants, "release-test", declared)
    controls = [[other.name for other in index.controls_of(variant)] for variant in variants]
    assert controls == [[], ["third"], [], [], []]
    assert [variant.name for variant in variants if index.is_headline(variant)] == ["model"]
    differences = {derived_figure.variant for derived_figure in derived(index)}
    assert differences == {"second minus third", "model minus model.plain"}


@pytest.mark.parametrize(
    ("base", "pretrained", "text", "reason"),
    [
        (0.03, False, None, "no pretrained weights"),
        (0.03, True, "8.0\u00d7", ""),
        (0.0, True, None, "zero as far as it is shown"),
        (4.3e-14, True, None, "zero as far as it is shown"),
        (0.00049, True, None, "zero as far as it is shown"),
        (0.0006, True, "400.0\u00d7", ""),
    ],
)
def test_a_ratio_is_to_pretrained_weights_that_score_more_than_nothing(
    base: float, pretrained: bool, text: str | None, reason: str
) -> None:
    variants = (replace(BASE, pretrained=pretrained), MODEL)
    figures = (figure("foundation", base, 0), figure("sar-rs-coca", 0.24, 0.01))
    index = index_of(*figures, variants=variants)
    (ratio,) = (ratio for ratio in derived(index) if ratio.variant == "sar-rs-coca over foundation")
    assert (shown(ratio) if ratio.value else None) == (text and (text, ""))
    assert reason in ratio.reason
    assert bool(ratio.reason) == bool(reason)


def test_numbers_have_a_true_minus_and_no_negative_zero() -> None:
    assert number(-1.25, 1) == "\u22121.2"
    assert number(-0.001, 1, signed=True) == "0.0"
    assert number(3.0, 1, signed=True) == "+3.0"
    assert number(12345.6, 0) == "12,346"


def test_unknown_metrics_come_last() -> None:
    assert in_order("captioning", {"zeta", "fact_recall", "bleu_4"}) == ["bleu_4", "fact_recall", "zeta"]

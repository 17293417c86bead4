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


def verdict(
    index: FigureIndex, metric: str = "bleu_4", variant: str = "progressive", other: str = "direct"
) -> str | None:
    found = compare(index, variant, other, "captioning", metric)
    return found.verdict if found else None


def test_intervals_that_do_not_meet_tell_variants_apart() -> None:
    assert verdict(index_of(figure("progressive", 0.5, 0.05), figure("direct", 0.3, 0.05))) == "better"
    assert verdict(index_of(figure("progressive", 0.3, 0.05), figure("direct", 0.5, 0.05))) == "worse"


def test_intervals_that_meet_do_not() -> None:
    assert verdict(index_of(figure("progressive", 0.5, 0.15), figure("direct", 0.3, 0.15))) == "even"


def test_the_paired_difference_decides_where_it_was_measured() -> None:
    both = (figure("progressive", 0.5, 0.15), figure("direct", 0.3, 0.15))
    paired = figure(difference("progressive", "direct"), 0.2, 0.1)
    assert verdict(index_of(*both, paired)) == "better"
    assert verdict(index_of(*both, replace(paired, low=-0.01))) == "even"


def test_a_difference_that_was_taken_the_other_way_is_turned_round() -> None:
    turned = figure(difference("direct", "progressive"), -0.2, 0.1)
    index = index_of(figure("progressive", 0.5, 0.15), figure("direct", 0.3, 0.15), turned)
    found = compare(index, "progressive", "direct", "captioning", "bleu_4")
    assert found is not None
    assert (found.verdict, found.figure.value) == ("better", 0.2)
    assert (found.figure.low, found.figure.high) == pytest.approx((0.1, 0.3))


def test_less_is_better_where_the_measure_says_so() -> None:
    index = index_of(figure("progressive", 5, 1, "wrong_counts"), figure("direct", 20, 1, "wrong_counts"))
    assert verdict(index, "wrong_counts") == "better"


def test_without_intervals_nothing_is_told_apart() -> None:
    alone = replace(figure("direct", 0.1, 0), low=None, high=None)
    assert verdict(index_of(figure("progressive", 0.5, 0.01), alone)) == "even"


def test_a_paired_difference_without_an_interval_tells_nothing_apart() -> None:
    apart = (figure("progressive", 0.5, 0.01), figure("direct", 0.1, 0.01))
    paired = replace(figure(difference("progressive", "direct"), 0.4, 0), low=None, high=None)
    assert verdict(index_of(*apart, paired)) == "even"
    turned = replace(paired, variant=difference("direct", "progressive"), value=-0.4)
    found = compare(index_of(*apart, turned), "progressive", "direct", "captioning", "bleu_4")
    assert found is not None
    assert (found.verdict, found.figure.value, found.figure.low) == ("even", 0.4, None)
    assert shown(found.figure) == ("+0.400", "")


def test_a_difference_that_the_report_computed_is_no_paired_one() -> None:
    measured = index_of(figure("progressive", 0.5, 0.01), figure("direct", 0.1, 0.01))
    both_ways = [replace(figure(difference(*pair), 0.4, 0), low=None, high=None) for pair in (
        ("progressive", "direct"), ("direct", "progressive"))]  # fmt: skip
    for turned in both_ways:
        assert verdict(measured.with_more([turned])) == "better"


def test_what_was_not_measured_is_not_compared() -> None:
    assert verdict(index_of(figure("progressive", 0.5, 0.01))) is None


def test_a_model_is_compared_with_the_foundation_of_its_kind() -> None:
    index = index_of(
        figure("foundation", 0.1, 0), figure("foundation-clip", 0.1, 0), figure("sar-rs-coca", 0.5, 0)
    )
    assert index.foundation_of(MODEL, "captioning", "bleu_4") == BASE


def test_what_is_compared_and_what_a_suffix_means_is_declared_in_the_parameters() -> None:
    names = ("first", "second", "third", "model", "model.plain")
    variants = tuple(Variant(name, "", "model" if "model" in name else "arm", "coca") for name in names)
    declared = EvaluationParameters(comparisons={"second": ("third", "model")}, without_narrated=".plain")
    figures = tuple(figure(name, 0.5, 0.1) for name in names)
    index = FigureIndex(figures, variants, "release-test", declared)
    assert {variant.name: [other.name for other in index.controls_of(variant)] for variant in variants} == {
        "first": [], "second": ["third"], "third": [], "model": [], "model.plain": []
    }  # fmt: skip
    assert [variant.name for variant in variants if index.is_headline(variant)] == ["model"]
    assert {derived_figure.variant for derived_figure in derived(index)} == {
        "second minus third",
        "model minus model.plain",
    }


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

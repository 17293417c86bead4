"""Who becomes champion: thresholds, the champion before, and benchmarks that differ."""

from collections.abc import Mapping

import pytest

from sartext.errors import TrackingError
from sartext.tracking.promotion import Contender, Decision, decide
from sartext.tracking.thresholds import Estimate, Figures

RECALL = "retrieval/distinct_facts.mean_recall"
INVENTED = "captioning/invented_objects"
HERE, ELSEWHERE = "a" * 64, "b" * 64


def contender(version: str, recall: float, low: float, high: float, benchmark: str = HERE) -> Contender:
    return Contender(version, {RECALL: Estimate(recall, low, high)}, benchmark)


def never(version: str) -> Figures:
    raise AssertionError("nothing had to be measured anew")


def decided(mine: Contender, present: Contender | None, thresholds: Mapping[str, float] | None = None) -> Decision:
    return decide("sar-rs-clip", mine, thresholds or {RECALL: 50}, present, never)


FIRST = contender("1", 60, 55, 65)


@pytest.mark.parametrize(
    ("mine", "present", "outcome", "champion", "reason"),
    [
        pytest.param(FIRST, None, "champion", "1", "there was no champion", id="the first that passes"),
        pytest.param(
            contender("2", 49.9, 45, 55), FIRST, "refused", "1", "49.9, at least 50", id="below the bound"
        ),
        pytest.param(contender("2", 56, 50, 62), FIRST, "champion", "2", "", id="lower, inside the interval"),
        pytest.param(contender("2", 54, 49, 59), FIRST, "stays", "1", "the champion's 60 [55, 65]", id="below it"),
        pytest.param(FIRST, FIRST, "champion", "1", "", id="the champion itself"),
    ],
)
def test_who_becomes_champion(
    mine: Contender, present: Contender | None, outcome: str, champion: str, reason: str
) -> None:
    decision = decided(mine, present)
    assert (decision.outcome, decision.champion) == (outcome, champion)
    assert reason in decision.line()


def test_a_figure_that_was_not_computed_is_no_pass() -> None:
    decision = decided(FIRST, None, {RECALL: 50, "vqa/oa": 40})
    assert decision.outcome == "refused"
    assert "vqa/oa was not computed" in decision.line()


@pytest.mark.parametrize(
    ("invented", "bound", "present", "outcome"),
    [
        ((0.4, 0.3, 0.5), 0.5, None, "champion"),
        ((0.4, 0.3, 0.5), 0.3, None, "refused"),
        ((0.45, 0.3, 0.5), 1, (0.3, 0.2, 0.4), "stays"),
    ],
    ids=["under the upper bound", "over it", "more than the champion's interval"],
)
def test_less_may_be_better(invented: tuple, bound: float, present: tuple | None, outcome: str) -> None:
    mine = Contender("2", {INVENTED: Estimate(*invented)}, HERE)
    before = present and Contender("1", {INVENTED: Estimate(*present)}, HERE)
    assert decided(mine, before, {INVENTED: bound}).outcome == outcome


@pytest.mark.parametrize(
    ("present", "anew", "outcome", "reason"),
    [
        (contender("1", 40, 35, 45, ELSEWHERE), Estimate(70, 66, 74), "stays", "70 [66, 74]"),
        (contender("1", 40, 35, 45, ELSEWHERE), None, "stays", "another benchmark"),
        (Contender("1", {}, HERE), Estimate(30, 25, 35), "champion", ""),
    ],
    ids=["of another benchmark", "whose files cannot be had", "that nobody evaluated"],
)
def test_a_champion_is_measured_anew(present: Contender, anew: Estimate | None, outcome: str, reason: str) -> None:
    measured = []

    def remeasure(version: str) -> Figures:
        measured.append(version)
        if anew is None:
            raise TrackingError("its files cannot be had")
        return {RECALL: anew}

    decision = decide("sar-rs-clip", contender("2", 60, 55, 65), {RECALL: 50}, present, remeasure)
    assert measured == ["1"]
    assert (decision.outcome, decision.champion) == (outcome, "1" if outcome == "stays" else "2")
    assert reason in decision.line()


@pytest.mark.parametrize(
    ("name", "mine", "bound", "blind", "reason"),
    [
        pytest.param(RECALL, (20, 18, 22), "blind", 17.1, "", id="its whole interval is above"),
        pytest.param(RECALL, (20, 16, 24), "blind", 17.1, "20 [16, 24], its whole", id="its value alone is above"),
        pytest.param(RECALL, (20, 18, 22), "blind + 2", 17.1, ", by more than 2", id="not by enough"),
        pytest.param(RECALL, (20, None, None), "blind", 17.1, "20 without an interval", id="of a single group"),
        pytest.param(INVENTED, (0.4, 0.3, 0.45), "blind", 0.5, "", id="less is better"),
        pytest.param(INVENTED, (0.4, 0.3, 0.6), "blind", 0.5, "must be below 0.5", id="less, and not surely"),
        pytest.param(RECALL, (20, 18, 22), "blind", None, "state a number", id="that nobody answered blind"),
    ],
)  # fmt: skip
def test_a_threshold_above_what_never_sees_the_image_is_passed_by_the_whole_interval(
    name: str, mine: tuple, bound: str, blind: float | None, reason: str
) -> None:
    contender = Contender("1", {name: Estimate(*mine)}, HERE)
    blindly = {} if blind is None else {name: Estimate(blind, blind - 9, blind + 9)}
    decision = decide("sar-rs-clip", contender, {name: bound}, None, never, blind=blindly)
    assert decision.outcome == ("refused" if reason else "champion")
    assert reason in decision.line()


@pytest.mark.parametrize("outcome", ["champion", "stays", "refused", "waits"])
def test_every_outcome_is_one_line(outcome: str) -> None:
    line = Decision("sar-gpt", outcome, "3", "2", ("why",)).line()  # type: ignore[arg-type]
    assert line.startswith("sar-gpt version 3 ")
    assert "\n" not in line

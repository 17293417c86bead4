"""Figures, tables and page of a finished study."""

import csv
import json
import re
from dataclasses import replace
from xml.etree import ElementTree

import numpy as np
import pytest
from click.testing import CliRunner

from sartext.bootstrap import Interval
from sartext.cli import cli
from sartext.config.arms import ARMS, CONTROLS, PROGRESSIVE
from sartext.study.figures import MAIN, METRICS, Difference, find
from sartext.study.page import finding, page, write_page
from sartext.study.tables import write_tables


@pytest.fixture(scope="module")
def findings(finished):
    return write_tables(finished)


def test_figures_are_computed_from_the_groups(finished, findings):
    """Mean recall of an arm, by hand: the mean over seeds of the mean over pairs."""
    row = next(row for row in findings.rows if row.arm.name == "direct" and row.fraction == 1.0)
    means = []
    for entry in finished.entries:
        if entry.arm.name == "direct" and entry.fraction == 1.0:
            groups = finished.result(entry.cell)["examination"]["groups"].values()
            means.append(sum(sums["distinct"] for sums in groups) / sum(sums["sets"] for sums in groups))
    recall = row.metrics["mean_recall"]
    assert recall.value == pytest.approx(np.mean(means))
    assert recall.low <= recall.value <= recall.high
    assert 0 < row.metrics["cross_entropy"].value < 10


def test_differences_are_progressive_minus_control(findings):
    at = {(row.arm.name, row.fraction): row.metrics for row in findings.rows}
    assert len(findings.differences) == len(CONTROLS) * len(METRICS) * 2
    for difference in findings.differences:
        mine, other = at["progressive", difference.fraction], at[difference.control.name, difference.fraction]
        if difference.interval.value is not None and difference.metric.name in {"mean_recall", "cross_entropy"}:
            expected = mine[difference.metric.name].value - other[difference.metric.name].value
            assert difference.interval.value == pytest.approx(expected)


def test_figures_are_repeatable(finished, findings):
    assert find(finished) == findings
    first = (finished.design.output / "cells.csv").read_bytes()
    write_tables(finished)
    assert (finished.design.output / "cells.csv").read_bytes() == first


def test_tables_hold_every_arm(finished, findings):
    output = finished.design.output
    with (output / "table.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    every = {(arm.name, fraction) for arm in ARMS for fraction in ("0.25", "1")}
    assert {(row["arm"], row["fraction"]) for row in rows} == every
    assert {"samples", "seconds", "mean_recall", "mean_recall_low", "precision_high", "recall"} <= rows[0].keys()
    summary = json.loads((output / "study.json").read_text())
    assert summary["hash"] == finished.design.digest
    assert summary["seeds"] == [9001, 9002]
    assert len(summary["differences"]) == len(findings.differences)


def test_the_page_stands_alone_and_holds_every_arm_and_figure(finished, findings):
    text = page(finished, findings)
    assert not re.search(r"""src\s*=|url\(|@import|<script""", text)
    assert set(re.findall(r"https?://[^\s\"<]+", text)) <= {"http://www.w3.org/2000/svg"}
    assert re.findall(r'href="(.*?)"', text) == ["data:,"]
    assert finished.design.digest in text
    assert all(str(seed) in text for seed in finished.design.study.seeds)
    assert all(text.count(f">{arm.name}<") >= 2 for arm in ARMS)
    assert len(re.findall(r"<figure><h4>", text)) == 2 * len(MAIN)
    for svg in re.findall(r"<svg.*?</svg>", text, re.DOTALL):
        ElementTree.fromstring(svg)
    for row in findings.rows:
        interval = row.metrics["cross_entropy"]
        assert f"[{interval.low:.3f}, {interval.high:.3f}]" in text
    write_page(finished, findings)
    assert (finished.design.output / "index.html").read_text() == text


def differing(metric, low, high, share=0.5):
    return Difference(PROGRESSIVE, CONTROLS[0], share, metric, Interval((low + high) / 2, low, high), 3)


def test_a_verdict_needs_the_whole_interval():
    recall, entropy = MAIN[0], MAIN[1]
    assert differing(recall, 0.1, 2.0).verdict == differing(entropy, -2.0, -0.1).verdict == 1
    assert differing(recall, -2.0, -0.1).verdict == differing(entropy, 0.1, 2.0).verdict == -1
    assert differing(recall, -0.1, 2.0).verdict == 0
    assert Difference(PROGRESSIVE, CONTROLS[0], 0.5, recall, Interval(None, None, None), 0).verdict == 0


def test_the_shares_of_a_verdict_are_those_of_its_differences(findings):
    metric, other = MAIN[0], MAIN[1]
    intervals = {0.05: (1.0, 2.0), 0.25: (-1.0, 2.0), 0.5: (0.5, 2.0), 1.0: (-2.0, -1.0)}
    differences = tuple(differing(metric, *bounds, share) for share, bounds in intervals.items())
    known = replace(findings, differences=differences)
    assert finding(known, PROGRESSIVE, CONTROLS[0], metric) == {1: [0.05, 0.5], -1: [1.0]}
    assert (
        finding(known, PROGRESSIVE, CONTROLS[0], other) == finding(known, PROGRESSIVE, CONTROLS[1], metric) == {}
    )


def test_commands_show_a_finished_study(finished):
    project = finished.design.source
    table = CliRunner().invoke(cli, ["--root", str(project.root), "study", "table"])
    drawn = CliRunner().invoke(cli, ["--root", str(project.root), "study", "page"])
    assert table.exit_code == 0 and "optical-only" in table.output
    assert drawn.output.strip() == "build/study/index.html"
    assert finished.design.output == project.build / "study"

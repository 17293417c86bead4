"""The gate: a sound candidate passes every suite, a fault is named, and what was not judged says so or blocks."""

import pyarrow.parquet as pq
import pytest

from sartext.errors import GateError
from sartext.release.assembly import assemble
from sartext.release.gate.running import run_gate
from sartext.release.gate.suites import SUITES
from tests.release.built import Built, failed, outcome, result, verdict


def test_a_sound_candidate_passes_every_suite(built: Built) -> None:
    metrics = run_gate(built.project)
    assert (metrics["passed"], metrics["failed"]) == (True, [])
    written = verdict(built)
    assert "not-stated" in {row["licence"] for row in built.pairs()}, "which is no fault"
    assert [suite["name"] for suite in written["suites"]] == list(SUITES.names)
    assert all(suite["passed"] and suite["expectations"] for suite in written["suites"])
    rows = [row for suite in written["suites"] for row in suite["expectations"]]
    assert {row["status"] for row in rows} == {"evaluated"}
    unjudged = {
        suite["name"]: sum(row["detail"].startswith("not judged") for row in suite["expectations"])
        for suite in written["suites"]
    }
    few = {"captions": 1, "diversity": 6, "rewording": 1, "narration": 10, "optical": 6, "audit": 3}
    assert unjudged == dict.fromkeys(SUITES.names, 0) | few, (
        "few captions, none by a model, and no audit is demanded"
    )
    judged = [row for row in rows if not row["detail"].startswith("not judged")]
    assert all(isinstance(row["figure"], int | float) and row["unit"] for row in judged)
    page = (built.root / "build/docs/index.html").read_text()
    assert all(row["name"] in page for row in rows)
    assert "http://" not in page and "https://" not in page, "it opens without a network"
    first = (built.root / "build/quality/gate.json").read_bytes()
    run_gate(built.project)
    assert (built.root / "build/quality/gate.json").read_bytes() == first
    assert str(built.root).encode() not in first


def test_a_share_of_few_captions_is_not_judged_and_says_so(built: Built) -> None:
    share = "share of one sentence pattern"
    row = outcome(built, "diversity", share)
    assert (row["passed"], row["figure"]) == (True, None)
    assert row["detail"] == "not judged: fewer than 200 captions from annotations"
    built.add_corpus("gamma", 220, seed=4)
    row = outcome(built, "diversity", share)
    assert row["figure"] is not None
    assert "alpha, beta not judged: fewer than 200 captions from annotations" in row["detail"]


def test_a_count_that_differs_from_the_published_one_only_warns(built: Built) -> None:
    path = built.root / "catalogue/alpha.yaml"
    path.write_text(path.read_text() + "published: {images: 1160}\n")
    ledger_suite = result(built, "ledger")
    row = ledger_suite["expectations"][-1]
    assert (row["name"], row["passed"]) == ("published counts", False)
    assert (row["severity"], row["figure"]) == ("warning", 1)
    assert "31 images here, 1,160 published" in row["detail"]
    assert ledger_suite["passed"] is True


def test_an_empty_table_fails_every_suite_that_looks_at_pairs(built: Built) -> None:
    built.set_pairs(lambda rows: [])
    metrics = run_gate(built.project)
    assert metrics["passed"] is False
    written = {suite["name"]: suite for suite in verdict(built)["suites"]}
    others = {"ledger", "rewording", "narration", "optical", "audit"}
    assert not any(suite["passed"] for suite in written.values() if suite["name"] not in others)
    statuses = {row["status"] for row in written["captions"]["expectations"]}
    assert statuses == {"missing"}
    with pytest.raises(GateError, match="enough pairs"):
        assemble(built.project)


@pytest.mark.parametrize(
    ("path", "suite", "expectation"),
    [
        ("build/splits/splits.parquet", "splits", "no group in two splits"),
        ("build/corpus/alpha/index.parquet", "images", "the pixels that were indexed"),
        ("build/corpus/alpha/quarantine.csv", "ledger", "sources are released or left out"),
        ("catalogue/alpha.yaml", "faithfulness", "captions agree with their facts"),
        ("catalogue/alpha.yaml", "ledger", "published counts"),
    ],
)
def test_a_check_whose_input_cannot_be_read_crashes_and_blocks_also_where_it_would_only_warn(
    built: Built, path: str, suite: str, expectation: str
) -> None:
    (built.root / path).write_bytes(b"\x00 not what it should be")
    judged = result(built, suite)
    row = next(row for row in judged["expectations"] if row["name"] == expectation)
    assert (row["severity"], row["status"], row["figure"]) == ("critical", "crashed", None)
    assert judged["passed"] is False


def test_a_measure_without_a_value_is_missing(built: Built) -> None:
    table = pq.read_table(built.pairs_path)
    place = table.schema.get_field_index("modality")
    column = [["sar"] * (len(table) - 1) + [None]]
    pq.write_table(table.set_column(place, "modality", column), built.pairs_path)
    row = failed(built, "schema")["SAR images only"]
    assert (row["status"], row["severity"]) == ("missing", "critical")
    assert "1 of 40 pairs have no value" in row["detail"]
    assert "no nulls where a value is required" in failed(built, "schema")

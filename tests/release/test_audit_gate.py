"""The gate and the audit: where one is demanded, it must be of this very candidate, large and good enough."""

from typing import Any

import pytest
import yaml

from sartext.errors import AuditError, GateError
from sartext.files import read_json, write_json
from sartext.release.assembly import assemble
from sartext.release.gate.running import evaluate, gate_page
from sartext.release.gate.suite import Inputs
from sartext.release.gate.suites import SUITES
from sartext.release.gate.verdict import require_passed
from sartext.release.publication import publish
from tests.conftest import ROOT
from tests.release.audited import SAMPLE, all_of, imported, ratings
from tests.release.built import Built, Row, failed, passed_verdict, result

DEMANDED = {"least_correctness": 4.2, "least_items": SAMPLE.size, "raters": 2}

ENOUGH, MEAN, KINDS = (
    "rated by enough people",
    "mean correctness",
    "mean correctness of each corpus and method",
)


def test_the_gate_alone_reads_ratings() -> None:
    """An import makes the verdict stale, and nothing that the candidate was made from."""
    stages = yaml.safe_load((ROOT / "dvc.yaml").read_text())["stages"]
    assert [name for name, stage in stages.items() if "audit" in stage.get("do", stage)["deps"]] == ["quality"]


def rated(built: Built, *values: int) -> None:
    """Import the ratings of as many raters as there are values, and demand an audit."""
    built.parameters(gate={"audit": DEMANDED})
    for number, value in enumerate(values):
        imported(built, ratings(built, f"rater-{number}", all_of(value)))


def test_no_audit_is_demanded_unless_the_parameters_say_so(built: Built) -> None:
    suite = result(built, "audit")
    assert suite["passed"]
    assert {row["detail"] for row in suite["expectations"]} == {
        "not judged: gate.audit of params.yaml demands no audit"
    }


def test_an_audit_of_this_candidate_that_is_large_and_good_enough_passes(built: Built) -> None:
    rated(built, 4, 5)
    suite = result(built, "audit")
    assert suite["passed"]
    assert [row["figure"] for row in suite["expectations"]] == [0, 4.5, 4.5]


def test_a_missing_audit_refuses_with_the_way_out(built: Built) -> None:
    rated(built)
    assert failed(built, "audit").keys() == {ENOUGH}
    detail = failed(built, "audit")[ENOUGH]["detail"]
    assert "0 of 20 images are rated by 2 people each; run `sartext audit export`" in detail


def test_an_audit_of_another_candidate_does_not_count(built: Built) -> None:
    rated(built, 5, 5)
    built.reword()
    assert "(1 other candidate with ratings)" in failed(built, "audit")[ENOUGH]["detail"]


def test_too_few_raters_refuse(built: Built) -> None:
    rated(built, 5)
    assert "0 of 20 images" in failed(built, "audit")[ENOUGH]["detail"]


def test_too_few_images_refuse(built: Built) -> None:
    rated(built, 5)
    content = ratings(built, "rater-b")
    imported(built, {**content, "ratings": content["ratings"][:8]})
    assert "8 of 20 images" in failed(built, "audit")[ENOUGH]["detail"]


def test_too_low_a_mean_refuses(built: Built) -> None:
    rated(built, 4, 4)
    assert {name: row["severity"] for name, row in failed(built, "audit").items()} == {
        MEAN: "critical",
        KINDS: "warning",
    }
    assert failed(built, "audit")[MEAN]["figure"] == 4.0


def test_one_low_corpus_only_warns(built: Built) -> None:
    built.parameters(gate={"audit": {**DEMANDED, "least_correctness": 4.0, "raters": 1}})
    imported(built, ratings(built, rate=lambda showing: all_of(5 if "alpha" in showing.image_id else 2)(showing)))
    (name, row), *others = failed(built, "audit").items()
    assert (name, row["severity"], others) == (KINDS, "warning", [])
    assert "beta, a2c: 2" in row["detail"]


def test_ratings_that_were_changed_by_hand_block(built: Built) -> None:
    rated(built, 5, 5)
    path = next((built.root / "audit").rglob("rater-0.json"))
    path.write_text(path.read_text().replace('"correctness": 5', '"correctness": 9'))
    rows = failed(built, "audit")
    assert {row["status"] for row in rows.values()} == {"crashed"}
    assert "rater-0.json" in next(iter(rows.values()))["detail"]
    with pytest.raises(AuditError):
        _ = Inputs(built.project).audit


def judged(built: Built) -> Row:
    """A verdict as the gate writes it, of the suite `audit` alone; the others are taken to have passed."""
    passed_verdict(built)
    path = built.root / "build/quality/gate.json"
    written = read_json(path)
    inputs = Inputs(built.project)
    others = [suite for suite in written["suites"] if suite["name"] != "audit"]
    suites = [*others, evaluate(SUITES["audit"], inputs)]
    passed = all(suite["passed"] for suite in suites)
    write_json(path, {**written, "suites": suites, "passed": passed, "audit": inputs.audit})
    return dict(read_json(path))


def test_a_release_is_refused_without_the_demanded_audit_in_one_line(built: Built) -> None:
    rated(built)
    judged(built)
    with pytest.raises(GateError, match=r"audit\.rated by enough people.*sartext audit import") as refused:
        assemble(built.project)
    assert "\n" not in str(refused.value)


def card(built: Built) -> str:
    assemble(built.project)
    return (built.root / str(publish(built.project)["path"]) / "README.md").read_text()


def test_the_card_the_page_and_the_metadata_show_the_audit_but_no_comment(built: Built) -> None:
    rated(built)
    for rater, value in (("rater-a", 5), ("rater-b", 4)):
        imported(built, ratings(built, rater, all_of(value, "my name is Kim")))
    verdict = judged(built)
    assert require_passed(built.project)["audit"]["raters"] == ["rater-a", "rater-b"]
    text = card(built)
    assert "2 people (rater-a, rater-b) rated 20 of the captions" in text
    assert "| the whole candidate |  | 40 | 20 | 4.50 [4.50, 4.50] |" in text
    assert "| alpha | a2c | 30 |" in text
    assert "| rater-a and rater-b | 20 | 0%, kappa 0.00 |" in text
    assert "Ratings by people" in gate_page(verdict)
    for path in (built.root / "releases").rglob("*"):
        assert path.is_dir() or b"Kim" not in path.read_bytes()


def test_the_card_says_that_nobody_audited(built: Built) -> None:
    judged(built)
    assert "No person audited the captions of this release." in card(built)


@pytest.mark.parametrize("values", [{"least_correctness": 6}, {"raters": 0, "least_correctness": 4}, {}])
def test_a_threshold_out_of_range_is_refused(built: Built, values: dict[str, Any]) -> None:
    built.parameters(gate={"audit": values})
    with pytest.raises(Exception, match=r"gate\.audit"):
        _ = built.project.parameters

"""The verdict: what it is about, and that no release is made without one that passes."""

import hashlib
import html
import json
import re

import pyarrow.parquet as pq
import pytest

from sartext.errors import ArtefactError, GateError
from sartext.release.assembly import assemble
from sartext.release.gate.running import gate_page, run_gate
from sartext.release.gate.suites import SUITES
from sartext.release.gate.verdict import candidate_sha256, require_passed
from sartext.tables import LEDGER, read_rows, write_table
from tests.release.built import Built, passed_verdict
from tests.release.judged import verdict


def test_a_failed_verdict_is_data_and_the_release_refuses_it(built: Built) -> None:
    built.set_pair(3, caption="There is one white ship in this SAR image.")
    metrics = run_gate(built.project)
    assert metrics["passed"] is False
    with pytest.raises(GateError, match=r"captions\.no colour words.*white"):
        assemble(built.project)
    assert not (built.root / "build/release").exists()


def test_a_missing_verdict_is_refused(built: Built) -> None:
    with pytest.raises(GateError, match="has not been checked; run `sartext quality`"):
        assemble(built.project)


def test_a_foreign_verdict_is_refused(built: Built) -> None:
    passed_verdict(built)
    require_passed(built.project)
    built.set_pair(0, caption="There is one ship in this SAR image, elsewhere.")
    with pytest.raises(GateError, match="about another candidate"):
        assemble(built.project)


def test_a_verdict_that_lacks_a_suite_is_refused(built: Built) -> None:
    passed_verdict(built)
    content = verdict(built)
    content["suites"] = [suite for suite in content["suites"] if suite["name"] != "splits"]
    (built.root / "build/quality/gate.json").write_text(json.dumps(content))
    with pytest.raises(GateError, match="lacks the results of splits"):
        require_passed(built.project)


def test_the_hash_of_a_candidate_is_of_its_content_not_of_its_bytes(built: Built) -> None:
    before = candidate_sha256(built.project)
    bytes_before = hashlib.sha256(built.pairs_path.read_bytes()).hexdigest()
    pq.write_table(pq.read_table(built.pairs_path), built.pairs_path, compression="gzip", row_group_size=7)
    assert hashlib.sha256(built.pairs_path.read_bytes()).hexdigest() != bytes_before
    assert candidate_sha256(built.project) == before
    built.set_pair(0, score=0.5)
    assert candidate_sha256(built.project) != before


def test_the_hash_of_a_candidate_covers_its_ledger(built: Built) -> None:
    before = candidate_sha256(built.project)
    path = built.root / "build/ledger.parquet"
    first, *others = read_rows(path, LEDGER)
    write_table(path, LEDGER, [{**first, "reason": "another"}, *others])
    assert candidate_sha256(built.project) != before


def test_without_a_candidate_there_is_no_verdict(built: Built) -> None:
    built.pairs_path.unlink()
    with pytest.raises(ArtefactError, match="the candidate is missing"):
        run_gate(built.project)
    assert not (built.root / "build/quality/gate.json").exists()


def test_the_index_of_an_unlisted_corpus_is_refused(built: Built) -> None:
    (built.root / "build/corpus/gone").mkdir()
    with pytest.raises(ArtefactError, match=r"gone.*sartext prune"):
        run_gate(built.project)


def test_the_page_shows_every_row_and_escapes_what_captions_hold() -> None:
    row = {"name": "plain English", "severity": "critical", "status": "evaluated", "unit": "captions"}
    crashed = {"passed": False, "status": "crashed", "judged": False, "figure": None, "detail": "x"}
    rows = [
        {**row, "passed": False, "judged": True, "figure": 1204, "detail": "alpha/1: <script>alert(1)</script>"},
        {**row, "name": "share", "passed": True, "judged": False, "figure": None, "detail": "not judged: few"},
        {**row, "name": "runs", **crashed},
    ]
    suites = [{"name": name, "passed": False, "expectations": rows} for name in ("captions", "made-up")]
    page = gate_page({"content_sha256": "ab" * 32, "passed": False, "suites": suites})
    text = " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())
    assert "<script>alert" not in page
    assert "plain English failed 1,204 captions critical alpha/1: <script>alert(1)</script>" in text
    assert "share not judged captions critical not judged: few" in text
    assert "runs failed (crashed) captions critical x" in text
    assert SUITES["captions"].description in text and "ab" * 32 in text
    assert text.count("0 of 2 expectations hold, 1 not judged") == 2, "for each suite; of both together 0 of 4"

"""Withdrawal: an image that is listed by a hash stands in no split and no release; older releases are told of."""

from pathlib import Path

import pytest
from click.testing import CliRunner

from sartext.cli.releases import release as releases
from sartext.config import Project
from sartext.errors import ParameterError, ReleaseError
from sartext.release.held import held_images
from sartext.release.publication import publish
from sartext.release.splits import decide_splits
from sartext.release.withdrawals import Withdrawn, read_withdrawn
from sartext.tables import INDEX, LEDGER, SPLITS, read_rows, write_table
from tests.release.built import Built, outcome
from tests.release.indexed import rows_by_id
from tests.release.joined import joined, ledger_of, pairs_of

OWNER = "the owner took it back"
UNKNOWN = "f" * 64


def withdraw(root: Path, **hashes: str) -> Project:
    """A project that withdraws these, each the hash of a file or of pixels."""
    Built(root).parameters(release={"rows_per_file": 10, "withdrawn": [{**hashes, "reason": OWNER}]})
    return Project(root)


def indexed(root: Path, image_id: str) -> dict[str, str]:
    corpus = image_id.partition("/")[0]
    return rows_by_id(root / f"build/corpus/{corpus}/index.parquet", INDEX)[image_id]


@pytest.mark.parametrize("kind", ["sha256", "pixels_sha256"])
def test_a_withdrawn_image_and_all_that_show_it_stand_in_no_split(tmp_path: Path, kind: str) -> None:
    before = joined(tmp_path)
    splits = rows_by_id(tmp_path / "build/splits/splits.parquet", SPLITS)
    project = withdraw(tmp_path, **{kind: indexed(tmp_path, "ships/1")[kind]})
    metrics = decide_splits(project)
    after = rows_by_id(tmp_path / "build/splits/splits.parquet", SPLITS)
    gone = {name for name in after if after[name] != splits[name]}
    assert gone == {"ships/1", "ships/2"}  # the second has the pixels of the first
    assert after["ships/1"] == {**splits["ships/1"], "split": None, "reason": f"withdrawn: {OWNER}"}
    assert after["ships/2"]["split"] is None
    assert after["ships/2"]["reason"].startswith(f"withdrawn: {OWNER}")
    assert (metrics["withdrawn"], metrics["warnings"]) == (2, [])
    assert before.parameters.release.withdrawn == ()


def test_the_ledger_says_withdrawn_whatever_else_would_have_left_the_image_out(tmp_path: Path) -> None:
    joined(tmp_path)
    project = withdraw(tmp_path, sha256=indexed(tmp_path, "ships/3")["sha256"])  # one without caption
    decide_splits(project)
    kept = pairs_of(project)
    assert "ships/3" not in kept
    row = ledger_of(project)["ships/3"]
    assert (row["fate"], row["stage"], row["reason"]) == ("left out", "splits", f"withdrawn: {OWNER}")


def test_a_hash_that_no_image_has_is_warned_of_by_name(tmp_path: Path) -> None:
    joined(tmp_path)
    metrics = decide_splits(withdraw(tmp_path, pixels_sha256=UNKNOWN))
    assert metrics["withdrawn"] == 0
    (warning,) = metrics["warnings"]  # type: ignore[misc]
    assert UNKNOWN in warning
    assert OWNER in warning


@pytest.mark.parametrize(
    "wrong",
    [
        {"sha256": "12", "reason": OWNER},
        {"sha256": UNKNOWN, "pixels_sha256": UNKNOWN, "reason": OWNER},
        {"reason": OWNER},
        {"sha256": UNKNOWN},
        {"sha256": UNKNOWN, "reason": "two\nlines"},
    ],
)
def test_a_withdrawal_names_one_hash_and_a_reason(tmp_path: Path, wrong: dict[str, str]) -> None:
    (tmp_path / "params.yaml").write_text("corpora: {}\n")
    Built(tmp_path).parameters(release={"withdrawn": [wrong]})
    with pytest.raises(ParameterError, match="withdrawn"):
        _ = Project(tmp_path).parameters


def test_the_gate_refuses_a_candidate_that_holds_a_withdrawn_image(built: Built) -> None:
    digest = built.pairs()[3]["sha256"]
    withdraw(built.root, sha256=digest)
    row = outcome(built, "provenance", "no withdrawn image")
    assert (row["passed"], row["figure"], row["severity"]) == (False, 1, "critical")


@pytest.fixture
def withdrawn(assembled: Built) -> Built:
    """Version 1.0.0, and then 2.0.0 without two of its images."""
    publish(assembled.project)
    gone = {"alpha/0001", "beta/0002"}
    digest = indexed(assembled.root, "alpha/0001")["sha256"]
    withdraw(assembled.root, sha256=digest)
    assembled.set_pairs(lambda rows: [row for row in rows if row["image_id"] not in gone])
    path = assembled.root / "build/ledger.parquet"
    taken = {"stage": "splits", "reason": f"withdrawn: {OWNER}"}
    ledger = read_rows(path, LEDGER)
    write_table(path, LEDGER, [{**row, **taken} if row["image_id"] in gone else row for row in ledger])
    assert assembled.publish()["version"] == "2.0.0"
    return assembled


def test_the_next_version_is_without_them_says_so_and_verify_warns_of_the_older_one(
    withdrawn: Built, tmp_path: Path
) -> None:
    old, new = (withdrawn.releases / version for version in ("1.0.0", "2.0.0"))
    entries = read_withdrawn(new)
    row = indexed(withdrawn.root, "alpha/0001")
    assert entries[0] == Withdrawn("alpha/0001", row["sha256"], row["pixels_sha256"], OWNER)
    assert [entry.image_id for entry in entries] == ["alpha/0001", "beta/0002"]
    assert read_withdrawn(old) == []
    changes = (new / "CHANGES.md").read_text()
    assert "Withdrawn: 2 images." in changes
    assert f"- alpha/0001: {OWNER}" in changes
    told = CliRunner().invoke(releases, ["verify", str(old)], obj=withdrawn.project)
    assert told.exit_code == 0, told.output
    assert "warning: 2 images of this release were withdrawn" in told.stderr
    assert f"alpha/0001 was withdrawn: {OWNER} (says 2.0.0)" in told.stderr
    assert "warning" not in CliRunner().invoke(releases, ["verify", str(new)], obj=withdrawn.project).output
    copy = tmp_path / "elsewhere" / "old"
    copy.parent.mkdir()
    old.rename(copy)
    alone = Project(tmp_path / "nowhere")
    assert "warning" not in CliRunner().invoke(releases, ["verify", str(copy)], obj=alone).output
    named = CliRunner().invoke(releases, ["verify", str(copy), "--withdrawn", str(new)], obj=alone)
    assert "beta/0002 was withdrawn" in named.stderr


def test_a_list_of_hashes_from_elsewhere_is_taken_and_what_is_none_refused(
    published: Path, tmp_path: Path
) -> None:
    digest = indexed(published.parent.parent.parent, "alpha/0004")["pixels_sha256"]
    path = tmp_path / "list.csv"
    path.write_text(f"pixels_sha256,reason\n{digest},{OWNER}\n{UNKNOWN},\n")
    (held,) = held_images(published, [("list.csv", read_withdrawn(path))])
    assert held == ("alpha/0004", OWNER, "list.csv")
    path.write_text("sha256,reason\nnone,\n")
    with pytest.raises(ReleaseError, match=r"list\.csv: row 2 has no hash"):
        read_withdrawn(path)
    with pytest.raises(ReleaseError, match="cannot be read"):
        read_withdrawn(tmp_path / "absent.csv")

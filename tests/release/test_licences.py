"""What a release gives of a corpus, and which licences do not go together: named by the gate."""

from pathlib import Path

import pytest
import yaml

from sartext.config import Project
from sartext.errors import ParameterError
from sartext.release.licences import conflicts_of
from tests.release.built import Built, outcome
from tests.release.joined import joined, ledger_of, pairs_of


def conditions(built: Built, **of_corpus: list[str] | None) -> None:
    """Change the conditions that catalogue files state; None takes them out."""
    for name, stated in of_corpus.items():
        path = built.root / f"catalogue/{name}.yaml"
        entry = {key: value for key, value in yaml.safe_load(path.read_text()).items() if key != "conditions"}
        path.write_text(yaml.safe_dump(entry if stated is None else {**entry, "conditions": stated}))


def test_images_that_are_given_on_request_only_block_and_captions_alone_do_not(built: Built) -> None:
    conditions(built, alpha=["on-request"], beta=["on-request"])  # of beta the release holds captions alone
    row = outcome(built, "provenance", "no image that its licence forbids")
    assert (row["passed"], row["severity"], row["figure"]) == (False, "critical", 1)
    assert "alpha" in row["detail"]
    assert "on-request beside images that are included: their owner hands them out" in row["detail"]


def test_share_alike_beside_non_commercial_is_a_warning_that_names_both(built: Built) -> None:
    conditions(built, alpha=["share-alike"], beta=["citation", "non-commercial"])
    row = outcome(built, "provenance", "licences that go together")
    assert (row["passed"], row["severity"], row["figure"]) == (False, "warning", 1)
    assert "share-alike beside non-commercial of beta" in row["detail"]
    conditions(built, beta=["citation"])
    assert outcome(built, "provenance", "licences that go together")["passed"]


def test_no_derivatives_beside_captions_is_a_warning(built: Built) -> None:
    conditions(built, beta=["no-derivatives"])
    row = outcome(built, "provenance", "licences that go together")
    assert "no-derivatives beside captions" in row["detail"]


def test_images_of_unknown_conditions_are_warned_of(built: Built) -> None:
    assert outcome(built, "provenance", "known conditions of licences")["passed"]  # beta's images are withheld
    conditions(built, alpha=None)
    row = outcome(built, "provenance", "known conditions of licences")
    assert (row["passed"], row["severity"]) == (False, "warning")


def test_a_licence_that_is_both_conflicts_with_neither() -> None:
    own = ("share-alike", "non-commercial")
    assert conflicts_of("a", {"a": own, "b": ("non-commercial",)}, {"a", "b"}, blocking=False) == ""  # type: ignore[dict-item]


@pytest.mark.parametrize(("gives", "released"), [("images", True), ("captions", True), ("nothing", False)])
def test_parameters_say_what_is_given_of_a_corpus(tmp_path: Path, gives: str, released: bool) -> None:
    joined(tmp_path)
    listed = yaml.safe_load((tmp_path / "params.yaml").read_text())["corpora"]
    listed["pairs"]["gives"] = gives
    Built(tmp_path).parameters(corpora=listed)
    project = Project(tmp_path)
    pairs = pairs_of(project)
    assert ("pairs/s1_a" in pairs) == released
    if released:
        assert pairs["pairs/s1_a"]["redistribution"] == (gives == "images")
    else:
        row = ledger_of(project)["pairs/s1_a"]
        assert (row["fate"], row["stage"]) == ("left out", "candidate")
        assert row["reason"] == "params.yaml lets a release give nothing of its corpus"


def test_what_else_is_given_is_an_error(built: Built) -> None:
    built.parameters(corpora={"alpha": {"catalogue": "catalogue/alpha.yaml", "gives": "everything"}})
    with pytest.raises(ParameterError, match="gives"):
        _ = built.project.parameters


def test_every_row_names_licence_source_and_citation(built: Built) -> None:
    for row in built.pairs():
        assert all(row[name] for name in ("licence", "source_url", "citation"))
    built.set_pair(0, citation=" ")
    assert not outcome(built, "provenance", "citation, source address and sensor")["passed"]

"""`sartext doctor` says what is missing and how to get it."""

from pathlib import Path

import pytest

from sartext.config import Project
from sartext.doctor import examine
from sartext.models import compatibility

CORPUS = "corpora:\n  sim-ships: {catalogue: catalogue/sim-ships.yaml}\n"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    source = Path(__file__).resolve().parents[2] / "src/sartext/catalogue/sim-ships.yaml"
    (tmp_path / "catalogue").mkdir()
    (tmp_path / "catalogue/sim-ships.yaml").write_text(source.read_text())
    (tmp_path / "params.yaml").write_text(CORPUS)
    return Project(tmp_path)


def found(project: Project, what: str) -> tuple[bool, str]:
    one = next(one for one in examine(project) if one.what == what)
    return one.fine, one.detail


def test_an_absent_corpus_is_told_with_the_command_that_makes_it(project: Project) -> None:
    assert found(project, "corpus sim-ships") == (False, "`sartext simulate --missing`")
    project.source("sim-ships").mkdir(parents=True)
    assert found(project, "corpus sim-ships") == (True, "present")


def test_spice_is_optional_but_a_wrong_folder_is_told(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SARTEXT_SPICE", raising=False)
    fine, detail = found(project, "spice")
    assert fine
    assert "SARTEXT_SPICE" in detail
    monkeypatch.setenv("SARTEXT_SPICE", str(project.root))
    fine, detail = found(project, "spice")
    assert not fine
    assert "stanford-corenlp-3.6.0.jar is not there" in detail


@pytest.mark.parametrize("works", [True, False])
def test_whether_plain_open_clip_can_be_imported_is_told_with_what_to_write_otherwise(
    project: Project, monkeypatch: pytest.MonkeyPatch, works: bool
) -> None:
    monkeypatch.setattr(compatibility, "plain_import_works", lambda: works)
    fine, detail = found(project, "open_clip")
    assert fine, "the project does without"
    assert ("works" in detail) == works
    assert ("from sartext.models.compatibility import open_clip" in detail) != works

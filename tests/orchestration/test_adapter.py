"""What DVC tells of a project."""

from pathlib import Path

import pytest

from orchestration.dvc_adapter import (
    compare_with_pin,
    data_version,
    folder_hash,
    read_lock,
    read_reasons,
    require_pinned,
)
from sartext.errors import ArtefactError, PinError
from tests.processes import dvc


def test_reasons_name_what_changed(toy: Path) -> None:
    assert read_reasons(toy) == {}
    (toy / "data" / "beta" / "boxes").write_text("another\n")
    (toy / "build" / "captions" / "alpha" / "captions").unlink()
    (toy / "params.yaml").write_text((toy / "params.yaml").read_text().replace("[alpha, beta]", "[beta, alpha]"))
    reasons = read_reasons(toy)
    assert reasons["corpus@beta"] == ("data/beta modified",)
    assert "corpus@alpha" not in reasons
    assert reasons["captions@alpha"] == ("build/captions/alpha modified",)
    assert "params.yaml: captions modified" in reasons["candidate"]


def test_the_data_version_is_that_of_the_outs_in_the_lock(toy: Path) -> None:
    names = ("corpus@alpha", "candidate", "publication")
    first = {name: data_version(outs) for name, outs in read_lock(toy).items() if name in names}
    assert all(len(value) == 64 for value in first.values())
    assert len(set(first.values())) == 3
    (toy / "data" / "alpha" / "boxes").write_text("another\n")
    dvc(toy, "repro", "--quiet", "corpus@alpha")
    assert data_version(read_lock(toy)["corpus@alpha"]) != first["corpus@alpha"]


def test_a_lock_that_cannot_be_read_is_an_error_and_none_holds_nothing(toy: Path) -> None:
    (toy / "dvc.lock").write_text("stages: [")
    with pytest.raises(ArtefactError, match=r"dvc\.lock"):
        read_lock(toy)
    (toy / "dvc.lock").unlink()
    assert read_lock(toy) == {}


def test_a_corpus_has_the_hash_that_is_pinned_and_locked(toy: Path) -> None:
    value = folder_hash(toy, "alpha")
    assert value is not None
    assert value in (toy / "data.dvc").read_text()
    assert value in (toy / "dvc.lock").read_text()
    assert folder_hash(toy, "gamma") is None


def test_every_difference_from_the_pin_is_named(toy: Path) -> None:
    hashes, difference = compare_with_pin(toy)
    assert not difference
    assert hashes == {name: folder_hash(toy, name) for name in ("alpha", "beta")}
    (toy / "data" / "notes.txt").write_text("mine\n")
    assert str(compare_with_pin(toy)[1]) == "files outside the corpus folders"
    (toy / "data" / "notes.txt").unlink()
    (toy / "data" / "alpha" / "boxes").write_text("another\n")
    (toy / "data" / "beta" / "boxes").unlink()
    (toy / "data" / "gamma").mkdir()
    (toy / "data" / "gamma" / "boxes").write_text("new\n")
    assert str(compare_with_pin(toy)[1]) == "changed alpha; not pinned gamma; absent beta"


@pytest.mark.parametrize("text", [None, "outs: []\n", "outs:\n- md5: 0.dir\n  path: data\n"])
def test_a_pin_that_is_absent_or_names_no_corpora_is_told(toy: Path, text: str | None) -> None:
    (toy / "data.dvc").unlink()
    if text is not None:
        (toy / "data.dvc").write_text(text)
    with pytest.raises(PinError, match="sartext corpora pin"):
        require_pinned(toy)

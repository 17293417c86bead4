"""What DVC tells of a project."""

from pathlib import Path

import pytest

from orchestration.dvc_adapter import Adapter, compare_with_pin, folder_hash, read_graph
from orchestration.resources import Session, require_pinned
from sartext.config import Project
from sartext.errors import PinError
from sartext.sources import pin

from .conftest import dvc


def adapter(root: Path) -> Adapter:
    return Adapter(root, read_graph(root))


def test_a_built_project_has_nothing_to_do(toy: Path) -> None:
    found = adapter(toy)
    assert {name: found.reasons(name) for name in found.graph.stages} == dict.fromkeys(found.graph.stages, ())


def test_reasons_name_what_changed(toy: Path) -> None:
    (toy / "data" / "beta" / "boxes").write_text("another\n")
    (toy / "build" / "captions" / "alpha" / "captions").unlink()
    (toy / "params.yaml").write_text((toy / "params.yaml").read_text().replace("[alpha, beta]", "[beta, alpha]"))
    found = adapter(toy)
    assert found.reasons("corpus@beta") == ("data/beta modified",)
    assert found.reasons("corpus@alpha") == ()
    assert found.reasons("captions@alpha") == ("build/captions/alpha modified",)
    assert "params.yaml: captions modified" in found.reasons("candidate")


def test_an_answer_is_kept_until_the_stage_or_one_before_it_is_made(toy: Path) -> None:
    found = adapter(toy)
    assert found.reasons("candidate") == ()
    (toy / "build" / "captions" / "alpha" / "captions").write_text("other\n")
    assert found.reasons("candidate") == ()
    found.forget("captions@beta")
    assert found.reasons("candidate") == ("build/captions modified",)
    assert found.reasons("captions@alpha") == ()


def test_the_data_version_is_that_of_the_outs_in_the_lock(toy: Path) -> None:
    first = {name: adapter(toy).data_version(name) for name in ("corpus@alpha", "candidate", "publication")}
    assert all(len(value) == 64 for value in first.values())
    assert len(set(first.values())) == 3
    assert first == {name: adapter(toy).data_version(name) for name in first}
    (toy / "data" / "alpha" / "boxes").write_text("another\n")
    dvc(toy, "repro", "--quiet", "corpus@alpha")
    assert adapter(toy).data_version("corpus@alpha") != first["corpus@alpha"]


def test_a_corpus_has_the_hash_that_is_pinned_and_locked(toy: Path) -> None:
    value = folder_hash(toy, "alpha")
    assert value is not None
    assert value in (toy / "data.dvc").read_text()
    assert value in (toy / "dvc.lock").read_text()
    assert folder_hash(toy, "gamma") is None


def test_pinned_data_equals_its_pin(toy: Path) -> None:
    hashes, difference = compare_with_pin(toy)
    assert not difference
    assert hashes == {name: folder_hash(toy, name) for name in ("alpha", "beta")}


def test_every_difference_from_the_pin_is_named(toy: Path) -> None:
    (toy / "data" / "alpha" / "boxes").write_text("another\n")
    (toy / "data" / "beta" / "boxes").unlink()
    (toy / "data" / "gamma").mkdir()
    (toy / "data" / "gamma" / "boxes").write_text("new\n")
    _, difference = compare_with_pin(toy)
    assert str(difference) == "changed alpha; not pinned gamma; absent beta"


def test_a_file_beside_the_corpora_is_a_difference(toy: Path) -> None:
    (toy / "data" / "notes.txt").write_text("mine\n")
    assert str(compare_with_pin(toy)[1]) == "files outside the corpus folders"


@pytest.mark.parametrize("text", [None, "outs: []\n", "outs:\n- md5: 0.dir\n  path: data\n"])
def test_a_pin_that_is_absent_or_names_no_corpora_is_told(toy: Path, text: str | None) -> None:
    (toy / "data.dvc").unlink()
    if text is not None:
        (toy / "data.dvc").write_text(text)
    with pytest.raises(PinError, match="sartext corpora pin"):
        require_pinned(toy)


def test_a_lost_release_is_a_reason_to_publish(toy: Path) -> None:
    pin(Project(toy))
    session = Session(Project(toy), read_graph(toy), {})
    assert session.reasons("publication") == ()
    (toy / "releases" / "toy" / "1.0.0").rmdir()
    assert session.reasons("publication") == ("releases/toy/1.0.0 does not exist",)

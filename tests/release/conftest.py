"""The small project at the stages of its way to a release; each is made once, and a test has a copy of its own."""

import shutil
from pathlib import Path

import pytest

from sartext.release.publication import publish
from tests.release.built import Built, build, passed_verdict


@pytest.fixture(scope="session")
def candidate_once(tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A candidate that was not judged; only to be copied."""
    return build(tmp_path_factory.mktemp("candidate") / "project")


@pytest.fixture(scope="session")
def assembled_once(candidate_once: Built, tmp_path_factory: pytest.TempPathFactory) -> Built:
    """A candidate that passed the gate, and the release made from it; only to be copied."""
    built = copy_of(candidate_once, tmp_path_factory.mktemp("assembled"))
    built.assemble()
    return built


@pytest.fixture(scope="session")
def published(assembled_once: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a published release, its build beside it; only to be read."""
    built = copy_of(assembled_once, tmp_path_factory.mktemp("published"))
    return built.root / str(publish(built.project)["path"])


@pytest.fixture
def built(candidate_once: Built, tmp_path: Path) -> Built:
    """A candidate that was not judged."""
    return copy_of(candidate_once, tmp_path)


@pytest.fixture
def judged(built: Built) -> Built:
    """A candidate that passed the gate."""
    passed_verdict(built)
    return built


@pytest.fixture
def assembled(assembled_once: Built, tmp_path: Path) -> Built:
    """A candidate that passed the gate, and the release made from it."""
    return copy_of(assembled_once, tmp_path)


@pytest.fixture
def release(published: Path, tmp_path: Path) -> Path:
    """A published release whose files can be written."""
    shutil.copytree(published, tmp_path / "1.0.0", copy_function=shutil.copyfile)
    return tmp_path / "1.0.0"


def copy_of(built: Built, folder: Path) -> Built:
    """A copy of a project."""
    shutil.copytree(built.root, folder / "project")
    return Built(folder / "project")

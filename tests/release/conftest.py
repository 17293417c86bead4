"""The small project that the tests of the gate share; tests of what comes after it make their own."""

import shutil
from pathlib import Path

import pytest

from tests.release.built import Built, build


@pytest.fixture(scope="session")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A candidate that was not judged; only to be copied."""
    return build(tmp_path_factory.mktemp("candidate") / "project").root


@pytest.fixture
def built(model: Path, tmp_path: Path) -> Built:
    """A candidate of its own, that was not judged."""
    root = tmp_path / "project"
    shutil.copytree(model, root)
    return Built(root)

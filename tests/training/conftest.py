"""The small project that the tests of training share, and no server that tracks them."""

import pytest

from sartext.config import Project
from sartext.training.shards.reading import Shards, open_shards
from tests.training.mini import mini_project_of


@pytest.fixture(scope="session")
def mini_project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project of some 290 images of 64 pixels with splits, captions, shards and tokenizer; only to be read."""
    return mini_project_of(tmp_path_factory)


@pytest.fixture(autouse=True)
def _no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")


@pytest.fixture(scope="session")
def shards(mini_project: Project) -> Shards:
    """Its optical and SAR pairs."""
    return open_shards(mini_project.build / "shards")

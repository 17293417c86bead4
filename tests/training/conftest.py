"""The small project that the tests of training share."""

import pytest

from sartext.config import Project
from tests.training.mini import mini_project_in


@pytest.fixture(scope="session")
def mini_project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project of some 290 images of 64 pixels with splits, captions, shards and tokenizer; only to be read."""
    return mini_project_in(tmp_path_factory.getbasetemp() / "mini-project")

"""A project to evaluate, shared by the tests of the stages."""

import pytest

from sartext.config import Project
from tests.evaluation.stages.project import trained


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with a release and untrained models of every kind; only to be read, but for its evaluations."""
    return trained(tmp_path_factory.mktemp("evaluated") / "project")

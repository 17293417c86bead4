"""Fixtures of the recipes."""

import pytest

from tests.recipes.scratch import scratch_copy


@pytest.fixture
def scratch(tmp_path):
    """A scratch copy of the package and an empty project."""
    return scratch_copy(tmp_path)

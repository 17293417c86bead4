"""The commands of README and docs, typed in a built project as they stand there."""

import os
import sys
from pathlib import Path

import pytest

from tests.docs.blocks import Block, shell_blocks
from tests.e2e.conftest import Checkout
from tests.processes import completed

pytestmark = pytest.mark.e2e

RUN = [block for block in shell_blocks() if not block.reason]


@pytest.fixture
def ready(checkout: Checkout) -> Checkout:
    """A built project whose ``.venv`` is the one that runs the tests."""
    (checkout.root / ".venv").symlink_to(sys.prefix)
    stamp = Path(sys.prefix) / ".ready"
    stamp.touch()
    for name in ("constraints.txt", "pyproject.toml"):
        os.utime(checkout.root / name, (0, 0))
    return checkout


@pytest.mark.parametrize("block", RUN, ids=lambda block: block.name)
def test_a_block_of_commands_runs_as_it_stands(block: Block, ready: Checkout) -> None:
    done = completed("bash", "-e", "-c", block.text, cwd=ready.root, env=ready.environment())
    assert done.returncode == 0, f"{block.text}\n{done.stdout[-3000:]}\n{done.stderr[-3000:]}"

"""One builder at a time."""

import subprocess
import sys
from pathlib import Path

import pytest

from sartext.checkout import project_lock
from sartext.errors import ArtefactError

OTHER = """
import sys
from pathlib import Path
from sartext.checkout import project_lock
with project_lock(Path(sys.argv[1]), wait=False):
    print("in")
"""


def other(root: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    import os

    clean = {key: value for key, value in os.environ.items() if key != "SARTEXT_LOCK_HELD"}
    return subprocess.run(
        [sys.executable, "-c", OTHER, str(root)],
        env={**clean, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_second_builder_is_refused_while_the_first_works(tmp_path: Path) -> None:
    with project_lock(tmp_path):
        done = other(tmp_path)
    assert "another build of this project is running" in done.stderr
    assert other(tmp_path).stdout == "in\n"


def test_a_process_of_the_holder_passes_through(tmp_path: Path) -> None:
    with project_lock(tmp_path):
        assert other(tmp_path, SARTEXT_LOCK_HELD=str(tmp_path.resolve())).stdout == "in\n"
        with project_lock(tmp_path, wait=False):
            pass


def test_the_lock_is_free_after_an_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError), project_lock(tmp_path):
        raise ValueError
    try:
        with project_lock(tmp_path, wait=False):
            pass
    except ArtefactError:
        pytest.fail("the lock is still held")

"""Work on all cores: in order, and not outliving the command that asked for it."""

import os
import subprocess
import sys

import pytest

from sartext.errors import ParameterError
from sartext.progress import map_parallel, workers
from tests.processes import alive, wait_for

SLOW = """
import os, sys, time
from pathlib import Path
from sartext.errors import ParameterError
from sartext.progress import map_parallel, workers

def work(folder):
    Path(folder, str(os.getpid())).touch()
    time.sleep(120)

if __name__ == "__main__":
    list(map_parallel(work, [sys.argv[1]] * 8, "sleeping", serial_below=0))
"""


def test_results_come_in_the_order_of_the_items(monkeypatch):
    monkeypatch.setenv("SARTEXT_WORKERS", "2")
    assert list(map_parallel(abs, range(-9, 0), "counting", serial_below=0)) == list(range(9, 0, -1))


@pytest.mark.parametrize("text", ["abc", "0", "-2", "1.5", "²"])
def test_what_is_no_number_of_processes_is_an_error_that_names_it(monkeypatch, text):
    monkeypatch.setenv("SARTEXT_WORKERS", text)
    with pytest.raises(ParameterError, match=f"SARTEXT_WORKERS: '{text}' is no number of processes"):
        workers()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends a process with its parent")
def test_workers_end_with_a_parent_that_is_killed(tmp_path):
    script, folder = tmp_path / "slow.py", tmp_path / "pids"
    script.write_text(SLOW)
    folder.mkdir()
    command = [sys.executable, str(script), str(folder)]
    parent = subprocess.Popen(command, env={**os.environ, "SARTEXT_WORKERS": "2"})
    try:
        wait_for(lambda: len(list(folder.iterdir())) == 2)
        workers = [int(path.name) for path in folder.iterdir()]
        assert all(map(alive, workers))
    finally:
        parent.kill()
        parent.wait()
    wait_for(lambda: not any(map(alive, workers)))

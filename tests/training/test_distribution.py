"""Two processes with a share of the batch each do what one process does with the whole batch.

Tolerances: gradients to 1e-4 of their size (and 1e-6), loss curves to 1e-4: sums are taken in another order.
"""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from sartext.errors import TrainingError
from sartext.training.distribution import Processes
from sartext.training.loop import fit
from tests.conftest import ROOT
from tests.processes import completed
from tests.training.shared import CASES, results
from tests.training.toy import toy_model, toy_task


def torchrun(*command: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """Run a command in two real processes."""
    start = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    return completed(*start, *command, cwd=cwd, env=environment, timeout=240)


@pytest.fixture(scope="module")
def two(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("two")
    done = torchrun("-m", "tests.training.shared", str(folder))
    assert done.returncode == 0, done.stderr[-3000:]
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in (0, 1)]


@pytest.fixture(scope="module")
def single() -> dict[str, Any]:
    return results(Processes())


@pytest.mark.parametrize(("kind", "parts", "facts"), CASES)
def test_gradients_are_those_of_the_whole_batch(
    single: dict[str, Any], two: list[dict[str, Any]], kind: str, parts: int, facts: bool
) -> None:
    expected = single[f"{kind}-{parts}-{facts}"]
    for process in two:
        shared = process[f"{kind}-{parts}-{facts}"]
        torch.testing.assert_close(shared["losses"], expected["losses"], rtol=1e-5, atol=1e-6)
        assert shared["gradients"].keys() == expected["gradients"].keys()
        for name, gradient in expected["gradients"].items():
            # sums in another order: what is near zero is as exact as the largest value of its tensor
            slack = 1e-5 * float(gradient.abs().max())
            torch.testing.assert_close(shared["gradients"][name], gradient, rtol=1e-4, atol=slack, msg=name)


@pytest.mark.parametrize("kind", ["clip", "coca"])
def test_the_loss_curve_is_that_of_one_process(
    single: dict[str, Any], two: list[dict[str, Any]], kind: str
) -> None:
    expected = single[f"fit-{kind}"]["curves"]
    for process in two:
        shared = process[f"fit-{kind}"]["curves"]
        for part in ("steps", "validations"):
            assert [list(row) for row in shared[part]] == [list(row) for row in expected[part]]
            for row, wanted in zip(shared[part], expected[part], strict=True):
                assert row == pytest.approx(wanted, rel=1e-3 if part == "validations" else 1e-4)


@pytest.mark.parametrize("kind", ["clip", "coca"])
def test_all_processes_hold_the_same_weights(two: list[dict[str, Any]], kind: str) -> None:
    first, second = (process[f"fit-{kind}"]["weights"] for process in two)
    torch.testing.assert_close(first, second, rtol=0, atol=0)


def test_a_process_without_memory_ends_all_and_lets_none_take_a_step(tmp_path: Path) -> None:
    done = torchrun("-m", "tests.training.shared", str(tmp_path), "short")
    assert done.returncode != 0
    assert "out of memory with 4 pairs at a time; set `training.accumulate: 2`" in done.stderr
    # its own trials would give the others gradients that they take for those of the step
    assert not (tmp_path / "stepped").exists()


def test_a_batch_that_processes_and_parts_do_not_divide_is_refused() -> None:
    task = toy_task(toy_model(), batch=12, accumulate=4)
    with pytest.raises(TrainingError, match=r"2 processes of 4 parts do not divide 12 pairs.*multiple of 8"):
        fit(task, samples=24, learning_rate=0.001, processes=Processes(0, 2))

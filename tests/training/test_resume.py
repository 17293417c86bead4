"""A training that is killed at any moment goes on and ends with the same bytes as one that is left alone."""

import multiprocessing
import random
import signal
import time
from pathlib import Path
from pkgutil import resolve_name
from typing import Any

import pytest
import torch

from sartext.errors import TrainingError
from sartext.training.checkpointing import Resume, State
from tests.models.making import same, states_equal
from tests.training.toy import FINGERPRINT, STEPS, Ending, run, toy_fit

KILLS = 20
PATIENCE = 120
"""Seconds that a child has for what takes it a second on a quiet machine."""
NEVER = 1e-9
"""A share of the time in which no test saves."""


@pytest.fixture(scope="module")
def children() -> Any:
    """Processes that begin with the libraries loaded: a kill costs a fork, not an import."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.training.toy"])
    return context


def ended(*_: object, **__: object) -> Any:
    raise SystemExit(143)


def start(children: Any, *arguments: Any) -> Any:
    """Start `run` in a process of its own."""
    child = children.Process(target=run, args=arguments)
    child.start()
    return child


def wait_for_step(child: Any, reached: Any, step: int) -> None:
    """Wait until a child has taken a step, or ended."""
    deadline = time.monotonic() + PATIENCE
    while reached.value < step and child.is_alive():
        assert time.monotonic() < deadline, f"step {step} was not taken within {PATIENCE} s, {reached.value} were"
        time.sleep(0.0005)


def test_twenty_kills_leave_the_weights_of_an_undisturbed_run(children: Any, tmp_path: Path) -> None:
    model, undisturbed = toy_fit(None)
    folder, result = tmp_path / "resume", tmp_path / "result.pt"
    chance, killed_after = random.Random(11), []
    for kill in range(KILLS):
        reached = children.Value("i", 0)
        # half of them end themselves between a step and its save, half are shot from outside at any moment
        inside = kill % 2 == 0
        done = killed_after[-1] if killed_after else 0
        last = done + chance.randint(1, 2)
        child = start(children, folder, result, reached, last if inside else 0)
        if not inside:
            wait_for_step(child, reached, last)
            time.sleep(chance.random() * 0.02)
            child.kill()
        child.join(PATIENCE)
        assert child.exitcode == -signal.SIGKILL and not result.exists()
        killed_after.append(reached.value)
    start(children, folder, result, None, 0).join(PATIENCE)
    outcome = torch.load(result, weights_only=True)
    assert outcome["resumed_after"] >= max(killed_after) - 1 > 1
    assert same(outcome["last"], dict(model.network.state_dict()))
    assert same(outcome["best"], undisturbed.best) and outcome["best_step"] == undisturbed.best_step
    assert outcome["curves"] == undisturbed.curves
    assert len(outcome["curves"]["steps"]) == STEPS


def stopped_after(children: Any, folder: Path, last: int) -> None:
    child = start(children, folder, folder / "none", None, last)
    child.join(PATIENCE)
    assert child.exitcode == -signal.SIGKILL


def test_a_state_of_other_parameters_is_discarded_and_named(children: Any, tmp_path: Path) -> None:
    stopped_after(children, tmp_path / "resume", 8)
    other = Resume(tmp_path / "resume", {**FINGERPRINT, "data": "changed"})
    assert other.load() == (None, "the unfinished training is discarded: data changed since")
    assert not (tmp_path / "resume").exists()


@pytest.mark.parametrize("damage", ["state.pt", "best", "lost"])
def test_a_damaged_state_is_discarded_and_said(children: Any, tmp_path: Path, damage: str) -> None:
    folder = tmp_path / "resume"
    stopped_after(children, folder, 8)
    (path,) = folder.glob("state.pt" if damage == "state.pt" else "best-*")
    if damage == "lost":
        path.unlink()
    else:
        path.write_bytes(path.read_bytes()[:-200])
    state, note = Resume(folder, FINGERPRINT).load()
    assert state is None and "cannot be read" in note and not folder.exists()


def test_best_weights_without_a_state_are_of_no_use_to_the_next_training(tmp_path: Path) -> None:
    weights = {"w": torch.arange(3.0)}
    resume = Resume(tmp_path / "resume", {})
    resume.save(State(step=4, weights=weights, best_step=4, best=weights))
    (tmp_path / "resume" / "state.pt").unlink()  # as a kill before the first state, or while removing, leaves it
    again = Resume(tmp_path / "resume", {})
    assert again.load() == (None, "")
    other = {"w": torch.zeros(3)}
    again.save(State(step=4, weights=other, best_step=4, best=other))
    state, _ = Resume(tmp_path / "resume", {}).load()
    assert state is not None and same(state.best, other)


def test_code_in_a_state_is_not_run(tmp_path: Path) -> None:
    marker = tmp_path / "ran"

    class Evil:
        def __reduce__(self) -> Any:
            return Path.touch, (marker,)

    (tmp_path / "resume").mkdir()
    torch.save({"state": Evil(), "fingerprint": {}}, tmp_path / "resume" / "state.pt")
    assert Resume(tmp_path / "resume", FINGERPRINT).load()[0] is None
    assert not marker.exists()


@pytest.mark.parametrize("share", [1.0, NEVER])
def test_a_finished_state_gives_the_result_without_another_step(tmp_path: Path, share: float) -> None:
    model, first = toy_fit(tmp_path / "resume", share=share)
    again, second = toy_fit(tmp_path / "resume", share=share)
    assert (first.resumed_after, second.resumed_after) == (0, STEPS) and second.curves == first.curves
    assert states_equal(again, model)
    assert same(second.best, first.best)


def test_saving_takes_no_more_than_its_share(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = [0.0]
    monkeypatch.setattr("sartext.training.checkpointing.time.monotonic", lambda: now[0])
    resume = Resume(tmp_path / "resume", {}, share=0.01)
    assert not resume.is_due(200_000_000)  # a second of writing, at the start
    now[0] = 98.0
    assert not resume.is_due(200_000_000)
    now[0] = 99.1
    assert resume.is_due(200_000_000)
    resume.save(State(step=1))
    assert resume.is_due(200_000_000)  # it took no time
    resume._cost = 2.0
    assert not resume.is_due(0)
    now[0] += 2.0 * 99
    assert resume.is_due(0)
    largest = Resume(tmp_path / "largest", {}, share=0.01)  # of whatever model a kill costs ten minutes
    now[0] += 599.0
    assert not largest.is_due(10_000_000_000)
    now[0] += 1.0
    assert largest.is_due(10_000_000_000)


def goes_on_alike(folder: Path, after: int) -> None:
    """Check that the training goes on after a step and ends as an undisturbed one."""
    model, undisturbed = toy_fit(None)
    again, fitted = toy_fit(folder)
    assert fitted.resumed_after == after
    assert fitted.curves == undisturbed.curves and fitted.best_step == undisturbed.best_step
    assert same(fitted.best, undisturbed.best)
    assert states_equal(again, model)


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("step", [7, 10])  # the tenth is validated, which the interrupt prevents
def test_an_interrupt_keeps_the_last_step(tmp_path: Path, error: type[BaseException], step: int) -> None:
    folder = tmp_path / "resume"
    with pytest.raises(error):
        toy_fit(folder, Ending(step, error), share=NEVER)
    goes_on_alike(folder, step)


@pytest.mark.parametrize(
    ("place", "calls", "kept"),
    [("sartext.training.image_text.score", 0, 5), ("torch.nn.utils.clip_grad_norm_", 7, 7)],
    ids=["within a validation, to be done later", "among gradients"],
)
def test_an_interrupt_within_a_step_keeps_what_was_done_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, calls: int, kept: int
) -> None:
    plain, left = resolve_name(place), iter(range(calls))

    def interrupted(*arguments: Any) -> Any:
        return ended() if next(left, None) is None else plain(*arguments)

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(place, interrupted)
        toy_fit(tmp_path / "resume", share=NEVER)
    goes_on_alike(tmp_path / "resume", kept)


@pytest.mark.parametrize("kept", [0, 6])
def test_half_a_step_is_never_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kept: int) -> None:
    plain, left = torch.optim.AdamW.step, iter(range(7))

    def half(optimiser: torch.optim.AdamW) -> Any:
        if next(left) < 6:
            return plain(optimiser)
        with torch.no_grad():
            optimiser.param_groups[1]["params"][0].add_(1.0)
        return ended()

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(torch.optim.AdamW, "step", half)
        toy_fit(tmp_path / "resume", share=1.0 if kept else NEVER)
    goes_on_alike(tmp_path / "resume", kept)


def test_terminated_at_any_moment_it_goes_on_after_its_last_step(children: Any, tmp_path: Path) -> None:
    chance, kept = random.Random(5), 0
    for _ in range(4):
        reached = children.Value("i", 0)
        child = start(children, tmp_path / "resume", tmp_path / "result.pt", reached, 0, NEVER)
        wait_for_step(child, reached, kept + 2)
        time.sleep(chance.random() * 0.02)
        child.terminate()
        child.join(PATIENCE)
        assert child.exitcode == 128 + signal.SIGTERM
        state, _ = Resume(tmp_path / "resume", FINGERPRINT).load()
        kept = state.step if state is not None else 0
    assert kept > 0
    goes_on_alike(tmp_path / "resume", kept)


def test_an_optimiser_that_does_not_fit_is_explained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def short(*_: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    toy_fit(tmp_path / "resume")
    monkeypatch.setattr(torch.optim.AdamW, "load_state_dict", short)
    with pytest.raises(TrainingError, match="out of memory: the model does not fit"):
        toy_fit(tmp_path / "resume")
    assert (tmp_path / "resume" / "state.pt").is_file()


def test_only_the_newest_best_weights_are_kept(tmp_path: Path) -> None:
    resume = Resume(tmp_path / "resume", {"a": 1})
    weights = {"w": torch.arange(3.0)}
    for step in (1, 2):
        resume.save(State(step=step, weights=weights, best_step=step, best=weights))
    assert sorted(path.name for path in (tmp_path / "resume").iterdir()) == ["best-2.pt", "state.pt"]
    state, note = Resume(tmp_path / "resume", {"a": 1}).load()
    assert state is not None and state.step == 2 and note == "it goes on after step 2"
    assert same(state.best, weights)

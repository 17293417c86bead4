"""While a run waits for one stage it makes others that are ready, and nothing that it was not asked for."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from dagster import DagsterInstance
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.api import create_execution_plan, execute_run

from orchestration.build import materialised
from orchestration.console import failure_line
from orchestration.definitions import build_definitions
from orchestration.dvc_adapter import read_graph
from orchestration.graph import Stage
from orchestration.resources import Session, places, trainings
from orchestration.workshop import Workshop
from sartext.config import Project

from .conftest import dvc, verdict
from .test_execution import alive
from .test_runs import EVERYTHING, attempt, logs, made, run

MEET = """\
name=$1; other=$2
touch "$name.here"
for _ in $(seq 300); do
  if [ -e "$other.here" ]; then echo "$name met $other"; exit 0; fi
  sleep 0.1
done
echo "error: $name was alone"; exit 1
"""
"""A stage that ends well only while another one is at work."""

COUNT = """\
echo + >> at-work; sleep 1; echo - >> at-work
"""


@pytest.fixture(autouse=True)
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SARTEXT_WORKERS", "2")


def rewrite(root: Path, *changes: tuple[str, str]) -> None:
    stages = (root / "dvc.yaml").read_text()
    for old, new in changes:
        assert old in stages
        stages = stages.replace(old, new)
    (root / "dvc.yaml").write_text(stages)


def let_corpora_meet(root: Path) -> None:
    (root / "meet.sh").write_text(MEET)
    other = "$(ls data | grep -v ${key})"
    rewrite(root, ("echo indexed ${key}", f"sh meet.sh ${{key}} {other}"))


def test_two_stages_that_are_ready_are_made_at_once(toy: Path, instance: DagsterInstance) -> None:
    let_corpora_meet(toy)
    result = run(toy, instance)
    assert made(result) >= {"corpus/alpha", "corpus/beta"}
    assert "beta met alpha" in (toy / "build" / "log" / "corpus@beta.txt").read_text()
    assert "up to date" in dvc(toy, "status")
    assert not made(run(toy, instance))


def test_on_one_core_stages_are_made_one_after_the_other(
    toy: Path, instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SARTEXT_WORKERS", "1")
    (toy / "count.sh").write_text(COUNT)
    rewrite(toy, ("echo indexed ${key}", "sh count.sh"))
    run(toy, instance)
    assert (toy / "at-work").read_text().split() == ["+", "-", "+", "-"]


def test_a_pool_has_its_own_limit(toy: Path, instance: DagsterInstance) -> None:
    """On a GPU one training at a time, whatever else is made beside it."""
    (toy / "count.sh").write_text(COUNT)
    (toy / "params.yaml").write_text((toy / "params.yaml").read_text() + "training: {device: auto}\n")
    rewrite(toy, ("echo indexed ${key}", "sh count.sh"), ("pool: readers", "pool: training"))
    run(toy, instance)
    assert (toy / "at-work").read_text().split() == ["+", "-", "+", "-"]


@pytest.mark.parametrize(
    ("told", "cores", "at_a_time"),
    [
        ("{threads: 1}", "2", 2),
        ("{threads: 2}", "2", 1),
        ("{threads: 2}", "9", 4),
        ("{threads: 8}", "2", 1),
        ("{device: cuda, threads: 1}", "8", 1),
    ],
)
def test_trainings_share_the_cores_by_their_threads(
    toy: Path, monkeypatch: pytest.MonkeyPatch, told: str, cores: str, at_a_time: int
) -> None:
    monkeypatch.setenv("SARTEXT_WORKERS", cores)
    (toy / "params.yaml").write_text((toy / "params.yaml").read_text() + f"training: {told}\n")
    assert trainings(Project(toy)) == at_a_time
    assert places() == min(int(cores), 4)


def test_only_assets_of_the_run_are_made_ahead(toy: Path, instance: DagsterInstance) -> None:
    rewrite(toy, ("echo indexed", "sleep 1 && echo read"))
    result = run(toy, instance, "corpus/alpha")
    assert materialised(result) == {"corpus/alpha"}
    assert logs(toy) == {"corpus@alpha"}


def test_nothing_that_the_gate_holds_back_is_made_ahead(toy: Path, instance: DagsterInstance) -> None:
    (toy / "verdict.json").write_text(verdict("splits"))
    rewrite(toy, ("echo indexed", "sleep 0.5 && echo read"))
    result = attempt(toy, instance)
    assert not result.success
    assert logs(toy) == {"corpus@alpha", "corpus@beta", "quality"}


def test_a_stage_that_failed_ahead_fails_in_its_own_name(toy: Path, instance: DagsterInstance) -> None:
    (toy / "check.sh").write_text("sleep 0.5; [ $1 = alpha ] || { echo 'error: no box'; exit 1; }\n")
    rewrite(toy, ("echo indexed ${key}", "sh check.sh ${key}"))
    result = attempt(toy, instance)
    assert not result.success
    assert failure_line(result.all_events).startswith("corpus/beta failed: no box")
    assert {"corpus/alpha", "captions/alpha"} <= materialised(result)
    assert not materialised(result) & {"corpus/beta", "captions/beta", "candidate"}
    (toy / "check.sh").write_text("exit 0\n")
    assert materialised(run(toy, instance)) == EVERYTHING


def test_a_stage_tells_its_lines_though_nobody_waited_for_it_yet(toy: Path) -> None:
    let_corpora_meet(toy)
    graph = read_graph(toy)
    session = Session(Project(toy), graph, {})
    for name, other in (("alpha", "beta"), ("beta", "alpha")):
        lines: list[str] = []
        reasons, seconds = session.make(graph.stages[f"corpus@{name}"], lines.append, list(graph.stages))
        assert f"{name} met {other}" in lines
        assert reasons
        assert seconds > 0
        assert lines[0] == f"corpus/{name} is made anew: {'; '.join(reasons)}"
    session.close()


def test_steps_chosen_of_an_earlier_run_are_made_alone(toy: Path, instance: DagsterInstance) -> None:
    """As the page does it: the job is whole, the run is not."""
    rewrite(toy, ("echo indexed", "sleep 1 && echo read"))
    job = build_definitions(toy).resolve_job_def("rebuild")
    steps = ["make_corpus_alpha"]
    run_of_steps = instance.create_run_for_job(
        job,
        execution_plan=create_execution_plan(job, step_keys_to_execute=steps),
        job_code_origin=None,
    )
    assert execute_run(InMemoryJob(job), run_of_steps, instance).success
    assert logs(toy) == {"corpus@alpha"}


def test_an_error_in_looking_ahead_is_not_that_of_the_stage_in_hand(toy: Path) -> None:
    """Somebody saves half of a file while a stage is at work."""
    (toy / "spoil.sh").write_text("sleep 1; cp params.yaml whole; echo 'captions: [' > params.yaml; sleep 3\n")
    (toy / "quick.sh").write_text("sleep 2\n")
    rewrite(toy, ("echo indexed ${key}", "{ [ ${key} = beta ] && sh quick.sh || sh spoil.sh; }"))
    graph = read_graph(toy)
    session = Session(Project(toy), graph, {})
    lines: list[str] = []
    reasons, _ = session.make(graph.stages["corpus@alpha"], lines.append, list(graph.stages))
    assert reasons
    (toy / "whole").rename(toy / "params.yaml")
    assert session.make(graph.stages["corpus@beta"], lines.append, list(graph.stages))[0]
    session.close()


def test_a_stage_that_must_wait_says_for_whom_and_leaves_the_other_places_in_use(
    toy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SARTEXT_WORKERS", "3")
    (toy / "params.yaml").write_text((toy / "params.yaml").read_text() + "training: {device: auto}\n")
    rewrite(toy, ("cat data/", "sleep 1 && rev data/"), ("pool: readers", "pool: training"))
    graph = read_graph(toy)
    session = Session(Project(toy), graph, {})
    lines: list[str] = []
    session._start(graph.stages["corpus@alpha"], ("told to",))
    session.make(graph.stages["corpus@beta"], lines.append, list(graph.stages))
    assert lines[0] == "corpus/beta waits for corpus@alpha"
    assert any(line.startswith("captions/alpha is begun beside it") for line in lines)
    session.close()


def test_what_follows_from_a_stage_at_work_counts_as_stale(toy: Path) -> None:
    """DVC cannot be asked of it: its inputs are being written."""
    rewrite(toy, ("echo indexed", "sleep 1 && echo read"))
    graph = read_graph(toy)
    session = Session(Project(toy), graph, {})
    session._start(graph.stages["corpus@beta"], ("told to",))
    assert session.stale_ancestors("candidate") == ("corpus@alpha", "corpus@beta", "captions@beta")
    session.close()


def test_a_thread_that_cannot_be_had_leaves_nothing_at_work(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    workshop = Workshop(2, {})
    with pytest.raises(RuntimeError):
        workshop.start(Stage("one", "true"), ("told to",), lambda _listen, _leash: None)
    workshop.close()
    assert not workshop.tasks


def test_an_end_that_nobody_heard_of_is_found_out() -> None:
    """An interrupt may take an event with it."""
    workshop = Workshop(2, {})
    workshop.start(Stage("one", "true"), ("told to",), lambda _listen, _leash: None)
    workshop._events.get(timeout=5)
    workshop.close()
    assert not workshop.busy
    assert "without a word" in str(workshop.tasks["one"].error)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_what_is_made_ahead_ends_with_the_run(toy: Path, number: signal.Signals) -> None:
    """Interrupted or killed outright: nothing that was started beside the stage in hand goes on."""
    rewrite(toy, ("echo indexed ${key}", "echo $$ > ${key}.pid && sleep 60"))
    marks = [toy / f"{name}.pid" for name in ("alpha", "beta")]
    script = (
        "import sys; from pathlib import Path; from orchestration.build import build;"
        "build(Path(sys.argv[1]), 'rebuild', start=0.0)"
    )
    nowhere = subprocess.DEVNULL
    process = subprocess.Popen([sys.executable, "-c", script, str(toy)], cwd=toy, stdout=nowhere, stderr=nowhere)
    wait_for(lambda: all(mark.is_file() and mark.read_text().strip() for mark in marks))
    pids = [int(mark.read_text()) for mark in marks]
    process.send_signal(number)
    process.wait(30)
    wait_for(lambda: not any(map(alive, pids)))


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.1)

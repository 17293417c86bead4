"""A run's steps as Dagster shows them: beside each other, with true times, ended with the run or alone."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from dagster import AssetKey, DagsterEventType, DagsterInstance, DagsterRun, DagsterRunStatus

from tests.processes import alive, dvc, pids_in, wait_for

from .conftest import change, command, rewrite, start, verdict

MEET = """\
name=$1; other=$2
touch "$name.here"
for _ in $(seq 3000); do
  if [ -e "$other.here" ]; then echo "$name met $other"; exit 0; fi
  sleep 0.1
done
echo "error: $name was alone"; exit 1
"""
"""A stage that ends well only while another one is at work."""

AFTER = """\
  model:
    foreach: [first, second]
    do:
      cmd: cp build/release/pairs.parquet ${item}
      deps: [build/release]
      outs: ["${item}"]
  report:
    cmd: mkdir -p build/report && cp report.json build/report && cat first second > build/report/models
    deps: [first, second, report.json, build/publication/publication.json]
    outs: [build/report]
"""

COUNT = "echo + >> at-work; sleep 1; echo - >> at-work"


@pytest.fixture(autouse=True)
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SARTEXT_WORKERS", "2")


@pytest.fixture
def home(toy: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The home of the toy's own Dagster."""
    monkeypatch.setenv("DAGSTER_HOME", str(toy / ".dagster"))
    return toy / ".dagster"


class History:
    """What Dagster's page knows of a project's newest run."""

    def __init__(self) -> None:
        with DagsterInstance.get() as instance:
            self.runs: list[DagsterRun] = list(instance.get_runs())
            self.run = self.runs[0]
            self.entries = list(instance.all_logs(self.run.run_id))
            keys = [AssetKey(["corpus", "alpha"]), AssetKey(["captions", "alpha"])]
            self.latest = {key.to_user_string(): instance.get_latest_materialization_event(key) for key in keys}

    def times(self, kind: DagsterEventType) -> dict[str, float]:
        return {
            str(entry.step_key): entry.timestamp
            for entry in self.entries
            if entry.dagster_event and entry.dagster_event.event_type is kind
        }

    def spans(self) -> dict[str, tuple[float, float]]:
        """When each step began and ended."""
        ends = self.times(DagsterEventType.STEP_SUCCESS) | self.times(DagsterEventType.STEP_FAILURE)
        return {step: (begin, ends[step]) for step, begin in self.times(DagsterEventType.STEP_START).items()}

    def outcomes(self) -> dict[str, Any]:
        events = (entry.dagster_event for entry in self.entries if entry.dagster_event)
        return {
            str(event.step_key): event.step_materialization_data.materialization.metadata["outcome"].value
            for event in events
            if event.is_step_materialization
        }


def one_after_another(spans: Iterator[tuple[float, float]]) -> bool:
    return all(first[1] <= second[0] for first, second in pairwise(sorted(spans)))


def test_stages_that_are_ready_are_steps_at_once_with_their_true_times(toy: Path, home: Path) -> None:
    (toy / "meet.sh").write_text(MEET)
    rewrite(toy, ("echo indexed ${key}", "sh meet.sh ${key} $(ls data | grep -v ${key})"))
    code, output, errors = command(toy, "rebuild")
    assert (code, errors) == (0, "")
    assert "corpus/beta     made" in output
    history = History()
    (alpha, beta) = (history.spans()[f"make_corpus_{name}"] for name in ("alpha", "beta"))
    assert max(alpha[0], beta[0]) < min(alpha[1], beta[1]), "they overlap"
    said = [entry.user_message for entry in history.entries if entry.step_key == "make_corpus_beta"]
    assert "beta met alpha" in said, "each step has its own log"
    assert "up to date" in dvc(toy, "status")


@pytest.mark.parametrize("limit", ["one core", "a pool of one place"])
def test_what_is_limited_takes_turns(toy: Path, home: Path, monkeypatch: pytest.MonkeyPatch, limit: str) -> None:
    """On a GPU one training at a time, whatever else is made beside it."""
    if limit == "one core":
        monkeypatch.setenv("SARTEXT_WORKERS", "1")
    else:
        (toy / "params.yaml").write_text((toy / "params.yaml").read_text().replace("threads: 1", "device: auto"))
        rewrite(toy, ("pool: readers", "pool: training"))
    rewrite(toy, ("echo indexed ${key}", COUNT))
    assert command(toy, "rebuild")[0] == 0
    assert (toy / "at-work").read_text().split() == ["+", "-", "+", "-"]
    spans = History().spans()
    assert one_after_another(iter([spans["make_corpus_alpha"], spans["make_corpus_beta"]]))


def test_a_run_holds_what_is_stale_and_the_rest_is_unchanged_without_a_step(toy: Path, home: Path) -> None:
    change(toy, "beta")
    assert command(toy, "rebuild")[0] == 0
    history = History()
    # the verdict came out the same, so that `publication` follows from `release` only
    names = ("corpus_beta", "captions_beta", "candidate", "quality", "release", "publication")
    assert history.outcomes() == {f"make_{name}": "made" for name in names}
    tags = [entry.asset_materialization.tags for entry in history.latest.values()]
    assert len({tag["dagster/data_version"] for tag in tags}) == 2, "what plain DVC built counts as materialised"
    assert "nothing to do: 8 stages are unchanged" in command(toy, "rebuild")[1]
    assert len(History().runs) == 1, "there is no run where there is nothing to do"


def test_a_run_that_nobody_planned_makes_what_is_stale(toy: Path, home: Path) -> None:
    """As the page launches it: the whole job, without a word of what is stale."""
    assert command(toy, "rebuild")[0] == 0
    change(toy, "beta")
    job = ["job", "execute", "-m", "orchestration.definitions", "-j", "rebuild"]
    launch = [sys.executable, "-m", "dagster", *job]
    done = subprocess.run(launch, cwd=toy, check=False, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    outcomes = History().outcomes()
    unchanged = {step for step, outcome in outcomes.items() if outcome == "unchanged"}
    assert unchanged == {"make_corpus_alpha", "make_captions_alpha"}
    assert len(outcomes) == 8
    assert not list((toy / "build" / "plan").glob("*")), "a plan lasts as long as its run"


def test_a_failed_stage_fails_in_its_own_name_and_what_does_not_follow_goes_on(toy: Path, home: Path) -> None:
    (toy / "check.sh").write_text("[ $1 = alpha ] || { echo 'error: no box'; exit 1; }\n")
    rewrite(toy, ("echo indexed ${key}", "echo ${key} > build/corpus/${key}/index && sh check.sh ${key}"))
    code, _, errors = command(toy, "rebuild")
    assert code == 1
    assert errors.startswith("error: corpus/beta failed: no box")
    assert History().outcomes() == {"make_corpus_alpha": "made", "make_captions_alpha": "made"}
    (toy / "check.sh").write_text("exit 0\n")
    assert command(toy, "rebuild")[0] == 0


def test_nothing_passes_a_failed_gate(toy: Path, home: Path) -> None:
    (toy / "verdict.json").write_text(verdict("splits"))
    for outcome in ("made", "unchanged"):
        code, output, errors = command(toy, "rebuild")
        assert code == 1
        assert errors.startswith("error: the quality gate refuses the candidate: splits (splits_hold: too many)")
        assert errors.count("\n") == 1
        assert "failed" in output and "releases/toy" not in output
        assert History().outcomes() == {"make_quality": outcome}


def test_what_follows_from_a_release_waits_until_it_is_made(toy: Path, home: Path) -> None:
    """The release that lies there is an old one while the corpora are read anew."""
    with (toy / "dvc.yaml").open("a") as stages:
        stages.write(AFTER)
    report = {"benchmarks": [{"name": "test", "images": 1}], "variants": [], "figures": []}
    (toy / "report.json").write_text(json.dumps(report))
    change(toy, "alpha")
    assert command(toy, "report")[0] == 0
    spans = History().spans()
    for name in ("first", "second"):
        assert spans["make_release"][1] <= spans[f"make_model_{name}"][0]
        assert (toy / name).read_bytes() == (toy / "build" / "release" / "pairs.parquet").read_bytes()
    assert "up to date" in dvc(toy, "status")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL])
def test_every_stage_ends_with_the_run(toy: Path, home: Path, number: signal.Signals) -> None:
    """Interrupted, terminated or killed outright: of what ran side by side nothing goes on."""
    waiting = "{ test -e go || { sleep 600 & echo $! $$ > ${key}.pid; wait; }; }"
    rewrite(toy, ("echo indexed ${key}", waiting))
    process = start(toy, "rebuild")
    pids = [pid for name in ("alpha", "beta") for pid in pids_in(toy / f"{name}.pid", 2)]
    process.send_signal(number)
    _, errors = process.communicate(timeout=180)
    if number != signal.SIGKILL:
        assert process.returncode == 130
        assert errors.strip() == "error: interrupted; what was complete stays, run the command again"
    wait_for(lambda: not any(map(alive, pids)))
    (toy / "go").touch()
    code, _, errors = command(toy, "rebuild")
    assert (code, errors) == (0, "")
    assert [run.status for run in History().runs] == [DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE]


def test_a_step_that_is_killed_ends_its_stage_and_no_other(toy: Path, home: Path) -> None:
    rewrite(toy, ("echo indexed ${key}", "{ echo $$ > ${key}.pid; until test -e ${key}.go; do sleep 0.1; done; }"))
    process = start(toy, "rebuild")
    stages = {name: pids_in(toy / f"{name}.pid", 1)[0] for name in ("alpha", "beta")}
    workers = {
        str(entry.step_key): int(entry.dagster_event.engine_event_data.metadata["pid"].value)
        for entry in History().entries
        if entry.dagster_event and entry.dagster_event.event_type is DagsterEventType.STEP_WORKER_STARTED
    }
    subprocess.run(["kill", "-KILL", str(workers["make_corpus_alpha"])], check=True)
    wait_for(lambda: not alive(stages["alpha"]))
    assert alive(stages["beta"])
    (toy / "beta.go").touch()
    _, errors = process.communicate(timeout=180)
    assert process.returncode == 1
    assert "make_corpus_alpha" in errors
    assert History().outcomes() == {"make_corpus_beta": "made", "make_captions_beta": "unchanged"}

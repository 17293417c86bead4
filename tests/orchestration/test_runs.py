"""What a run makes, refuses and tells."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest
from dagster import AssetKey, AssetMaterialization, DagsterInstance, DagsterRunStatus, ExecuteInProcessResult

from orchestration import assets
from orchestration.build import materialised
from orchestration.console import count_pairs, failure_line
from orchestration.definitions import build_definitions
from orchestration.dvc_adapter import read_graph
from orchestration.execution import StageError, environment, run_stage
from orchestration.runs import STARTED_TAG, close_abandoned, find_root, places, prepare_home, trainings
from sartext.config import Project
from sartext.errors import ArtefactError
from tests.processes import dvc, pids_in

from .conftest import change, rewrite, verdict

OF_ALPHA = {"corpus/alpha", "captions/alpha"}
EVERYTHING = OF_ALPHA | {"corpus/beta", "captions/beta", "candidate", "quality", "release", "publication"}


def run(root: Path, instance: DagsterInstance, *names: str) -> ExecuteInProcessResult:
    """Run everything, or some assets alone, and require success."""
    result = attempt(root, instance, *names)
    assert result.success, failure_line(result.all_events)
    return result


def attempt(root: Path, instance: DagsterInstance, *names: str) -> ExecuteInProcessResult:
    return (
        build_definitions(root)
        .resolve_job_def("rebuild")
        .execute_in_process(
            instance=instance,
            raise_on_error=False,
            run_config={"loggers": {"lines": {}}},
            asset_selection=[AssetKey(name.split("/")) for name in names] or None,
        )
    )


def materials(result: ExecuteInProcessResult) -> dict[str, AssetMaterialization]:
    events = (event.step_materialization_data for event in result.get_asset_materialization_events())
    return {event.materialization.asset_key.to_user_string(): event.materialization for event in events}


def failed(root: Path, instance: DagsterInstance, *names: str) -> tuple[ExecuteInProcessResult, str]:
    """The same, required to fail, and the line that says why."""
    result = attempt(root, instance, *names)
    assert not result.success
    return result, failure_line(result.all_events)


def outcomes(result: ExecuteInProcessResult) -> dict[str, str]:
    return {name: material.metadata["outcome"].value for name, material in materials(result).items()}


def versions(result: ExecuteInProcessResult) -> dict[str, str]:
    return {name: material.tags["dagster/data_version"] for name, material in materials(result).items()}


def made(result: ExecuteInProcessResult) -> set[str]:
    return {name for name, outcome in outcomes(result).items() if outcome == "made"}


def logs(root: Path) -> set[str]:
    """The stages for which a process was started."""
    return {path.stem for path in (root / "build" / "log").glob("*.txt")}


def warnings(instance: DagsterInstance, result: ExecuteInProcessResult) -> str:
    return "\n".join(
        entry.user_message
        for entry in instance.all_logs(result.run_id)
        if entry.level >= 30 and not entry.dagster_event
    )


def test_only_what_follows_from_a_changed_corpus_is_made(toy: Path, instance: DagsterInstance) -> None:
    lock = (toy / "dvc.lock").read_bytes()
    first = run(toy, instance)
    assert outcomes(first) == dict.fromkeys(EVERYTHING, "unchanged")
    assert logs(toy) == set(), "where nothing changed no process is started"
    assert (toy / "dvc.lock").read_bytes() == lock
    change(toy, "beta")
    result = run(toy, instance)
    # the verdict came out the same, so that `publication` follows from `release` only
    assert made(result) == EVERYTHING - OF_ALPHA
    assert logs(toy) == {"corpus@beta", "captions@beta", "candidate", "quality", "release", "publication"}
    assert "up to date" in dvc(toy, "status")
    again = run(toy, instance)
    assert not made(again)
    assert versions(again) == versions(result)
    same = {name for name, version in versions(first).items() if versions(again)[name] == version}
    assert same == {*OF_ALPHA, "quality", "publication"}


def test_a_stage_whose_inputs_came_out_the_same_is_not_made(toy: Path, instance: DagsterInstance) -> None:
    rewrite(toy, ("echo indexed", "echo read"))
    assert made(run(toy, instance)) == {"corpus/alpha", "corpus/beta"}


def test_data_that_is_not_pinned_stops_the_run_at_once(toy: Path, instance: DagsterInstance) -> None:
    (toy / "data" / "beta" / "boxes").write_text("one box is another\n")
    pinned = (toy / "data.dvc").read_bytes()
    result, line = failed(toy, instance)
    assert materialised(result) == frozenset()
    assert "changed beta" in line
    assert "alpha" not in line
    assert "sartext corpora pin" in line
    assert "\n" not in line
    assert (toy / "data.dvc").read_bytes() == pinned


def test_a_stale_upstream_is_named_in_a_warning(toy: Path, instance: DagsterInstance) -> None:
    change(toy, "beta")
    result = run(toy, instance, "candidate")
    text = warnings(instance, result)
    assert "stale upstreams: corpus@beta" in text
    assert "alpha" not in text


@pytest.mark.parametrize("asset", ["release", "publication"])
def test_release_and_publication_refuse_stale_upstreams(toy: Path, instance: DagsterInstance, asset: str) -> None:
    change(toy, "beta")
    assert "stale upstreams: corpus@beta" in failed(toy, instance, asset)[1]
    assert logs(toy) == set()


def test_a_failing_stage_fails_the_run_with_its_last_lines(toy: Path, instance: DagsterInstance) -> None:
    rewrite(toy, ("echo indexed", "sh fail.sh"))
    (toy / "fail.sh").write_text("echo reading; echo 'error: no such box' >&2; exit 1\n")
    result, line = failed(toy, instance)
    assert "corpus/alpha failed" in line and "no such box" in line
    data = result.failure_data_for_node("make_corpus_alpha")
    assert data is not None and data.user_failure_data is not None
    assert "reading\nerror: no such box" in data.user_failure_data.metadata["last lines"].value
    assert "no such box" in (toy / "build" / "log" / "corpus@alpha.txt").read_text()
    assert not materialised(result) & {"captions/alpha", "captions/beta", "candidate"}


@pytest.mark.parametrize("gate", [verdict("splits"), verdict(absent=("ledger",))], ids=["failed", "absent"])
def test_a_failed_check_holds_back_the_release(toy: Path, instance: DagsterInstance, gate: str) -> None:
    (toy / "verdict.json").write_text(gate)
    result, line = failed(toy, instance)
    assert made(result) == {"quality"}
    assert not materialised(result) & {"release", "publication"}
    [refused] = [check for check in result.get_asset_check_evaluations() if not check.passed]
    assert refused.check_name in line
    assert "release" not in materialised(failed(toy, instance)[0])


def test_the_release_alone_fails_after_a_failed_gate(toy: Path, instance: DagsterInstance) -> None:
    (toy / "verdict.json").write_text(verdict("splits"))
    failed(toy, instance)
    assert "release failed: the gate said no" in failed(toy, instance, "release")[1]


def test_a_failed_warning_does_not_block(toy: Path, instance: DagsterInstance) -> None:
    (toy / "verdict.json").write_text(verdict("images", severity="warning"))
    result = run(toy, instance)
    warned = [check for check in result.get_asset_check_evaluations() if not check.passed]
    assert [(check.check_name, check.severity.value) for check in warned] == [("images", "WARN")]


def test_a_publication_whose_release_is_gone_is_made_again(toy: Path, instance: DagsterInstance) -> None:
    (toy / "releases" / "toy" / "1.0.0").rmdir()
    result = run(toy, instance)
    assert made(result) == {"publication"}
    assert (toy / "releases" / "toy" / "1.0.0").is_dir()


def test_a_corpus_taken_off_the_list_is_forgotten_first(toy: Path, instance: DagsterInstance) -> None:
    (toy / "params.yaml").write_text("corpora:\n  alpha: {catalogue: alpha.yaml}\ncaptions: [alpha]\n")
    run(toy, instance)
    assert not (toy / "build" / "corpus" / "beta").exists()
    assert set(count_pairs(toy / "build" / "candidate" / "pairs.parquet")) == {"alpha"}
    assert "corpus@beta" not in (toy / "dvc.lock").read_text()


def test_what_was_read_is_observed(toy: Path, instance: DagsterInstance) -> None:
    result = run(toy, instance)
    seen = {
        event.asset_key.to_user_string(): event.event_specific_data.asset_observation.tags["dagster/data_version"]
        for event in result.get_asset_observation_events()
    }
    assert seen.keys() == {"data/alpha", "data/beta"}
    assert all(value.endswith(".dir") and value in (toy / "data.dvc").read_text() for value in seen.values())


def test_a_restored_stage_says_so(toy: Path, instance: DagsterInstance) -> None:
    """DVC has what these inputs gave before in its cache: no command runs."""
    before = (toy / "data" / "beta" / "boxes").read_text()
    change(toy, "beta")
    run(toy, instance, "corpus/beta")
    (toy / "data" / "beta" / "boxes").write_text(before)
    dvc(toy, "commit", "--force", "--quiet", "data.dvc")
    assert outcomes(run(toy, instance, "corpus/beta")) == {"corpus/beta": "restored"}


def test_what_may_pass_is_retried(toy: Path, instance: DagsterInstance, monkeypatch: pytest.MonkeyPatch) -> None:
    """DVC's lock is held by another command for longer than DVC waits."""
    monkeypatch.setattr(assets, "RETRY_SECONDS", 0)
    busy = "{ test -e ${key}.tried || { touch ${key}.tried; echo Unable to acquire lock; exit 1; }; }"
    rewrite(toy, ("echo indexed ${key}", busy))
    result = run(toy, instance)
    assert {"corpus/alpha", "corpus/beta"} <= made(result)
    retried = [event.step_key for event in result.all_events if event.is_step_up_for_retry]
    assert sorted(retried) == ["make_corpus_alpha", "make_corpus_beta"]


def test_a_stage_that_another_process_makes_is_waited_for(toy: Path, instance: DagsterInstance) -> None:
    wait = "{ test -e go || { echo $$ >> begun; while ! test -e go; do sleep 0.1; done; }; }"
    rewrite(toy, ("echo indexed ${key}", wait))
    command = [sys.executable, "-m", "dvc", "repro", "--quiet", "--single-item", "corpus@alpha"]
    other = subprocess.Popen(command, cwd=toy, env=environment())
    pids_in(toy / "begun", 1)
    with pytest.raises(StageError) as caught:
        run_stage(toy, read_graph(toy).stages["corpus@alpha"], force=False, listen=lambda _line: None)
    assert caught.value.transient
    threading.Timer(2, (toy / "go").touch).start()
    assert outcomes(run(toy, instance, "corpus/alpha")) == {"corpus/alpha": "unchanged"}
    assert other.wait() == 0


def test_what_cannot_pass_is_not_tried_again(toy: Path, instance: DagsterInstance) -> None:
    rewrite(toy, ("echo indexed ${key}", "{ echo ${key} >> tried; exit 75; }"))
    failed(toy, instance)
    assert sorted((toy / "tried").read_text().split()) == ["alpha", "beta"]


def test_a_killed_run_gives_back_its_place_and_its_pools(toy: Path, instance: DagsterInstance) -> None:
    job = build_definitions(toy).resolve_job_def("rebuild")

    def begun(tags: dict[str, str]) -> str:
        return instance.create_run_for_job(job, tags=tags, status=DagsterRunStatus.STARTED).run_id

    dead, own, waiting = begun({STARTED_TAG: "yes"}), begun({STARTED_TAG: "yes"}), begun({})
    slots = instance.event_log_storage
    slots.set_concurrency_slots("training", 1)
    assert slots.claim_concurrency_slot("training", dead, "make_model").is_claimed
    assert close_abandoned(instance, own=own) == [dead]
    status = {run_id: instance.get_run_by_id(run_id).status for run_id in (dead, own, waiting)}
    assert list(status.values()) == [DagsterRunStatus.FAILURE, *[DagsterRunStatus.STARTED] * 2]
    assert slots.claim_concurrency_slot("training", own, "make_model").is_claimed


@pytest.mark.parametrize(
    ("parameters", "cores", "at_a_time"),
    [
        ("{threads: 1}", "2", 2),
        ("{threads: 2}", "2", 1),
        ("{threads: 2}", "9", 4),
        ("{threads: 8}", "2", 1),
        ("{device: cuda, threads: 1}", "8", 1),
    ],
)
def test_trainings_share_the_cores_by_their_threads(
    toy: Path, monkeypatch: pytest.MonkeyPatch, parameters: str, cores: str, at_a_time: int
) -> None:
    monkeypatch.setenv("SARTEXT_WORKERS", cores)
    monkeypatch.setenv("DAGSTER_HOME", "")
    (toy / "params.yaml").write_text((toy / "params.yaml").read_text().replace("{threads: 1}", parameters))
    assert places() == min(int(cores), 4)
    assert trainings(Project(toy)) == at_a_time
    prepare_home(toy)
    with DagsterInstance.get() as own:
        assert own.get_concurrency_config().pool_config.default_pool_limit == at_a_time


def test_the_home_is_made_once_and_follows_the_configuration(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "")
    monkeypatch.setenv("SARTEXT_ROOT", "")
    home = prepare_home(toy)
    written = (home / "dagster.yaml").stat().st_mtime_ns
    prepare_home(toy)
    assert (home / "dagster.yaml").stat().st_mtime_ns == written
    (home / "dagster.yaml").write_text("telemetry: {enabled: true}\n")
    prepare_home(toy)
    with DagsterInstance.get() as own:
        assert own.telemetry_enabled is False
        assert own.run_monitoring_enabled
        assert own.get_concurrency_config().run_queue_config.max_concurrent_runs == 1


def test_the_root_is_named_or_the_current_folder(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(toy)
    assert find_root() == toy
    monkeypatch.chdir(toy / "data")
    with pytest.raises(ArtefactError, match="SARTEXT_ROOT"):
        find_root()
    monkeypatch.setenv("SARTEXT_ROOT", str(toy))
    assert find_root() == toy

"""Dagster's home, and runs whose process was killed."""

from pathlib import Path

import pytest
from dagster import DagsterInstance, DagsterRunStatus

from orchestration.definitions import build_definitions
from orchestration.home import STARTED_TAG, close_abandoned, find_root, prepare_home
from sartext.errors import ArtefactError


def test_the_home_is_made_once_and_follows_the_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DAGSTER_HOME", "")
    monkeypatch.setenv("SARTEXT_ROOT", "")
    home = prepare_home(tmp_path)
    made = (home / "dagster.yaml").stat().st_mtime_ns
    prepare_home(tmp_path)
    assert (home / "dagster.yaml").stat().st_mtime_ns == made
    (home / "dagster.yaml").write_text("telemetry: {enabled: true}\n")
    prepare_home(tmp_path)
    with DagsterInstance.get() as instance:
        assert instance.telemetry_enabled is False
        assert instance.run_monitoring_enabled
        assert instance.get_concurrency_config().run_queue_config.max_concurrent_runs == 1
        assert instance.get_concurrency_config().pool_config.default_pool_limit == 1


def test_the_root_is_told_or_the_current_folder(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(toy)
    assert find_root() == toy
    monkeypatch.chdir(toy / "data")
    with pytest.raises(ArtefactError, match="SARTEXT_ROOT"):
        find_root()
    monkeypatch.setenv("SARTEXT_ROOT", str(toy))
    assert find_root() == toy


def test_a_killed_run_gives_back_its_place(toy: Path, instance: DagsterInstance) -> None:
    job = build_definitions(toy).resolve_job_def("rebuild")

    def begun(tags: dict[str, str]) -> str:
        return instance.create_run_for_job(job, tags=tags, status=DagsterRunStatus.STARTED).run_id

    dead, own, waiting = begun({STARTED_TAG: "yes"}), begun({STARTED_TAG: "yes"}), begun({})
    assert close_abandoned(instance, own=own) == [dead]
    status = {one: instance.get_run_by_id(one).status for one in (dead, own, waiting)}
    assert status == {
        dead: DagsterRunStatus.FAILURE,
        own: DagsterRunStatus.STARTED,
        waiting: DagsterRunStatus.STARTED,
    }

"""What a run makes, refuses and tells."""

from pathlib import Path

import pytest
from dagster import AssetKey, DagsterInstance, ExecuteInProcessResult

from orchestration.build import materialised
from orchestration.console import failure_line
from orchestration.definitions import build_definitions
from orchestration.summary import count_pairs
from sartext.config import Project
from sartext.sources import pin

from .conftest import dvc, verdict

EVERYTHING = {
    "corpus/alpha",
    "corpus/beta",
    "captions/alpha",
    "captions/beta",
    "candidate",
    "quality",
    "release",
    "publication",
}


def run(root: Path, instance: DagsterInstance, *assets: str, job: str = "rebuild") -> ExecuteInProcessResult:
    """Run a job, or some of its assets alone, and require success."""
    result = attempt(root, instance, *assets, job=job)
    assert result.success, failure_line(result.all_events)
    return result


def attempt(root: Path, instance: DagsterInstance, *assets: str, job: str = "rebuild") -> ExecuteInProcessResult:
    return (
        build_definitions(root)
        .resolve_job_def(job)
        .execute_in_process(
            instance=instance,
            raise_on_error=False,
            run_config={"loggers": {"lines": {}}},
            asset_selection=[AssetKey(one.split("/")) for one in assets] or None,
        )
    )


def outcomes(result: ExecuteInProcessResult) -> dict[str, str]:
    return {
        event.asset_key.to_user_string(): event.step_materialization_data.materialization.metadata["outcome"].value
        for event in result.get_asset_materialization_events()
    }


def made(result: ExecuteInProcessResult) -> set[str]:
    return {name for name, outcome in outcomes(result).items() if outcome == "made"}


def versions(result: ExecuteInProcessResult) -> dict[str, str]:
    return {
        event.asset_key.to_user_string(): event.step_materialization_data.materialization.tags[
            "dagster/data_version"
        ]
        for event in result.get_asset_materialization_events()
    }


def logs(root: Path) -> set[str]:
    """The stages for which a process was started."""
    return {path.stem for path in (root / "build" / "log").glob("*.txt")}


def warnings(instance: DagsterInstance, result: ExecuteInProcessResult) -> str:
    return "\n".join(
        entry.user_message
        for entry in instance.all_logs(result.run_id)
        if entry.level >= 30 and not entry.dagster_event
    )


def change(root: Path, corpus: str) -> None:
    (root / "data" / corpus / "boxes").write_text("one box is another\n")


@pytest.mark.parametrize("job", ["release", "rebuild"])
def test_nothing_changed_starts_no_process(toy: Path, instance: DagsterInstance, job: str) -> None:
    lock = (toy / "dvc.lock").read_bytes()
    result = run(toy, instance, job=job)
    assert outcomes(result) == dict.fromkeys(EVERYTHING, "unchanged")
    assert logs(toy) == set()
    assert (toy / "dvc.lock").read_bytes() == lock


def test_only_what_follows_from_a_changed_corpus_is_made(toy: Path, instance: DagsterInstance) -> None:
    first = run(toy, instance)
    change(toy, "beta")
    pin(Project(toy))
    result = run(toy, instance)
    # the verdict came out the same, so that `publication` follows from `release` only
    assert made(result) == EVERYTHING - {"corpus/alpha", "captions/alpha"}
    assert logs(toy) == {"corpus@beta", "captions@beta", "candidate", "quality", "release", "publication"}
    assert "up to date" in dvc(toy, "status")
    again = run(toy, instance)
    assert not made(again)
    assert versions(again) == versions(result)
    assert {name for name in EVERYTHING if versions(again)[name] == versions(first)[name]} == {
        "corpus/alpha",
        "captions/alpha",
        "quality",
        "publication",
    }


def test_a_stage_whose_inputs_came_out_the_same_is_not_made(toy: Path, instance: DagsterInstance) -> None:
    stages = (toy / "dvc.yaml").read_text()
    (toy / "dvc.yaml").write_text(stages.replace("echo indexed", "echo read"))
    assert made(run(toy, instance)) == {"corpus/alpha", "corpus/beta"}


def test_data_that_is_not_pinned_stops_the_run_before_anything_is_made(
    toy: Path, instance: DagsterInstance
) -> None:
    change(toy, "beta")
    pinned = (toy / "data.dvc").read_bytes()
    result = attempt(toy, instance)
    assert not result.success
    assert materialised(result) == frozenset()
    said = failure_line(result.all_events)
    assert "changed beta" in said
    assert "alpha" not in said
    assert "sartext corpora pin" in said
    assert "\n" not in said
    assert (toy / "data.dvc").read_bytes() == pinned


def test_a_stale_upstream_is_named_in_a_warning(toy: Path, instance: DagsterInstance) -> None:
    change(toy, "beta")
    pin(Project(toy))
    result = run(toy, instance, "candidate")
    told = warnings(instance, result)
    assert "stale upstreams: corpus@beta" in told
    assert "alpha" not in told


@pytest.mark.parametrize("asset", ["release", "publication"])
def test_release_and_publication_refuse_stale_upstreams(toy: Path, instance: DagsterInstance, asset: str) -> None:
    change(toy, "beta")
    pin(Project(toy))
    result = attempt(toy, instance, asset)
    assert not result.success
    assert "stale upstreams: corpus@beta" in failure_line(result.all_events)
    assert logs(toy) == set()


def test_a_failing_stage_fails_the_run_with_its_last_lines(toy: Path, instance: DagsterInstance) -> None:
    stages = (toy / "dvc.yaml").read_text()
    (toy / "dvc.yaml").write_text(stages.replace("echo indexed", "sh fail.sh"))
    (toy / "fail.sh").write_text("echo reading; echo 'error: no such box' >&2; exit 1\n")
    result = attempt(toy, instance)
    assert not result.success
    assert "corpus/alpha failed" in failure_line(result.all_events)
    assert "no such box" in failure_line(result.all_events)
    data = result.failure_data_for_node("make_corpus_alpha")
    assert data is not None
    assert data.user_failure_data is not None
    assert "reading\nerror: no such box" in data.user_failure_data.metadata["last lines"].value
    assert "no such box" in (toy / "build" / "log" / "corpus@alpha.txt").read_text()
    assert not materialised(result) & {"captions/alpha", "captions/beta", "candidate"}


@pytest.mark.parametrize("told", [verdict("splits"), verdict(absent=("ledger",))], ids=["failed", "absent"])
def test_a_failed_check_holds_back_the_release_in_the_same_run(
    toy: Path, instance: DagsterInstance, told: str
) -> None:
    (toy / "verdict.json").write_text(told)
    result = attempt(toy, instance)
    assert not result.success
    assert made(result) == {"quality"}
    assert not materialised(result) & {"release", "publication"}
    failed = [one for one in result.get_asset_check_evaluations() if not one.passed]
    assert len(failed) == 1
    assert failed[0].check_name in failure_line(result.all_events)
    again = attempt(toy, instance)
    assert not again.success
    assert "release" not in materialised(again)


def test_the_release_alone_fails_after_a_failed_gate(toy: Path, instance: DagsterInstance) -> None:
    (toy / "verdict.json").write_text(verdict("splits"))
    attempt(toy, instance)
    result = attempt(toy, instance, "release")
    assert not result.success
    assert "release failed: the gate said no" in failure_line(result.all_events)


def test_a_failed_warning_does_not_block(toy: Path, instance: DagsterInstance) -> None:
    (toy / "verdict.json").write_text(verdict("images", severity="warning"))
    result = run(toy, instance)
    warned = [one for one in result.get_asset_check_evaluations() if not one.passed]
    assert [(one.check_name, one.severity.value) for one in warned] == [("images", "WARN")]


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

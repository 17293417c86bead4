"""What a build has to make, why, and what a schedule makes of that."""

from pathlib import Path

import pytest
from dagster import AssetKey, DagsterInstance, RunRequest, build_schedule_context, build_sensor_context

from orchestration.definitions import build_definitions, request_run
from orchestration.dvc_adapter import read_graph, read_lock
from orchestration.graph import Graph, Stage
from orchestration.plan import Plan, open_plan
from sartext.checkout import project_lock
from sartext.files import write_json
from tests.processes import dvc

from .conftest import change, command

AFTER_BETA = ("corpus@beta", "captions@beta", "candidate", "quality", "release", "publication")


def plan_of(root: Path) -> tuple[Graph, Plan]:
    graph = read_graph(root)
    with open_plan(root, graph) as plan:
        return graph, plan


def test_what_is_stale_is_made_with_all_that_follows(toy: Path) -> None:
    change(toy, "beta")
    graph, plan = plan_of(toy)
    stale = plan.stale(graph, tuple(graph.stages))
    assert tuple(stale) == AFTER_BETA
    assert stale["corpus@beta"] == ("data/beta modified",)
    assert stale["captions@beta"] == ("follows from corpus/beta",)
    assert plan.stale(graph, ("captions@beta", "candidate")) == {}, "no run without the corpus makes them"


def test_what_follows_is_made_only_if_something_came_out_different(toy: Path) -> None:
    change(toy, "beta")
    graph, plan = plan_of(toy)
    assert plan.reasons_now(graph, "captions@beta", read_lock(toy)) == ()
    dvc(toy, "repro", "--quiet", "--single-item", "corpus@beta")
    assert plan.reasons_now(graph, "captions@beta", read_lock(toy)) == ("build/corpus/beta modified",)


def test_a_release_is_made_in_a_run_that_holds_the_gates_checks(toy: Path) -> None:
    (toy / "build" / "release" / "pairs.parquet").unlink()
    graph, plan = plan_of(toy)
    assert plan.selection(graph, tuple(graph.stages)) == ("quality", "release", "publication")


def test_stale_upstreams_are_those_that_the_run_does_not_make(toy: Path) -> None:
    change(toy, "beta")
    graph, plan = plan_of(toy)
    assert plan.stale_ancestors(graph, "release", ("release",)) == ("corpus@beta",)
    assert plan.stale_ancestors(graph, "release", AFTER_BETA) == ()
    assert plan.stale_ancestors(graph, "release", ("corpus@beta", "release")) == ("captions@beta",)


def test_dvc_is_asked_once_within_a_plan(toy: Path) -> None:
    graph = read_graph(toy)
    with open_plan(toy, graph) as outer:
        change(toy, "beta")
        with open_plan(toy, graph) as inner:
            assert inner is outer
    assert "corpus@beta" in plan_of(toy)[1].reasons


def test_stages_come_after_what_they_are_made_from() -> None:
    stages = [Stage("b", "x", deps=("a.out",), outs=("b.out",)), Stage("a", "x", outs=("a.out",))]
    graph = Graph({stage.name: stage for stage in stages})
    assert graph.ordered == ("a", "b")


def test_the_plan_names_every_stage_its_reason_and_the_time_it_took(toy: Path) -> None:
    change(toy, "beta")
    write_json(toy / "build" / "log" / "corpus@beta.json", {"seconds": 90.0})
    write_json(toy / "build" / "log" / "candidate.json", {"seconds": 6.0})
    lock = (toy / "dvc.lock").read_bytes()
    code, output, errors = command(toy, "plan", "--job", "release")
    assert (code, errors) == (0, "")
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in output.splitlines() if "│" in line]
    assert rows[0] == ["corpus/beta", "data/beta modified", "1.5 min"]
    assert [row[0] for row in rows[:-1]] == [name.replace("@", "/") for name in AFTER_BETA]
    assert rows[2] == ["candidate", "follows from captions/beta", "6.0 s"]
    assert rows[-1] == ["6 of 8", "4 of unknown length", "1.6 min"]
    assert (toy / "dvc.lock").read_bytes() == lock


def test_the_plan_of_a_built_project_is_empty_and_names_data_that_is_not_pinned(toy: Path) -> None:
    assert "nothing to do" in command(toy, "plan")[1]
    (toy / "data" / "alpha" / "boxes").write_text("another\n")
    code, output, _ = command(toy, "plan")
    assert code == 0
    assert "warning: data/ is not what data.dvc pins: changed alpha" in output
    assert "corpus/alpha" in output


def test_a_schedule_requests_what_is_stale_or_skips(toy: Path, instance: DagsterInstance) -> None:
    weekly = build_definitions(toy).resolve_schedule_def("weekly_rebuild")
    tick = weekly.evaluate_tick(build_schedule_context(instance=instance))
    assert tick.run_requests == []
    assert "8 stages are up to date" in str(tick.skip_message)
    change(toy, "beta")
    (request,) = weekly.evaluate_tick(build_schedule_context(instance=instance)).run_requests or []
    assert request.asset_selection == [AssetKey(name.split("@")) for name in AFTER_BETA]


def test_where_dvc_cannot_be_asked_the_whole_job_is_requested(toy: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    graph = read_graph(toy)
    (toy / "data" / "beta" / "boxes").write_text("not pinned\n")
    assert request_run(toy, graph, tuple(graph.stages)) == RunRequest()
    change(toy, "beta")
    with project_lock(toy):
        monkeypatch.delenv("SARTEXT_LOCK_HELD")  # as for a process that another than the holder started
        assert request_run(toy, graph, tuple(graph.stages), "key") == RunRequest(run_key="key")


def test_a_sensor_notices_another_pin(toy: Path, instance: DagsterInstance) -> None:
    sensor = build_definitions(toy).resolve_sensor_def("new_data")
    first = sensor.evaluate_tick(build_sensor_context(instance=instance))
    assert not first.run_requests
    change(toy, "beta")
    second = sensor.evaluate_tick(build_sensor_context(instance=instance, cursor=first.cursor))
    assert [len(request.asset_selection or []) for request in second.run_requests or []] == [6]
    third = sensor.evaluate_tick(build_sensor_context(instance=instance, cursor=second.cursor))
    assert not third.run_requests

"""The lineage page: served on this machine only, with every artefact, and a schedule that runs."""

import base64
import json
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from mlflow import MlflowClient
from tests.browser import Browser, started
from tests.e2e.conftest import Checkout, copied
from tests.processes import free_port, wait_for, wait_for_page

pytestmark = pytest.mark.e2e

SELECTOR = {"repositoryLocationName": "orchestration.definitions", "repositoryName": "__repository__"}
LAUNCH = """
mutation ($parameters: ExecutionParams!) {
  launchPipelineExecution(executionParams: $parameters) { __typename ... on LaunchRunSuccess { run { runId } } }
}
"""


def ask(port: int, query: str, **variables: object) -> dict[str, Any]:
    body = json.dumps({"query": query, "variables": variables}).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{port}/graphql", body, {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        content: dict[str, Any] = json.load(answer)
    assert "errors" not in content, content
    return dict(content["data"])


@pytest.fixture(scope="module")
def page(trained: Checkout, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Checkout, int]]:
    checkout = copied(trained, tmp_path_factory.mktemp("ui"))
    port, log = free_port(), checkout.root.parent / "ui.log"
    command = [sys.executable, "-m", "orchestration", "ui", "--port", str(port)]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=checkout.root, env=checkout.environment(), stdout=output, stderr=output
        )
    try:
        for address in (f"http://127.0.0.1:{port}/server_info", f"http://127.0.0.1:{port + 1}/health"):
            wait_for_page(address, process, log)
        yield checkout, port
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def test_it_is_served_on_this_machine_only(page: tuple[Checkout, int]) -> None:
    wanted = f":{page[1]:04X}"
    lines = [
        line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()
    ]
    listening = [line[1] for line in lines if line[3] == "0A" and line[1].endswith(wanted)]
    assert listening == [f"0100007F{wanted}"]


def test_mlflow_is_served_beside_it_with_every_training(page: tuple[Checkout, int]) -> None:
    client = MlflowClient(f"http://127.0.0.1:{page[1] + 1}")
    experiment = client.get_experiment_by_name("sar-text")
    assert experiment.artifact_location == (page[0].root / "mlflow" / "artifacts").as_uri()
    runs = client.search_runs([experiment.experiment_id])
    finished = {run.info.run_name for run in runs if run.info.status == "FINISHED"}
    made = {path.parent.name for path in page[0].root.glob("build/checkpoint/*/training.json")}
    assert finished == made


def test_every_artefact_of_the_graph_is_there(page: tuple[Checkout, int]) -> None:
    nodes = ask(page[1], "{ assetNodes { assetKey { path } groupName isObservable } }")["assetNodes"]
    keys = {"/".join(node["assetKey"]["path"]) for node in nodes}
    assert {"corpus/sim-ships", "captions/sim-pairs", "splits", "quality", "release", "publication"} <= keys
    assert {"checkpoint/coca-sar", "calibration", "narrated/sim-unlabelled", "optical-captions/sim-pairs"} <= keys
    assert {"models", "narration"} <= {node["groupName"] for node in nodes}
    assert {"/".join(node["assetKey"]["path"]) for node in nodes if node["isObservable"]} == {
        f"data/{name}" for name in page[0].parameters()["corpora"]
    }


def test_the_weekly_rebuild_is_scheduled(page: tuple[Checkout, int]) -> None:
    query = """query ($selector: RepositorySelector!) { schedulesOrError(repositorySelector: $selector) {
        ... on Schedules { results { name cronSchedule pipelineName scheduleState { status } } } } }"""
    (schedule,) = ask(page[1], query, selector=SELECTOR)["schedulesOrError"]["results"]
    assert schedule["pipelineName"] == "rebuild"
    assert schedule["scheduleState"]["status"] == "RUNNING"


def test_a_rebuild_launched_from_the_page_ends_well(page: tuple[Checkout, int]) -> None:
    checkout, port = page
    content, versions = checkout.content_hash(), list(checkout.versions())
    parameters = {"selector": {**SELECTOR, "pipelineName": "rebuild"}, "mode": "default"}
    launched = ask(port, LAUNCH, parameters=parameters)["launchPipelineExecution"]
    assert launched["__typename"] == "LaunchRunSuccess"
    query = "query ($run: ID!) { runOrError(runId: $run) { ... on Run { status } } }"

    def status() -> str:
        return str(ask(port, query, run=launched["run"]["runId"])["runOrError"]["status"])

    wait_for(lambda: status() in {"SUCCESS", "FAILURE", "CANCELED"})
    assert status() == "SUCCESS"
    assert checkout.content_hash() == content
    assert list(checkout.versions()) == versions


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with started(tmp_path_factory.mktemp("profile")) as browser:
        yield browser


@pytest.mark.parametrize(
    ("path", "wanted"),
    [
        ("asset-groups", ["captions", "corpora", "models", "narration", "release", "sources", "Materialize all"]),
        (
            "assets/captions/sim-ships",
            ["Captions of sim-ships", "sar-text", "This SAR image", "python -m sartext captions"],
        ),
        ("assets/narrated/sim-unlabelled", ["Captions of sim-unlabelled by the narrator", "sar-text"]),
        ("assets/quality?view=checks", ["faithfulness", "narration", "provenance"]),
    ],
)
def test_a_browser_draws_the_page(
    page: tuple[Checkout, int], browser: Browser, path: str, wanted: list[str]
) -> None:
    browser.open(f"http://127.0.0.1:{page[1]}/{path}", 1600)
    with suppress(AssertionError):
        wait_for(lambda: all(name in browser.text() for name in wanted), 60)
    assert [name for name in wanted if name not in browser.text()] == []
    if folder := os.environ.get("SARTEXT_SCREENSHOTS"):
        name = path.partition("?")[0].replace("/", "-")
        (Path(folder) / f"{name}.png").write_bytes(base64.b64decode(browser.call("GET", "/screenshot")))

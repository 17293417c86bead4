"""From the record to MLflow: everything arrives once, whatever interrupts it, and the model can be loaded."""

import http.server
import socketserver
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from mlflow import MlflowClient
from sartext.cli import cli
from sartext.config import Project
from sartext.errors import TrackingError, TrainingError
from sartext.files import sha256_file
from sartext.tracking.record import Record, records
from sartext.tracking.store import DATABASE, destination, load_mlflow, prepare
from sartext.tracking.uploading import upload
from tests.processes import free_port
from tests.tracking.conftest import client_of, train


def runs(project: Project) -> list[Any]:
    client = client_of(project)
    return list(client.search_runs([client.get_experiment_by_name("sar-text").experiment_id]))


def losses(project: Project, run: Any) -> list[int]:
    """The steps of a run that have a loss."""
    return [metric.step for metric in client_of(project).get_metric_history(run.info.run_id, "train/loss")]


def versions(project: Project) -> int:
    return len(client_of(project).search_model_versions("name = 'coca-sar'"))


def sartext(project: Project, *arguments: str) -> Result:
    return CliRunner().invoke(cli, ["--root", str(project.root), *arguments])


def recorded(project: Project, monkeypatch: pytest.MonkeyPatch, *, finish: bool = True) -> Record:
    """A training whose server was away."""
    with monkeypatch.context() as away:
        away.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{free_port()}")
        train(project, "coca-sar", finish=finish)
    return records(project)[-1]


def model_of(project: Project, name: str, folder: Path) -> Path:
    """What a person does to get the model."""
    import mlflow

    mlflow.set_tracking_uri(destination(project).uri)
    try:
        return Path(mlflow.artifacts.download_artifacts(f"models:/{name}@candidate", dst_path=str(folder)))
    finally:
        mlflow.set_tracking_uri(None)


def test_a_training_is_a_run_with_all_that_made_it(
    own_store: Project, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("SARTEXT_DAGSTER_RUN_ID", "0b5c")
    train(own_store, "coca-sar")
    (run,) = runs(own_store)
    assert (run.info.run_name, run.info.status) == ("coca-sar", "FINISHED")
    assert run.data.params["training.batch"] == "128"
    assert run.data.params["checkpoint.learning_rate"] == "0.001"
    assert len(run.data.tags["git.commit"]) == 40
    assert run.data.tags["git.dirty"] == "false"
    assert run.data.tags["dagster.run_id"] == "0b5c"
    ((dataset, context),) = [(item.dataset, item.tags[0].value) for item in run.inputs.dataset_inputs]
    assert (dataset.name, context) == ("sar-shards", "training")
    assert dataset.digest.endswith(".dir")
    assert losses(own_store, run) == list(range(1, 11))
    assert run.data.metrics["validation/mean_recall"] == 20.0
    assert run.data.metrics["system/system_memory_usage_percentage"] > 0
    files = {file.path for file in client_of(own_store).list_artifacts(run.info.run_id)}
    assert files == {"images", "model", "samples.jsonl", "samples.png", "training.json"}
    assert not records(own_store)[0].model.exists()
    assert capsys.readouterr().err == ""


def test_a_project_that_was_copied_keeps_its_runs_at_home(own_store: Project, stored: Project) -> None:
    train(own_store, "coca-sar")
    (run,) = runs(own_store)
    assert run.info.artifact_uri.startswith((own_store.root / "mlflow" / "artifacts").as_uri())
    assert not (stored.root / "mlflow" / "artifacts").exists()
    moved = Project(own_store.root.rename(own_store.root.parent / "elsewhere"))
    prepare(moved)
    folder = model_of(moved, "coca-sar", moved.root / "got")
    assert (folder / "model.safetensors").is_file()


@pytest.mark.parametrize("name", ["clip-sar", "coca-sar"])
def test_the_candidate_is_a_folder_that_open_clip_loads(own_store: Project, name: str) -> None:
    import torch

    from sartext.models.checkpoint import load
    from sartext.models.compatibility import open_clip

    train(own_store, name)
    folder = model_of(own_store, name, own_store.root / "got")
    network, _, transform = open_clip.create_model_and_transforms(f"local-dir:{folder}")
    ours = load(own_store.checkpoint(name)).network.state_dict()
    assert all(torch.equal(value, ours[key]) for key, value in network.state_dict().items())
    assert callable(transform)
    assert load(folder).sha256 == sha256_file(own_store.checkpoint(name) / "model.safetensors")


def test_an_upload_that_is_repeated_doubles_nothing(own_store: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    record = recorded(own_store, monkeypatch)
    first = upload(own_store, record)
    assert upload(own_store, record) == first
    (record.folder / "uploads.json").unlink()  # killed before anything was noted
    assert upload(own_store, record)["run_id"] == first["run_id"]
    (run,) = runs(own_store)
    assert len(losses(own_store, run)) == 10
    assert len(run.inputs.dataset_inputs) == versions(own_store) == 1


Interrupt = Callable[[str], AbstractContextManager[None]]


@pytest.fixture
def interrupt(monkeypatch: pytest.MonkeyPatch) -> Interrupt:
    """Ends this process, as far as it can tell, right after MLflow has taken a request of this kind."""

    @contextmanager
    def interrupted_by(name: str) -> Iterator[None]:
        request = getattr(MlflowClient, name)

        def end(*arguments: object, **options: object) -> None:
            request(*arguments, **options)
            raise KeyboardInterrupt

        with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
            patch.setattr(MlflowClient, name, end)
            yield

    return interrupted_by


def test_an_upload_goes_on(own_store: Project, monkeypatch: pytest.MonkeyPatch, interrupt: Interrupt) -> None:
    """Wherever it was interrupted."""
    record = recorded(own_store, monkeypatch)
    for name in (
        *("create_run", "log_batch", "log_inputs", "log_artifacts", "create_registered_model"),
        *("create_model_version", "set_registered_model_alias", "set_terminated"),
    ):
        with interrupt(name):
            upload(own_store, record)
    assert not record.uploaded()
    upload(own_store, record)
    (run,) = runs(own_store)
    assert run.info.status == "FINISHED"
    assert (len(losses(own_store, run)), versions(own_store)) == (10, 1)


def test_a_late_upload_does_not_take_the_alias(own_store: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    older = recorded(own_store, monkeypatch)
    train(own_store, "coca-sar")
    version = upload(own_store, older)["version"]
    candidate = client_of(own_store).get_model_version_by_alias("coca-sar", "candidate")
    assert (int(candidate.version), version) == (1, 2)


def test_a_killed_training_ends_well_when_it_goes_on(own_store: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    record = recorded(own_store, monkeypatch, finish=False)
    upload(own_store, record)
    assert [run.info.status for run in runs(own_store)] == ["KILLED"]
    assert not record.uploaded()
    train(own_store, "coca-sar", first=9, last=12)
    (run,) = runs(own_store)
    assert run.info.status == "FINISHED"
    assert losses(own_store, run) == list(range(1, 13))


def test_a_failed_training_is_uploaded_with_its_reason_and_ends_well_when_it_goes_on(own_store: Project) -> None:
    train(own_store, "coca-sar", last=7, finish=False).failed(TrainingError("x" * 9000))
    (record,) = records(own_store)
    (run,) = runs(own_store)
    assert record.uploaded()
    assert (run.info.status, run.data.tags["failure"]) == ("FAILED", "x" * 5000)
    assert run.info.end_time == record.end()["at"]
    train(own_store, "coca-sar", first=6, last=12)
    (run,) = runs(own_store)
    assert run.info.status == "FINISHED" and "failure" not in run.data.tags
    assert losses(own_store, run) == list(range(1, 13))


def test_a_real_server_takes_what_was_kept(project: Project, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    record = recorded(project, monkeypatch)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", server)
    assert "waits" in sartext(project, "tracking", "status").output
    done = sartext(project, "tracking", "upload")
    assert done.output == f"coca-sar {record.id}: finished, in {server}, model version 1\n"
    (run,) = runs(project)
    assert run.info.artifact_uri.startswith("mlflow-artifacts:/")
    folder = model_of(project, "coca-sar", project.root / "got")
    ours = project.checkpoint("coca-sar") / "model.safetensors"
    assert sha256_file(folder / "model.safetensors") == sha256_file(ours)
    assert sartext(project, "tracking", "upload").output == "nothing waits to be uploaded\n"


def test_the_command_says_that_the_server_is_away(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    recorded(project, monkeypatch)
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://user:secret@127.0.0.1:{free_port()}")
    done = sartext(project, "tracking", "upload")
    assert isinstance(done.exception, TrackingError)
    assert "does not answer" in str(done.exception)
    assert "secret" not in str(done.exception)


class Healthy(http.server.BaseHTTPRequestHandler):
    """Says that it is well, and answers nothing else."""

    def do_GET(self) -> None:
        if self.path == "/health":
            self.send_response(200)
            self.end_headers()
        else:
            self.server.over.wait()  # type: ignore[attr-defined]

    do_POST = do_GET  # noqa: N815 - the name that the library calls

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def hung() -> Iterator[str]:
    """A server that takes what is sent and does not answer."""

    class Server(socketserver.ThreadingMixIn, http.server.HTTPServer):
        daemon_threads = True
        block_on_close = False
        over: threading.Event

    with Server(("127.0.0.1", 0), Healthy) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        server.over = threading.Event()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.over.set()
        server.shutdown()


def test_a_server_that_hangs_is_given_up(project: Project, hung: str, monkeypatch: pytest.MonkeyPatch) -> None:
    record = recorded(project, monkeypatch)
    load_mlflow()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", hung)
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "1")
    with pytest.raises(TrackingError, match="does not answer"):
        upload(project, record)
    assert record.model.is_dir()


MAKE = """
import sys, time
from pathlib import Path
from sartext.config import Project
from sartext.tracking.store import destination, load_mlflow, prepare
load_mlflow()
from mlflow import MlflowClient
project = Project(Path(sys.argv[1]))
(project.root / f"ready-{sys.argv[2]}").touch()
while len(list(project.root.glob("ready-*"))) < 4:
    time.sleep(0.01)
prepare(project)
print(MlflowClient(destination(project).uri).get_experiment_by_name("sar-text").artifact_location)
"""


def test_four_processes_find_one_whole_store(project: Project) -> None:
    half = project.root / "mlflow" / ".making" / "mlflow.db"  # what a killed process left
    half.parent.mkdir(parents=True)
    half.write_bytes(b"half")
    commands = [[sys.executable, "-c", MAKE, str(project.root), str(number)] for number in range(4)]
    processes = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for command in commands]
    try:
        places = [process.communicate(timeout=200)[0].strip() for process in processes]
    finally:
        for process in processes:
            process.kill()
    assert places == [(project.root / "mlflow" / "artifacts").as_uri()] * 4
    assert not half.parent.exists()


def test_a_store_that_cannot_be_read_is_said(own_store: Project, capsys: pytest.CaptureFixture[str]) -> None:
    (own_store.root / DATABASE).write_bytes(b"no database" * 100)
    train(own_store, "coca-sar")
    (line,) = capsys.readouterr().err.splitlines()
    assert "cannot be read" in line
    assert "sartext tracking upload" in line

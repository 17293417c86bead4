"""A project with hand-made shards and untrained models, and a tracking server of its own."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from sartext.config import Project
from sartext.files import write_json
from sartext.models.checkpoint import save, start
from sartext.models.tokenizer import train_tokenizer
from sartext.simulation.encoding import png
from sartext.tables import SHARDS, write_table
from sartext.tracking.store import destination, load_mlflow
from sartext.tracking.tracker import Tracker
from sartext.training.shards.writing import Archives
from tests.conftest import ROOT
from tests.processes import free_port, git_commit, wait_for_page

SIDE = 64
NAMES = ("clip-sar", "coca-sar")
NUMBERS = ("one", "two", "three", "four")


def write_shards(folder: Path) -> None:
    """Write a folder of shards: 24 images with bright squares, every fourth of the validation split."""
    folder.mkdir(parents=True)
    archives = {split: Archives(folder, split, 1 << 20) for split in ("train", "validation")}
    random = np.random.default_rng(3)
    rows = []
    for image in range(24):
        count = image % len(NUMBERS)
        pixels = random.integers(20, 90, (SIDE, SIDE), dtype=np.uint8)
        for place in range(count + 1):
            pixels[12 * place + 4 : 12 * place + 9, 20:40] = 230
        noun = "is one ship" if count == 0 else f"are {NUMBERS[count]} ships"
        caption = f"There {noun} in this SAR image."
        split = "validation" if image % 3 == 0 else "train"
        content = png(pixels)
        shard, offsets = archives[split].add(f"{image:06d}", {"png": content, "txt": caption.encode()})
        row = dict.fromkeys(SHARDS.names) | {"image_id": f"toy/{image:06d}", "corpus": "toy", "split": split}
        row |= {"group_id": f"toy/{image:06d}", "modality": "sar", "method": "a2c", "captions": [caption]}
        row |= {"facts": f'{{"ships":{count + 1}}}', "objects": [], "regions": [], "shard": shard}
        rows.append(row | {"offsets": [offsets["png"]], "sizes": [len(content)]})
    for archive in archives.values():
        archive.close()
    write_table(folder / "index.parquet", SHARDS, rows)
    write_json(folder / "description.json", {"side": SIDE, "narrator": {}, "corpora": {}})


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with shards and checkpoints that were built, not trained; only to be copied."""
    root = tmp_path_factory.mktemp("tracked") / "project"
    write_shards(root / "build" / "shards" / "sar")
    row = {"data": "build/shards/sar", "samples": 640, "learning_rate": 0.001}
    foundation = "src/sartext/models/foundations/{}-tiny.yaml"
    rows = {name: {"from": foundation.format(name[:4]), **row} for name in NAMES}
    (root / "params.yaml").write_text(yaml.safe_dump({"corpora": {}, "checkpoints": rows}))
    (root / "src" / "sartext").parent.mkdir()
    (root / "src" / "sartext").symlink_to(ROOT / "src" / "sartext", target_is_directory=True)
    project = Project(root)
    sentences = [f"There are {number} ships in this SAR image." for number in NUMBERS]
    train_tokenizer(sentences, 300, 24).save(project.tokenizer)
    for name in NAMES:
        folder = project.checkpoint(name)
        model = start(foundation.format(name[:4]), root, project.tokenizer, seed=1, side=SIDE)
        write_json(folder / "training.json", {"model_sha256": save(model, folder)})
    (root / ".gitignore").write_text("build\nmlflow\nsrc\n")
    git_commit(root)
    return project


@pytest.fixture(autouse=True)
def own_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let no test see the server or the Dagster run that the tests may be part of."""
    for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI", "SARTEXT_DAGSTER_RUN_ID"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def project(template: Project, tmp_path: Path) -> Project:
    """A project of its own; runs go into its ``mlflow/``."""
    shutil.copytree(template.root, tmp_path / "project", symlinks=True)
    return Project(tmp_path / "project")


@pytest.fixture(scope="session")
def stored(template: Project, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project whose ``mlflow/`` is made already; only to be copied."""
    from sartext.tracking.store import prepare

    root = tmp_path_factory.mktemp("stored") / "project"
    shutil.copytree(template.root, root, symlinks=True)
    prepare(Project(root))
    return Project(root)


@pytest.fixture
def own_store(project: Project, stored: Project) -> Project:
    """A project of its own with an empty store: it was copied, and is at home where it is now."""
    shutil.copytree(stored.root / "mlflow", project.root / "mlflow")
    return project


def client_of(project: Project) -> Any:
    """A client of the store or the server that a project's runs go to."""
    from mlflow import MlflowClient

    load_mlflow()
    return MlflowClient(destination(project).uri)


def train(project: Project, name: str, first: int = 1, last: int = 10, *, finish: bool = True) -> Tracker:
    """Tell a tracker what a training of some steps of 64 pairs would."""
    tracker = Tracker(project, name)
    steps = project.parameters.checkpoints[name].samples // 64
    tracker.started({"kind": name[:4], "parent": None, "steps": steps})
    for step in range(first, last + 1):
        tracker.step(step, 64 * step, {"loss": 5.0 / step, "learning_rate": 1e-4 * step})
        if step % 5 == 0:
            tracker.validated(step, 64 * step, {"loss": 6.0 / step, "mean_recall": 2.0 * step})
    if finish:
        tracker.finished(project.checkpoint(name))
    return tracker


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real tracking server that keeps artifacts itself."""
    folder = tmp_path_factory.mktemp("server")
    port = free_port()
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--workers", "1", "--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}"]
    environment = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    command += ["--artifacts-destination", str(folder / "artifacts")]
    with (folder / "log.txt").open("wb") as log:
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=log)
    try:
        wait_for_page(f"http://127.0.0.1:{port}/health", process, folder / "log.txt")
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(30)

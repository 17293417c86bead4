"""The record of a training on disk: what it is, its curves, its pictures, its model; written before any upload.

``build/tracking/<checkpoint>/<id>/`` holds ``record.json`` (what is known at the start), ``metrics.jsonl`` (a line
per moment), ``end.json``, ``files/`` (what becomes artifacts), ``model/`` (until it is uploaded) and
``uploads.json`` (how far the upload to each server is).
"""

import json
import os
import shutil
import time
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout

from sartext.config import Project
from sartext.files import atomic_folder, read_json, remove_tree, write_bytes, write_json

DAGSTER_RUN = "SARTEXT_DAGSTER_RUN_ID"
"""Tells a stage which run of Dagster it is part of."""

Status = Literal["RUNNING", "FINISHED", "KILLED", "FAILED"]
State = dict[str, Any]


@dataclass(frozen=True)
class Moment:
    """The metrics of one step: ``at`` in milliseconds since 1970, values by name."""

    at: int
    step: int
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class Uploadable:
    """What is kept on disk until a server has it; its folder's name is its id."""

    folder: Path

    @property
    def id(self) -> str:
        """What tells this record from every other."""
        return self.folder.name

    def uploads(self) -> dict[str, State]:
        """Return how far the upload to each server is, by its address."""
        path = self.folder / "uploads.json"
        return dict(read_json(path)) if path.is_file() else {}

    def save_upload(self, server: str, state: State) -> None:
        """Write how far the upload to a server is."""
        write_json(self.folder / "uploads.json", {**self.uploads(), server: state})

    def uploaded(self) -> bool:
        """Return whether some server has the whole of it."""
        return any(state.get("complete") for state in self.uploads().values())

    def upload_lock(self) -> FileLock:
        """Return the lock that is held by whoever uploads."""
        return FileLock(self.folder / ".upload")


@dataclass(frozen=True)
class Record(Uploadable):
    """The record of one training."""

    @property
    def name(self) -> str:
        """The checkpoint that is trained."""
        return self.folder.parent.name

    @property
    def files(self) -> Path:
        """What becomes artifacts of the run."""
        return self.folder / "files"

    @property
    def model(self) -> Path:
        """The files of the model, until they are uploaded."""
        return self.folder / "model"

    @property
    def metrics(self) -> Path:
        """The lines of metrics."""
        return self.folder / "metrics.jsonl"

    def description(self) -> dict[str, Any]:
        """Return what was known when it began: ``name``, ``at``, ``parameters``, ``own``, ``inputs``, ``tags``."""
        return dict(read_json(self.folder / "record.json"))

    def trained(self) -> dict[str, Any]:
        """Return the content of ``training.json``, once it has ended."""
        path = self.files / "training.json"
        return dict(read_json(path)) if path.is_file() else {}

    def moments(self) -> Iterator[Moment]:
        """Yield the metrics in the order of their writing; a line that a kill tore is left out."""
        if not self.metrics.is_file():
            return
        with self.metrics.open(encoding="utf-8") as lines:
            yield from (Moment(**json.loads(line)) for line in lines if line.endswith("\n"))

    def append(self, moment: Moment) -> None:
        """Add a line of metrics; infinite values and NaN are written as they read in Python."""
        line = json.dumps({"at": moment.at, "step": moment.step, "metrics": dict(moment.metrics)})
        with self.metrics.open("a", encoding="utf-8") as stream:
            stream.write(f"{line}\n")

    def mend(self) -> None:
        """Cut off a line that a kill tore, so that the next one begins at its own place."""
        if self.metrics.is_file() and not (content := self.metrics.read_bytes()).endswith(b"\n"):
            os.truncate(self.metrics, content.rfind(b"\n") + 1)

    def end(self) -> dict[str, Any]:
        """Return ``status`` and ``at`` of its end, and the ``reason`` of a failure; empty if it has not ended."""
        path = self.folder / "end.json"
        return dict(read_json(path)) if path.is_file() else {}

    def close(self, status: Status, at: int, reason: str = "") -> None:
        """Write how it ended."""
        write_json(
            self.folder / "end.json", {"status": status, "at": at, **({"reason": reason} if reason else {})}
        )

    def reopen(self) -> None:
        """Let a failed training go on: what servers have of it is not the whole any more."""
        for server, state in self.uploads().items():
            self.save_upload(server, {**state, "complete": False})
        (self.folder / "end.json").unlink(missing_ok=True)

    def status(self) -> Status:
        """Return how it stands: ended, being trained by a process that lives, or killed."""
        if end := self.end():
            ended: Status = end["status"]
            return ended
        lock = self.training_lock()
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return "RUNNING"
        lock.release()
        return "KILLED"

    def training_lock(self) -> FileLock:
        """Return the lock that is held by the process that trains."""
        return FileLock(self.folder / ".training")

    def save_file(self, name: str, content: bytes) -> None:
        """Keep a file that becomes an artifact."""
        write_bytes(self.files / name, content)

    def save_model(self, checkpoint: Path) -> None:
        """Keep the model's files, by hard links where the disk allows: trainings replace files whole."""
        with atomic_folder(self.model) as folder:
            for source in sorted(path for path in checkpoint.iterdir() if path.is_file()):
                if source.name != "last.safetensors":
                    link_or_copy(source, folder / source.name)

    def clear_model(self) -> None:
        """Remove the model's files once a server has them."""
        if self.uploaded():
            remove_tree(self.model)


def link_or_copy(source: Path, target: Path) -> None:
    """Give a file a second name, or copy it where that cannot be."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def new_folder(parent: Path, at: int) -> Path:
    """Return a folder of a record that begins now; its name sorts by that time."""
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(at / 1000))
    return parent / f"{stamp}{at % 1000:03d}-{uuid.uuid4().hex[:8]}"


def begin(project: Project, name: str, description: Mapping[str, Any]) -> Record:
    """Start the record of a training."""
    at = now()
    folder = new_folder(home(project) / name, at)
    with atomic_folder(folder) as temporary:
        write_json(temporary / "record.json", {**description, "name": name, "at": at})
    return Record(folder)


def records(project: Project, name: str = "*") -> list[Record]:
    """Return the records of a checkpoint, or of all, the oldest of each first."""
    return [Record(path.parent) for path in sorted(home(project).glob(f"{name}/[0-9]*/record.json"))]


def latest(project: Project, name: str) -> Record | None:
    """Return the last training of a checkpoint, if there is a record."""
    return next(reversed(records(project, name)), None)


def home(project: Project) -> Path:
    """Return the folder of all records."""
    return project.build / "tracking"


def now() -> int:
    """Return milliseconds since 1970."""
    return time.time_ns() // 1_000_000

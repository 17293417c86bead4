"""The record of one training on disk: what it is, its curves, its pictures, its model; written before any upload.

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
from sartext.files import atomic_folder, atomic_path, read_json, write_json

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
class Record:
    """The record of one training; its folder's name is its id."""

    folder: Path

    @property
    def id(self) -> str:
        """What tells this training from every other."""
        return self.folder.name

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

    def description(self) -> dict[str, Any]:
        """What was known when it began: ``name``, ``at``, ``parameters``, ``inputs``, ``tags``, ``total``."""
        content: dict[str, Any] = read_json(self.folder / "record.json")
        return content

    def trained(self) -> dict[str, Any]:
        """What the training says of its outcome: the content of ``training.json``, once it has ended."""
        path = self.files / "training.json"
        return dict(read_json(path)) if path.is_file() else {}

    def moments(self) -> Iterator[Moment]:
        """The metrics in the order of their writing; a line that a kill tore is left out."""
        path = self.folder / "metrics.jsonl"
        if not path.is_file():
            return
        with path.open(encoding="utf-8") as lines:
            for line in lines:
                if not line.endswith("\n"):
                    return
                content = json.loads(line)
                yield Moment(content["at"], content["step"], content["metrics"])

    def append(self, moment: Moment) -> None:
        """Add a line of metrics; no value may be infinite or NaN: those are written as they read in Python."""
        line = json.dumps({"at": moment.at, "step": moment.step, "metrics": dict(moment.metrics)})
        with (self.folder / "metrics.jsonl").open("a", encoding="utf-8") as stream:
            stream.write(line + "\n")

    def mend(self) -> None:
        """Cut off a line that a kill tore, so that the next one begins at its own place."""
        path = self.folder / "metrics.jsonl"
        if path.is_file() and not (content := path.read_bytes()).endswith(b"\n"):
            os.truncate(path, content.rfind(b"\n") + 1)

    def end(self) -> dict[str, Any] | None:
        """``status`` and ``at`` of its end, and the ``reason`` of a failure, if it has ended."""
        path = self.folder / "end.json"
        return read_json(path) if path.is_file() else None

    def close(self, status: Status, at: int, reason: str = "") -> None:
        """Write how it ended."""
        told = {"reason": reason} if reason else {}
        write_json(self.folder / "end.json", {"status": status, "at": at, **told})

    def failed(self) -> bool:
        """Whether it ended by an error."""
        return (self.end() or {}).get("status") == "FAILED"

    def reopen(self) -> None:
        """Let a failed training go on: what servers have of it is not the whole any more."""
        for server, state in self.uploads().items():
            self.keep_upload(server, {**state, "complete": False})
        (self.folder / "end.json").unlink(missing_ok=True)

    def status(self) -> Status:
        """How it stands: ended, being trained by a process that lives, or killed."""
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
        """Held by the process that trains."""
        return FileLock(self.folder / ".training")

    def upload_lock(self) -> FileLock:
        """Held by whoever uploads."""
        return FileLock(self.folder / ".upload")

    def uploads(self) -> dict[str, State]:
        """How far the upload to each server is, by its address."""
        path = self.folder / "uploads.json"
        return dict(read_json(path)) if path.is_file() else {}

    def keep_upload(self, server: str, state: State) -> None:
        """Write how far the upload to a server is."""
        write_json(self.folder / "uploads.json", {**self.uploads(), server: state})

    def uploaded(self) -> bool:
        """Whether some server has the whole of it."""
        return any(state.get("complete") for state in self.uploads().values())

    def keep_file(self, name: str, content: bytes) -> None:
        """Keep a file that becomes an artifact."""
        with atomic_path(self.files / name) as temporary:
            temporary.write_bytes(content)

    def keep_model(self, checkpoint: Path) -> None:
        """Keep the model's files, by hard links where the disk allows: trainings replace files whole."""
        with atomic_folder(self.model) as folder:
            for source in sorted(item for item in checkpoint.iterdir() if item.is_file()):
                if source.name != "last.safetensors":
                    link_or_copy(source, folder / source.name)


def link_or_copy(source: Path, target: Path) -> None:
    """Give a file a second name, or copy it where that cannot be."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def begin(project: Project, name: str, description: Mapping[str, Any]) -> Record:
    """Start the record of a training; its id sorts by the time of its start."""
    at = now()
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(at / 1000))
    folder = home(project) / name / f"{stamp}{at % 1000:03d}-{uuid.uuid4().hex[:8]}"
    with atomic_folder(folder) as temporary:
        write_json(temporary / "record.json", {**description, "name": name, "at": at})
    return Record(folder)


def records(project: Project, name: str = "*") -> list[Record]:
    """Return the records of a checkpoint, or of all, the oldest of each first."""
    return [Record(path.parent) for path in sorted(home(project).glob(f"{name}/[0-9]*/record.json"))]


def latest(project: Project, name: str) -> Record | None:
    """Return the last training of a checkpoint, if there is a record."""
    found = records(project, name)
    return found[-1] if found else None


def home(project: Project) -> Path:
    """The folder of all records."""
    return project.build / "tracking"


def now() -> int:
    """Milliseconds since 1970."""
    return time.time_ns() // 1_000_000

"""What is kept on disk of a training or a report before any upload.

``build/tracking/<checkpoint>/<id>/`` holds ``record.json`` (what is known at the start), ``metrics.jsonl`` (a line
per moment), ``end.json``, ``files/`` (what becomes artifacts), ``model/`` (until it is uploaded) and
``uploads.json`` (how far the upload to each server is).
"""

import json
import os
import shutil
import time
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock, Timeout

from sartext.config import Project
from sartext.files import atomic_folder, read_json, remove_tree, write_bytes, write_json

DAGSTER_RUN = "SARTEXT_DAGSTER_RUN_ID"
"""Tells a stage which run of Dagster it is part of."""

UPLOAD_SECONDS = 60.0
"""How long an upload waits for another one of the same record."""

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
    """A folder that is kept until a server has the whole of it; its name is the record's id."""

    folder: Path

    @property
    def id(self) -> str:
        """What tells this record from every other."""
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

    @property
    def _metrics(self) -> Path:
        return self.folder / "metrics.jsonl"

    def uploads(self) -> dict[str, State]:
        """Return how far the upload to each server is, by its address."""
        return self._read("uploads.json")

    def save_upload(self, server: str, state: State) -> None:
        """Write how far the upload to a server is."""
        write_json(self.folder / "uploads.json", {**self.uploads(), server: state})

    def uploaded(self) -> bool:
        """Return whether some server has the whole of it."""
        return any(state.get("complete") for state in self.uploads().values())

    def upload_lock(self) -> FileLock:
        """Return the lock that is held by whoever uploads."""
        return FileLock(self.folder / ".upload", UPLOAD_SECONDS)

    def description(self) -> dict[str, Any]:
        """Return what was known when it began: ``name``, ``at``, ``parameters``, ``own``, ``inputs``, ``tags``."""
        return dict(read_json(self.folder / "record.json"))

    def trained(self) -> dict[str, Any]:
        """Return the content of ``training.json``, once it has ended."""
        return self._read("files/training.json")

    def end(self) -> dict[str, Any]:
        """Return ``status`` and ``at`` of its end, and the ``reason`` of a failure; empty if it has not ended."""
        return self._read("end.json")

    def _read(self, name: str) -> dict[str, Any]:
        path = self.folder / name
        return dict(read_json(path)) if path.is_file() else {}

    def moments(self) -> Iterator[Moment]:
        """Yield the metrics in the order of their writing; a line that a kill tore is left out."""
        if self._metrics.is_file():
            with self._metrics.open(encoding="utf-8") as lines:
                yield from (Moment(**json.loads(line)) for line in lines if line.endswith("\n"))

    def append(self, step: int, metrics: Mapping[str, float]) -> None:
        """Add a line of metrics; infinite values and NaN are written as they read in Python."""
        line = json.dumps({"at": now(), "step": step, "metrics": dict(metrics)})
        with self._metrics.open("a", encoding="utf-8") as stream:
            stream.write(f"{line}\n")

    def mend(self) -> None:
        """Cut off a line that a kill tore, so that the next one begins at its own place."""
        if self._metrics.is_file() and not (content := self._metrics.read_bytes()).endswith(b"\n"):
            os.truncate(self._metrics, content.rfind(b"\n") + 1)

    def close(self, status: Status, at: int, reason: str = "") -> None:
        """Write how it ended."""
        end = {"status": status, "at": at, **({"reason": reason} if reason else {})}
        write_json(self.folder / "end.json", end)

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
        try:
            with self.training_lock().acquire(timeout=0):
                return "KILLED"
        except Timeout:
            return "RUNNING"

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


def begin(
    project: Project,
    name: str,
    description: Mapping[str, Any],
    *,
    file: str = "record.json",
    copies: Iterable[Path] = (),
) -> Record:
    """Start a record, which holds its description and copies of files; its id sorts by the time."""
    at = now()
    stamp = time.strftime("%Y%m%dT%H%M%S", time.gmtime(at / 1000))
    folder = project.build / "tracking" / name / f"{stamp}{at % 1000:03d}-{uuid.uuid4().hex[:8]}"
    with atomic_folder(folder) as temporary:
        for source in copies:
            link_or_copy(source, temporary / source.name)
        write_json(temporary / file, {**description, "at": at})
    return Record(folder)


def records(project: Project, name: str = "*", file: str = "record.json") -> list[Record]:
    """Return the records of a checkpoint, or of all, the oldest of each first."""
    places = sorted((project.build / "tracking").glob(f"{name}/[0-9]*/{file}"))
    return [Record(path.parent) for path in places]


def record_of(project: Project, name: str) -> Record | None:
    """Return the record of the training that made the checkpoint which is there, by its ``training.json``."""
    path = project.checkpoint(name) / "training.json"
    trained = read_json(path) if path.is_file() else None
    same = (record for record in reversed(records(project, name)) if trained and record.trained() == trained)
    return next(same, None)


def now() -> int:
    """Return milliseconds since 1970."""
    return time.time_ns() // 1_000_000

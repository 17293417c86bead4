"""Listens to a training and keeps its record; its steps never wait for a server, and it never fails by one."""

import os
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from sartext.config import Project
from sartext.errors import SarTextError, TrackingError
from sartext.files import read_json
from sartext.revision import git_state
from sartext.tracking.inputs import describe_inputs
from sartext.tracking.machine import Machine
from sartext.tracking.record import DAGSTER_RUN, Moment, Record, Status, begin, latest, now, records
from sartext.tracking.store import COMMAND, warn

MEASURE_SECONDS = 5.0
LIVE_SECONDS = 120.0
POINTS = 1000
"""Moments per curve of steps at most."""


class Tracker:
    """Keeps the record of one training in ``build/tracking`` and uploads it at the end.

    A training that goes on after it was killed, or had failed, continues its record. One that lasts is uploaded
    every two minutes too, beside the training. Whatever goes wrong here is one line of warning.

    Args:
        project: the checkout.
        stage: the checkpoint that is trained, with or without ``checkpoint@``.
    """

    def __init__(self, project: Project, stage: str) -> None:
        self.project = project
        self.name = stage.rpartition("@")[2]
        self.record: Record | None = None
        self._info: dict[str, Any] = {}
        self._machine: Machine | None = None
        self._measured = (0.0, 0)
        self._last = {"train": 0, "validation": 0}
        self._every = 1
        self._lock: FileLock | None = None
        self._live: threading.Thread | None = None
        self._live_at = time.monotonic()

    def started(self, info: dict[str, Any]) -> None:
        """Remember what the training is; its record begins, or goes on, with its first step."""
        self._info = dict(info)
        self._guard(self._begin_measuring)

    def step(self, step: int, samples: int, metrics: Mapping[str, float]) -> None:
        """Keep the metrics of a step, every few seconds with those of the machine."""
        self._guard(lambda: self._step(step, samples, metrics))

    def validated(self, step: int, samples: int, metrics: Mapping[str, float]) -> None:
        """Keep the metrics of a validation; bring a long training's record up to date on the server."""
        self._guard(lambda: self._validated(step, samples, metrics))

    def finished(self, folder: Path) -> None:
        """Keep the model and its samples, close the record and upload it."""
        self._guard(lambda: self._finished(folder))

    def failed(self, error: Exception) -> None:
        """Close the record as failed, with the reason, and upload it."""
        self._guard(lambda: self._failed(error))

    def _guard(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # a record is never worth a training
            warn(f"tracking of {self.name}: {reason_of(error)}")

    def _begin_measuring(self) -> None:
        self._machine = Machine()
        self._measured = (time.monotonic(), 0)

    def _step(self, step: int, samples: int, metrics: Mapping[str, float]) -> None:
        record = self._opened(step, samples)
        then, before = self._measured
        elapsed = time.monotonic() - then
        if before == 0:
            self._measured = (time.monotonic(), samples)
        elif elapsed >= MEASURE_SECONDS and self._machine is not None:
            rate = {"train/samples_per_second": (samples - before) / elapsed}
            record.append(Moment(now(), step, {**rate, **self._machine.measure()}))
            self._measured = (time.monotonic(), samples)
        if step > self._last["train"] and (step == 1 or step % self._every == 0):
            self._keep(record, "train", step, metrics)

    def _validated(self, step: int, samples: int, metrics: Mapping[str, float]) -> None:
        record = self._opened(step, samples)
        if step > self._last["validation"]:
            self._keep(record, "validation", step, metrics)
        if time.monotonic() - self._live_at >= LIVE_SECONDS and not self._uploading():
            self._live_at = time.monotonic()
            self._live = threading.Thread(target=self._upload_beside, args=(record,), daemon=True)
            self._live.start()

    def _keep(self, record: Record, part: str, step: int, metrics: Mapping[str, float]) -> None:
        """Write metrics under ``train/`` or ``validation/``; what a resumed training repeats is known already."""
        named = {key if "/" in key else f"{part}/{key}": float(value) for key, value in metrics.items()}
        record.append(Moment(now(), step, named))
        self._last[part] = step

    def _opened(self, step: int, samples: int) -> Record:
        """The record: that of the training which goes on here, else a new one."""
        if self.record is not None:
            return self.record
        description = self._describe(samples / step if step else 0)
        older = [one for one in records(self.project, self.name) if one.end() is None or one.failed()]
        goes_on = older[-1] if older and step > 1 and _same(older[-1], description) else None
        for one in older:
            if one != goes_on and one.end() is None and self._held(one):
                one.close("KILLED", now())
        if goes_on is not None and goes_on.failed():
            goes_on.reopen()
        self.record = goes_on or begin(self.project, self.name, description)
        self._lock = self.record.training_lock()
        self._lock.acquire(timeout=0)
        self._every = int(self.record.description().get("every", 1))
        self.record.mend()
        for moment in self.record.moments():
            for part in self._last:
                if any(key.startswith(f"{part}/") and key != "train/samples_per_second" for key in moment.metrics):
                    self._last[part] = max(self._last[part], moment.step)
        return self.record

    def _held(self, record: Record) -> bool:
        """Whether nobody trains it: its lock can be had."""
        lock = record.training_lock()
        try:
            lock.acquire(timeout=0)
        except Timeout:
            return False
        lock.release()
        return True

    def _told(self) -> dict[str, Any]:
        """What the training says of itself; the hashes of its files are in ``training.json``."""
        return {key: value for key, value in self._info.items() if key not in {"name", "data"}}

    def _describe(self, batch: float) -> dict[str, Any]:
        parameters = self.project.parameters
        row = parameters.trainings.get(self.name)
        steps = (row.samples if row else 0) / max(1.0, batch)
        sections = {
            "checkpoint": row.model_dump(by_alias=True) if row else {},
            "training": parameters.training.model_dump(),
            "shards": parameters.shards.model_dump(),
            "tokenizer": parameters.tokenizer.model_dump(),
        }
        return {
            "parameters": {**flat(sections), **flat(self._told())},
            "own": flat(sections),
            "inputs": describe_inputs(self.project, row.data) if row else [],
            "tags": tags(self.project, self.name, row.origin if row else "", row.data if row else ""),
            "every": max(1, int(steps // POINTS)),
        }

    def _finished(self, folder: Path) -> None:
        if self.record is None and (closed := self._closed_before(folder)):
            self._upload(closed)
            return
        record = self._opened(2, 2)  # with no step before, all were taken by the process that was killed
        if self._machine is not None:
            step = max(self._last.values())
            record.append(Moment(now(), step, self._machine.measure()))
        at = now()
        record.keep_model(folder)
        if (folder / "training.json").is_file():
            record.keep_file("training.json", (folder / "training.json").read_bytes())
        self._guard(lambda: self._keep_samples(record, folder))
        self._close(record, "FINISHED", at)

    def _closed_before(self, folder: Path) -> Record | None:
        """The record of this very checkpoint, closed by a process that was killed while it uploaded."""
        last, told = latest(self.project, self.name), folder / "training.json"
        if last is None or last.status() != "FINISHED" or not told.is_file():
            return None
        return last if last.trained() == read_json(told) else None

    def _failed(self, error: Exception) -> None:
        # the first step may have failed, of a training that begins or of one that goes on
        record = self._opened(2, 2 * int(self._info.get("batch", 1)))
        self._close(record, "FAILED", now(), reason_of(error))

    def _close(self, record: Record, status: Status, at: int, reason: str = "") -> None:
        record.close(status, at, reason)
        if self._lock is not None:
            self._lock.release()
        self._upload(record)

    def _keep_samples(self, record: Record, folder: Path) -> None:
        from sartext.tracking.samples import keep_samples

        row = self.project.parameters.trainings.get(self.name)
        if row is not None:
            keep_samples(self.project, record, folder, row.data, step=max(self._last.values()))

    def _uploading(self) -> bool:
        return self._live is not None and self._live.is_alive()

    def _upload_beside(self, record: Record) -> None:
        from sartext.tracking.uploading import upload

        with suppress(Exception):  # the upload at the end tells what is wrong
            upload(self.project, record)

    def _upload(self, record: Record) -> None:
        from sartext.tracking.uploading import upload_patiently

        try:
            upload_patiently(self.project, record)
            clear_model(record)
            for older in records(self.project, self.name):  # killed, and still running for all that the page knows
                if older.uploads() and not older.uploaded():
                    upload_patiently(self.project, older)
        except TrackingError as error:
            kept = self.project.relative(record.folder)
            warn(f"{error}; the run is kept in {kept}, upload it later by `{COMMAND}`")


def clear_model(record: Record) -> None:
    """Let go of the model's files once a server has them."""
    from sartext.files import remove_tree

    if record.uploaded():
        remove_tree(record.model)


def _same(record: Record, description: Mapping[str, Any]) -> bool:
    """Whether a record is of a training with these parameters and data."""
    known = record.description()
    return all(known.get(key) == description[key] for key in ("own", "inputs"))


def flat(value: object, prefix: str = "") -> dict[str, str]:
    """Return the leaves of nested mappings as text: ``{"a": {"b": 1}}`` gives ``{"a.b": "1"}``."""
    if isinstance(value, Mapping):
        parts = [flat(one, f"{prefix}.{key}" if prefix else str(key)) for key, one in value.items()]
        return {key: text for part in parts for key, text in part.items()}
    return {prefix: str(value)}


def tags(project: Project, name: str, origin: str, data: str) -> dict[str, str]:
    """Say where a run comes from: commit, Dagster's run, command, parent and data."""
    git = git_state(project.root)
    note = (
        f"**{name}**: starts from `{origin}`, learns from `{data}`. The model is the folder `model`: "
        f'`mlflow.artifacts.download_artifacts("models:/{name}@candidate")` gives one that open_clip loads '
        "through `local-dir:`."
    )
    found = {
        "mlflow.note.content": note,
        "mlflow.source.name": f"sartext train {name}",
        "mlflow.source.type": "LOCAL",
        "stage": f"checkpoint@{name}",
        "origin": origin,
        "data": data,
        "git.dirty": "unknown" if git["dirty"] is None else str(git["dirty"]).lower(),
    }
    if git["commit"]:
        found |= {"mlflow.source.git.commit": str(git["commit"]), "git.commit": str(git["commit"])}
    if run := os.environ.get(DAGSTER_RUN):
        found["dagster.run_id"] = run
    return found


def reason_of(error: Exception) -> str:
    """Say an error on one line, with its type where it is not of ours."""
    reason = error if isinstance(error, SarTextError) else f"{type(error).__name__}: {error}"
    return " ".join(str(reason).split())

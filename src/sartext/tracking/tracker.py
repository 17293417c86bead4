"""Keeps the record of a training; its steps never wait for a server, and it never fails by one."""

import hashlib
import os
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import wraps
from pathlib import Path
from typing import Any

import yaml
from filelock import FileLock

from sartext.config import Project, parse_yaml
from sartext.errors import SarTextError, TrackingError
from sartext.release.origin import git_state
from sartext.sources import folder_hash
from sartext.tracking.record import DAGSTER_RUN, Record, Status, begin, now, record_of, records
from sartext.tracking.store import COMMAND, load_mlflow, warn
from sartext.tracking.uploading import upload

MEASURE_SECONDS = 5.0
LIVE_SECONDS = 120.0
POINTS = 1000
"""Moments per curve of steps at most."""


def _guarded(method: Callable[..., None]) -> Callable[..., None]:
    """Turn whatever goes wrong into one line of warning: a record is never worth a training."""

    @wraps(method)
    def guarded(self: "Tracker", *arguments: object) -> None:
        try:
            method(self, *arguments)
        except Exception as error:
            warn(f"tracking of {self.name}: {_reason(error)}")

    return guarded


def _reason(error: Exception) -> str:
    known = isinstance(error, SarTextError)
    return str(error) if known else " ".join(f"{type(error).__name__}: {error}".split())


class Tracker:
    """A callback that keeps the record of one training in ``build/tracking`` and uploads it at the end.

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
        self._monitors: list[Any] = []
        self._measured: tuple[float, int] | None = None
        self._last = {"train": 0, "validation": 0}
        self._every = 1
        self._lock: FileLock | None = None
        self._upload: threading.Thread | None = None
        self._uploaded_at = time.monotonic()

    @_guarded
    def started(self, info: dict[str, Any]) -> None:
        """Remember what the training is; its record begins, or goes on, with its first step."""
        self._info = dict(info)
        load_mlflow()
        from mlflow.system_metrics.metrics.cpu_monitor import CPUMonitor
        from mlflow.system_metrics.metrics.gpu_monitor import GPUMonitor

        self._monitors = [CPUMonitor()]  # type: ignore[no-untyped-call]
        with suppress(ImportError, RuntimeError):  # no GPU, or no library that asks it
            self._monitors.append(GPUMonitor())  # type: ignore[no-untyped-call]

    @_guarded
    def step(self, step: int, samples: int, metrics: Mapping[str, float]) -> None:
        """Record the metrics of a step, every few seconds with those of the machine."""
        record = self._open(step)
        at, before = self._measured or (0.0, 0)
        elapsed = time.monotonic() - at
        if self._measured is None:
            self._measured = (time.monotonic(), samples)
        elif elapsed >= MEASURE_SECONDS:
            rate = {"train/samples_per_second": (samples - before) / elapsed}
            record.append(step, {**rate, **self._system_metrics()})
            self._measured = (time.monotonic(), samples)
        if step == 1 or step % self._every == 0:
            self._append(record, "train", step, metrics)

    @_guarded
    def validated(self, step: int, samples: int, metrics: Mapping[str, float]) -> None:
        """Record the metrics of a validation; bring a long training's record up to date on the server."""
        record = self._open(step)
        self._append(record, "validation", step, metrics)
        if time.monotonic() - self._uploaded_at >= LIVE_SECONDS and not (self._upload and self._upload.is_alive()):
            self._uploaded_at = time.monotonic()
            self._upload = threading.Thread(target=self._upload_beside, args=(record,), daemon=True)
            self._upload.start()

    @_guarded
    def finished(self, folder: Path) -> None:
        """Keep the model and its samples, close the record and upload it."""
        if self.record is None and (closed := record_of(self.project, self.name)) and closed.end():
            self._bring(closed)  # the process that closed it was killed while it uploaded
            return
        record = self._open(2)  # with no step before, all were taken by the process that was killed
        if self._monitors:
            record.append(max(self._last.values()), self._system_metrics())
        at = now()
        record.save_model(folder)
        if (folder / "training.json").is_file():
            record.save_file("training.json", (folder / "training.json").read_bytes())
        self._save_samples(folder)
        self._close(record, "FINISHED", at)

    @_guarded
    def failed(self, error: Exception) -> None:
        """Close the record as failed, with the reason, and upload it."""
        self._close(self._open(2), "FAILED", now(), _reason(error))

    def _system_metrics(self) -> dict[str, float]:
        metrics: dict[str, float] = {}
        for monitor in self._monitors:
            monitor.collect_metrics()
            metrics |= {f"system/{name}": float(value) for name, value in monitor.aggregate_metrics().items()}
            monitor.clear_metrics()
        return metrics

    def _append(self, record: Record, part: str, step: int, metrics: Mapping[str, float]) -> None:
        """Write metrics under ``train/`` or ``validation/``, those aside that a resumed training repeats."""
        if step > self._last[part]:
            record.append(step, {key if "/" in key else f"{part}/{key}": float(metrics[key]) for key in metrics})
            self._last[part] = step

    def _open(self, step: int) -> Record:
        """Return the record: that of the training which goes on with this step, else a new one."""
        if self.record is not None:
            return self.record
        description = self._describe()
        unfinished = [
            record for record in records(self.project, self.name) if record.status() not in {"FINISHED", "RUNNING"}
        ]
        last = unfinished[-1] if unfinished and step > 1 else None
        known = last.description() if last else {}
        resumed = last if all(known.get(key) == description[key] for key in ("own", "inputs")) else None
        for record in unfinished:
            if record != resumed and not record.end():
                record.close("KILLED", now())
        if resumed and resumed.end():
            resumed.reopen()
        self.record = resumed or begin(self.project, self.name, description)
        self._lock = self.record.training_lock()
        self._lock.acquire(timeout=0)
        self._every = int(self.record.description().get("every", 1))
        self.record.mend()
        for moment in self.record.moments():
            for part in self._last:
                if f"{part}/loss" in moment.metrics:
                    self._last[part] = moment.step
        return self.record

    def _describe(self) -> dict[str, Any]:
        """Return what is known of the training; the hashes of its files are in ``training.json``."""
        parameters = self.project.parameters
        row = parameters.trainings.get(self.name) or parameters.checkpoints.get(self.name)
        sections = {
            "checkpoint": row.model_dump(by_alias=True) if row else {},
            "training": parameters.training.model_dump(),
            "shards": parameters.shards.model_dump(),
            "tokenizer": parameters.tokenizer.model_dump(),
        }
        info = {key: value for key, value in self._info.items() if key not in {"name", "data"}}
        return {
            "name": self.name,
            "parameters": {**flat(sections), **flat(info)},
            "own": flat(sections),
            "inputs": _describe_inputs(self.project, row.data) if row else [],
            "tags": _tags(self.project, self.name, row.origin if row else "", row.data if row else ""),
            "every": max(1, int(self._info.get("steps", 0)) // POINTS),
        }

    def _close(self, record: Record, status: Status, at: int, reason: str = "") -> None:
        record.close(status, at, reason)
        if self._lock is not None:
            self._lock.release()
        self._bring(record)

    @_guarded
    def _save_samples(self, folder: Path) -> None:
        from sartext.tracking.samples import save_samples

        row = self.project.parameters.trainings.get(self.name)
        if row is not None and self.record is not None:
            save_samples(self.project, self.record, folder, row.data, step=max(self._last.values()))

    def _upload_beside(self, record: Record) -> None:
        with suppress(Exception):  # the upload at the end tells what is wrong
            upload(self.project, record)

    def _bring(self, record: Record) -> None:
        """Upload a record, and older ones of killed trainings that still run for all that the page knows."""
        try:
            upload(self.project, record)
            record.clear_model()
            for older in records(self.project, self.name):
                if older.uploads() and not older.uploaded():
                    upload(self.project, older)
        except TrackingError as error:
            kept = self.project.relative(record.folder)
            warn(f"{error}; the run is kept in {kept}, upload it later by `{COMMAND}`")


def flat(value: object, prefix: str = "") -> dict[str, str]:
    """Return the leaves of nested mappings as text: ``{"a": {"b": 1}}`` gives ``{"a.b": "1"}``."""
    if not isinstance(value, Mapping):
        return {prefix: str(value)}
    parts = [flat(item, f"{prefix}.{key}" if prefix else str(key)) for key, item in value.items()]
    return {key: text for part in parts for key, text in part.items()}


def _describe_inputs(project: Project, data: str) -> list[dict[str, Any]]:
    """Describe the folders of shards at or below ``data``, as MLflow keeps datasets; the digest is DVC's hash."""
    place = project.root / data
    folders = [place] if (place / "index.parquet").is_file() else sorted(place.glob("*/"))
    return [_describe_input(project, folder) for folder in folders if (folder / "index.parquet").is_file()]


def _describe_input(project: Project, folder: Path) -> dict[str, Any]:
    import pyarrow.parquet as pq

    index = folder / "index.parquet"
    fields = pq.read_schema(index)
    rows = pq.read_table(index, columns=["corpus", "split"]).to_pylist()
    pairs = Counter(f"{row['split']} pairs" for row in rows) + Counter(f"pairs of {row['corpus']}" for row in rows)
    types = {"int64": "long", "int32": "integer", "double": "double", "bool": "boolean"}  # else shown as text
    columns = [{"type": types.get(str(field.type), "string"), "name": field.name} for field in fields]
    return {
        "name": f"{folder.name.removesuffix('-shards')}-shards",
        "digest": dvc_hash(project, folder),
        "source": {"uri": project.relative(index)},
        "schema": {"mlflow_colspec": columns},
        "profile": {"num_rows": len(rows), "num_elements": len(rows) * len(fields), **pairs},
    }


def dvc_hash(project: Project, folder: Path) -> str:
    """Return DVC's hash of a folder (``….dir``): of ``dvc.lock`` if its size and number of files fit."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    state = (project.relative(folder), sum(path.stat().st_size for path in files), len(files))
    with suppress(OSError, yaml.YAMLError, KeyError, TypeError, AttributeError):  # a lock that says nothing
        stages = parse_yaml((project.root / "dvc.lock").read_text(encoding="utf-8"))["stages"].values()
        for out in (out for stage in stages for out in stage.get("outs", ())):
            if (out["path"], out.get("size"), out.get("nfiles")) == state:
                return str(out["md5"])
    digests = [hashlib.md5(path.read_bytes(), usedforsecurity=False).hexdigest() for path in files]
    names = (path.relative_to(folder).as_posix() for path in files)
    return folder_hash([{"md5": md5, "relpath": name} for md5, name in zip(digests, names, strict=True)])


def _tags(project: Project, name: str, origin: str, data: str) -> dict[str, str]:
    """Say where a run comes from: commit, Dagster's run, command, parent and data."""
    git = git_state(project.root)
    grounds = name == project.parameters.grounder
    reader = "grounder.checkpoint.load_grounder" if grounds else "checkpoint.load"
    plain = "" if grounds else "; open_clip loads it through `local-dir:`, but for a CoCa with a tower of timm"
    note = (
        f"**{name}**: starts from `{origin}`, learns from `{data}`. The model is the folder `model`: "
        f'`mlflow.artifacts.download_artifacts("models:/{name}@candidate")` gives one that '
        f"`sartext.models.{reader}` reads{plain}."
    )
    commit, run = git["commit"], os.environ.get(DAGSTER_RUN)
    return {
        "mlflow.note.content": note,
        "mlflow.source.name": f"sartext train {name}",
        "mlflow.source.type": "LOCAL",
        "stage": f"checkpoint@{name}",
        "origin": origin,
        "data": data,
        "git.dirty": "unknown" if git["dirty"] is None else str(git["dirty"]).lower(),
        **({"mlflow.source.git.commit": str(commit), "git.commit": str(commit)} if commit else {}),
        **({"dagster.run_id": run} if run else {}),
    }

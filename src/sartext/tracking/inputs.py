"""The data that a training reads, as MLflow shows it: DVC's hash of each folder of shards and what is in it."""

import hashlib
from collections import Counter
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import yaml

from sartext.config import Project
from sartext.sources import folder_hash


def describe_inputs(project: Project, data: str) -> list[dict[str, Any]]:
    """Describe the folders of shards at ``data`` (``build/shards/sar``, or ``build/shards`` for all of them).

    Each has ``name``, ``digest`` (DVC's hash of the folder), ``source``, ``schema`` and ``profile``: what MLflow
    keeps of a dataset.
    """
    place = project.root / data
    folders = [place] if (place / "index.parquet").is_file() else sorted(place.glob("*/"))
    return [_describe_input(project, folder) for folder in folders if (folder / "index.parquet").is_file()]


def _describe_input(project: Project, folder: Path) -> dict[str, Any]:
    import pyarrow.parquet as pq

    index = folder / "index.parquet"
    fields = pq.read_schema(index)
    rows = pq.read_table(index, columns=["corpus", "split"]).to_pylist()
    splits, corpora = (Counter(str(row[column]) for row in rows) for column in ("split", "corpus"))
    types = {"int64": "long", "int32": "integer", "double": "double", "bool": "boolean"}  # else shown as text
    columns = [{"type": types.get(str(field.type), "string"), "name": field.name} for field in fields]
    return {
        "name": f"{folder.name.removesuffix('-shards')}-shards",
        "digest": dvc_hash(project, folder),
        "source": {"uri": project.relative(index)},
        "schema": {"mlflow_colspec": columns},
        "profile": {
            "num_rows": len(rows),
            "num_elements": len(rows) * len(fields),
            **{f"{split} pairs": number for split, number in sorted(splits.items())},
            **{f"pairs of {corpus}": number for corpus, number in sorted(corpora.items())},
        },
    }


def dvc_hash(project: Project, folder: Path) -> str:
    """Return DVC's hash of a folder (``….dir``): of ``dvc.lock`` if its size and number of files fit."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    size = sum(path.stat().st_size for path in files)
    locked: dict[str, Any] = {}
    with suppress(OSError, yaml.YAMLError, KeyError, TypeError, AttributeError):  # a lock that says nothing
        stages = yaml.safe_load((project.root / "dvc.lock").read_text(encoding="utf-8"))["stages"].values()
        outs = (out for stage in stages for out in stage.get("outs", ()))
        locked = next((out for out in outs if out["path"] == project.relative(folder)), {})
    if (locked.get("size"), locked.get("nfiles")) == (size, len(files)):
        return str(locked["md5"])
    return folder_hash([{"md5": _md5(path), "relpath": path.relative_to(folder).as_posix()} for path in files])


def _md5(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, partial(hashlib.md5, usedforsecurity=False)).hexdigest()

"""The data that a training reads, as MLflow shows it: DVC's hash of each folder of shards and what is in it."""

import hashlib
from collections import Counter
from pathlib import Path
from typing import Any

from sartext.config import Project
from sartext.sources import folder_hash

READ_BYTES = 1 << 20


def describe_inputs(project: Project, data: str) -> list[dict[str, Any]]:
    """Describe the folders of shards at ``data`` (``build/shards/sar``, or ``build/shards`` for all of them).

    Each has ``name``, ``digest`` (DVC's hash of the folder), ``source``, ``schema`` and ``profile``: what MLflow
    keeps of a dataset.
    """
    place = project.root / data
    folders = [place] if (place / "index.parquet").is_file() else sorted(place.glob("*/"))
    return [_describe(project, folder) for folder in folders if (folder / "index.parquet").is_file()]


def _describe(project: Project, folder: Path) -> dict[str, Any]:
    import pyarrow.parquet as pq

    index = folder / "index.parquet"
    fields = pq.read_schema(index)
    rows = pq.read_table(index, columns=["corpus", "split"]).to_pylist()
    splits = Counter(str(row["split"]) for row in rows)
    corpora = Counter(str(row["corpus"]) for row in rows)
    return {
        "name": f"{folder.name.removesuffix('-shards')}-shards",
        "digest": dvc_hash(project, folder),
        "source": {"uri": project.relative(index)},
        "schema": {"mlflow_colspec": [{"type": _type(str(f.type)), "name": f.name} for f in fields]},
        "profile": {
            "num_rows": len(rows),
            "num_elements": len(rows) * len(fields),
            **{f"{split} pairs": number for split, number in sorted(splits.items())},
            **{f"pairs of {corpus}": number for corpus, number in sorted(corpora.items())},
        },
    }


def _type(arrow: str) -> str:
    """The name that MLflow's schema has for a type; what is nested is shown as text."""
    return {"int64": "long", "int32": "integer", "double": "double", "bool": "boolean"}.get(arrow, "string")


def dvc_hash(project: Project, folder: Path) -> str:
    """Return DVC's hash of a folder (``….dir``): of ``dvc.lock`` if its size and number of files fit."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    size = sum(path.stat().st_size for path in files)
    locked = _locked(project.root / "dvc.lock", project.relative(folder))
    if locked and (locked.get("size"), locked.get("nfiles")) == (size, len(files)):
        return str(locked["md5"])
    return folder_hash([{"md5": _md5(path), "relpath": path.relative_to(folder).as_posix()} for path in files])


def _locked(path: Path, out: str) -> dict[str, Any] | None:
    """What ``dvc.lock`` says of an out; a file that cannot be read says nothing."""
    import yaml

    try:
        stages = yaml.safe_load(path.read_text(encoding="utf-8"))["stages"]
        outs = (one for stage in stages.values() for one in stage.get("outs", ()))
        return next((one for one in outs if one["path"] == out), None)
    except (OSError, yaml.YAMLError, KeyError, TypeError, AttributeError):
        return None


def _md5(path: Path) -> str:
    digest = hashlib.md5(usedforsecurity=False)
    with path.open("rb") as stream:
        while block := stream.read(READ_BYTES):
            digest.update(block)
    return digest.hexdigest()

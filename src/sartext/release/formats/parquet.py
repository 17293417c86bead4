"""Parquet with the image bytes, one or more files per split, as Hugging Face ``datasets`` reads them."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sartext.config import ReleaseParameters
from sartext.progress import track
from sartext.release.material import Material, Row

ROW_GROUP = 100
"""Rows held in memory at a time; small groups let a viewer read a few images without the file."""

IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])

_COLUMNS: tuple[tuple[str, pa.DataType], ...] = (
    ("image_id", pa.string()),
    ("image", IMAGE),
    ("caption", pa.string()),
    ("facts", pa.string()),
    ("corpus", pa.string()),
    ("split", pa.string()),
    ("method", pa.string()),
    ("method_version", pa.string()),
    ("source_caption", pa.string()),
    ("model_sha256", pa.string()),
    ("prompt_sha256", pa.string()),
    ("score", pa.float64()),
    ("width", pa.int32()),
    ("height", pa.int32()),
    ("modality", pa.string()),
    ("sensor", pa.string()),
    ("polarisation", pa.string()),
    ("quantity", pa.string()),
    ("db_low", pa.float64()),
    ("db_high", pa.float64()),
    ("scene_id", pa.string()),
    ("group_id", pa.string()),
    ("cluster_id", pa.string()),
    ("benchmark", pa.string()),
    ("source_path", pa.string()),
    ("sha256", pa.string()),
    ("pixels_sha256", pa.string()),
    ("image_sha256", pa.string()),
    ("licence", pa.string()),
    ("redistribution", pa.bool_()),
    ("citation", pa.string()),
    ("source_url", pa.string()),
)


def _feature(name: str, kind: pa.DataType) -> dict[str, str]:
    return {"_type": "Image"} if name == "image" else {"dtype": feature_type(kind), "_type": "Value"}


def feature_type(kind: pa.DataType) -> str:
    """The name that Hugging Face ``datasets`` gives an Arrow type."""
    return {"double": "float64"}.get(str(kind), str(kind))


FEATURES = {name: _feature(name, kind) for name, kind in _COLUMNS}

SCHEMA = pa.schema(_COLUMNS).with_metadata(
    {"huggingface": json.dumps({"info": {"features": FEATURES}}, separators=(",", ":"))}
)
"""The columns of a release. ``sha256`` is that of the source file, ``pixels_sha256`` of its decoded pixels,
``image_sha256`` of the bytes in ``image``; ``image`` is null where the licence does not let it be given on.
``source_path`` is the file below the corpus's folder, ``<corpus>/...``."""


def write(material: Material, folder: Path, parameters: ReleaseParameters) -> None:
    """Write ``data/<split>-00000-of-0000N.parquet`` below ``folder``, holding one row group in memory."""
    target = folder / "data"
    target.mkdir(parents=True)
    for split, rows in material.splits().items():
        size = parameters.rows_per_file
        parts = [rows[start : start + size] for start in range(0, len(rows), size)]
        filled = track(_rows(material, rows), f"images of {split}", len(rows))
        for number, part in enumerate(parts):
            path = target / f"{split}-{number:05d}-of-{len(parts):05d}.parquet"
            _write_file(path, filled, len(part))


def _write_file(path: Path, filled: Iterator[dict[str, Any]], count: int) -> None:
    with pq.ParquetWriter(path, SCHEMA, compression="zstd", compression_level=3, version="2.6") as writer:
        for start in range(0, count, ROW_GROUP):
            group = [next(filled) for _ in range(min(ROW_GROUP, count - start))]
            writer.write_table(pa.Table.from_pylist(group, schema=SCHEMA), row_group_size=ROW_GROUP)


def _rows(material: Material, rows: list[Row]) -> Iterator[dict[str, Any]]:
    for row in rows:
        image = material.image(row)
        known = {name: row[name] for name, _ in _COLUMNS if name in row}
        yield {
            **known,
            "image": None if image is None else {"bytes": image.content, "path": image.path},
            "image_sha256": None if image is None else image.sha256,
            "source_path": row["path"].removeprefix("data/"),
        }

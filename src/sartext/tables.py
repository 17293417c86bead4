"""The schema of every Parquet table, and the one way to write and read them.

Tables are sorted by ``image_id`` and byte-identical for identical rows with the pinned pyarrow.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sartext.errors import ArtefactError
from sartext.files import atomic_path

OBJECT = pa.struct(
    [
        ("label", pa.string()),
        ("source_label", pa.string()),
        ("xmin", pa.float64()),
        ("ymin", pa.float64()),
        ("xmax", pa.float64()),
        ("ymax", pa.float64()),
        ("angle", pa.float64()),
    ]
)
"""A box in pixels of the image, clipped to it; ``angle`` in degrees where the source has one."""

REGION = pa.struct(
    [
        ("label", pa.string()),
        ("zone", pa.string()),
        ("fraction", pa.float64()),
        ("largest_component", pa.int64()),
    ]
)
"""Land cover. Zone ``image``: share of the valid pixels that the class holds, and the pixels of its largest
connected component. Zones ``upper-left``, ``upper-right``, ``lower-left``, ``lower-right`` and ``middle``:
share of the class's own pixels that lie in the zone (``largest_component`` 0)."""

INDEX = pa.schema(
    [
        pa.field("image_id", pa.string(), nullable=False),
        pa.field("path", pa.string(), nullable=False),
        pa.field("sha256", pa.string(), nullable=False),
        pa.field("pixels_sha256", pa.string(), nullable=False),
        pa.field("width", pa.int32(), nullable=False),
        pa.field("height", pa.int32(), nullable=False),
        pa.field("modality", pa.string(), nullable=False),
        pa.field("quantity", pa.string(), nullable=False),
        pa.field("polarisation", pa.string(), nullable=False),
        pa.field("db_low", pa.float64()),
        pa.field("db_high", pa.float64()),
        pa.field("scene_id", pa.string(), nullable=False),
        pa.field("published_split", pa.string()),
        pa.field("benchmark", pa.string()),
        pa.field("objects", pa.list_(OBJECT), nullable=False),
        pa.field("regions", pa.list_(REGION), nullable=False),
        pa.field("captions", pa.list_(pa.string()), nullable=False),
        pa.field("paired_path", pa.string()),
    ]
)
"""``path`` and ``paired_path`` are relative to the project (``data/<c>/...``); ``db_low`` and ``db_high`` are
the window in dB that the image is shown in, null where its file is already a picture."""

CAPTIONS = pa.schema(
    [
        pa.field("image_id", pa.string(), nullable=False),
        pa.field("caption", pa.string(), nullable=False),
        pa.field("method", pa.string(), nullable=False),
        pa.field("method_version", pa.string(), nullable=False),
        pa.field("facts", pa.string(), nullable=False),
        pa.field("source_caption", pa.string()),
        pa.field("model_sha256", pa.string()),
        pa.field("prompt_sha256", pa.string()),
        pa.field("score", pa.float64()),
    ]
)

UNCAPTIONED = pa.schema(
    [
        pa.field("image_id", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
    ]
)
"""Images of a captioned corpus that got no caption, and why."""

SPLITS = pa.schema(
    [
        pa.field("image_id", pa.string(), nullable=False),
        pa.field("cluster_id", pa.string(), nullable=False),
        pa.field("group_id", pa.string(), nullable=False),
        pa.field("split", pa.string()),
        pa.field("benchmark", pa.string()),
        pa.field("reason", pa.string(), nullable=False),
    ]
)
"""``split`` is train, validation or test; null for an image left out, whose ``reason`` says why."""

PAIRS = pa.schema(
    [
        pa.field("image_id", pa.string(), nullable=False),
        pa.field("corpus", pa.string(), nullable=False),
        pa.field("split", pa.string(), nullable=False),
        *(CAPTIONS.field(name) for name in CAPTIONS.names if name != "image_id"),
        *(INDEX.field(name) for name in ("path", "sha256", "pixels_sha256", "width", "height")),
        *(INDEX.field(name) for name in ("modality", "quantity", "polarisation", "db_low", "db_high")),
        pa.field("sensor", pa.string(), nullable=False),
        pa.field("scene_id", pa.string(), nullable=False),
        pa.field("group_id", pa.string(), nullable=False),
        pa.field("cluster_id", pa.string(), nullable=False),
        pa.field("benchmark", pa.string()),
        pa.field("licence", pa.string()),
        pa.field("redistribution", pa.bool_()),
        pa.field("citation", pa.string()),
        pa.field("source_url", pa.string()),
    ]
)
"""The candidate: one row per captioned SAR image, paths and no pixels."""

LEDGER = pa.schema(
    [
        pa.field("image_id", pa.string(), nullable=False),
        pa.field("corpus", pa.string(), nullable=False),
        pa.field("path", pa.string(), nullable=False),
        pa.field("fate", pa.string(), nullable=False),
        pa.field("stage", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
    ]
)
"""One row per source image: ``fate`` is ``released`` or ``left out``, with the stage and the reason."""

SHARDS = pa.schema(
    [
        pa.field("image_id", pa.string(), nullable=False),
        pa.field("corpus", pa.string(), nullable=False),
        pa.field("split", pa.string(), nullable=False),
        pa.field("group_id", pa.string(), nullable=False),
        pa.field("modality", pa.string(), nullable=False),
        pa.field("method", pa.string(), nullable=False),
        pa.field("captions", pa.list_(pa.string()), nullable=False),
        pa.field("facts", pa.string()),
        pa.field("objects", pa.list_(OBJECT), nullable=False),
        pa.field("regions", pa.list_(REGION), nullable=False),
        pa.field("shard", pa.string(), nullable=False),
        pa.field("offsets", pa.list_(pa.int64()), nullable=False),
        pa.field("sizes", pa.list_(pa.int64()), nullable=False),
    ]
)
"""The index of a folder of shards, a row per pair: what is said of the image, and where its PNGs lie.

``captions`` are the texts as they stand; ``objects`` (boxes in pixels of model input, none under the smallest
size) and ``regions`` are the annotation that training captions are realised from, empty where the captions are
all there is; ``facts`` is their record, null for optical captions. ``offsets`` and ``sizes`` are bytes in the tar
file ``shard``, one for each look.
"""

Row = Mapping[str, Any]


def write_table(path: Path, schema: pa.Schema, rows: Iterable[Row]) -> int:
    """Sort rows by ``image_id``, check them against the schema and write them atomically; return their number.

    Raises:
        ArtefactError: a column is absent, unknown, of another type, or null where it must not be.
    """
    ordered = sorted(rows, key=lambda row: str(row["image_id"]))
    write_arrow(path, to_arrow(ordered, schema, where=path))
    return len(ordered)


def to_arrow(rows: Sequence[Row], schema: pa.Schema, where: object = None) -> pa.Table:
    """Return rows as an Arrow table of the schema, or raise an ArtefactError that names the column."""
    names = set(schema.names)
    for row in rows:
        if row.keys() != names:
            odd = ", ".join(sorted(row.keys() ^ names))
            raise ArtefactError(f"columns differ from the schema: {odd}", where=where)
    try:
        table = pa.Table.from_pylist(list(rows), schema=schema)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise ArtefactError(f"a value does not fit its column ({error})", where=where) from error
    for field in schema:
        if not field.nullable and table.column(field.name).null_count:
            raise ArtefactError(f"column '{field.name}' holds nulls", where=where)
    return table


def write_arrow(path: Path, table: pa.Table) -> None:
    """Write an Arrow table with the project's fixed Parquet settings, atomically."""
    with atomic_path(path) as temporary:
        pq.write_table(table, temporary, compression="zstd", compression_level=3, version="2.6")


def read_table(path: Path, schema: pa.Schema) -> pa.Table:
    """Read a table and check its schema.

    Raises:
        ArtefactError: the file is absent, damaged or has another schema.
    """
    try:
        table = pq.read_table(path)
    except FileNotFoundError as error:
        raise ArtefactError("the table is missing", where=path, way_out="run `make release`") from error
    except (pa.ArrowInvalid, OSError) as error:
        raise ArtefactError(
            f"not a readable Parquet file ({error})", where=path, way_out="remove it and build it again"
        ) from error
    if not table.schema.equals(schema):
        raise ArtefactError(
            "the table has another schema", where=path, way_out="it is from another version: build it again"
        )
    return table


def read_rows(path: Path, schema: pa.Schema) -> list[dict[str, Any]]:
    """Read a table as a list of dictionaries, in file order."""
    rows: list[dict[str, Any]] = read_table(path, schema).to_pylist()
    return rows

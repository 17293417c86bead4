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


def _required(kind: pa.DataType, *names: str) -> list[pa.Field]:
    """Columns of one type that hold no nulls."""
    return [pa.field(name, kind, nullable=False) for name in names]


def _optional(kind: pa.DataType, *names: str) -> list[pa.Field]:
    return [pa.field(name, kind) for name in names]


TEXT, NUMBER, WHOLE = pa.string(), pa.float64(), pa.int64()

OBJECT = pa.struct(
    [
        *_optional(TEXT, "label", "source_label"),
        *_optional(NUMBER, "xmin", "ymin", "xmax", "ymax", "angle"),
        *_optional(WHOLE, "difficulty"),
    ]
)
"""A box in pixels of the image, clipped to it. Where the source says so, ``angle`` is how far its sides are turned
clockwise from the image's, in degrees from 0 below 90, and ``difficulty`` how hard it was to annotate (0 to 2)."""

REGION = pa.struct(
    [*_optional(TEXT, "label", "zone"), *_optional(NUMBER, "fraction"), *_optional(WHOLE, "largest_component")]
)
"""Land cover. Zone ``image``: share of the valid pixels that the class holds, and the pixels of its largest
connected component. Zones ``upper-left``, ``upper-right``, ``lower-left``, ``lower-right`` and ``middle``:
share of the class's own pixels that lie in the zone (``largest_component`` 0)."""

ANNOTATION = [
    *_required(pa.list_(OBJECT), "objects"),
    *_required(pa.list_(REGION), "regions"),
    *_optional(TEXT, "scene_class"),
]
"""``scene_class`` is the label of the class that the image is of as a whole, null where nobody says."""

ACQUISITION = [
    *_optional(TEXT, "sensor", "band"),
    *_optional(NUMBER, "resolution_m"),
    *_optional(TEXT, "acquired", "orbit", "look"),
]
"""Facts of acquisition, null where nobody states them: radar band, metres, date as ISO 8601 writes it,
``ascending`` or ``descending``, ``right`` or ``left``."""
ACQUISITION_NAMES = tuple(field.name for field in ACQUISITION)

SECOND = [*_optional(TEXT, "second_polarisation"), *_optional(NUMBER, "second_db_low", "second_db_high")]
"""The polarisation of a file's second band and the window in dB that it is shown in; null where there is none."""

INDEX = pa.schema(
    [
        *_required(TEXT, "image_id", "path", "sha256", "pixels_sha256"),
        *_required(pa.int32(), "width", "height"),
        *_required(TEXT, "modality", "quantity", "polarisation"),
        *_optional(NUMBER, "db_low", "db_high"),
        *SECOND,
        *ACQUISITION,
        *_required(TEXT, "scene_id"),
        *_optional(TEXT, "published_split", "benchmark"),
        *ANNOTATION,
        *_required(pa.list_(TEXT), "captions"),
        *_optional(TEXT, "paired_path"),
    ]
)
"""``path`` and ``paired_path`` are relative to the project (``data/<c>/...``); ``polarisation`` is that of what is
shown, ``db_low`` and ``db_high`` are the window in dB that it is shown in, null where its file is already a
picture."""

CAPTIONS = pa.schema(
    [
        *_required(TEXT, "image_id", "caption", "caption_detailed", "method", "method_version", "facts"),
        *_optional(TEXT, "source_caption", "model_sha256", "model", "prompt_sha256"),
        *_optional(NUMBER, "score"),
        *_optional(TEXT, "proof"),
    ]
)
"""``model`` is the name of a language model at an endpoint, whose weights nobody can hash. ``proof`` is JSON of a
caption by models: hash of the grounder's weights, and for each statement its score and what proposed it, see
`captioner.proof`. ``caption_detailed`` says what ``caption`` says, in other words, and the sizes and percentages
that the facts of an annotation hold; of other methods it is the caption."""

UNCAPTIONED = pa.schema(_required(TEXT, "image_id", "reason"))
"""Images of a captioned corpus that got no caption, and why."""

SPLITS = pa.schema(
    [
        *_required(TEXT, "image_id", "cluster_id", "group_id"),
        *_optional(TEXT, "split", "benchmark"),
        *_required(TEXT, "reason"),
    ]
)
"""``split`` is train, validation or test; null for an image left out, whose ``reason`` says why."""

PAIRS = pa.schema(
    [
        *_required(TEXT, "image_id", "corpus", "split"),
        *(CAPTIONS.field(name) for name in CAPTIONS.names if name != "image_id"),
        *(INDEX.field(name) for name in ("path", "sha256", "pixels_sha256", "width", "height")),
        *(INDEX.field(name) for name in ("modality", "quantity", "polarisation", "db_low", "db_high")),
        *SECOND,
        *_required(TEXT, "sensor"),
        *(field for field in ACQUISITION if field.name != "sensor"),
        *_required(TEXT, "scene_id", "group_id", "cluster_id"),
        *_optional(TEXT, "benchmark", "licence"),
        *_optional(pa.bool_(), "redistribution"),
        *_optional(TEXT, "citation", "source_url"),
    ]
)
"""The candidate: one row per captioned SAR image, paths and no pixels."""

LEDGER = pa.schema(_required(TEXT, "image_id", "corpus", "path", "fate", "stage", "reason"))
"""One row per source image: ``fate`` is ``released`` or ``left out``, with the stage and the reason."""

SHARDS = pa.schema(
    [
        *_required(TEXT, "image_id", "corpus", "split", "group_id", "modality", "method"),
        *_required(pa.list_(TEXT), "captions"),
        *_optional(TEXT, "facts"),
        *ANNOTATION,
        *_required(TEXT, "shard"),
        *_required(pa.list_(WHOLE), "offsets", "sizes"),
        *_optional(WHOLE, "mask_offset", "mask_size"),
    ]
)
"""The index of a folder of shards, a row per pair: what is said of the image, and where its PNGs lie.

``captions`` are the texts as they stand; ``objects`` (boxes in pixels of model input, none under the smallest
size), ``regions`` and ``scene_class`` are the annotation that training captions are realised from, empty where the
captions are all there is; ``facts`` is their record, null for optical captions. ``offsets`` and ``sizes`` are
bytes in the tar file ``shard``, one for each look; ``mask_offset`` and ``mask_size`` those of the PNG of a
segmentation mask, a place in the corpus's classes per pixel (`masks.MASK_UNKNOWN`, `masks.MASK_NO_DATA`), null
where there is none.
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

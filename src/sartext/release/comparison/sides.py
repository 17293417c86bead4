"""The two sides of a comparison, column by column, and which of their rows go together.

Columns are read from the disk when they are asked for and are not kept: of a hundred thousand rows with facts and
proofs only the column that is being compared is in memory.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sartext.errors import ReleaseError
from sartext.release.inputs import data_files

Column: TypeAlias = pa.ChunkedArray
WAY_OUT = "get the release again"
PIXELS = frozenset({"image", "second_image"})
"""Columns that are compared by their hashes, which stand beside them."""


@dataclass(frozen=True)
class Side:
    """Captions with what is known of each, one row a caption.

    Args:
        keys: of the rows, each once; a row goes together with the row of the other side that has its key.
        types: the Arrow type of each column, by name; images are none of them.
        read: returns a column that there is, in the order of the rows.
    """

    keys: pa.Array
    types: Mapping[str, pa.DataType]
    read: Callable[[str], Column]

    def column(self, name: str) -> Column:
        """Return a column, all nulls where this side has none of that name."""
        return self.read(name) if name in self.types else pa.chunked_array([pa.nulls(len(self.keys), pa.string())])


@dataclass(frozen=True)
class Joined:
    """Two sides, and the positions of the rows that go together, in the order of their keys."""

    old: Side
    new: Side

    @cached_property
    def _places(self) -> tuple[pa.Array, pa.Array]:
        found = pc.index_in(self.new.keys, value_set=self.old.keys)
        after = pc.indices_nonzero(pc.is_valid(found))
        order = pc.sort_indices(self.new.keys.take(after))
        return pc.drop_null(found).take(order), after.take(order)

    @cached_property
    def added(self) -> pa.Array:
        """Positions of the rows that the new side alone has, in the order of their keys."""
        return _alone(self.new.keys, self.old.keys)

    @cached_property
    def removed(self) -> pa.Array:
        """Positions of the rows that the old side alone has, in the order of their keys."""
        return _alone(self.old.keys, self.new.keys)

    def pair(self, name: str) -> tuple[Column, Column]:
        """Return a column of the rows that go together, as the old and as the new side has it."""
        before, after = self._places
        return self.old.column(name).take(before), self.new.column(name).take(after)

    def unlike(self, name: str) -> Column:
        """Return for each pair of rows whether a column differs; null is a value as others are."""
        before, after = self.pair(name)
        if before.type != after.type or pa.types.is_nested(before.type):
            values = zip(before.to_pylist(), after.to_pylist(), strict=True)
            return pa.chunked_array([pa.array([one != other for one, other in values], pa.bool_())])
        differs = pc.fill_null(pc.not_equal(before, after), False)
        return pc.or_(differs, pc.xor(pc.is_null(before), pc.is_null(after)))


def _alone(keys: pa.Array, others: pa.Array) -> pa.Array:
    alone = pc.indices_nonzero(pc.invert(pc.is_in(keys, value_set=others)))
    return alone.take(pc.sort_indices(keys.take(alone)))


def read_release(folder: Path) -> Side:
    """Return the pairs of a release by image id.

    Raises:
        ReleaseError: it holds no table of pairs, or one that cannot be read.
    """
    files = data_files(folder)
    if not files:
        raise ReleaseError("no data/*.parquet", where=folder, way_out="name the folder of a version")
    try:
        schemas = {path: pq.read_schema(path) for path in files}
    except (pa.ArrowInvalid, OSError) as error:
        raise ReleaseError(f"cannot be read ({error})", where=folder / "data", way_out=WAY_OUT) from error
    for path, schema in schemas.items():
        if not {"image_id", "split", "caption", "corpus", "method"} <= set(schema.names):
            raise ReleaseError("not a table of pairs", where=path, way_out=WAY_OUT)
    types = {field.name: field.type for field in schemas[files[0]] if field.name not in PIXELS}

    def read(name: str) -> Column:
        return _column(files, name, types[name])

    return Side(read("image_id").combine_chunks(), types, read)


def _column(files: Iterable[Path], name: str, kind: pa.DataType) -> Column:
    chunks: list[pa.Array] = []
    for path in files:
        try:
            with pq.ParquetFile(path) as table:
                chunks += table.read(columns=[name]).column(name).cast(kind).chunks
        except (pa.ArrowInvalid, OSError, KeyError) as error:
            raise ReleaseError(f"column '{name}' cannot be read ({error})", where=path, way_out=WAY_OUT) from error
    return pa.chunked_array(chunks, kind)

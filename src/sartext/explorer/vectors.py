"""Embeddings of a release's images, and of sentences, in Parquet; and which images lie nearest to each.

``images.parquet`` holds ``image_id`` and ``vector``, ``sentences.parquet`` ``sentence`` and ``vector``:
16-bit floats, normalised. Both name the weights that made them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from sartext.errors import ReleaseError
from sartext.files import atomic_path
from sartext.progress import track

IMAGES, SENTENCES = "images.parquet", "sentences.parquet"

QUERIES = 128
"""Compared with all images at a time: 100,000 of them take 50 MB."""

MADE_BY = b"model_sha256"

WAY_OUT = "write it by `sartext release embed`"

Vectors = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Embedded:
    """Names with their vectors, [n, d], and the hash of the weights that made them."""

    names: Sequence[str]
    vectors: Vectors
    model_sha256: str


def write_vectors(path: Path, column: str, embedded: Embedded) -> None:
    """Write names and vectors, rounded to 16 bits; ``column`` is what a name is called."""
    width = embedded.vectors.shape[1]
    values = pa.array(embedded.vectors.astype(np.float16).ravel())
    vectors = pa.FixedSizeListArray.from_arrays(values, width)
    table = pa.table({column: pa.array(embedded.names, pa.string()), "vector": vectors})
    table = table.replace_schema_metadata({MADE_BY: embedded.model_sha256.encode()})
    with atomic_path(path) as temporary:
        pq.write_table(table, temporary, compression="zstd", version="2.6")


def read_vectors(path: Path, column: str) -> Embedded:
    """Return what `write_vectors` wrote, normalised anew.

    Raises:
        ReleaseError: the file is missing, has other columns, or a vector is no direction.
    """
    try:
        table = pq.ParquetFile(path).read(columns=[column, "vector"])
        names, vectors = table.column(column), table.column("vector").combine_chunks()
        width = vectors.type.list_size
        values = vectors.flatten().to_numpy(zero_copy_only=False).astype(np.float32).reshape(-1, width)
    except FileNotFoundError as error:
        raise ReleaseError("the file is missing", where=path, way_out=WAY_OUT) from error
    except (OSError, pa.ArrowInvalid, KeyError, AttributeError, ValueError) as error:
        raise ReleaseError(f"holds no embeddings ({error})", where=path, way_out=WAY_OUT) from error
    if len(values) != table.num_rows:
        raise ReleaseError("a vector is missing", where=path, way_out=WAY_OUT)
    lengths = np.linalg.norm(values, axis=1, keepdims=True)
    if not (np.isfinite(lengths).all() and (lengths > 0).all()):
        raise ReleaseError("a vector is no direction", where=path, way_out=WAY_OUT)
    made_by = (table.schema.metadata or {}).get(MADE_BY, b"").decode()
    return Embedded(names.to_pylist(), values / lengths, made_by)


def nearest(queries: Vectors, gallery: Vectors, count: int, *, itself: bool = False) -> tuple[Rows, Vectors]:
    """Return the rows of the gallery nearest to each query, [q, count], and their cosines, the nearest first.

    Time grows with the product of both numbers, memory with the gallery. Cosines are rounded to thousandths, equal
    ones go by row.

    Args:
        queries: normalised, [q, d].
        gallery: normalised, [n, d].
        count: at most; fewer where the gallery holds fewer.
        itself: query i is row i of the gallery, and not its own neighbour.
    """
    count = max(0, min(count, len(gallery) - itself))
    rows = np.empty((len(queries), count), dtype=np.int32)
    cosines = np.empty((len(queries), count), dtype=np.float32)
    starts = range(0, len(queries), QUERIES)
    for start in track(starts, "nearest images", len(starts)):
        similar = np.round(queries[start : start + QUERIES] @ gallery.T, 3)
        if itself:
            places = np.arange(len(similar))
            similar[places, start + places] = -np.inf
        part = slice(start, start + len(similar))
        rows[part] = _largest(similar, count)
        cosines[part] = np.take_along_axis(similar, rows[part].astype(np.int64), axis=1)
    return rows, cosines


def _largest(similar: Vectors, count: int) -> Rows:
    """The places of the largest values of each row, in order; of equal ones the first."""
    if not count:
        return np.empty((len(similar), 0), dtype=np.int32)
    least = np.partition(similar, -count, axis=1)[:, -count]
    found = np.empty((len(similar), count), dtype=np.int32)
    for at, (values, bound) in enumerate(zip(similar, least, strict=True)):
        places = np.flatnonzero(values >= bound)
        order = np.lexsort((places, -values[places]))
        found[at] = places[order[:count]]
    return found


def joined(embedded: Embedded, ids: Sequence[str], where: object) -> tuple[npt.NDArray[np.int64], Vectors]:
    """Return the rows of a release that have an embedding, and the vectors in that order.

    Raises:
        ReleaseError: none has one, as they are of another release.
    """
    place = {name: at for at, name in enumerate(ids)}
    found = sorted((place[name], at) for at, name in enumerate(embedded.names) if name in place)
    if not found:
        raise ReleaseError("holds no image of this release", where=where, way_out=WAY_OUT)
    rows, at = zip(*found, strict=True)
    return np.asarray(rows, dtype=np.int64), embedded.vectors[list(at)]


def thousandths(cosines: Vectors) -> Any:  # noqa: ANN401 - nested lists
    """Return cosines as whole thousandths, nested as they are."""
    return np.round(cosines * 1000).astype(int).tolist()

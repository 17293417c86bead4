"""What the page shows of an image: a thumbnail, and a larger picture beside its columns."""

import base64
import io
import multiprocessing
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow.parquet as pq
from PIL import Image

from sartext.corpora.images import decode
from sartext.corpora.quarantine import Unusable
from sartext.progress import SERIAL_BELOW, depend_on_the_parent, workers

THUMBNAIL = 160
"""Pixels of the longer side of a thumbnail; an image that is no larger is shown as the release holds it."""

LARGE = 384
"""Pixels of the longer side of the large picture, unless the command says otherwise."""

UNTOUCHED = 64 * 1024
"""Bytes up to which an image that need not be made smaller is shown as the release holds it."""

AHEAD = 3
"""Row groups for each process that are read before their turn."""

THUMBNAIL_QUALITY, LARGE_QUALITY = 72, 82

_KINDS = ((b"\x89PNG", "png"), (b"\xff\xd8", "jpeg"))


class RowGroup(NamedTuple):
    """Some rows of a Parquet file: what is read and shown at a time."""

    path: Path
    number: int


class Shown(NamedTuple):
    """A row without its bytes, and its pictures as addresses that hold them.

    ``large`` is None where the thumbnail is all there is; both are where the release holds no image, and where it
    cannot be read, which ``problem`` tells.
    """

    row: dict[str, Any]
    thumbnail: str | None
    large: str | None
    problem: str = ""


def row_groups(paths: list[Path]) -> list[RowGroup]:
    """Return the row groups of Parquet files, in order."""
    return [RowGroup(path, number) for path in paths for number in range(pq.read_metadata(path).num_row_groups)]


def rows_of(group: RowGroup, columns: list[str] | None = None) -> Iterator[dict[str, Any]]:
    """Yield the rows of a row group."""
    with pq.ParquetFile(group.path) as table:
        known = table.schema_arrow.names
        wanted = known if columns is None else [name for name in columns if name in known]
        yield from table.read_row_group(group.number, columns=wanted).to_pylist()


def shown_groups(groups: list[RowGroup], side: int) -> Iterator[list[Shown]]:
    """Yield `shown_rows` of every row group in order, on all cores, a few of them ahead: memory does not grow."""
    count = workers()
    if count == 1 or len(groups) < SERIAL_BELOW:
        yield from (shown_rows(group, side) for group in groups)
        return
    context = multiprocessing.get_context(
        "spawn"
    )  # forked children of a process with Arrow's threads can deadlock
    pool = ProcessPoolExecutor(count, mp_context=context, initializer=depend_on_the_parent)
    ahead: deque[Future[list[Shown]]] = deque()
    try:
        for group in groups:
            ahead.append(pool.submit(shown_rows, group, side))
            if len(ahead) > AHEAD * count:
                yield ahead.popleft().result()
        while ahead:
            yield ahead.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def shown_rows(group: RowGroup, side: int) -> list[Shown]:
    """Return the rows of a row group with their pictures; ``side`` is that of the large ones, 0 for none."""
    return [_shown(row, side) for row in rows_of(group)]


def _shown(row: dict[str, Any], side: int) -> Shown:
    image = row.pop("image", None)
    row.pop("second_image", None)
    if image is None or image["bytes"] is None:
        return Shown(row, None, None)
    try:
        return Shown(row, *addresses(image["bytes"], side))
    except Unusable as error:
        return Shown(row, None, None, f"the picture cannot be read ({error})")


def addresses(content: bytes, side: int) -> tuple[str, str | None]:
    """Return the thumbnail of an image file's bytes and its large picture, as ``data:`` addresses.

    Raises:
        Unusable: they are no image, or none of 8 bits.
    """
    pixels = decode(content)
    if pixels.dtype != np.uint8:
        raise Unusable("unsupported-mode", f"{pixels.dtype} instead of 8 bits")
    image = Image.fromarray(pixels)
    kind = next((kind for mark, kind in _KINDS if content.startswith(mark)), None)
    untouched = _address(content, kind) if kind and len(content) <= UNTOUCHED else None
    if untouched and max(image.size) <= THUMBNAIL:
        return untouched, None
    thumbnail = _smaller(image, THUMBNAIL, THUMBNAIL_QUALITY)
    if side <= THUMBNAIL:
        return thumbnail, None
    return thumbnail, untouched if untouched and max(image.size) <= side else _smaller(image, side, LARGE_QUALITY)


def _smaller(image: Image.Image, side: int, quality: int) -> str:
    small = image.convert("L" if image.mode == "L" else "RGB")
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    stream = io.BytesIO()
    small.save(stream, "jpeg", quality=quality, optimize=True)
    return _address(stream.getvalue(), "jpeg")


def _address(content: bytes, kind: str) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(content).decode()}"

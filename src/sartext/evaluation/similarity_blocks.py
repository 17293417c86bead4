"""Blocks of the similarities of images and texts: what is in them, and the sweeps over them.

On a CPU every block is the work of one thread, from the product to the counts: threads that share a block would
wait for each other at every step, and a product on one thread is the same product in both sweeps and whatever the
number of threads.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import blake2b
from threading import local

import numpy as np
import numpy.typing as npt
import torch
from scipy.sparse import csr_matrix
from torch import Tensor

BLOCK = 1024
"""Rows and columns of the similarities that a thread holds at a time: 4 MiB."""

STRIP = 64
"""Rows of a block that are counted at a time on a CPU: a strip and its comparison stay in the cache."""


@dataclass(eq=False)
class Side:
    """Images or texts, sorted by label; equal features are one row.

    Args:
        features: float32, rows x width.
        items: int64, n, the places in the caller's order, those of one row together.
        of: int64, n, the row of each item.
        starts: int64, rows + 1, the first item of each row.
        weights: float32, rows, the items of each.
        labels: int64, n.
        best: float32, n, the highest similarity of a positive so far.
        best_count: float64, n, how many positives have it.
        above: float64, n, how many of the other side were counted above it.
        equal: float64, n, how many were counted equal to it.
    """

    features: Tensor
    items: Tensor
    of: Tensor
    starts: Tensor
    weights: Tensor
    labels: Tensor
    best: Tensor
    best_count: Tensor
    above: Tensor
    equal: Tensor

    def __len__(self) -> int:
        return len(self.features)

    def chunks(self, rows: slice) -> Iterator[tuple[slice, Tensor | None]]:
        """Yield the items of some rows, at most a block at a time, and their rows; None: each row is one item."""
        first, last = int(self.starts[rows.start]), int(self.starts[rows.stop])
        if last - first == rows.stop - rows.start:
            yield slice(first, last), None
            return
        for start in range(first, last, BLOCK):
            items = slice(start, min(start + BLOCK, last))
            yield items, self.of[items] - rows.start


def side_of(features: Tensor, labels: Tensor) -> Side:
    """Return one side, nothing counted yet, from features, n x width, and labels, int64, n, in main memory."""
    features, device = features.detach().float().contiguous(), features.device
    of = torch.from_numpy(_equal_rows(features))
    rows = int(of.max()) + 1
    least = torch.full((rows,), torch.iinfo(torch.int64).max).scatter_reduce(0, of, labels, "amin")
    order = torch.argsort(least, stable=True)
    place = torch.empty_like(order)
    place[order] = torch.arange(rows)
    of = place[of]
    items = torch.argsort(of, stable=True)
    if not torch.equal(items, torch.arange(len(items))) or rows < len(items):
        first = items[torch.searchsorted(of[items], torch.arange(rows))]
        features = features[first.to(device)]
    of = of[items]
    counts = torch.bincount(of, minlength=rows)
    counted = torch.zeros(len(items), dtype=torch.float64, device=device)
    return Side(
        features=features,
        items=items,
        of=of.to(device),
        starts=torch.cat([counts.new_zeros(1), counts.cumsum(0)]),
        weights=counts.float().to(device),
        labels=labels[items].to(device),
        best=torch.full((len(items),), -torch.inf, device=device),
        best_count=counted.clone(),
        above=counted.clone(),
        equal=counted,
    )


def _equal_rows(features: Tensor) -> npt.NDArray[np.int64]:
    """Return a number for each row, counted from 0 in order of appearance; equal rows have the same."""
    seen: dict[bytes, int] = {}
    values = features.cpu().numpy()
    return np.asarray(
        [seen.setdefault(blake2b(row.tobytes(), digest_size=16).digest(), len(seen)) for row in values],
        dtype=np.int64,
    )


class Buffers(local):
    """Memory that a thread uses again for every block."""

    def __init__(self) -> None:
        self.tensors: dict[str, Tensor] = {}

    def take(self, name: str, like: Tensor, *shape: int) -> Tensor:
        """Return uninitialised memory of a shape, on the device of another tensor."""
        size = shape[0] * shape[1]
        tensor = self.tensors.get(name)
        if tensor is None or len(tensor) < size:
            tensor = self.tensors[name] = torch.empty(size, device=like.device)
        return tensor[:size].view(shape)


@dataclass(frozen=True, eq=False)
class Block:
    """A block of the similarities."""

    rows: Side
    columns: Side
    buffers: Buffers
    row: slice
    column: slice

    def similarity(self) -> Tensor:
        """Return the block; the thread's next one overwrites it."""
        left, right = self.rows.features[self.row], self.columns.features[self.column]
        return torch.mm(left, right.T, out=self.buffers.take("product", left, len(left), len(right)))


def sweep(blocks: Sequence[Block], work: Callable[[Block], None]) -> None:
    """Do the work on every block: on a CPU as many at a time as torch has threads, each on one of them."""
    threads = torch.get_num_threads() if blocks and blocks[0].rows.features.device.type == "cpu" else 1
    if threads < 2:
        for block in blocks:
            work(block)
        return
    pool = ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,))
    try:
        for _ in pool.map(work, blocks):
            pass
    finally:
        pool.shutdown(cancel_futures=True)
        torch.set_num_threads(threads)  # a worker's setting is also the default of threads that are yet to start


def _slices(side: Side) -> list[slice]:
    return [slice(start, min(start + BLOCK, len(side))) for start in range(0, len(side), BLOCK)]


def all_blocks(rows: Side, columns: Side) -> Iterator[tuple[slice, slice]]:
    """Yield the rows and columns of every block."""
    return ((row, column) for row in _slices(rows) for column in _slices(columns))


def holding_positives(rows: Side, columns: Side) -> Iterator[tuple[slice, slice]]:
    """Yield the rows and columns of the blocks that hold at least one positive."""
    _, labels = np.unique(torch.cat([rows.labels, columns.labels]).cpu().numpy(), return_inverse=True)
    holds = []
    for side, own in ((rows, labels[: len(rows.items)]), (columns, labels[len(rows.items) :])):
        blocks = side.of.cpu().numpy() // BLOCK
        shape = (len(_slices(side)), int(labels.max()) + 1)
        holds.append(csr_matrix((np.ones(len(own), dtype=np.int64), (blocks, own)), shape=shape))
    for row, column in np.argwhere((holds[0] @ holds[1].T).toarray() > 0):
        yield _slices(rows)[row], _slices(columns)[column]

"""Retrieval between 100,000 images and 100,000 texts: memory, and time against the bare product of their features.

The features are 512 wide, single precision, of a model that is right half of the time. Retrieval is all of it,
both ways, recall at 1, 5 and 10, by `sartext.evaluation.retrieval`. The product is `images @ texts.T` in blocks,
with nothing done to a block; a block is the work of one thread, which takes the least processor time. Half of the
product runs before retrieval and half after, in one process. Seconds are of processor time, so that waiting for
other work on the machine does not count; both use all cores, and the ratio by the clock is told beside it. The
peak is the resident memory of the process, which also holds the features (0.41 GB).
"""

import argparse
import json
import resource
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from time import perf_counter, process_time
from typing import TYPE_CHECKING

from benchmarks.rows import Row

if TYPE_CHECKING:
    from torch import Tensor

SIZE = 100_000
WIDTH = 512
BLOCK = 2048
"""Rows and columns of a block of the bare product: the fastest of those tried, 1,024 to 4,096."""
SEED = 13
NOISE = 5.0
"""Of a text around its image, in lengths of the image's features: about half of the first answers are right."""


def measure() -> list[Row]:
    """Run the benchmark in a process of its own; return the rows of its table."""
    command = [sys.executable, "-m", "benchmarks.retrieval", "--run", str(SIZE)]
    result = subprocess.run(command, check=False, capture_output=True, text=True)
    if result.returncode:
        raise RuntimeError(result.stderr.strip().splitlines()[-1])
    return rows(json.loads(result.stdout))


def rows(measured: dict[str, float]) -> list[Row]:
    """Return the rows of the table."""
    size = f"{measured['size']:,.0f} x {measured['size']:,.0f} features of {WIDTH}"
    name = f"retrieval.{measured['size'] / 1000:.0f}k"
    ratio = measured["seconds"] / measured["matmul_seconds"]
    clock = measured["clock"] / measured["matmul_clock"]
    against = (
        f"the product in blocks, {measured['matmul_seconds']:.0f} s of {measured['threads']:.0f} threads; "
        f"{clock:.2f} by the clock"
    )
    return [
        Row(f"{name}.peak_gb", measured["peak_gb"], "GB", f"{size}, the whole process", most=2.0),
        Row(f"{name}.time_over_matmul", ratio, "ratio", against, most=2.0),
        Row(f"{name}.mean_recall", measured["mean_recall"], "%", f"for information; {size}"),
    ]


def run(size: int) -> dict[str, float]:
    """Score generated features of ``size`` images and texts; return seconds, peak memory and the recall."""
    import torch

    from sartext.evaluation.retrieval import retrieval

    generator = torch.Generator().manual_seed(SEED)
    images = torch.nn.functional.normalize(torch.randn(size, WIDTH, generator=generator), dim=1)
    texts = torch.randn(size, WIDTH, generator=generator).mul_(NOISE / WIDTH**0.5).add_(images)
    texts.div_(torch.linalg.vector_norm(texts, dim=1, keepdim=True))
    _multiply(images[:BLOCK], texts[:BLOCK])  # warms up
    before = _multiply(images[: size // 2], texts)
    start, clock = process_time(), perf_counter()
    found = retrieval(images, texts).mean_recall
    seconds, clock = process_time() - start, perf_counter() - clock
    after = _multiply(images[size // 2 :], texts)
    return {
        "size": size,
        "seconds": seconds,
        "clock": clock,
        "matmul_seconds": before[0] + after[0],
        "matmul_clock": before[1] + after[1],
        "peak_gb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 / 1e9,
        "mean_recall": found,
        "threads": torch.get_num_threads(),
    }


def _multiply(images: "Tensor", texts: "Tensor") -> tuple[float, float]:
    """Return the seconds of a product in blocks, of processor time and by the clock."""
    import torch

    def multiply(row: int) -> None:
        held = torch.empty(BLOCK * BLOCK)
        left = images[row : row + BLOCK]
        for column in range(0, len(texts), BLOCK):
            right = texts[column : column + BLOCK]
            torch.mm(left, right.T, out=held[: len(left) * len(right)].view(len(left), len(right)))

    threads = torch.get_num_threads()
    start, clock = process_time(), perf_counter()
    with ThreadPoolExecutor(threads, initializer=torch.set_num_threads, initargs=(1,)) as pool:
        list(pool.map(multiply, range(0, len(images), BLOCK)))
    torch.set_num_threads(threads)
    return process_time() - start, perf_counter() - clock


def main() -> None:
    """Run one measurement (``--run SIZE``) or the benchmark."""
    parser = argparse.ArgumentParser(description="Benchmark of retrieval.")
    parser.add_argument("--run", type=int, metavar="SIZE", help="one run, as JSON on standard output")
    arguments = parser.parse_args()
    found = (
        run(arguments.run)
        if arguments.run
        else [row.as_json("python -m benchmarks retrieval") for row in measure()]
    )
    sys.stdout.write(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()

"""The benchmark of retrieval measures what it says, on a small scale."""

from benchmarks import retrieval
from benchmarks.__main__ import MODULES


def test_its_rows_have_their_bounds():
    told = retrieval.run(600)
    assert told["seconds"] > 0 < told["matmul_seconds"]
    assert 50 < told["mean_recall"] <= 100
    assert 0.05 < told["peak_gb"] < 8
    rows = {row.name: row for row in retrieval.rows({**told, "size": 100_000})}
    assert rows["retrieval.100k.peak_gb"].bound == "at most 2"
    assert rows["retrieval.100k.time_over_matmul"].bound == "at most 2"
    assert rows["retrieval.100k.time_over_matmul"].value == told["seconds"] / told["matmul_seconds"]
    assert "retrieval" in MODULES

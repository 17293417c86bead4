"""Captions over the annotations of 136,584 images: speed, memory, growth.

What is measured, and against what:

- A2C: generated COCO JSON files of the size and layout of SARDet-100K (six classes, about 1.9 boxes an image;
  train, validation and test in a file each), 136,584 images in all. ``a2c.time_over_reading`` compares with
  nothing but `json.loads` of the files, ``a2c.time_over_reader`` with this project's own reader,
  `sartext.corpora.formats.coco.read_coco`, which also checks what it reads.
- SA2C: generated regions and objects of as many images, read in batches from an index in Parquet as the stage
  does. The annotation of such an image is a mask: reading is the decoding of a 512 x 512 palette mask, measured
  over a few hundred; ``sa2c.time_over_index`` is the same against reading the rows of the index.
- Text generation is everything from the reader's records to what a row of the caption table holds: rows of
  objects, facts, text in the paraphrases of the seed, facts as JSON.

Each run is a process of its own, so that its peak memory is its own; figures are medians over the runs. Seconds
are of processor time, so that waiting for other work on the machine does not count. The growth exponent is the
slope of log(time) over log(images), reading and captioning together, from 1,000 to 136,584 images.
"""

import argparse
import gc
import json
import math
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import linear_regression, median
from time import process_time
from typing import Any

from benchmarks.annotations import SEED, bench_entry, generate_coco, generate_index, generate_masks
from benchmarks.rows import Row
from sartext.narrator.annotated import cover_facts, cover_naming, naming, object_facts
from sartext.narrator.facts import Facts, to_json
from sartext.narrator.realisation import realise

IMAGES = 136_584
SIZES = (1_000, 4_000, 16_000, 50_000, IMAGES)
RUNS = 3
MASKS = 300


def measure() -> list[Row]:
    """Run the benchmark; return the rows of its table."""
    with tempfile.TemporaryDirectory(prefix="sartext-bench-") as name:
        folder = Path(name)
        for size in SIZES:
            generate_coco(folder / f"a2c-{size}", size)
        generate_index(folder / "sa2c.parquet", IMAGES)
        generate_masks(folder / "masks", MASKS)
        runs = {size: [_run("a2c", folder / f"a2c-{size}") for _ in range(RUNS)] for size in SIZES}
        cover = [_run("sa2c", folder / "sa2c.parquet") for _ in range(RUNS)]
    return [*_a2c_rows(runs), *_sa2c_rows(cover)]


def _a2c_rows(runs: dict[int, list[dict[str, float]]]) -> list[Row]:
    full = runs[IMAGES]
    totals = [median(run["read"] + run["text"] for run in runs[size]) for size in SIZES]
    slope, _ = linear_regression([math.log(size) for size in SIZES], [math.log(total) for total in totals])
    boxes = f"{IMAGES:,} images, {full[0]['objects']:,.0f} boxes"
    return [
        Row("a2c.captions_per_second", median(run["captions"] / run["text"] for run in full), "1/s", boxes),
        Row(
            "a2c.time_over_reading",
            median(run["text"] / run["json"] for run in full),
            "ratio",
            "json.loads of the same COCO files, nothing checked",
            most=1.0,
        ),
        Row(
            "a2c.time_over_reader",
            median(run["text"] / run["read"] for run in full),
            "ratio",
            "for information; reading the same COCO files by the project's reader",
        ),
        Row("a2c.peak_mb", max(run["peak_mb"] for run in full), "MB", "the whole process", most=500),
        Row("a2c.growth_exponent", slope, "exponent", f"{SIZES[0]:,} to {IMAGES:,} images", most=1.1),
    ]


def _sa2c_rows(runs: list[dict[str, float]]) -> list[Row]:
    return [
        Row(
            "sa2c.captions_per_second",
            median(run["captions"] / run["text"] for run in runs),
            "1/s",
            f"{IMAGES:,} images, land cover and objects",
        ),
        Row(
            "sa2c.time_over_reading",
            median(run["text"] / run["read"] for run in runs),
            "ratio",
            "decoding a 512 x 512 palette mask per image",
            most=1.0,
        ),
        Row(
            "sa2c.time_over_index",
            median(run["text"] / run["index"] for run in runs),
            "ratio",
            "for information; reading the same rows from the index",
        ),
        Row("sa2c.peak_mb", max(run["peak_mb"] for run in runs), "MB", "the whole process", most=500),
    ]


def _run(kind: str, path: Path) -> dict[str, float]:
    """Measure in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.a2c", "--run", kind, str(path)]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    figures: dict[str, float] = json.loads(result.stdout)
    return figures


def run_a2c(folder: Path) -> dict[str, float]:
    """Read the files and caption what they annotate, one file after the other; return seconds and counts."""
    from sartext.corpora.formats.coco import read_coco
    from sartext.corpora.reading import Source

    entry = bench_entry()
    names = naming(entry)
    figures = {"read": 0.0, "text": 0.0, "json": 0.0, "captions": 0.0, "objects": 0.0}
    for path in sorted(folder.glob("*.json")):
        start = process_time()
        records = read_coco(Source(folder, path.name, entry))
        figures["read"] += process_time() - start
        start = process_time()
        for record in records:
            rows = [
                {
                    "label": box.label,
                    "xmin": box.xmin,
                    "ymin": box.ymin,
                    "xmax": box.xmax,
                    "ymax": box.ymax,
                    "angle": box.angle,
                }
                for box in record.boxes
            ]
            facts, _ = object_facts(rows, record.width, record.height, names)
            _caption_row(facts, f"bench/{record.name[:-4]}")
            figures["objects"] += len(rows)
        figures["text"] += process_time() - start
        figures["captions"] += len(records)
        del records
    figures["peak_mb"] = _peak_mb()  # before the extra reading below
    for path in sorted(folder.glob("*.json")):
        gc.collect()
        start = process_time()
        json.loads(path.read_bytes())
        figures["json"] += process_time() - start
    return figures


def run_sa2c(path: Path) -> dict[str, float]:
    """Read the index in batches and caption its rows; return seconds and counts."""
    import pyarrow.parquet as pq

    entry = bench_entry()
    names, stuff = naming(entry), cover_naming(entry)
    figures = {"index": 0.0, "text": 0.0, "captions": 0.0}
    batches = pq.ParquetFile(path).iter_batches(batch_size=8192)
    while True:
        start = process_time()
        batch = next(batches, None)
        rows = batch.to_pylist() if batch is not None else []
        figures["index"] += process_time() - start
        if not rows:
            break
        start = process_time()
        for row in rows:
            objects, _ = object_facts(row["objects"], row["width"], row["height"], names)
            facts = Facts(objects=objects.objects, cover=cover_facts(row["regions"], stuff))
            _caption_row(facts, row["image_id"])
        figures["text"] += process_time() - start
        figures["captions"] += len(rows)
    figures["peak_mb"] = _peak_mb()
    figures["read"] = _mask_seconds(path.parent / "masks") * figures["captions"]
    return figures


def _mask_seconds(folder: Path) -> float:
    """Median seconds to decode one mask."""
    from PIL import Image

    seconds = []
    for path in sorted(folder.glob("*.png")):
        start = process_time()
        with Image.open(path) as image:
            image.load()
        seconds.append(process_time() - start)
    return median(seconds)


def _caption_row(facts: Facts, image_id: str) -> tuple[str, str, str]:
    return image_id, realise(facts, image_id, SEED)[0], to_json(facts)


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    """Run one measurement (``--run``) or all of them."""
    parser = argparse.ArgumentParser(description="Benchmark of the captions made by rules.")
    parser.add_argument("--run", nargs=2, metavar=("KIND", "PATH"), help="one run, as JSON on standard output")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    arguments = parser.parse_args()
    if arguments.run:
        kind, path = arguments.run
        result: Any = run_a2c(Path(path)) if kind == "a2c" else run_sa2c(Path(path))
    else:
        result = measure()
    text = json.dumps(result, indent=2)
    if arguments.json:
        arguments.json.write_text(text + "\n", encoding="utf-8")
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    main()

"""Captions over the annotations of 136,584 images: speed, memory, growth.

What is measured, and against what:

- A2C: generated COCO JSON files of the size and layout of SARDet-100K (six classes, about 1.9 boxes an image;
  train, validation and test in a file each), 136,584 images in all. Reading is this project's own reader,
  `sartext.corpora.coco.read_coco`; ``a2c.time_over_json`` is the same against nothing but `json.loads` of the
  files.
- SA2C: generated regions and objects of as many images, read in batches from an index in Parquet as the stage
  does. The annotation of such an image is a mask: reading is the decoding of a 512 x 512 palette mask, measured
  over a few hundred; ``sa2c.time_over_index`` is the same against reading the rows of the index.
- Text generation is everything from the reader's records to what a row of the caption table holds: rows of
  objects, facts, text in the paraphrases of the seed, facts as JSON.

Each run is a process of its own, so that its peak memory is its own; figures are medians over the runs. The growth
exponent is the slope of log(time) over log(images), reading and captioning together, from 1,000 to 136,584 images.
"""

import argparse
import gc
import json
import math
import random
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from statistics import linear_regression, median
from time import perf_counter
from typing import Any

from sartext.catalogue.entry import Entry
from sartext.narrator.a2c import naming, object_facts
from sartext.narrator.facts import Facts, to_json
from sartext.narrator.realisation import realise
from sartext.narrator.sa2c import cover_facts, cover_naming

IMAGES = 136_584
SIZES = (1_000, 4_000, 16_000, 50_000, IMAGES)
RUNS = 3
MASKS = 300
SEED = 11
SIDE = 512
PARTS = (("train", 0.81), ("val", 0.09), ("test", 0.10))
THINGS = {"ship": 0.45, "aircraft": 0.26, "car": 0.08, "tank": 0.1, "bridge": 0.08, "harbor": 0.03}
STUFF = ("water", "forest", "crops", "bare soil", "built-up area", "road")
COMMAND = "python -m benchmarks a2c"


def measure() -> list[dict[str, Any]]:
    """Run the benchmark; return rows of ``name``, ``value``, ``unit``, ``against`` and ``command``."""
    with tempfile.TemporaryDirectory(prefix="sartext-bench-") as name:
        folder = Path(name)
        for size in SIZES:
            generate_coco(folder / f"a2c-{size}", size)
        generate_index(folder / "sa2c.parquet", IMAGES)
        generate_masks(folder / "masks", MASKS)
        runs = {size: [_run("a2c", folder / f"a2c-{size}") for _ in range(RUNS)] for size in SIZES}
        cover = [_run("sa2c", folder / "sa2c.parquet") for _ in range(RUNS)]
    return [*_a2c_rows(runs), *_sa2c_rows(cover)]


def _a2c_rows(runs: dict[int, list[dict[str, float]]]) -> list[dict[str, Any]]:
    full = runs[IMAGES]
    totals = [median(one["read"] + one["text"] for one in runs[size]) for size in SIZES]
    slope, _ = linear_regression([math.log(size) for size in SIZES], [math.log(total) for total in totals])
    boxes = f"{IMAGES:,} images, {full[0]['objects']:,.0f} boxes"
    return [
        _row("a2c.captions_per_second", median(one["captions"] / one["text"] for one in full), "1/s", boxes),
        _row(
            "a2c.time_over_reading",
            median(one["text"] / one["read"] for one in full),
            "ratio",
            "at most 1.0; reading the same COCO files by the project's reader",
        ),
        _row(
            "a2c.time_over_json",
            median(one["text"] / one["json"] for one in full),
            "ratio",
            "for information; json.load of the same files, nothing checked",
        ),
        _row("a2c.peak_mb", max(one["peak_mb"] for one in full), "MB", "at most 500; the whole process"),
        _row("a2c.growth_exponent", slope, "exponent", f"at most 1.1; {SIZES[0]:,} to {IMAGES:,} images"),
    ]


def _sa2c_rows(runs: list[dict[str, float]]) -> list[dict[str, Any]]:
    return [
        _row(
            "sa2c.captions_per_second",
            median(one["captions"] / one["text"] for one in runs),
            "1/s",
            f"{IMAGES:,} images, land cover and objects",
        ),
        _row(
            "sa2c.time_over_reading",
            median(one["text"] / one["read"] for one in runs),
            "ratio",
            "at most 1.0; decoding a 512 x 512 palette mask per image",
        ),
        _row(
            "sa2c.time_over_index",
            median(one["text"] / one["index"] for one in runs),
            "ratio",
            "for information; reading the same rows from the index",
        ),
        _row("sa2c.peak_mb", max(one["peak_mb"] for one in runs), "MB", "at most 500; the whole process"),
    ]


def _row(name: str, value: float, unit: str, against: str) -> dict[str, Any]:
    return {"name": name, "value": round(value, 4), "unit": unit, "against": against, "command": COMMAND}


def generate_coco(folder: Path, images: int) -> None:
    """Write COCO JSON files with that many images in all; equal arguments give equal bytes."""
    rng = random.Random(f"a2c-{images}")
    folder.mkdir(parents=True)
    categories = [{"id": number, "name": name} for number, name in enumerate(THINGS)]
    ends = [0, *(round(images * sum(share for _, share in PARTS[: place + 1])) for place in range(len(PARTS)))]
    for (part, _), (start, end) in zip(PARTS, pairwise(ends), strict=True):
        listed = [
            {"id": number, "file_name": f"{part}_{number:07}.jpg", "width": SIDE, "height": SIDE}
            for number in range(start, end)
        ]
        annotations = [one for number in range(start, end) for one in _annotations(rng, number)]
        for number, one in enumerate(annotations):
            one["id"] = number
        content = {"images": listed, "annotations": annotations, "categories": categories}
        (folder / f"{part}.json").write_text(json.dumps(content), encoding="utf-8")


def _annotations(rng: random.Random, image: int) -> Iterator[dict[str, Any]]:
    """Boxes of one or two classes: mostly one to three, sometimes a crowd of forty, as in a harbor."""
    count = 1 + min(int(rng.expovariate(0.95)), 40) + (rng.randrange(20, 40) if rng.random() < 0.008 else 0)
    labels = rng.choices(range(len(THINGS)), weights=list(THINGS.values()), k=2 if rng.random() < 0.06 else 1)
    for _ in range(count):
        width, height = rng.uniform(6, 120), rng.uniform(6, 120)
        x, y = rng.uniform(0, SIDE - width), rng.uniform(0, SIDE - height)
        box = [round(value, 1) for value in (x, y, width, height)]
        area = round(width * height, 2)
        yield {
            "image_id": image,
            "category_id": rng.choice(labels),
            "bbox": box,
            "area": area,
            "iscrowd": 0,
            "segmentation": [],
        }


def generate_index(path: Path, images: int) -> None:
    """Write rows of regions and objects in batches, with the columns that the stage reads."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from sartext.tables import INDEX

    rng = random.Random(f"sa2c-{images}")
    schema = pa.schema([INDEX.field(name) for name in ("image_id", "width", "height", "objects", "regions")])
    with pq.ParquetWriter(path, schema, compression="zstd", compression_level=3) as writer:
        for start in range(0, images, 8192):
            rows = [_index_row(rng, number) for number in range(start, min(start + 8192, images))]
            writer.write_table(pa.Table.from_pylist(rows, schema=schema))


def generate_masks(folder: Path, count: int) -> None:
    """Write palette masks of blocks of classes."""
    import numpy as np
    from PIL import Image

    folder.mkdir(parents=True)
    rng = np.random.default_rng(SEED)
    for number in range(count):
        blocks = rng.integers(0, len(STUFF), (16, 16), dtype=np.uint8)
        image = Image.fromarray(np.kron(blocks, np.ones((SIDE // 16, SIDE // 16), np.uint8)))
        image.putpalette([value for colour in range(len(STUFF)) for value in (40 * colour, 255 - 40 * colour, 0)])
        image.save(folder / f"{number:04}.png")


def _index_row(rng: random.Random, number: int) -> dict[str, Any]:
    labels = rng.sample(STUFF, rng.randint(1, 4))
    weights = [rng.expovariate(1.0) + 0.02 for _ in labels]
    regions = []
    for label, weight in zip(labels, weights, strict=True):
        parts = [rng.random() ** 3 for _ in range(4)]
        zones = {zone: part / sum(parts) for zone, part in zip(_QUADRANTS, parts, strict=True)}
        zones["middle"] = rng.random()
        regions.append(
            {"label": label, "zone": "image", "fraction": weight / sum(weights), "largest_component": 99}
        )
        regions += [
            {"label": label, "zone": zone, "fraction": share, "largest_component": 0}
            for zone, share in zones.items()
        ]
    ships = int(rng.expovariate(1.0))
    return {
        "image_id": f"bench/{number:07}",
        "width": SIDE,
        "height": SIDE,
        "objects": [_object("ship", *_corners(rng)) for _ in range(ships)],
        "regions": regions,
    }


_QUADRANTS = ("upper-left", "upper-right", "lower-left", "lower-right")


def _corners(rng: random.Random) -> tuple[float, float, float, float]:
    x, y = rng.uniform(0, SIDE - 20), rng.uniform(0, SIDE - 20)
    return x, y, x + 20, y + 20


def _object(label: str, xmin: float, ymin: float, xmax: float, ymax: float) -> dict[str, Any]:
    return {
        "label": label,
        "source_label": label,
        "xmin": xmin,
        "ymin": ymin,
        "xmax": xmax,
        "ymax": ymax,
        "angle": None,
    }


def bench_entry() -> Entry:
    """The catalogue entry of the generated corpus."""
    plurals = {"aircraft": "aircraft"}
    things = [
        {"label": name, "noun": name, "plural": plurals.get(name, f"{name}s"), "hypernym": name} for name in THINGS
    ]
    stuff = [{"label": name, "noun": name, "plural": name, "hypernym": name, "stuff": True} for name in STUFF]
    return Entry.model_validate(
        {
            "name": "bench",
            "title": "Generated annotations",
            "description": "Annotations made for the benchmark.",
            "kind": "detection",
            "images": [],
            "classes": [*things, *stuff],
            "sensor": "none",
            "quantity": "display",
            "citation": "none",
            "homepage": "none",
            "obtain": "none",
        }
    )


def _run(kind: str, path: Path) -> dict[str, float]:
    """Measure in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.a2c", "--run", kind, str(path)]
    result = subprocess.run(command, check=True, capture_output=True, text=True)
    figures: dict[str, float] = json.loads(result.stdout)
    return figures


def run_a2c(folder: Path) -> dict[str, float]:
    """Read the files and caption what they annotate, one file after the other; return seconds and counts."""
    from sartext.corpora.coco import read_coco

    names = naming(bench_entry())
    figures = {"read": 0.0, "text": 0.0, "json": 0.0, "captions": 0.0, "objects": 0.0}
    for path in sorted(folder.glob("*.json")):
        start = perf_counter()
        records = read_coco(path, path.name)
        figures["read"] += perf_counter() - start
        start = perf_counter()
        for record in records:
            rows = [_object(box.label, box.xmin, box.ymin, box.xmax, box.ymax) for box in record.boxes]
            found, _ = object_facts(rows, record.width, record.height, names)
            facts = Facts(objects=found)
            _caption_row(facts, f"bench/{record.name[:-4]}")
            figures["objects"] += len(rows)
        figures["text"] += perf_counter() - start
        figures["captions"] += len(records)
        del records
    figures["peak_mb"] = _peak_mb()  # before the extra reading below
    for path in sorted(folder.glob("*.json")):
        gc.collect()
        start = perf_counter()
        json.loads(path.read_bytes())
        figures["json"] += perf_counter() - start
    return figures


def run_sa2c(path: Path) -> dict[str, float]:
    """Read the index in batches and caption its rows; return seconds and counts."""
    import pyarrow.parquet as pq

    entry = bench_entry()
    names, stuff = naming(entry), cover_naming(entry)
    figures = {"index": 0.0, "text": 0.0, "captions": 0.0}
    batches = pq.ParquetFile(path).iter_batches(batch_size=8192)
    while True:
        start = perf_counter()
        batch = next(batches, None)
        rows = batch.to_pylist() if batch is not None else []
        figures["index"] += perf_counter() - start
        if not rows:
            break
        start = perf_counter()
        for row in rows:
            found, _ = object_facts(row["objects"], row["width"], row["height"], names)
            facts = Facts(objects=found, cover=cover_facts(row["regions"], stuff))
            _caption_row(facts, row["image_id"])
        figures["text"] += perf_counter() - start
        figures["captions"] += len(rows)
    figures["peak_mb"] = _peak_mb()
    figures["read"] = _mask_seconds(path.parent / "masks") * figures["captions"]
    return figures


def _mask_seconds(folder: Path) -> float:
    """Median seconds to decode one mask."""
    from PIL import Image

    seconds = []
    for path in sorted(folder.glob("*.png")):
        start = perf_counter()
        with Image.open(path) as image:
            image.load()
        seconds.append(perf_counter() - start)
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
    told = parser.parse_args()
    if told.run:
        kind, path = told.run
        result: Any = run_a2c(Path(path)) if kind == "a2c" else run_sa2c(Path(path))
    else:
        result = measure()
    text = json.dumps(result, indent=2)
    if told.json:
        told.json.write_text(text + "\n", encoding="utf-8")
    sys.stdout.write(text + "\n")


if __name__ == "__main__":
    main()

"""Generated annotations for the benchmarks: equal arguments give equal bytes."""

import json
import random
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from sartext.catalogue.entry import Entry

SEED = 11
SIDE = 512
"""Width and height of every image in pixels."""

PARTS = (("train", 0.81), ("val", 0.09), ("test", 0.10))
THINGS = {"ship": 0.45, "aircraft": 0.26, "car": 0.08, "tank": 0.1, "bridge": 0.08, "harbor": 0.03}
"""Classes of SARDet-100K and, roughly, their shares of its boxes."""

STUFF = ("water", "forest", "crops", "bare soil", "built-up area", "road")


def generate_coco(folder: Path, images: int) -> None:
    """Write COCO JSON files with that many images in all; train, validation and test in a file each."""
    rng = random.Random(f"a2c-{images}")
    folder.mkdir(parents=True)
    categories = [{"id": number, "name": name} for number, name in enumerate(THINGS)]
    ends = [0, *(round(images * sum(share for _, share in PARTS[: place + 1])) for place in range(len(PARTS)))]
    for (part, _), (start, end) in zip(PARTS, pairwise(ends), strict=True):
        listed = [
            {"id": number, "file_name": f"{part}_{number:07}.jpg", "width": SIDE, "height": SIDE}
            for number in range(start, end)
        ]
        annotations = [annotation for number in range(start, end) for annotation in _annotations(rng, number)]
        for number, annotation in enumerate(annotations):
            annotation["id"] = number
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
        "objects": [object_row("ship", *_corners(rng)) for _ in range(ships)],
        "regions": regions,
    }


_QUADRANTS = ("upper-left", "upper-right", "lower-left", "lower-right")


def _corners(rng: random.Random) -> tuple[float, float, float, float]:
    x, y = rng.uniform(0, SIDE - 20), rng.uniform(0, SIDE - 20)
    return x, y, x + 20, y + 20


def object_row(label: str, xmin: float, ymin: float, xmax: float, ymax: float) -> dict[str, Any]:
    """A row of objects as the index has it."""
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

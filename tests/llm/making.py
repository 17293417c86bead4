"""A project of pairs whose optical halves have captions, and a language model to rewrite them."""

from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import yaml

from sartext.config import Project
from sartext.narrator.stage import caption_corpus
from sartext.tables import INDEX, SPLITS, write_table
from tests.conftest import ROOT
from tests.release.indexed import make_project

PROMPT = "src/sartext/llm/prompts/optical-to-sar.md"
EXAMPLES = "src/sartext/llm/prompts/optical-to-sar.yaml"

REWRITING: dict[str, Any] = {
    "model": "toy-model",
    "prompt": PROMPT,
    "examples": EXAMPLES,
    "budget": {"requests": 100_000, "tokens": 100_000_000},
}
ENDPOINT: dict[str, Any] = {
    "url": "http://127.0.0.1:9/v1",
    "key_variable": "TOY_KEY",
    "concurrency": 4,
    "timeout_seconds": 20,
    "backoff_seconds": 0.001,
    "attempts": 4,
}

COLOURS = ("green", "white", "dark grey", "light blue", "brown")
SIZES = ("long", "narrow", "wide", "small", "large")
FIRST = ("river", "road", "bridge", "canal", "railway", "highway", "runway", "pier")
RELATIONS = ("near", "beside", "next to", "along", "across")
SECOND = ("lake", "forest", "village", "factory", "farmland", "island", "harbor", "airport", "mountain", "town")


def captions(count: int) -> list[str]:
    """So many different captions of optical images, each with two things."""
    return [caption for caption, _ in zip(_captions(), range(count), strict=False)]


def _captions() -> Iterator[str]:
    for size, other, colour, relation, second, first in product(SIZES, SIZES, COLOURS, RELATIONS, SECOND, FIRST):
        yield f"a {colour} {size} {first} is {relation} a {other} {second} with many red cars ."


def pairs_project(
    root: Path,
    optical: Sequence[str],
    *,
    url: str = ENDPOINT["url"],
    split: str = "train",
    rewriting: dict[str, Any] | None = None,
    endpoint: dict[str, Any] | None = None,
) -> Project:
    """A corpus ``c`` of pairs, indexed, split and captioned by rules; no picture is there, as none is read."""
    make_project(root, {"c": {"kind": "pairs", "resolution_m": [3]}}, ["c"])
    write_sections(root, rewriting, {"url": url, **(endpoint or {})})
    for name in (PROMPT, EXAMPLES):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text((ROOT / name).read_text())
    project = Project(root)
    ids = [f"c/{number:06d}" for number in range(len(optical))]
    write_table(
        project.corpus("c") / "index.parquet",
        INDEX,
        [row for image_id, caption in zip(ids, optical, strict=True) for row in _pair(image_id, caption)],
    )
    splits = [
        {
            "image_id": name,
            "cluster_id": name,
            "group_id": image_id,
            "split": split,
            "benchmark": None,
            "reason": "",
        }
        for image_id in ids
        for name in (image_id, f"{image_id}-optical")
    ]
    write_table(project.build / "splits" / "splits.parquet", SPLITS, splits)
    caption_corpus(project, "c")
    return project


def write_sections(root: Path, rewriting: dict[str, Any] | None, endpoint: dict[str, Any]) -> None:
    """Say what is asked, ``params.yaml``, and how the endpoint is reached, ``endpoint.yaml``."""
    path = root / "params.yaml"
    parameters = yaml.safe_load(path.read_text())
    parameters |= {
        "rewritten": ["c"],
        "rewriting": REWRITING | (rewriting or {}),
    }
    path.write_text(yaml.safe_dump(parameters))
    (root / "endpoint.yaml").write_text(yaml.safe_dump(ENDPOINT | endpoint))


def _pair(image_id: str, caption: str) -> Iterator[dict[str, Any]]:
    name = image_id.partition("/")[2]
    optical = f"data/c/optical/{name}.png"
    shared = {
        **dict.fromkeys(INDEX.names),
        "sha256": "0" * 64,
        "pixels_sha256": "0" * 64,
        "width": 64,
        "height": 64,
        "quantity": "display",
        "polarisation": "VV",
        "scene_id": image_id,
        "objects": [],
        "regions": [],
        "captions": [],
    }
    yield {
        **shared,
        "image_id": image_id,
        "path": f"data/c/sar/{name}.png",
        "modality": "sar",
        "paired_path": optical,
    }
    yield {
        **shared,
        "image_id": f"{image_id}-optical",
        "path": optical,
        "modality": "optical",
        "captions": [caption],
    }

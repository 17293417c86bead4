"""Small projects that are indexed and captioned already, with pictures on disk."""

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import yaml
from PIL import Image

from sartext.config import Project
from sartext.corpora.examination import pixels_sha256
from sartext.corpora.quarantine import Fault, write_quarantine
from sartext.files import write_json
from sartext.tables import CAPTIONS, INDEX, UNCAPTIONED, read_rows, write_table

Pixels = npt.NDArray[np.uint8]


def catalogue(name: str, licence: str | None = "CC-BY-4.0", redistribution: bool = True) -> dict[str, Any]:
    """A catalogue entry of ships in 8-bit images."""
    return {
        "name": name,
        "title": f"The {name} ships",
        "description": "Ships.",
        "kind": "detection",
        "images": ["images/*.png"],
        "annotations": {"format": "voc", "files": ["boxes/*.xml"]},
        "classes": [{"label": "ship", "noun": "ship", "plural": "ships", "hypernym": "vessel"}],
        "sensor": "Sentinel-1",
        "polarisation": "VV",
        "quantity": "display",
        **({} if licence is None else {"licence": licence}),
        "redistribution": redistribution,
        **({"conditions": ["citation", "share-alike"]} if redistribution else {}),
        "citation": f"The authors of {name}, 2026.",
        "homepage": f"https://example.org/{name}",
        "obtain": "From its homepage.",
    }


def make_project(
    root: Path,
    corpora: Mapping[str, Mapping[str, Any]],
    captions: Sequence[str] = (),
    *,
    optical_captions: Sequence[str] = (),
    narrated: Sequence[str] = (),
    **splits: Any,
) -> Project:
    """A project that lists corpora; the values are what their catalogue entries say beside the obligatory."""
    (root / "catalogue").mkdir(parents=True, exist_ok=True)
    for name, fields in corpora.items():
        entry = {**catalogue(name), **fields}
        (root / "catalogue" / f"{name}.yaml").write_text(yaml.safe_dump(entry))
    parameters = {
        "corpora": {name: {"catalogue": f"catalogue/{name}.yaml"} for name in corpora},
        "captions": list(captions),
        "optical_captions": list(optical_captions),
        "narrated": list(narrated),
        "splits": splits,
    }
    (root / "params.yaml").write_text(yaml.safe_dump(parameters, sort_keys=False))
    return Project(root)


def scene(seed: int, side: int = 96) -> Pixels:
    """A speckled scene with a few bright ships; different seeds look different."""
    random = np.random.default_rng(seed)
    smooth = random.normal(size=(6, 6))
    land = np.asarray(Image.fromarray(smooth).resize((side, side), Image.Resampling.BICUBIC))
    speckle = random.gamma(4, 0.25, size=(side, side))
    field = 60 * np.exp(0.4 * land) * speckle
    for row, column in random.integers(8, side - 8, size=(3, 2)):
        field[row - 2 : row + 2, column - 3 : column + 3] += 120
    return np.clip(field, 0, 255).astype(np.uint8)


def boxes(*labels: str, shift: float = 0) -> list[dict[str, Any]]:
    """Boxes with these labels, side by side."""
    sides = ("xmin", "ymin", "xmax", "ymax")
    corners = [(10.0 * at + shift, 4.0, 10.0 * at + 6 + shift, 9.0) for at in range(len(labels))]
    return [
        {"label": label, "source_label": label, **dict(zip(sides, corner, strict=True)), "angle": None}
        for label, corner in zip(labels, corners, strict=True)
    ]


def image_row(project: Project, image_id: str, pixels: Pixels, **fields: Any) -> dict[str, Any]:
    """Write a picture and return its row of the index."""
    corpus, _, name = image_id.partition("/")
    path = project.source(corpus) / fields.pop("folder", "") / f"{name}{fields.pop('suffix', '.png')}"
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path, quality=fields.pop("quality", 90))
    row = {
        "image_id": image_id,
        "path": project.relative(path),
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "pixels_sha256": pixels_sha256(np.asarray(Image.open(path))),
        "width": pixels.shape[1],
        "height": pixels.shape[0],
        "modality": "sar",
        "quantity": "display",
        "polarisation": "VV",
        "scene_id": image_id,
        **{name: [] for name in ("objects", "regions", "captions")},
    }
    return {**dict.fromkeys(INDEX.names), **row, **fields}


def write_corpus(
    project: Project, name: str, rows: Sequence[Mapping[str, Any]], faults: Iterable[Fault] = ()
) -> None:
    """Write what the stage corpus@NAME writes."""
    faults = list(faults)
    lost = {fault.path for fault in faults if fault.kind == "image"}
    folder = project.corpus(name)
    write_table(folder / "index.parquet", INDEX, rows)
    write_quarantine(folder / "quarantine.csv", faults)
    counts = {"images_found": len(rows) + len(lost), "optical_halves_found": 0}
    write_json(folder / "metrics.json", counts)


def write_captions(
    project: Project,
    name: str,
    captions: Mapping[str, str],
    uncaptioned: Mapping[str, str] | None = None,
    stage: str = "captions",
    **fields: Any,
) -> None:
    """Write what a stage of captions, captions@NAME or another, writes; the values are captions and reasons."""
    rest = dict.fromkeys(("source_caption", "model_sha256", "model", "prompt_sha256", "score", "proof"))
    made = {"method": "a2c", "method_version": "1", "facts": "{}", **rest, **fields}
    folder = project.build / stage / name
    rows = [
        {"image_id": image_id, "caption": caption, "caption_detailed": caption, **made}
        for image_id, caption in captions.items()
    ]
    write_table(folder / "captions.parquet", CAPTIONS, rows)
    reasons = [{"image_id": image_id, "reason": reason} for image_id, reason in (uncaptioned or {}).items()]
    write_table(folder / "uncaptioned.parquet", UNCAPTIONED, reasons)


def rows_by_id(path: Path, schema: Any) -> dict[str, dict[str, Any]]:
    """The rows of a table by image id."""
    return {row["image_id"]: row for row in read_rows(path, schema)}

"""Small corpora written for a test: a project folder, its catalogue file, and images and annotations."""

import gzip
import io
import warnings
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import rasterio
import yaml
from PIL import Image
from rasterio.errors import NotGeoreferencedWarning

from sartext.catalogue.loading import PACKAGED, load_entry
from sartext.config import Project
from sartext.corpora.index import build_index
from sartext.corpora.quarantine import read_quarantine
from sartext.tables import INDEX, read_rows

SHIP = {"label": "ship", "source": ["ship"], "noun": "ship", "plural": "ships", "hypernym": "vessel"}

BASE = {
    "title": "A corpus",
    "description": "made for a test",
    "sensor": "none",
    "quantity": "display",
    "licence": "CC0-1.0",
    "citation": "none",
    "homepage": "none",
    "obtain": "Write it",
}

DETECTION = {
    "kind": "detection",
    "images": ["images/*"],
    "annotations": {"format": "voc", "files": ["annotations/*"]},
    "classes": [SHIP],
    "quarantine_limit": 1.0,
}


@dataclass
class Corpus:
    """A corpus under construction in a project of its own."""

    root: Path
    name: str = "made"
    entry: dict = field(default_factory=dict)

    @property
    def folder(self):
        return self.root / "data" / self.name

    @property
    def project(self):
        return Project(self.root)

    def declare(self, **fields):
        self.entry = {"name": self.name, **BASE, **fields}
        path = self.root / "catalogue" / f"{self.name}.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(yaml.safe_dump(self.entry, sort_keys=False))
        listed = {self.name: {"catalogue": f"catalogue/{self.name}.yaml"}}
        (self.root / "params.yaml").write_text(yaml.safe_dump({"corpora": listed}))
        self.folder.mkdir(parents=True, exist_ok=True)
        return self

    def load(self):
        return load_entry(self.root / "catalogue" / f"{self.name}.yaml")

    def put(self, path, content):
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        data = content.encode() if isinstance(content, str) else content
        target.write_bytes(gzip.compress(data) if path.endswith(".gz") else data)
        return target

    def add(self, name, *boxes, seed=0, **fields):
        """Put a picture and its VOC annotation, which has these boxes."""
        self.put(f"images/{name}.png", picture(seed=seed))
        self.put(f"annotations/{name}.xml", voc(*boxes, **fields))

    def index(self):
        return build_index(self.project, self.name)

    def rows(self):
        rows = read_rows(self.project.corpus(self.name) / "index.parquet", INDEX)
        return {row["image_id"].removeprefix(f"{self.name}/"): row for row in rows}

    def faults(self, kind=None):
        return read_quarantine(self.project.corpus(self.name) / "quarantine.csv", kind)

    def reasons(self, kind="image"):
        return {fault.image_id.removeprefix(f"{self.name}/"): fault.reason for fault in self.faults(kind)}


def real_project(root, folders, **parameters):
    """A project of packaged corpora whose data are these folders."""
    (root / "data").mkdir()
    for name, folder in folders.items():
        (root / "data" / name).symlink_to(folder)
    listed = {name: {"catalogue": str(PACKAGED / f"{name}.yaml")} for name in folders}
    (root / "params.yaml").write_text(yaml.safe_dump({"corpora": listed, **parameters}))
    return Project(root)


def corners(row):
    """The label and the corners of each box of an image."""
    return [(box["label"], box["xmin"], box["ymin"], box["xmax"], box["ymax"]) for box in row["objects"]]


def shares(row):
    return {region["label"]: region["fraction"] for region in row["regions"] if region["zone"] == "image"}


def share_of(row, label):
    """What a mask says of a class in the whole image."""
    return next(region for region in row["regions"] if (region["label"], region["zone"]) == (label, "image"))


def picture(width=40, height=30, seed=0, mode="L", form="PNG"):
    """The bytes of a picture full of noise."""
    shape = (height, width) if mode == "L" else (height, width, 3)
    values = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    return encoded(values, form)


def encoded(values, form="PNG", **options):
    stream = io.BytesIO()
    Image.fromarray(values).save(stream, form, **options)
    return stream.getvalue()


def tiff(values, **options):
    """The bytes of a TIFF of an array (H, W) or (bands, H, W)."""
    layers = values if values.ndim == 3 else values[None]
    profile = {"driver": "GTiff", "count": len(layers), "height": layers.shape[1], "width": layers.shape[2]}
    with warnings.catch_warnings(), rasterio.MemoryFile() as memory:
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with memory.open(**profile, dtype=layers.dtype, **options) as dataset:
            dataset.write(layers)
        return memory.read()


def npy(values):
    """The bytes of an NPY file."""
    stream = io.BytesIO()
    np.save(stream, values)
    return stream.getvalue()


def voc(*boxes, filename="", width=40, height=30, extra=""):
    """A VOC annotation; a box is (name, xmin, ymin, xmax, ymax)."""
    objects = "".join(
        f"<object><name>{name}</name><bndbox><xmin>{xmin}</xmin><ymin>{ymin}</ymin>"
        f"<xmax>{xmax}</xmax><ymax>{ymax}</ymax></bndbox></object>"
        for name, xmin, ymin, xmax, ymax in boxes
    )
    size = f"<size><width>{width}</width><height>{height}</height><depth>1</depth></size>"
    return f"<annotation><filename>{filename}</filename>{size}{objects}{extra}</annotation>"

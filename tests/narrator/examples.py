"""Small corpora made for the tests of the narrator."""

from pathlib import Path

import yaml

from sartext.catalogue.entry import CorpusClass, Entry
from sartext.config import Project
from sartext.narrator.vocabulary import BRIGHTNESS_WORDS, COLOUR_WORDS, FORBIDDEN_WORDS, WEATHER_WORDS
from sartext.tables import INDEX, write_table
from tests.corpora.making import BASE

SPOKEN_OF_OPTICAL = COLOUR_WORDS | WEATHER_WORDS | BRIGHTNESS_WORDS | FORBIDDEN_WORDS
"""Words that no caption of a SAR image holds."""


def thing(label, noun, plural, hypernym="object"):
    return CorpusClass(label=label, noun=noun, plural=plural, hypernym=hypernym)


def stuff(label, noun, plural=None, **more):
    return CorpusClass(label=label, noun=noun, plural=plural or noun, hypernym="land cover", stuff=True, **more)


CLASSES = (
    thing("ship", "ship", "ships", "vessel"),
    thing("bridge", "bridge", "bridges"),
    thing("A220", "A220 aircraft", "A220 aircraft", "aircraft"),
    thing("other", "aircraft of another type", "aircraft of another type", "aircraft"),
    thing("tank", "storage tank", "storage tanks"),
    stuff("water", "water"),
    stuff("forest", "forest"),
    stuff("crops", "crops"),
    stuff("built-up", "built-up area", "built-up areas"),
    stuff("soil", "bare soil"),
    stuff("oil-spill", "oil spill", "oil spills", rare=True),
    stuff("not-water", "land", say=False),
    stuff("no-data", "no data", valid=False, say=False),
)


def entry_of(kind="detection", name="toy", classes=CLASSES, **more):
    content = {**BASE, "name": name, "kind": kind, "images": ("*.png",), "classes": classes}
    return Entry.model_validate({**content, "resolution_m": (3.0,), **more})


def box(label, x, y, width=4.0, height=4.0, angle=None):
    """A box of a given centre."""
    corners = {"xmin": x - width / 2, "ymin": y - height / 2, "xmax": x + width / 2, "ymax": y + height / 2}
    return {"label": label, "source_label": label, **corners, "angle": angle}


def region(label, fraction, component=1000, **zones):
    """The rows of one class: its share of the image and of each zone (``upper_left=0.7``)."""
    rows = [{"label": label, "zone": "image", "fraction": fraction, "largest_component": component}]
    for zone in ("upper-left", "upper-right", "lower-left", "lower-right", "middle"):
        share = zones.get(zone.replace("-", "_"), 0.2)
        rows.append({"label": label, "zone": zone, "fraction": share, "largest_component": 0})
    return rows


def index_row(image_id, objects=(), regions=(), captions=(), modality="sar", paired=None, side=64):
    corpus, stem = image_id.split("/")
    row = dict.fromkeys(INDEX.names) | {"image_id": image_id, "path": f"data/{corpus}/{stem}.png"}
    row |= {"sha256": "0" * 64, "pixels_sha256": "0" * 64, "width": side, "height": side, "scene_id": image_id}
    row |= {"modality": modality, "quantity": "display", "polarisation": "VV"}
    row |= {"objects": list(objects), "regions": list(regions), "captions": list(captions)}
    return row | {"paired_path": paired and f"data/{corpus}/{paired}.png"}


def project_of(root: Path, entry: Entry, rows, **narrator) -> Project:
    """A project with one corpus whose index holds the rows."""
    catalogue = root / "catalogue" / f"{entry.name}.yaml"
    catalogue.parent.mkdir(parents=True, exist_ok=True)
    catalogue.write_text(yaml.safe_dump(entry.model_dump(mode="json", exclude_none=True)), encoding="utf-8")
    corpora = {entry.name: {"catalogue": f"catalogue/{entry.name}.yaml"}}
    parameters = {"corpora": corpora, "captions": [entry.name], "narrator": narrator}
    (root / "params.yaml").write_text(yaml.safe_dump(parameters), encoding="utf-8")
    write_table(root / "build" / "corpus" / entry.name / "index.parquet", INDEX, rows)
    return Project(root)

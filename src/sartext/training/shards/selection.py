"""Which images become pairs, and what is said of them at the size that the model sees."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from math import atan2, cos, degrees, radians, sin
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.parquet as pq

from sartext.catalogue.entry import Entry
from sartext.catalogue.loading import find_entry
from sartext.config import Project
from sartext.errors import ArtefactError
from sartext.narrator.annotated import (
    CoverNaming,
    Naming,
    cover_facts,
    cover_naming,
    names_rare,
    naming,
    object_facts,
    scene_naming,
)
from sartext.narrator.facts import Facts, to_json
from sartext.narrator.methods import ANNOTATED
from sartext.narrator.realisation import canonical, realise
from sartext.release.inputs import TRAIN, VALIDATION, data_files, read_index, read_splits, refuse_unlisted
from sartext.tables import CAPTIONS, read_rows

SPLIT_NAMES = (TRAIN, VALIDATION)
"""The splits that training reads; the test split and the benchmarks are in no shard."""

TOO_SMALL = "every object is smaller than the model can see"
NO_SPLIT = "left out of the splits"
HELD_OUT = "test split or benchmark"

Row = Mapping[str, Any]


class CorpusNaming(NamedTuple):
    """What the captions of a corpus call objects, land cover, an image without either, and scenes by label."""

    objects: Naming
    cover: CoverNaming
    background: str | None
    scenes: Mapping[str, str]


def corpus_naming(entry: Entry) -> CorpusNaming:
    """Return the names of a catalogue entry."""
    return CorpusNaming(naming(entry), cover_naming(entry), entry.background, scene_naming(entry))


def annotated_facts(
    objects: Sequence[Row],
    regions: Sequence[Row],
    width: float,
    height: float,
    names: CorpusNaming,
    *,
    scene_class: str | None = None,
) -> Facts:
    """Return the facts of an annotated image by the rules of its method; empty ones if there is nothing to say.

    Boxes are in pixels of an image of ``width`` x ``height``.
    """
    if scene_class is not None:
        return Facts(scene_class=names.scenes.get(scene_class))
    stated, _ = object_facts(objects, width, height, names.objects)
    cover = cover_facts(regions, names.cover) if regions else ()
    if cover or stated.objects:
        return Facts(objects=stated.objects, cover=cover)
    return Facts(scene=names.background) if regions and names.background else Facts()


@dataclass(frozen=True)
class Chosen:
    """A pair to be: its row of the shards' index without the place in a tar, and the image's row of its corpus."""

    pair: dict[str, Any]
    source: Row
    entry: Entry


@dataclass
class Tally:
    """What was counted on the way."""

    left_out: Counter[str] = field(default_factory=Counter)
    small_objects: int = 0
    small_rare: int = 0
    captions_changed: int = 0


def choose(project: Project, data: str, tally: Tally) -> Iterator[Chosen]:
    """Yield the pairs of ``optical``, ``sar`` or ``release`` data in the order of the parameters' corpora.

    Raises:
        ArtefactError: the indexes, captions or splits are missing, damaged or of another state of the corpora.
    """
    refuse_unlisted(project)
    splits = read_splits(project)
    if data == "optical":
        for name in project.parameters.corpora:
            yield from _optical(project, find_entry(project, name), splits, tally)
    else:
        for name, captions, where, command in _sar_captions(project, data):
            yield from _sar(project, find_entry(project, name), captions, splits, tally)
            if captions:
                raise ArtefactError(
                    f"captions of images that are not in the index, the first is '{min(captions)}'",
                    where=where,
                    way_out=f"run `{command}`",
                )


def _split_of(image_id: str, splits: Mapping[str, Row], tally: Tally) -> Row | None:
    """The row of an image that training or validation may read, or nothing."""
    row = splits.get(image_id)
    if row is None:
        raise ArtefactError(
            f"image '{image_id}' has no split", where="build/splits", way_out="run `sartext splits` again"
        )
    if row["split"] in SPLIT_NAMES and row["benchmark"] is None:
        return row
    tally.left_out[NO_SPLIT if row["split"] is None else HELD_OUT] += 1
    return None


def _optical(project: Project, entry: Entry, splits: Mapping[str, Row], tally: Tally) -> Iterator[Chosen]:
    for row in read_index(project, entry.name).to_pylist():
        captioned = row["modality"] == "optical" and row["captions"]
        if captioned and (split := _split_of(row["image_id"], splits, tally)) is not None:
            caption = {"method": "optical", "captions": row["captions"]}
            yield Chosen(_pair(entry, row, split, caption), row, entry)


def _sar_captions(project: Project, data: str) -> Iterator[tuple[str, dict[str, Row], Path, str]]:
    """Yield each corpus with its captions by image id, where they lie, and the command that makes them."""
    if data == "sar":
        for name in project.parameters.captions:
            path, command = project.captions(name) / "captions.parquet", f"sartext captions {name}"
            if not path.is_file():
                raise ArtefactError("the captions are missing", where=path, way_out=f"run `{command}`")
            yield name, {row["image_id"]: row for row in read_rows(path, CAPTIONS)}, path, command
        return
    folder = project.build / "release"
    files = data_files(folder)
    if not files:
        raise ArtefactError("no release is assembled", where=folder, way_out="run `make release`")
    corpora: dict[str, dict[str, Row]] = {name: {} for name in project.parameters.corpora}
    for path in files:
        for row in pq.read_table(path, columns=["image_id", "corpus", "caption", "facts", "method"]).to_pylist():
            corpora.setdefault(row["corpus"], {})[row["image_id"]] = row
    yield from ((name, rows, folder, "make release") for name, rows in corpora.items() if rows)


def _sar(
    project: Project, entry: Entry, captions: dict[str, Row], splits: Mapping[str, Row], tally: Tally
) -> Iterator[Chosen]:
    names = corpus_naming(entry)
    for row in read_index(project, entry.name).to_pylist():
        caption = captions.pop(row["image_id"], None)
        split = _split_of(row["image_id"], splits, tally) if caption else None
        if caption and split and (visible := _visible(project, row, caption, names, tally)):
            yield Chosen(_pair(entry, row, split, {"method": caption["method"], **visible}), row, entry)


def _visible(project: Project, row: Row, caption: Row, names: CorpusNaming, tally: Tally) -> dict[str, Any] | None:
    """What is said of an image at the model's size, or nothing if all that could be named is too small."""
    if caption["method"] not in ANNOTATED:
        return {"captions": [caption["caption"]], "facts": caption["facts"]}
    parameters, side = project.parameters, project.parameters.shards.side
    smallest = parameters.shards.smallest_object
    width, height = row["width"], row["height"]
    kept = [
        box
        for box in row["objects"]
        if min((box["xmax"] - box["xmin"]) / width, (box["ymax"] - box["ymin"]) / height) * side >= smallest
    ]
    # rare classes that a caption would name and of which even the largest part is too small
    least = smallest**2 * width * height / side**2
    rare = [region for region in row["regions"] if names_rare(region, names.cover)]
    unseen = {region["label"] for region in rare if region["largest_component"] < least}
    regions = [region for region in row["regions"] if region["label"] not in unseen]
    objects = [scaled(box, side / width, side / height, side) for box in kept]
    said = {"captions": [caption["caption"]], "facts": caption["facts"]}
    pair = {**said, "objects": objects, "regions": regions, "scene_class": row["scene_class"]}
    if len(kept) == len(row["objects"]) and not unseen:
        return pair
    tally.small_objects += len(row["objects"]) - len(kept)
    tally.small_rare += len(unseen)
    facts = annotated_facts(kept, regions, width, height, names)
    if not (facts.objects or facts.cover):  # an image with small objects is not one without objects
        tally.left_out[TOO_SMALL] += 1
        return None
    narrator = parameters.narrator
    text = realise(facts, row["image_id"], narrator.seed)[0] if narrator.paraphrase else canonical(facts)
    tally.captions_changed += text != caption["caption"]
    return {**pair, "captions": [text], "facts": to_json(facts)}


def scaled(box: Row, across: float, down: float, side: int) -> dict[str, Any]:
    """Return a box in pixels of model input, inside it; an angle as the squashing turns it."""
    angle = box["angle"]
    if angle is not None and across != down:
        angle = degrees(atan2(sin(radians(angle)) * down, cos(radians(angle)) * across))
    return {
        "label": box["label"],
        "source_label": box["source_label"],
        "xmin": max(0.0, box["xmin"] * across),
        "ymin": max(0.0, box["ymin"] * down),
        "xmax": min(float(side), box["xmax"] * across),
        "ymax": min(float(side), box["ymax"] * down),
        "angle": angle,
    }


def _pair(entry: Entry, row: Row, split: Row, caption: Row) -> dict[str, Any]:
    return {
        "image_id": row["image_id"],
        "corpus": entry.name,
        "split": split["split"],
        "group_id": split["group_id"],
        "modality": row["modality"],
        "facts": None,
        "objects": [],
        "regions": [],
        "scene_class": None,
        **caption,
    }

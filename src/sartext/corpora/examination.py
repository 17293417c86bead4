"""One image of a corpus, examined: its row of the index, or the reason why it has none.

This runs in worker processes, once per image; a file is read, hashed and decoded once.
"""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sartext.catalogue.entry import Entry
from sartext.corpora.acquisition import acquisition_of
from sartext.corpora.annotated_size import compare_size
from sartext.corpora.cleaning import clean_boxes, clean_captions, clean_scene_class, label_table
from sartext.corpora.footprints import footprint_of
from sartext.corpora.formats import FORMATS
from sartext.corpora.images import AS_STORED, decode, exif_orientation, read_image
from sartext.corpora.legend import Backscatter, Levels, grey, measure
from sartext.corpora.masks import NO_DATA, summarise_mask
from sartext.corpora.patches import Blocks, Position, blocks_of, position_of
from sartext.corpora.quantities import check_picture, check_quantity, saturated_share
from sartext.corpora.quarantine import Fault, Kind, Unusable
from sartext.corpora.radiometry import SECOND as SECOND_BAND
from sartext.corpora.radiometry import fixed_window, histogram, polarisation_of, to_db
from sartext.corpora.reading import BROKEN_ENCODING, ClassMap, Record, Source
from sartext.tables import ACQUISITION, SECOND


@dataclass(frozen=True)
class Job:
    """One image to examine; paths are relative to the corpus folder.

    ``annotation_format`` names the format of its annotation, if the corpus has any, which is read already
    (``record``) or lies in a file of its own (``annotation``); an ``owed`` one must be there.
    """

    path: str
    image_id: str
    scene_id: str
    modality: str
    annotation_format: str = ""
    owed: bool = False
    published_split: str | None = None
    benchmark: str | None = None
    record: Record | None = None
    annotation: str | None = None
    paired: str | None = None
    problem: Unusable | None = None


@dataclass(frozen=True)
class Place:
    """Where a corpus lies: its folder, its path as the tables write it, and its catalogue entry."""

    folder: Path
    prefix: str
    entry: Entry


@dataclass
class Outcome:
    """What became of one image: a row or a fault of kind ``image``, and faults of what it lost.

    ``counts`` and ``second_counts`` are for the stretch of an uncalibrated corpus, of either polarisation;
    ``blocks`` tell whether patches share pixels;
    ``footprint`` is where a georeferenced image of the corpus's own modality lies;
    ``questions`` is how many are asked about it; ``saturated`` is the share of pixels at the largest number of
    their type; ``backscatter`` is what a mask and the pixels say of its classes; ``orientation`` is EXIF's.
    """

    row: dict[str, Any] | None = None
    faults: list[Fault] = field(default_factory=list)
    counts: dict[int, int] = field(default_factory=dict)
    second_counts: dict[int, int] = field(default_factory=dict)
    blocks: Blocks | None = None
    footprint: Position | None = None
    questions: int = 0
    saturated: float = 0.0
    backscatter: Backscatter | None = None
    orientation: int = AS_STORED


def examine(place: Place, job: Job) -> Outcome:
    """Return the fate of one image; never raises for what a file holds."""
    outcome = Outcome()
    try:
        outcome.row = _row(place, job, outcome)
    except Unusable as error:
        outcome.row, outcome.counts = None, {}
        outcome.faults = [_fault(place, job, error.reason, error.detail, "image")]
    return outcome


def _fault(place: Place, job: Job, reason: str, detail: str, kind: Kind) -> Fault:
    return Fault(f"{place.prefix}/{job.path}", job.image_id, reason, detail, kind)


def _row(place: Place, job: Job, outcome: Outcome) -> dict[str, Any]:
    if job.problem is not None:
        raise job.problem
    entry, optical = place.entry, job.modality == "optical"
    content = read_image(place.folder / job.path)
    _refuse_annotation(place, job, content)
    pixels = decode(content, None if optical else entry.bands)
    height, width = pixels.shape[:2]
    if (orientation := exif_orientation(content)) != AS_STORED:
        outcome.orientation = orientation
        detail = f"orientation {orientation}: taken as the file holds it"
        outcome.faults.append(_fault(place, job, "exif-turned", detail, "annotation"))
    display = optical or entry.quantity == "display"
    window = None if display else fixed_window(entry)
    levels = _levels(pixels, place, display, window, outcome)
    outcome.saturated = 0.0 if optical else saturated_share(pixels, entry)
    row: dict[str, Any] = {
        "image_id": job.image_id,
        "path": f"{place.prefix}/{job.path}",
        "sha256": hashlib.sha256(content).hexdigest(),
        "pixels_sha256": pixels_sha256(pixels),
        "width": width,
        "height": height,
        "modality": job.modality,
        "quantity": "display" if display else entry.quantity,
        "polarisation": "none" if optical else polarisation_of(entry),
        "db_low": window[0] if window else None,
        "db_high": window[1] if window else None,
        **dict.fromkeys(field.name for field in (*SECOND, *ACQUISITION)),
        "scene_id": job.scene_id,
        "published_split": job.published_split,
        "benchmark": job.benchmark,
        "objects": [],
        "regions": [],
        "scene_class": None,
        "captions": [],
        "paired_path": f"{place.prefix}/{job.paired}" if job.paired else None,
    }
    if not optical:
        _add_second(pixels, place, job, row, outcome)
        facts, odd = acquisition_of(entry, job.path, content)
        row |= facts
        outcome.faults += [_fault(place, job, "odd-acquisition", detail, "annotation") for detail in odd]
    _annotate(place, job, row, outcome, levels)
    if entry.position:
        position_of(entry.position, job.path, job.scene_id, (width, height))
        outcome.blocks = blocks_of(pixels)
    if job.modality == entry.modality:
        outcome.footprint = footprint_of(content)
    return row


def _add_second(pixels: npt.NDArray[Any], place: Place, job: Job, row: dict[str, Any], outcome: Outcome) -> None:
    """Add the second polarisation of a file and its window, where its catalogue declares one and it holds data."""
    polarisation = polarisation_of(place.entry, SECOND_BAND)
    if polarisation is None:
        return
    try:
        decibels = to_db(pixels, place.entry, SECOND_BAND)
    except Unusable as error:
        outcome.faults.append(_fault(place, job, "no-second-polarisation", str(error), "annotation"))
        return
    if not np.isfinite(decibels).any():
        outcome.faults.append(_fault(place, job, "no-second-polarisation", "it is all no-data", "annotation"))
        return
    row["second_polarisation"] = polarisation
    if window := fixed_window(place.entry, SECOND_BAND):
        row["second_db_low"], row["second_db_high"] = window
    else:
        outcome.second_counts = histogram(decibels)


def _refuse_annotation(place: Place, job: Job, content: bytes) -> None:
    """Raise Unusable ``misplaced-file`` for an annotation that was copied to where its image should be."""
    other = place.folder / job.annotation if job.annotation and job.annotation != job.path else None
    if other and other.is_file() and other.stat().st_size == len(content) and other.read_bytes() == content:
        raise Unusable("misplaced-file", f"{job.annotation} is the same file, byte for byte")


def _levels(
    pixels: npt.NDArray[Any], place: Place, display: bool, window: tuple[float, float] | None, outcome: Outcome
) -> Levels:
    """Return dB, NaN without data, of a picture with a mask grey levels; collect the histogram for a stretch."""
    if display:
        check_picture(pixels)
        declared = place.entry.annotations
        return grey(pixels) if declared and FORMATS[declared.format].makes == "masks" else np.empty(0)
    check_quantity(pixels, place.entry)
    decibels = to_db(pixels, place.entry)
    if not np.isfinite(decibels).any():
        raise Unusable("no-valid-pixels", "the image is all no-data")
    if window is None:
        outcome.counts = histogram(decibels)
    return decibels


def pixels_sha256(pixels: npt.NDArray[Any]) -> str:
    """Return the SHA-256 of decoded pixels: shape, type and little-endian values.

    A grey picture stored on three equal channels counts as the same as on one.
    """
    if pixels.ndim == 3 and pixels.dtype == np.uint8 and pixels.shape[2] == 3:
        first = pixels[..., 0]
        if (pixels[..., 1] == first).all() and (pixels[..., 2] == first).all():
            pixels = first
    plain = np.ascontiguousarray(pixels, dtype=pixels.dtype.newbyteorder("<"))
    digest = hashlib.sha256(f"{plain.shape} {plain.dtype.kind}{plain.dtype.itemsize}\n".encode("ascii"))
    digest.update(plain.data)
    return digest.hexdigest()


def _annotate(place: Place, job: Job, row: dict[str, Any], outcome: Outcome, levels: Levels) -> None:
    if not job.annotation_format:
        return
    annotation_format = FORMATS[job.annotation_format]
    record = job.record if job.annotation is None else _read_annotation(place, job, row)
    if record is None:
        if job.owed:
            raise Unusable("no-annotation", f"no {annotation_format.makes} for it")
        return
    if BROKEN_ENCODING in record.notes:
        outcome.faults.append(_fault(place, job, BROKEN_ENCODING, f"in {record.source}", "annotation"))
    for reason, detail in record.left_out:
        outcome.faults.append(_fault(place, job, reason, detail, "annotation"))
    kind: Kind = "annotation" if annotation_format.makes == "captions" else "box"
    if annotation_format.makes == "masks":
        left_out = _apply_mask(record, place.entry, row, levels)
        outcome.backscatter = measure(levels, _classes(record), place.entry)
    elif annotation_format.makes == "boxes":
        left_out = _apply_boxes(record, place.entry, row, outcome.orientation)
    elif annotation_format.makes == "scenes":
        left_out = compare_size(record, row["width"], row["height"], outcome.orientation)
        row["scene_class"] = clean_scene_class(record.scene_class, label_table(place.entry))
    else:
        left_out = _apply_captions(record, job, row)
        outcome.questions = record.questions
    for reason, detail in left_out.items():
        outcome.faults.append(_fault(place, job, reason, detail, kind))


def _read_annotation(place: Place, job: Job, row: dict[str, Any]) -> Record:
    size = row["width"], row["height"]
    source = Source(place.folder, job.annotation or "", place.entry, size_of=lambda _: size)
    records = FORMATS[job.annotation_format].read(source)
    if len(records) != 1:
        raise Unusable("ambiguous-annotation", f"{source.file} holds {len(records)} annotations")
    return records[0]


def _apply_boxes(record: Record, entry: Entry, row: dict[str, Any], orientation: int) -> dict[str, str]:
    width, height = row["width"], row["height"]
    told = compare_size(record, width, height, orientation)
    row["objects"], changed = clean_boxes(record.boxes, width, height, label_table(entry))
    return told | {reason: f"{count} of {len(record.boxes)}" for reason, count in changed.items()}


def _apply_captions(record: Record, job: Job, row: dict[str, Any]) -> dict[str, str]:
    row["captions"], dropped = clean_captions(record.captions)
    if job.owed and not row["captions"] and not record.questions:
        raise Unusable("no-caption", f"{len(record.captions)} blank or broken captions")
    return {reason: f"{count} of {len(record.captions)}" for reason, count in dropped.items()}


def _classes(record: Record) -> ClassMap:
    if record.classes is None:
        raise Unusable("no-annotation", f"no mask in {record.source}")
    return record.classes


def _apply_mask(record: Record, entry: Entry, row: dict[str, Any], levels: Levels) -> dict[str, str]:
    classes = _classes(record)
    if classes.shape != (row["height"], row["width"]):
        shape = f"{classes.shape[1]} x {classes.shape[0]}"
        raise Unusable("size-mismatch", f"the mask has {shape}, the image {row['width']} x {row['height']}")
    classes[~np.isfinite(levels)] = NO_DATA
    facts = summarise_mask(classes, entry)
    row["objects"], row["regions"] = facts.objects, facts.regions
    return facts.left_out

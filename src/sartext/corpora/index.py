"""The index of a corpus: a row per usable image, and a reason for everything that was left out.

One bad file never stops it. It fails only when nothing usable is left, when more is left out than the catalogue
allows, or when the corpus is not there.
"""

from collections import Counter
from functools import partial
from typing import Any

from sartext.catalogue.entry import Entry
from sartext.catalogue.loading import find_entry
from sartext.config import Project
from sartext.corpora.examination import Job, Outcome, count_labels, examine
from sartext.corpora.quarantine import Fault, count_reasons, write_quarantine
from sartext.corpora.radiometry import stretch_window
from sartext.corpora.survey import corpus_place, how_to_get, survey_corpus
from sartext.errors import CorpusError
from sartext.files import atomic_folder, write_json, write_text
from sartext.progress import map_parallel
from sartext.tables import INDEX, write_table

EXAMPLES = 6

SERIAL_BELOW = 1000
"""Images that this process examines itself: a few milliseconds each, where new processes take a second."""


def build_index(project: Project, name: str) -> dict[str, object]:
    """Index a corpus that ``params.yaml`` lists: write index.parquet, quarantine.csv, metrics.json, entry.json.

    Returns:
        The metrics, and the ids of a few images as ``examples``.

    Raises:
        CatalogueError: the corpus is not listed, or its catalogue file is wrong.
        CorpusError: it is not in ``data/``, nothing in it is usable, or too much of it is not; then
            ``build/log/corpus-<name>-quarantine.csv`` says why, and nothing else is written.
    """
    entry = find_entry(project, name)
    place = corpus_place(project.root, entry)
    if not place.folder.is_dir():
        raise CorpusError("the corpus is not there", where=place.prefix, way_out=how_to_get(entry))
    jobs, faults = survey_corpus(place)
    outcomes = list(map_parallel(partial(examine, place), jobs, f"indexing {name}", SERIAL_BELOW))
    rows = [outcome.row for outcome in outcomes if outcome.row is not None]
    faults += [fault for outcome in outcomes for fault in outcome.faults]
    _part_broken_pairs(rows)
    _stretch(outcomes)
    log = project.build / "log" / f"corpus-{name}-quarantine.csv"
    if problem := _refusal(entry, len(jobs), len(rows), faults):
        write_quarantine(log, faults)
        raise CorpusError(problem, where=place.prefix, way_out=_way_out(faults, project.relative(log)))
    metrics = _measure(entry, jobs, rows, faults)
    with atomic_folder(project.corpus(name)) as folder:
        write_table(folder / "index.parquet", INDEX, rows)
        write_quarantine(folder / "quarantine.csv", faults)
        write_json(folder / "metrics.json", metrics)
        # what later stages read from the catalogue belongs to the artefact: a changed noun rebuilds the captions
        write_text(folder / "entry.json", entry.model_dump_json(indent=2) + "\n")
    return {**metrics, "examples": _examples(rows)}


def _part_broken_pairs(rows: list[dict[str, Any]]) -> None:
    """A half whose other half was left out stands alone: it is still a good image."""
    present = {row["path"] for row in rows}
    for row in rows:
        if row["paired_path"] not in present:
            row["paired_path"] = None


def _stretch(outcomes: list[Outcome]) -> None:
    """Give the images of an uncalibrated corpus the dB window of all their pixels together."""
    measured = [outcome for outcome in outcomes if outcome.row is not None and outcome.counts]
    total: dict[int, int] = {}
    for outcome in measured:
        for number, count in outcome.counts.items():
            total[number] = total.get(number, 0) + count
    for outcome in measured:
        if outcome.row is not None:
            outcome.row["db_low"], outcome.row["db_high"] = stretch_window(total)


def _refusal(entry: Entry, images: int, usable: int, faults: list[Fault]) -> str | None:
    """Say why a corpus cannot be used, or return None."""
    left_out = images - usable
    if usable and left_out <= entry.quarantine_limit * images:
        return None
    reasons = count_reasons(faults)
    most = sorted((reasons["image"] or reasons["annotation"]).items(), key=lambda item: -item[1])
    counted = ", ".join(f"{reason} {count}" for reason, count in most)
    first = min(fault for fault in faults if fault.kind == "image")
    example = f"{counted}; first {first.path}: {first.reason} {first.detail}".rstrip()
    if not usable:
        return f"none of {images} images is usable ({example})"
    share, limit = 100 * left_out / images, 100 * entry.quarantine_limit
    return f"{left_out} of {images} images ({share:.1f} %, at most {limit:g} %) cannot be used ({example})"


def _way_out(faults: list[Fault], log: str) -> str:
    unknown = sorted({fault.detail for fault in faults if fault.reason == "unknown-class"})
    if unknown:
        names = "; ".join(unknown[:5])
        return f"if these are classes, name them in `classes` of the catalogue file: {names} (all in {log})"
    return f"see {log}, repair the corpus or raise its quarantine_limit"


def _measure(entry: Entry, jobs: list[Job], rows: list[dict[str, Any]], faults: list[Fault]) -> dict[str, object]:
    optical_halves = sum(job.modality == "optical" for job in jobs) if entry.pairing else 0
    images = len(jobs) - optical_halves
    objects = count_labels(rows)
    published = entry.published
    return {
        "corpus": entry.name,
        "images_found": images,
        "optical_halves_found": optical_halves,
        "indexed": len(rows),
        "left_out": len(jobs) - len(rows),
        "reasons": count_reasons(faults),
        "objects": objects,
        "objects_total": sum(objects.values()),
        "images_without_objects": sum(not row["objects"] and row["modality"] == "sar" for row in rows),
        "captions": sum(len(row["captions"]) for row in rows),
        "splits": dict(sorted(Counter(row["published_split"] or "none" for row in rows).items())),
        "published_splits": published.splits,
        "scenes": len({row["scene_id"] for row in rows}),
        "published_images": published.images,
        "published_objects": published.objects,
        "images_absent": max(0, published.images - images) if published.images is not None else None,
    }


def _examples(rows: list[dict[str, Any]]) -> list[str]:
    ids = sorted(row["image_id"] for row in rows)
    step = max(1, len(ids) // EXAMPLES)
    return ids[::step][:EXAMPLES]

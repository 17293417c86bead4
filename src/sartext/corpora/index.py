"""The index of a corpus: a row per usable image, and a reason for everything that was left out.

What belongs to each image is found first (annotation, optical half, scene, published split), then it is examined.

One bad file never stops it. It fails only when nothing usable is left, when more is left out than the catalogue
allows, or when the corpus is not there.
"""

from collections import Counter
from dataclasses import replace
from functools import partial
from pathlib import PurePosixPath
from typing import Any

from sartext.catalogue.entry import Entry
from sartext.catalogue.loading import find_entry
from sartext.config import Project
from sartext.corpora import legend, pairs, quantities
from sartext.corpora.annotations import Matches, match_annotations
from sartext.corpora.examination import Job, Outcome, Place, examine
from sartext.corpora.listing import (
    Lookup,
    as_text,
    image_ids,
    matching_files,
    optical_halves,
    published_sets,
    scene_of,
)
from sartext.corpora.patches import in_two_classes
from sartext.corpora.places import group_places, leak_lines
from sartext.corpora.quarantine import Fault, Unusable, count_reasons, write_quarantine
from sartext.corpora.radiometry import IMPLAUSIBLE, stretch_window
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
    place = Place(project.source(name), f"data/{name}", entry)
    if not place.folder.is_dir():
        raise CorpusError("the corpus is not there", where=place.prefix, way_out=_how_to_get(entry))
    jobs, faults = _survey(place)
    outcomes = list(map_parallel(partial(examine, place), jobs, f"indexing {name}", SERIAL_BELOW))
    _refuse_two_classes(outcomes)
    rows = [outcome.row for outcome in outcomes if outcome.row is not None]
    faults += [fault for outcome in outcomes for fault in outcome.faults]
    pairs.part_broken_pairs(rows)
    _stretch(outcomes)
    compared = pairs.compare_halves(project.root, entry, rows)
    faults += pairs.faults_of(entry, compared)
    leaks = group_places(entry, outcomes)
    log = project.build / "log" / f"corpus-{name}-quarantine.csv"
    if problem := _refusal(entry, len(jobs), len(rows), faults):
        write_quarantine(log, faults)
        way_out = _way_out(faults, project.relative(log), project.parameters.corpora[name].catalogue)
        raise CorpusError(problem, where=place.prefix, way_out=way_out)
    questions = sum(outcome.questions for outcome in outcomes if outcome.row is not None)
    metrics = {
        **_measure(entry, jobs, rows, faults),
        "questions": questions,
        "published_splits_overlapping": leaks.overlapping,
        "published_splits_sharing_places": leaks.sharing,
        "registration": pairs.summary_of(entry, compared),
        "backscatter": _check_legend(entry, place, outcomes),
        "saturated": quantities.saturation([outcome.saturated for outcome in outcomes if outcome.row]),
    }
    with atomic_folder(project.corpus(name)) as folder:
        write_table(folder / "index.parquet", INDEX, rows)
        write_quarantine(folder / "quarantine.csv", faults)
        write_json(folder / "metrics.json", metrics)
        if compared:
            write_text(folder / "pairs.csv", pairs.table_of(entry, compared))
        # what later stages read from the catalogue belongs to the artefact: a changed noun rebuilds the captions
        write_text(folder / "entry.json", entry.model_dump_json(indent=2) + "\n")
    ids = sorted(row["image_id"] for row in rows)
    sizes = Counter(row["published_split"] for row in rows if row["modality"] == entry.modality)
    return {
        **metrics,
        "lines": leak_lines(leaks, sizes),
        "examples": ids[:: max(1, len(ids) // EXAMPLES)][:EXAMPLES],
    }


def _refuse_two_classes(outcomes: list[Outcome]) -> None:
    reasons = in_two_classes([outcome.row for outcome in outcomes if outcome.row is not None])
    for outcome in outcomes:
        if outcome.row is not None and (detail := reasons.get(outcome.row["image_id"])):
            fault = Fault(outcome.row["path"], outcome.row["image_id"], "two-classes", detail, "image")
            outcome.row, outcome.counts, outcome.faults = None, {}, [fault]


def _stretch(outcomes: list[Outcome]) -> None:
    """Give the images of an uncalibrated corpus the dB window of all their pixels, of either polarisation."""
    for name, prefix in (("counts", ""), ("second_counts", "second_")):
        measured = [
            (outcome.row, counts) for outcome in outcomes if outcome.row and (counts := getattr(outcome, name))
        ]
        total = Counter[int]()
        for _, counts in measured:
            total.update(counts)
        for row, _ in measured:
            row[f"{prefix}db_low"], row[f"{prefix}db_high"] = stretch_window(total)


def _check_legend(entry: Entry, place: Place, outcomes: list[Outcome]) -> dict[str, Any] | None:
    """Return what the pixels say of the classes of masks; raise if that contradicts the legend."""
    images = [outcome.backscatter for outcome in outcomes if outcome.row and outcome.backscatter]
    if not images:
        return None
    summary = legend.summarise(entry, images)
    if problem := legend.contradiction(summary):
        raise CorpusError(problem, where=place.prefix, way_out=legend.WAY_OUT)
    return summary


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
    allowed = f"`quarantine_limit: {entry.quarantine_limit:g}` allows {limit:g} %"
    return f"{left_out} of {images} images ({share:.1f} %) cannot be used, {allowed} ({example})"


def _way_out(faults: list[Fault], log: str, catalogue: str) -> str:
    unknown = sorted({fault.detail for fault in faults if fault.reason == "unknown-class"})
    if unknown:
        names = "; ".join(unknown[:5])
        return f"if these are classes, name them in `classes` of {catalogue}: {names} (all in {log})"
    if implausible := [fault.detail for fault in faults if fault.reason == IMPLAUSIBLE]:
        return f"{quantities.way_out(implausible)} (all in {log})"
    return f"{log} names each; repair the corpus, or raise `quarantine_limit` in {catalogue}"


def _measure(entry: Entry, jobs: list[Job], rows: list[dict[str, Any]], faults: list[Fault]) -> dict[str, object]:
    optical_halves = sum(job.modality == "optical" for job in jobs) if entry.pairing else 0
    images = len(jobs) - optical_halves
    objects = dict(sorted(Counter(box["label"] for row in rows for box in row["objects"]).items()))
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
        "scene_classes": dict(sorted(Counter(row["scene_class"] for row in rows if row["scene_class"]).items())),
        "captions": sum(len(row["captions"]) for row in rows),
        "splits": dict(sorted(Counter(row["published_split"] or "none" for row in rows).items())),
        "published_splits": published.splits,
        "scenes": len({row["scene_id"] for row in rows}),
        "published_images": published.images,
        "published_objects": published.objects,
        "images_absent": max(0, published.images - images) if published.images is not None else None,
    }


def _survey(place: Place) -> tuple[list[Job], list[Fault]]:
    """A job per image file, and the annotations that have no image.

    The optical half of a pair is a job of its own, with the scene and the published split of its SAR half.
    """
    entry, folder = place.entry, place.folder
    paths = matching_files(folder, entry.images)
    if not paths:
        what = f"no image matches {', '.join(entry.images)}"
        raise CorpusError(what, where=place.prefix, way_out=_how_to_get(entry))
    named = [path for path in paths if as_text(path) == path]
    halves = optical_halves(folder, entry.pairing, named) if entry.pairing else {}
    optical = set(halves.values())
    images = [path for path in named if path not in optical]
    jobs, faults = _image_jobs(place, images, halves)
    optical_jobs, optical_faults = _optical_jobs(place, jobs)
    jobs = _refuse_repeated_ids(jobs + optical_jobs)
    return [*jobs, *_unnameable(entry, paths)], faults + optical_faults


def _image_jobs(place: Place, images: list[str], halves: dict[str, str]) -> tuple[list[Job], list[Fault]]:
    entry, folder = place.entry, place.folder
    declared = entry.annotations
    matches = match_annotations(folder, entry, declared, images) if declared else Matches()
    lookup = Lookup(images)
    splits, unlisted = published_sets(folder, entry.splits, images, lookup)
    benchmarks, absent = published_sets(folder, entry.benchmarks, images, lookup)
    known = {fault.path for fault in matches.faults}
    faults = matches.faults + [fault for fault in unlisted + absent if fault.path not in known]
    ids = image_ids(entry.name, images)
    jobs = []
    for path in images:
        record = matches.records.get(path)
        scene = scene_of(entry.scene, path)
        jobs.append(
            Job(
                path=path,
                image_id=ids[path],
                scene_id=f"{entry.name}/{scene}" if scene else ids[path],
                modality=entry.modality,
                annotation_format=declared.format if declared else "",
                owed=declared is not None,
                published_split=splits.get(path, record.split if record else None),
                benchmark=benchmarks.get(path),
                paired=halves.get(path),
                **matches.of(path),
            )
        )
        if entry.pairing and path not in halves:
            faults.append(Fault(f"{place.prefix}/{path}", ids[path], "no-optical-half", "", "annotation"))
    return jobs, faults


def _optical_jobs(place: Place, jobs: list[Job]) -> tuple[list[Job], list[Fault]]:
    paired = {job.paired: job for job in reversed(jobs) if job.paired}
    paths = sorted(paired)
    captions = place.entry.optical_captions
    matches = Matches()
    if captions and paths:
        if matching_files(place.folder, captions.files):
            matches = match_annotations(place.folder, place.entry, captions, paths)
        else:  # captions of optical halves are welcome, not owed
            matches.faults.append(Fault(", ".join(captions.files), "", "no-caption-file", "", "annotation"))
    taken = {job.image_id for job in jobs}
    ids = image_ids(place.entry.name, paths)
    return [
        Job(
            path=path,
            image_id=f"{paired[path].image_id}_optical" if ids[path] in taken else ids[path],
            scene_id=paired[path].scene_id,
            modality="optical",
            annotation_format=captions.format if captions else "",
            published_split=paired[path].published_split,
            benchmark=paired[path].benchmark,
            paired=paired[path].path,
            **matches.of(path),
        )
        for path in paths
    ], matches.faults


def _refuse_repeated_ids(jobs: list[Job]) -> list[Job]:
    """Keep the first image of an id; the others are left out with the path of the first as the reason."""
    first: dict[str, str] = {}
    kept = []
    for job in jobs:
        other = first.setdefault(job.image_id, job.path)
        kept.append(job if other == job.path else replace(job, problem=Unusable("duplicate-id", f"as {other}")))
    return kept


def _unnameable(entry: Entry, paths: list[str]) -> list[Job]:
    """Jobs that only say that a file name is no UTF-8."""
    problem = Unusable("unreadable-name", "the file name is not UTF-8")
    names = [as_text(path) for path in paths if as_text(path) != path]
    ids = [f"{entry.name}/{PurePosixPath(name).stem.replace('.', '_')}" for name in names]
    return [
        Job(name, image_id, image_id, entry.modality, problem=problem)
        for name, image_id in zip(names, ids, strict=True)
    ]


def _how_to_get(entry: Entry) -> str:
    if entry.embedded:
        return "run `sartext simulate`"
    obtain = " ".join(entry.obtain.split()).rstrip(".")
    if entry.obtain_checked != "unknown":
        obtain += f" (last known to work on {entry.obtain_checked})"
    return f"{obtain[:1].lower()}{obtain[1:]}; then run `sartext corpora add {entry.name} --from PATH`"

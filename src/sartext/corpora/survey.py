"""The images of a corpus and what belongs to each: annotation, optical half, scene, published split."""

import os
from dataclasses import replace
from pathlib import Path, PurePosixPath

from sartext.catalogue.entry import Entry
from sartext.corpora.annotations import Matches, match_annotations
from sartext.corpora.examination import Job, Place
from sartext.corpora.listing import (
    Lookup,
    image_ids,
    is_text,
    matching_files,
    optical_halves,
    published_sets,
    scene_of,
)
from sartext.corpora.quarantine import Fault, Unusable
from sartext.errors import CorpusError


def survey_corpus(place: Place) -> tuple[list[Job], list[Fault]]:
    """Return a job per image file, and the annotations that have no image.

    The optical half of a pair is a job of its own, with the scene and the published split of its SAR half.

    Raises:
        CorpusError: no image or no annotation file is where the catalogue says.
        CatalogueError: the catalogue's rules are incomplete.
    """
    entry, folder = place.entry, place.folder
    paths = matching_files(folder, entry.images)
    if not paths:
        raise CorpusError(
            f"no image matches {', '.join(entry.images)}", where=place.prefix, way_out=how_to_get(entry)
        )
    named = [path for path in paths if is_text(path)]
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
                record=record,
                annotation=matches.files.get(path),
                paired=halves.get(path),
                problem=matches.problems.get(path),
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
            record=matches.records.get(path),
            annotation=matches.files.get(path),
            paired=paired[path].path,
            problem=matches.problems.get(path),
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
    """Jobs that only say that a file name is no UTF-8; the name is written with U+FFFD in place of bad bytes."""
    jobs = []
    for path in paths:
        if not is_text(path):
            shown = os.fsencode(path).decode("utf-8", errors="replace")
            image_id = f"{entry.name}/{PurePosixPath(shown).stem.replace('.', '_')}"
            problem = Unusable("unreadable-name", "the file name is not UTF-8")
            jobs.append(Job(shown, image_id, image_id, entry.modality, problem=problem))
    return jobs


def how_to_get(entry: Entry) -> str:
    """Say how a corpus comes into ``data/``."""
    if entry.embedded:
        return "run `sartext simulate`"
    obtain = " ".join(entry.obtain.split()).rstrip(".")
    return f"{obtain[:1].lower()}{obtain[1:]}; then run `sartext corpora add {entry.name} --from PATH`"


def corpus_place(root: Path, entry: Entry) -> Place:
    """Return where a corpus lies in a project."""
    prefix = f"data/{entry.name}"
    return Place(root / prefix, prefix, entry)

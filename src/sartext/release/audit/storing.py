"""The ratings of a project: ``audit/<candidate>/<rater>.json``, in git, as people's work cannot be built again.

A rater's file may grow, which loses nothing. What would change or drop a rating is refused, unless it is asked
for; the file that stood there is then kept below ``replaced/``.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from sartext.config import Project
from sartext.errors import ArtefactError, AuditError, counted
from sartext.files import sha256_text, write_text
from sartext.release.audit.ratings import Ratings, check, read_ratings
from sartext.release.identity import candidate_sha256
from sartext.tables import PAIRS, read_rows

REPLACED = "replaced"

WAY_OUT = "run `sartext candidate`, or `make release`"

Outcome = Literal["stored", "unchanged", "goes on", "replaced"]


@dataclass(frozen=True)
class Candidate:
    """The candidate that is audited: its identity and its rows."""

    sha256: str
    pairs: Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Stored:
    """What became of a rater's file."""

    ratings: Ratings
    outcome: Outcome


def audited_candidate(project: Project) -> Candidate:
    """Return the candidate of a project.

    Raises:
        ArtefactError: there is none, or it is damaged or empty.
    """
    path = project.build / "candidate" / "pairs.parquet"
    if not path.is_file():
        raise ArtefactError("there is no candidate to audit", where=project.relative(path), way_out=WAY_OUT)
    pairs = read_rows(path, PAIRS)
    if not pairs:
        raise ArtefactError("the candidate holds no pair", where=project.relative(path), way_out=WAY_OUT)
    return Candidate(candidate_sha256(project), pairs)


def folder_of(project: Project, content: str) -> Path:
    """Return the folder of the ratings of a candidate."""
    return project.audit / content


def store(project: Project, candidate: Candidate, path: Path, *, replace: bool = False) -> Stored:
    """Check a rater's file and keep it with the candidate.

    Args:
        project: the checkout.
        candidate: what it must be about.
        path: the file; it is not changed.
        replace: exchange ratings of the same rater; the file that stood there is kept.

    Raises:
        AuditError: the file cannot be used, or would change or drop ratings that the rater gave before.
    """
    ratings = read_ratings(path)
    check(ratings, candidate.sha256, candidate.pairs, path)
    target = folder_of(project, candidate.sha256) / f"{ratings.rater}.json"
    outcome: Outcome = "stored"
    if target.is_file():
        before = read_ratings(target)
        lost = _lost(before, ratings)
        if not lost and before.by_place == ratings.by_place:
            return Stored(before, "unchanged")
        if lost and not replace:
            raise AuditError(
                f"rater '{ratings.rater}' rated this candidate before, and {counted(lost, 'rating')} would change "
                "or be dropped",
                where=path,
                way_out=f"pass --replace (the file of before is kept below {REPLACED}/), or name another rater",
            )
        outcome = "replaced" if lost else "goes on"
        if lost:
            _keep(target)
    write_text(target, ratings.model_dump_json(indent=1) + "\n")
    return Stored(ratings, outcome)


def stored_ratings(project: Project, candidate: Candidate) -> list[Ratings]:
    """Return every rater's ratings of a candidate, by the names of the raters.

    Raises:
        AuditError: a file was changed by hand so that it does not fit any more.
    """
    every = []
    for path in sorted(folder_of(project, candidate.sha256).glob("*.json")):
        ratings = read_ratings(path)
        check(ratings, candidate.sha256, candidate.pairs, path)
        if ratings.rater != path.stem:
            raise AuditError(
                f"is of rater '{ratings.rater}'", where=path, way_out="restore it with git, and import files only"
            )
        every.append(ratings)
    return every


def other_candidates(project: Project, content: str) -> int:
    """Return how many other candidates have ratings, which do not count for this one."""
    folders = project.audit.iterdir() if project.audit.is_dir() else ()
    return sum(folder.is_dir() and folder.name != content and any(folder.glob("*.json")) for folder in folders)


def _lost(before: Ratings, after: Ratings) -> int:
    """How many ratings of before would not be there any more as they were given; a scale may be added."""
    if before.sample != after.sample:
        return len(before.by_place)
    given = after.by_place
    return sum(not _grows(rating, given.get(place)) for place, rating in before.by_place.items())


def _grows(before: object, after: object) -> bool:
    old, new = (vars(rating) if rating else {} for rating in (before, after))
    return all(value in (None, "") or new.get(name) == value for name, value in old.items())


def _keep(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    write_text(path.parent / REPLACED / f"{path.stem}-{sha256_text(text)[:12]}.json", text)

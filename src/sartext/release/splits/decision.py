"""The stage ``splits``: duplicates, groups and train / validation / test, decided once for all that follows."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from sartext.catalogue.loading import find_entry
from sartext.config import Project
from sartext.files import atomic_folder, write_json
from sartext.release.inputs import read_indexes, refuse_unlisted
from sartext.release.splits.duplicates import NearPair, Subject, difference, find_near, write_duplicates
from sartext.release.splits.groups import TEST, TRAIN, VALIDATION, Assignment, Member, assign
from sartext.tables import SPLITS, write_table

SIDES = (TRAIN, VALIDATION, TEST)
EXAMPLES = 6
_ANNOTATIONS = ["objects", "regions", "captions"]


@dataclass(frozen=True)
class Decided:
    """Everything that the stage found out, before it is counted and written."""

    rows: Mapping[str, Mapping[str, Any]]
    corpus_of: Mapping[str, str]
    assignments: Sequence[Assignment]
    near: Sequence[NearPair]
    differences: Mapping[str, str]
    flat: int


def decide_splits(project: Project) -> dict[str, object]:
    """Decide duplicates, groups and splits of every indexed image, SAR and optical.

    Writes ``splits.parquet``, ``duplicates.csv`` and ``metrics.json`` to ``build/splits``.

    Returns:
        Its counts and a few image ids.

    Raises:
        ArtefactError: an index is missing or damaged, two images have the same id, a folder of an unlisted
            corpus is there, or an image has gone since it was indexed.
    """
    refuse_unlisted(project)
    decided = _decide(project, read_indexes(project))
    metrics = _measure(project, decided)
    with atomic_folder(project.build / "splits") as folder:
        write_table(folder / "splits.parquet", SPLITS, (_row(one) for one in decided.assignments))
        write_duplicates(folder / "duplicates.csv", _duplicate_rows(decided))
        write_json(folder / "metrics.json", metrics)
    copies = [one.image_id for one in decided.assignments if one.copy_of]
    return {**metrics, "examples": copies[:EXAMPLES]}


def _decide(project: Project, tables: Mapping[str, pa.Table]) -> Decided:
    plain = {name: table.drop_columns(_ANNOTATIONS).to_pylist() for name, table in tables.items()}
    members = {name: [_member(row) for row in rows] for name, rows in plain.items()}
    firsts: dict[tuple[str, str], Subject] = {}
    for name, rows in plain.items():
        for row, member in zip(rows, members[name], strict=True):
            firsts.setdefault(member.pixels, Subject(name, row))
    entries = {name: find_entry(project, name) for name in tables}
    parameters = project.parameters.splits
    near, flat = find_near(project.root, list(firsts.values()), entries, parameters.near)
    assignments = assign(members.values(), [(pair.first, pair.second) for pair in near], parameters)
    return Decided(
        rows={row["image_id"]: row for rows in plain.values() for row in rows},
        corpus_of={row["image_id"]: name for name, rows in plain.items() for row in rows},
        assignments=assignments,
        near=near,
        differences=_differences(tables, assignments),
        flat=flat,
    )


def _member(row: Mapping[str, Any]) -> Member:
    return Member(row["image_id"], row["modality"], row["pixels_sha256"], row["scene_id"], row["benchmark"])


def _differences(tables: Mapping[str, pa.Table], assignments: Sequence[Assignment]) -> dict[str, str]:
    """In what each exact duplicate differs from the image that stays, read for those images alone."""
    copies = {one.image_id: one.copy_of for one in assignments if one.copy_of}
    wanted = pa.array(sorted({*copies, *copies.values()}), pa.string())
    annotated: dict[str, Mapping[str, Any]] = {}
    for table in tables.values():
        found = table.filter(pc.is_in(table.column("image_id"), value_set=wanted))
        annotated |= {row["image_id"]: row for row in found.to_pylist()}
    return {image_id: difference(annotated[image_id], annotated[first]) for image_id, first in copies.items()}


def _row(one: Assignment) -> dict[str, object]:
    return {
        "image_id": one.image_id,
        "cluster_id": one.cluster_id,
        "group_id": one.group_id,
        "split": one.split,
        "benchmark": one.benchmark,
        "reason": one.reason,
    }


def _duplicate_rows(decided: Decided) -> Iterator[dict[str, object]]:
    def published(image_id: str, other: str) -> dict[str, object]:
        return {
            "published_split": decided.rows[image_id]["published_split"] or "",
            "published_split_of": decided.rows[other]["published_split"] or "",
        }

    for one in decided.assignments:
        if one.copy_of:
            told = {"kind": "exact", "image_id": one.image_id, "duplicate_of": one.copy_of}
            yield {**told, "differs": decided.differences[one.image_id], **published(one.image_id, one.copy_of)}
    for pair in decided.near:
        told = {"kind": "near", "image_id": pair.second, "duplicate_of": pair.first}
        figures = {"hash_distance": pair.hash_distance, "correlation": f"{pair.correlation:.4f}"}
        yield {**told, **figures, **published(pair.second, pair.first)}


def _measure(project: Project, decided: Decided) -> dict[str, object]:
    near = project.parameters.splits.near
    clusters = Counter(one.cluster_id for one in decided.assignments)
    groups = Counter(one.group_id for one in decided.assignments if one.split)
    exact = {one.copy_of for one in decided.assignments if one.copy_of}
    differing = Counter(part for told in decided.differences.values() for part in told.split())
    warnings = [
        f"cluster {name} holds {size} look-alikes (over {near.warn_cluster}): look at some of them; "
        "splits.near.correlation may be too low"
        for name, size in sorted(clusters.items())
        if size > near.warn_cluster
    ]
    conflicts = [one for one in decided.assignments if not one.split and not one.copy_of]
    touched = [one.image_id for one in decided.assignments if one.benchmark and one.side != TEST]
    warnings += [
        f"{len(touched)} benchmark images match earlier training or validation images, the first is {touched[0]}: "
        "list the corpus that holds the benchmark before the others"
        for _ in touched[:1]
    ]
    return {
        "images": len(decided.assignments),
        **{side: sum(one.split == side for one in decided.assignments) for side in SIDES},
        "left_out": sum(one.split is None for one in decided.assignments),
        "groups": len(groups),
        "exact_sets": len(exact),
        "exact_surplus": sum(one.copy_of is not None for one in decided.assignments),
        "exact_disagreeing": sum(bool(set(told.split()) - {"boxes"}) for told in decided.differences.values()),
        "exact_across_published_splits": _across_published(decided),
        "exact_differs": {part: differing[part] for part in ("labels", "regions", "boxes")},
        "near_pairs": len(decided.near),
        "clusters": sum(size > 1 for size in clusters.values()),
        "largest_cluster": max(clusters.values(), default=0),
        "largest_group": max(groups.values(), default=0),
        "without_contrast": decided.flat,
        "conflicts": len(conflicts),
        "benchmarks_left_out": len(touched),
        "corpora": _by_corpus(decided),
        "published_splits": _by_published(decided),
        "warnings": warnings,
    }


def _by_corpus(decided: Decided) -> dict[str, dict[str, int]]:
    counts: dict[str, dict[str, int]] = {
        name: dict.fromkeys(("images", *SIDES, "left_out"), 0) for name in set(decided.corpus_of.values())
    }
    for one in decided.assignments:
        counted = counts[decided.corpus_of[one.image_id]]
        counted["images"] += 1
        counted[one.split or "left_out"] += 1
    return counts


def _by_published(decided: Decided) -> dict[str, dict[str, dict[str, int]]]:
    """Per corpus and published split, how many images came into which split: recorded, not obeyed."""
    counts: dict[str, dict[str, dict[str, int]]] = {}
    for one in decided.assignments:
        published = decided.rows[one.image_id]["published_split"]
        if published:
            by_split = counts.setdefault(decided.corpus_of[one.image_id], {}).setdefault(published, {})
            by_split[one.split or "left_out"] = by_split.get(one.split or "left_out", 0) + 1
    return counts


def _across_published(decided: Decided) -> int:
    """Sets of identical images that the published splits of their corpora put on different sides."""
    sides: dict[str, set[str]] = {}
    for one in decided.assignments:
        published = decided.rows[one.image_id]["published_split"]
        if published:
            sides.setdefault(one.copy_of or one.image_id, set()).add(published)
    return sum(len(found) > 1 for found in sides.values())

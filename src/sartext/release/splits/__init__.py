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
from sartext.release.inputs import SPLIT_NAMES, TEST, read_indexes, refuse_unlisted
from sartext.release.splits.duplicates import NearPair, Subject, difference, find_near, write_duplicates
from sartext.release.splits.groups import Assignment, Member, assign
from sartext.release.splits.originals import as_copies, find_originals, misordered
from sartext.release.splits.withdrawal import find_withdrawn, withdraw, withdrawal_warnings
from sartext.tables import SPLITS, write_table

EXAMPLES = 6
_ANNOTATIONS = ["objects", "regions", "captions"]


@dataclass(frozen=True)
class Decided:
    """Everything that the stage found out, before it is counted and written; ``rows`` have their ``corpus``.

    ``originals`` are the images that images of compilations were taken from; ``withdrawn`` says why an image is.
    """

    rows: Mapping[str, Mapping[str, Any]]
    assignments: Sequence[Assignment]
    near: Sequence[NearPair]
    differences: Mapping[str, str]
    flat: int
    originals: Mapping[str, str]
    withdrawn: Mapping[str, str]


def decide_splits(project: Project) -> dict[str, object]:
    """Decide duplicates, groups and splits of every indexed image, SAR and optical.

    Writes ``splits.parquet``, ``duplicates.csv`` and ``metrics.json`` to ``build/splits``, and returns the counts.

    Raises:
        ArtefactError: an index is missing or damaged, two images have the same id, a folder of an unlisted
            corpus is there, or an image has gone since it was indexed.
    """
    refuse_unlisted(project)
    decided = _decide(project, read_indexes(project))
    metrics = _measure(project, decided)
    with atomic_folder(project.build / "splits") as folder:
        write_table(
            folder / "splits.parquet",
            SPLITS,
            [{name: getattr(row, name) for name in SPLITS.names} for row in decided.assignments],
        )
        write_duplicates(folder / "duplicates.csv", _duplicate_rows(decided))
        write_json(folder / "metrics.json", metrics)
    copies = [assignment.image_id for assignment in decided.assignments if assignment.copy_of]
    return {**metrics, "examples": copies[:EXAMPLES]}


def _decide(project: Project, tables: Mapping[str, pa.Table]) -> Decided:
    plain = {name: table.drop_columns(_ANNOTATIONS).to_pylist() for name, table in tables.items()}
    members: dict[str, list[Member]] = {name: [] for name in plain}
    firsts: dict[tuple[str, str], Subject] = {}
    for name, rows in plain.items():
        for row in rows:
            place = row["scene_id"], row["benchmark"]
            members[name].append(Member(row["image_id"], row["modality"], row["pixels_sha256"], *place))
            firsts.setdefault(members[name][-1].pixels, Subject(name, row))
    entries = {name: find_entry(project, name) for name in tables}
    parameters = project.parameters.splits
    near, flat = find_near(project.root, list(firsts.values()), entries, parameters.near)
    originals = find_originals(entries, plain, near)
    assignments = assign(*as_copies(members, [(pair.first, pair.second) for pair in near], originals), parameters)
    by_id = {row["image_id"]: {**row, "corpus": name} for name, rows in plain.items() for row in rows}
    withdrawn = find_withdrawn(project.parameters.release.withdrawn, by_id, originals)
    return Decided(
        rows=by_id,
        assignments=withdraw(assignments, withdrawn),
        near=near,
        differences=_differences(tables, assignments),
        flat=flat,
        originals=originals,
        withdrawn=withdrawn,
    )


def _differences(tables: Mapping[str, pa.Table], assignments: Sequence[Assignment]) -> dict[str, str]:
    """In what each exact duplicate differs from the image that stays, read for those images alone."""
    copies = {row.image_id: row.copy_of for row in assignments if row.copy_of}
    wanted = pa.array(sorted({*copies, *copies.values()}), pa.string())
    annotated: dict[str, Mapping[str, Any]] = {}
    for table in tables.values():
        rows = table.filter(pc.is_in(table.column("image_id"), value_set=wanted)).to_pylist()
        annotated |= {row["image_id"]: row for row in rows}
    return {image_id: difference(annotated[image_id], annotated[first]) for image_id, first in copies.items()}


def _duplicate_rows(decided: Decided) -> Iterator[dict[str, object]]:
    def published(image_id: str, other: str) -> dict[str, object]:
        return {
            "published_split": decided.rows[image_id]["published_split"] or "",
            "published_split_of": decided.rows[other]["published_split"] or "",
        }

    for row in decided.assignments:
        if row.copy_of:
            kind = "compiled" if row.image_id in decided.originals else "exact"
            ids = {"kind": kind, "image_id": row.image_id, "duplicate_of": row.copy_of}
            yield {**ids, "differs": decided.differences[row.image_id], **published(row.image_id, row.copy_of)}
    for pair in decided.near:
        ids = {"kind": "near", "image_id": pair.second, "duplicate_of": pair.first}
        figures = {"hash_distance": pair.hash_distance, "correlation": f"{pair.correlation:.4f}"}
        yield {**ids, **figures, **published(pair.second, pair.first)}


def _measure(project: Project, decided: Decided) -> dict[str, object]:
    near = project.parameters.splits.near
    clusters = Counter(row.cluster_id for row in decided.assignments)
    groups = Counter(row.group_id for row in decided.assignments if row.split)
    copies = [row for row in decided.assignments if row.copy_of and row.image_id not in decided.originals]
    exact = [row.copy_of for row in copies]
    differences = [decided.differences[row.image_id].split() for row in copies]
    differing = Counter(part for parts in differences for part in parts)
    warnings = [
        f"cluster {name} holds {size} look-alikes (over {near.warn_cluster}): look at some of them; "
        "splits.near.correlation may be too low"
        for name, size in sorted(clusters.items())
        if size > near.warn_cluster
    ]
    warnings += misordered({name: find_entry(project, name) for name in project.parameters.corpora})
    listed = project.parameters.release.withdrawn
    warnings += withdrawal_warnings(listed, decided.rows, decided.withdrawn, decided.near)
    touched = [row.image_id for row in decided.assignments if row.benchmark and row.side != TEST]
    if touched:
        warnings.append(
            f"{len(touched)} benchmark images match earlier training or validation images, the first is "
            f"{touched[0]}: list the corpus that holds the benchmark before the others"
        )
    return {
        "images": len(decided.assignments),
        **{side: sum(row.split == side for row in decided.assignments) for side in SPLIT_NAMES},
        "left_out": sum(row.split is None for row in decided.assignments),
        "groups": len(groups),
        "exact_sets": len(set(exact)),
        "exact_surplus": len(exact),
        "exact_disagreeing": sum(bool(set(parts) - {"boxes"}) for parts in differences),
        "exact_across_published_splits": _across_published(decided),
        "exact_differs": {part: differing[part] for part in ("labels", "regions", "boxes")},
        "compiled": dict(sorted(Counter(name.partition("/")[0] for name in decided.originals).items())),
        "near_pairs": len(decided.near),
        "clusters": sum(size > 1 for size in clusters.values()),
        "largest_cluster": max(clusters.values(), default=0),
        "largest_group": max(groups.values(), default=0),
        "without_contrast": decided.flat,
        "withdrawn": len(decided.withdrawn),
        "conflicts": sum(
            not row.split and not row.copy_of and row.image_id not in decided.withdrawn
            for row in decided.assignments
        ),
        "benchmarks_left_out": len(touched),
        "corpora": _by_corpus(decided),
        "published_splits": _by_published(decided),
        "warnings": warnings,
    }


def _by_corpus(decided: Decided) -> dict[str, dict[str, int]]:
    counts: dict[str, dict[str, int]] = {}
    for row in decided.assignments:
        corpus = decided.rows[row.image_id]["corpus"]
        counted = counts.setdefault(corpus, dict.fromkeys(("images", *SPLIT_NAMES, "left_out"), 0))
        counted["images"] += 1
        counted[row.split or "left_out"] += 1
    return counts


def _by_published(decided: Decided) -> dict[str, dict[str, dict[str, int]]]:
    """Per corpus and published split, how many images came into which split: recorded, not obeyed."""
    counts: dict[str, dict[str, dict[str, int]]] = {}
    for row in decided.assignments:
        image = decided.rows[row.image_id]
        if image["published_split"]:
            by_split = counts.setdefault(image["corpus"], {}).setdefault(image["published_split"], {})
            by_split[row.split or "left_out"] = by_split.get(row.split or "left_out", 0) + 1
    return counts


def _across_published(decided: Decided) -> int:
    """Sets of identical images that the published splits of their corpora put on different sides."""
    sides: dict[str, set[str]] = {}
    for row in decided.assignments:
        published = decided.rows[row.image_id]["published_split"]
        if published and row.image_id not in decided.originals:
            sides.setdefault(row.copy_of or row.image_id, set()).add(published)
    return sum(len(published) > 1 for published in sides.values())

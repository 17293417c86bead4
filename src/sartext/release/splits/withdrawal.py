"""Images that were taken back: they stand in no split, and so in no training and no release.

``params.yaml`` lists hashes of files or of decoded pixels. Every image of the build that shows such a picture is
withdrawn: those with the same pixels, and copies in compilations. Groups stay as they were, so that an image that
goes moves no other one to another split.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from scipy.cluster.hierarchy import DisjointSet

from sartext.config import Withdrawal
from sartext.release.inputs import WITHDRAWN
from sartext.release.splits.duplicates import NearPair
from sartext.release.splits.groups import Assignment

Row = Mapping[str, Any]


def find_withdrawn(
    listed: Sequence[Withdrawal], rows: Mapping[str, Row], originals: Mapping[str, str]
) -> dict[str, str]:
    """Return why an image is withdrawn, by the ids of those that are.

    Args:
        listed: what ``params.yaml`` withdraws.
        rows: the indexed images by id.
        originals: the original of each image of a compilation that has one.
    """
    if not listed:
        return {}
    reasons = {entry.digest: entry.reason for entry in reversed(listed)}
    digests = {name: (row["sha256"], row["pixels_sha256"]) for name, row in rows.items()}
    named = {
        name: next(reasons[digest] for digest in of_image if digest in reasons)
        for name, of_image in sorted(digests.items())
        if not reasons.keys().isdisjoint(of_image)
    }
    pictures, first = DisjointSet(rows), dict[str, str]()
    for name, (_, pixels) in digests.items():
        pictures.merge(first.setdefault(pixels, name), name)
        pictures.merge(originals.get(name, name), name)
    withdrawn = dict(named)
    for name, reason in named.items():
        for other in pictures.subset(name):
            withdrawn.setdefault(other, f"{reason} (it shows what {name} shows)")
    return dict(sorted(withdrawn.items()))


def withdraw(assignments: Iterable[Assignment], withdrawn: Mapping[str, str]) -> list[Assignment]:
    """Take withdrawn images out of their splits, and say why; all else stays as it is decided."""
    return [
        replace(row, split=None, reason=f"{WITHDRAWN}{withdrawn[row.image_id]}")
        if row.image_id in withdrawn
        else row
        for row in assignments
    ]


def withdrawal_warnings(
    listed: Iterable[Withdrawal],
    rows: Mapping[str, Row],
    withdrawn: Mapping[str, str],
    near: Iterable[NearPair],
) -> list[str]:
    """Say which listed hashes no image has, and how many images that stay look like a withdrawn one."""
    known = {row[name] for row in rows.values() for name in ("sha256", "pixels_sha256")}
    warnings = [
        f"release.withdrawn: no image of this build has the hash {entry.digest} ({entry.reason}); "
        "its corpus may be absent"
        for entry in listed
        if entry.digest not in known
    ]
    pairs = [{pair.first, pair.second} for pair in near]
    alike = sorted({name for pair in pairs if pair & withdrawn.keys() for name in pair - withdrawn.keys()})
    if alike:
        warnings.append(
            f"release.withdrawn: {len(alike)} images that stay look like a withdrawn one, the first is {alike[0]} "
            "(build/splits/duplicates.csv); withdraw them too, or leave them"
        )
    return warnings

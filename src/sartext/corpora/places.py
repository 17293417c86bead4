"""Which images of a corpus show one place, by name, pixels and georeference; and what published splits leak."""

from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from sartext.catalogue.entry import Entry
from sartext.corpora.examination import Outcome
from sartext.corpora.patches import Row, across_splits, joined, named_overlaps, overlaps


class Leaks(NamedTuple):
    """Images of each published split that overlap one of another, and that show a place which another shows."""

    overlapping: dict[str, int]
    sharing: dict[str, int]


def group_places(entry: Entry, outcomes: Sequence[Outcome]) -> Leaks:
    """Make one place (``scene_id``) of images that overlap, directly or through others; measure published splits.

    Images of one scene are one place; where the catalogue has a ``position``, only those that overlap are.
    """
    kept = [outcome for outcome in outcomes if outcome.row is not None]
    rows = [outcome.row for outcome in kept if outcome.row is not None]
    pairs = _georeferenced(kept)
    if entry.position is not None:
        known = [place for place, outcome in enumerate(kept) if outcome.blocks is not None]
        blocks = [blocks for outcome in kept if (blocks := outcome.blocks) is not None]
        named = overlaps([rows[place] for place in known], blocks, entry.position)
        pairs += [(known[first], known[second]) for first, second in named]
    leaking = across_splits(rows, pairs)
    if entry.position is not None:
        _relabel(rows, [row["image_id"] for row in rows], pairs)
    elif pairs:
        _relabel(rows, [row["scene_id"] for row in rows], [*pairs, *_of_one_scene(rows)])
    return Leaks(leaking, _sharing(rows, entry))


def _relabel(rows: Sequence[dict[str, Any]], names: Sequence[str], pairs: Sequence[tuple[int, int]]) -> None:
    for row, first in zip(rows, joined(names, pairs), strict=True):
        row["scene_id"] = first


def _georeferenced(outcomes: Sequence[Outcome]) -> list[tuple[int, int]]:
    """The places of every two images whose files say that they overlap on the ground."""
    known = [(place, outcome.footprint) for place, outcome in enumerate(outcomes) if outcome.footprint is not None]
    pairs = named_overlaps([footprint for _, footprint in known])
    return [(known[first][0], known[second][0]) for first, second in pairs]


def _of_one_scene(rows: Sequence[Row]) -> list[tuple[int, int]]:
    firsts: dict[str, int] = {}
    return [(firsts.setdefault(row["scene_id"], place), place) for place, row in enumerate(rows)]


def _sharing(rows: Sequence[Row], entry: Entry) -> dict[str, int]:
    own = [row for row in rows if row["modality"] == entry.modality and row["published_split"]]
    splits: dict[str, set[str]] = {}
    for row in own:
        splits.setdefault(row["scene_id"], set()).add(row["published_split"])
    return dict(sorted(Counter(row["published_split"] for row in own if len(splits[row["scene_id"]]) > 1).items()))


def leak_lines(leaks: Leaks, sizes: dict[str, int]) -> list[str]:
    """Say for a person what each published split leaks; ``sizes`` is how many images it has."""
    lines = []
    for split in sorted(leaks.overlapping.keys() | leaks.sharing.keys()):
        overlapping, sharing = leaks.overlapping.get(split, 0), leaks.sharing.get(split, 0)
        lines.append(
            f"published split '{split}' leaks (recorded, not obeyed): {overlapping} of {sizes[split]} images "
            f"overlap one of another split, {sharing} show a place that another split shows"
        )
    return lines

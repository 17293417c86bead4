"""The pairs of a corpus: halves that lost their other half, and halves that are not of the same ground."""

import csv
import io
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from sartext.catalogue.entry import Entry
from sartext.corpora.images import picture
from sartext.corpora.quarantine import Fault, Unusable
from sartext.corpora.registration import Shift, shift_between
from sartext.progress import map_parallel

SERIAL_BELOW = 100
"""Pairs that this process compares itself: some ten milliseconds each, where new processes take a second."""

COLUMNS = ("image_id", "optical_id", "right", "down", "confidence", "told", "fate")
KEPT, PARTED = "kept", "parted"

Row = dict[str, Any]


class Comparison(NamedTuple):
    """Two halves, rows of the index, and their shift; None where they cannot be compared."""

    sar: Row
    optical: Row
    shift: Shift | None

    def fate(self, limit: float) -> str:
        """Whether the halves stay together: only a shift that is told and beyond the limit parts them."""
        beyond = self.shift is not None and self.shift.certain and self.shift.length > limit
        return PARTED if beyond else KEPT


def part_broken_pairs(rows: Sequence[Row]) -> None:
    """A half whose other half was left out stands alone: it is still a good image."""
    present = {row["path"] for row in rows}
    for row in rows:
        if row["paired_path"] not in present:
            row["paired_path"] = None


def compare_halves(root: Path, entry: Entry, rows: Sequence[Row]) -> list[Comparison]:
    """Measure the shift of every pair of an index; part those beyond the catalogue's ``largest_shift``."""
    if entry.pairing is None:
        return []
    optical = {row["path"]: row for row in rows if row["modality"] == "optical"}
    pairs = [(row, optical[row["paired_path"]]) for row in rows if row["paired_path"] in optical]
    work = partial(_shift, root, entry)
    shifts = list(map_parallel(work, pairs, f"registration of {entry.name}", SERIAL_BELOW))
    compared = [Comparison(*pair, shift) for pair, shift in zip(pairs, shifts, strict=True)]
    for pair in compared:
        if pair.fate(entry.pairing.largest_shift) == PARTED:
            pair.sar["paired_path"] = pair.optical["paired_path"] = None
    return compared


def _shift(root: Path, entry: Entry, pair: tuple[Row, Row]) -> Shift | None:
    try:
        sar, optical = (picture(root, row, entry) for row in pair)
    except Unusable:
        return None
    return shift_between(sar, optical)


def faults_of(entry: Entry, compared: Sequence[Comparison]) -> list[Fault]:
    """Return a fault for each pair that was parted, with the figure."""
    faults = []
    for sar, _, shift in (pair for pair in compared if pair.fate(_limit(entry)) == PARTED):
        if shift is not None:
            detail = f"{shift.right} px right, {shift.down} px down, confidence {shift.confidence:g}"
            faults.append(Fault(sar["path"], sar["image_id"], "shifted-pair", detail, "annotation"))
    return faults


def summary_of(entry: Entry, compared: Sequence[Comparison]) -> Mapping[str, object] | None:
    """Return how many shifts could be told, how large they are in pixels, and how many pairs were parted."""
    if entry.pairing is None:
        return None
    told = [pair.shift.length for pair in compared if pair.shift is not None and pair.shift.certain]
    return {
        "pairs": len(compared),
        "told": len(told),
        "median_shift": round(float(np.median(told)), 2) if told else None,
        "largest_shift": round(max(told), 2) if told else None,
        "limit": _limit(entry),
        "parted": sum(pair.fate(_limit(entry)) == PARTED for pair in compared),
    }


def table_of(entry: Entry, compared: Sequence[Comparison]) -> str:
    """Return the shift of each pair as CSV, in the order of their ids; empty cells where it cannot be measured."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for pair in sorted(compared, key=lambda pair: str(pair.sar["image_id"])):
        shift = pair.shift
        told = (shift.right, shift.down, shift.confidence, shift.certain) if shift else ("", "", "", False)
        writer.writerow((pair.sar["image_id"], pair.optical["image_id"], *told, pair.fate(_limit(entry))))
    return stream.getvalue()


def _limit(entry: Entry) -> float:
    return entry.pairing.largest_shift if entry.pairing else 0.0

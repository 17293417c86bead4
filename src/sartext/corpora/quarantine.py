"""What a corpus's index leaves out: a reason for each, in one table."""

import csv
import io
from collections import Counter
from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Literal

from sartext.errors import ArtefactError
from sartext.files import write_text

Kind = Literal["image", "box", "annotation"]


class Unusable(Exception):  # noqa: N818 - it says what a file is
    """One image or annotation file that cannot be used.

    Args:
        reason: a short code such as ``truncated-image``; reasons are counted.
        detail: what exactly was found.
    """

    def __init__(self, reason: str, detail: str = "") -> None:
        self.reason = reason
        self.detail = " ".join(detail.split())
        super().__init__(reason, detail)

    def __str__(self) -> str:
        return f"{self.reason}: {self.detail}" if self.detail else self.reason


@dataclass(frozen=True, order=True)
class Fault:
    """One row of ``quarantine.csv``.

    ``path`` is relative to the project for a file of the corpus, else the name that the annotation gives.
    ``kind`` is what was left out: the ``image`` itself, a ``box`` of an image that stays (boxes that were
    repaired have a row too), or an ``annotation`` (of an image that is not there, a damaged file, or what was
    noticed in the annotation of an image that stays).
    """

    path: str
    image_id: str
    reason: str
    detail: str
    kind: Kind


COLUMNS = tuple(field.name for field in fields(Fault))


def write_quarantine(path: Path, faults: Iterable[Fault]) -> None:
    """Write faults as CSV, sorted by all their columns."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    writer.writerows(astuple(fault) for fault in sorted(faults))
    write_text(path, stream.getvalue())


def read_quarantine(path: Path, kind: Kind | None = None) -> list[Fault]:
    """Read ``quarantine.csv``, only the rows of one kind if one is named.

    Raises:
        ArtefactError: the file is missing or has other columns.
    """
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.reader(stream))
    except FileNotFoundError as error:
        raise ArtefactError("the table is missing", where=path, way_out="run `make release`") from error
    if not rows or tuple(rows[0]) != COLUMNS or any(len(row) != len(COLUMNS) for row in rows):
        raise ArtefactError("not a quarantine table", where=path, way_out="remove it and build it again")
    faults = [Fault(*row) for row in rows[1:]]  # type: ignore[arg-type]
    return [fault for fault in faults if kind is None or fault.kind == kind]


def count_reasons(faults: Iterable[Fault]) -> dict[str, dict[str, int]]:
    """Return how many rows there are by kind and reason."""
    counts: dict[str, Counter[str]] = {"annotation": Counter(), "box": Counter(), "image": Counter()}
    for fault in faults:
        counts[fault.kind][fault.reason] += 1
    return {kind: dict(sorted(reasons.items())) for kind, reasons in counts.items()}

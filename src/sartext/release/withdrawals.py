"""The table of withdrawn images in a release: hashes and reasons, nothing of the images themselves."""

import csv
import io
import re
from pathlib import Path
from typing import NamedTuple

import pyarrow.compute as pc

from sartext.config import Project
from sartext.errors import ReleaseError
from sartext.files import write_text
from sartext.release.inputs import WITHDRAWN, read_indexes
from sartext.tables import LEDGER, read_table

WITHDRAWALS = "withdrawn.csv"
"""In every release, with no row where nothing was withdrawn."""

_SHA256 = re.compile(r"[0-9a-f]{64}|")


class Withdrawn(NamedTuple):
    """A withdrawn image: its id, the hashes of its file and pixels (an unknown one is empty), and why."""

    image_id: str
    sha256: str
    pixels_sha256: str
    reason: str


def write_withdrawn(project: Project, path: Path) -> None:
    """Write the table of the images that the ledger calls withdrawn, sorted by id."""
    ledger = read_table(project.build / "ledger.parquet", LEDGER)
    called = ledger.filter(pc.starts_with(ledger.column("reason"), WITHDRAWN)).to_pylist()
    reasons = {row["image_id"]: row["reason"] for row in called}
    rows = [
        Withdrawn(**row, reason=reasons[row["image_id"]].removeprefix(WITHDRAWN))
        for table in (read_indexes(project).values() if reasons else ())  # which know the hashes
        for row in table.select(Withdrawn._fields[:3]).to_pylist()
        if row["image_id"] in reasons
    ]
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows([Withdrawn._fields, *sorted(rows)])
    write_text(path, stream.getvalue())


def read_withdrawn(path: Path) -> list[Withdrawn]:
    """Return what a release withdraws, or a CSV file that has a column ``sha256`` or ``pixels_sha256``.

    A release of before there was such a table withdraws nothing.

    Raises:
        ReleaseError: the file is absent or no such table.
    """
    file = path / WITHDRAWALS if path.is_dir() else path
    if path.is_dir() and not file.is_file():
        return []
    try:
        text = file.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ReleaseError(
            f"cannot be read ({error})", where=file, way_out="name a release or a CSV file"
        ) from error
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    entries = [Withdrawn(*(str(row.get(name) or "").strip() for name in Withdrawn._fields)) for row in rows]
    for number, entry in enumerate(entries, start=2):
        digests = (entry.sha256, entry.pixels_sha256)
        if not any(digests) or not all(map(_SHA256.fullmatch, digests)):
            raise ReleaseError(
                f"row {number} has no hash in `sha256` or `pixels_sha256`",
                where=file,
                way_out="a hash has 64 digits from 0 to 9 and a to f",
            )
    return entries

"""Tab-separated ``filepath`` and ``title`` per split: what open_clip's ``--train-data`` reads."""

import csv
from pathlib import Path

from sartext.config import ReleaseParameters
from sartext.release.formats.format import Format, Material, Pairs
from sartext.release.manifest import IMAGES

HEADER = ("filepath", "title")

LISTS = {"": "caption", "-detailed": "caption_detailed"}
"""What is added to the name of a list, by the column of captions that it holds."""


def write(material: Material, folder: Path, parameters: ReleaseParameters) -> None:
    """Write ``csv/<split>.csv`` and ``csv/<split>-detailed.csv``: a row per pair whose image the release holds.

    ``filepath`` is ``images/<corpus>/<stem>.<png or jpg>``, relative to the folder that
    ``sartext release extract`` fills from the Parquet files.
    """
    target = folder / "csv"
    target.mkdir(parents=True)
    for split, rows in material.splits().items():
        listed = [(path, row) for row in rows if (path := material.image_path(row)) is not None]
        for suffix, column in LISTS.items():
            with (target / f"{split}{suffix}.csv").open("w", encoding="utf-8", newline="") as stream:
                writer = csv.writer(stream, delimiter="\t", lineterminator="\n")
                writer.writerow(HEADER)
                writer.writerows((f"{IMAGES}/{path}", row[column]) for path, row in listed)


def verify(folder: Path, pairs: Pairs) -> dict[str, str]:
    """Return the files that do not list exactly the images of their split, with their captions, in order."""
    wrong = {}
    for split in sorted({pair.split for pair in pairs.values()}):
        included = [pair for pair in pairs.values() if pair.split == split and pair.path]
        for suffix, column in LISTS.items():
            expected = [list(HEADER), *([f"{IMAGES}/{pair.path}", getattr(pair, column)] for pair in included)]
            path = folder / "csv" / f"{split}{suffix}.csv"
            rows: list[list[str]] = []
            if path.is_file():
                with path.open(encoding="utf-8", newline="") as stream:
                    rows = list(csv.reader(stream, delimiter="\t"))
            if rows != expected:
                wrong[f"csv/{path.name}"] = "its rows are not those of the Parquet files"
    return wrong


FORMAT = Format(
    name="open-clip-csv",
    description="Lists of image files and captions, as open_clip's trainer reads them",
    patterns=("csv/*.csv",),
    subject="file",
    write=write,
    verify=verify,
    extracted=True,
)

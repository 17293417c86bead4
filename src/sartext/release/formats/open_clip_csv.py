"""Tab-separated ``filepath`` and ``title`` per split: what open_clip's ``--train-data`` reads."""

import csv
from pathlib import Path

from sartext.config import ReleaseParameters
from sartext.release.material import Material

HEADER = ("filepath", "title")
IMAGES = "images"


def write(material: Material, folder: Path, parameters: ReleaseParameters) -> None:
    """Write ``csv/<split>.csv`` below ``folder``: a row per pair whose image the release holds.

    ``filepath`` is ``images/<corpus>/<stem>.<png or jpg>``, relative to the folder that
    ``sartext release extract`` fills from the Parquet files.
    """
    target = folder / "csv"
    target.mkdir(parents=True)
    for split, rows in material.splits().items():
        with (target / f"{split}.csv").open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, delimiter="\t", lineterminator="\n")
            writer.writerow(HEADER)
            for row in rows:
                path = material.image_path(row)
                if path is not None:
                    writer.writerow((f"{IMAGES}/{path}", row["caption"]))

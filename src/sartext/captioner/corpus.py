"""What the captioning stages read of a corpus, and the tables that they write."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sartext.catalogue.entry import Entry
from sartext.config import Project
from sartext.corpora.images import Unusable, picture
from sartext.errors import ArtefactError
from sartext.files import atomic_folder, write_json
from sartext.models.squashing import Pixels
from sartext.progress import track
from sartext.release.inputs import TRAIN, read_index, read_splits
from sartext.tables import CAPTIONS, UNCAPTIONED, write_table

Row = Mapping[str, Any]

TRAIN_ONLY = "captions by a model enter the train split only"


def index_rows(project: Project, corpus: str) -> list[dict[str, Any]]:
    """Return the rows of a corpus's index; an ArtefactError where it is missing or damaged."""
    rows: list[dict[str, Any]] = read_index(project, corpus).to_pylist()
    return rows


def train_ids(project: Project, rows: Iterable[Row]) -> set[str]:
    """Return the ids of those rows that are in the train split; an ArtefactError where the splits lack one."""
    splits = read_splits(project)
    trained = set()
    for row in rows:
        split = splits.get(row["image_id"])
        if split is None:
            raise ArtefactError(
                f"image '{row['image_id']}' has no split",
                where=project.build / "splits" / "splits.parquet",
                way_out="run `sartext splits` again",
            )
        if split["split"] == TRAIN and split["benchmark"] is None:
            trained.add(row["image_id"])
    return trained


def pictures_of(project: Project, entry: Entry, rows: Sequence[Row], description: str) -> Iterator[Pixels]:
    """Yield the picture of each row, with progress.

    Raises:
        ArtefactError: an image of the index cannot be read any more.
    """
    for row in track(rows, description, len(rows)):
        try:
            yield picture(project.root, row, entry)
        except Unusable as error:
            raise ArtefactError(
                f"the image cannot be read any more ({error})",
                where=row["path"],
                way_out=f"restore it, or run `sartext corpus {entry.name}` again",
            ) from error


def write_captions(
    folder: Path, captions: Sequence[Row], reasons: Mapping[str, str], metrics: Mapping[str, object]
) -> None:
    """Write the captions of a corpus, why an image got none, and the counts: all of it or nothing."""
    uncaptioned = [{"image_id": image_id, "reason": reason} for image_id, reason in reasons.items()]
    with atomic_folder(folder) as temporary:
        write_table(temporary / "captions.parquet", CAPTIONS, captions)
        write_table(temporary / "uncaptioned.parquet", UNCAPTIONED, uncaptioned)
        write_json(temporary / "metrics.json", metrics)

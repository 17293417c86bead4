"""What the captioning stages read of a corpus, and the tables that they write."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from sartext.captioner.captioner import Picture
from sartext.catalogue.entry import Entry
from sartext.config import Project
from sartext.corpora.images import Unusable, picture
from sartext.errors import ArtefactError
from sartext.files import atomic_folder, write_json
from sartext.progress import track
from sartext.tables import CAPTIONS, INDEX, SPLITS, UNCAPTIONED, read_rows, write_table

Row = Mapping[str, Any]

TRAIN = "train"
TRAIN_ONLY = "captions by a model enter the train split only"


def index_rows(project: Project, corpus: str) -> list[dict[str, Any]]:
    """Return the rows of a corpus's index.

    Raises:
        ArtefactError: it is missing or damaged.
    """
    path = project.corpus(corpus) / "index.parquet"
    if not path.is_file():
        raise ArtefactError("the index is missing", where=path, way_out=f"run `sartext corpus {corpus}`")
    return read_rows(path, INDEX)


def train_ids(project: Project, rows: Iterable[Row]) -> set[str]:
    """Return the ids of those rows that are in the train split.

    Raises:
        ArtefactError: the splits are missing or damaged, or do not know an image.
    """
    path = project.build / "splits" / "splits.parquet"
    if not path.is_file():
        raise ArtefactError("the splits are missing", where=path, way_out="run `sartext splits`")
    splits = {row["image_id"]: row for row in read_rows(path, SPLITS)}
    trained = set()
    for row in rows:
        split = splits.get(row["image_id"])
        if split is None:
            raise ArtefactError(
                f"image '{row['image_id']}' has no split", where=path, way_out="run `sartext splits` again"
            )
        if split["split"] == TRAIN and split["benchmark"] is None:
            trained.add(row["image_id"])
    return trained


def pictures_of(project: Project, entry: Entry, rows: Sequence[Row], description: str) -> Iterator[Picture]:
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
    with atomic_folder(folder) as temporary:
        write_table(temporary / "captions.parquet", CAPTIONS, captions)
        write_table(
            temporary / "uncaptioned.parquet",
            UNCAPTIONED,
            [{"image_id": image_id, "reason": reason} for image_id, reason in reasons.items()],
        )
        write_json(temporary / "metrics.json", metrics)

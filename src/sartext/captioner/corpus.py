"""What the captioning stages read of a corpus."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sartext.catalogue.entry import Entry
from sartext.config import Project
from sartext.corpora.images import Unusable, picture
from sartext.errors import ArtefactError
from sartext.models.squashing import Pixels
from sartext.progress import track
from sartext.release.inputs import read_index

Row = Mapping[str, Any]

TRAIN_ONLY = "captions by a model enter the train split only"


def index_rows(project: Project, corpus: str) -> list[dict[str, Any]]:
    """Return the rows of a corpus's index; an ArtefactError where it is missing or damaged."""
    rows: list[dict[str, Any]] = read_index(project, corpus).to_pylist()
    return rows


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

"""The pictures of a project's images, read from the sources: also those that a release must withhold."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from sartext.catalogue.loading import find_entry
from sartext.config import Project
from sartext.corpora.images import picture
from sartext.errors import ArtefactError
from sartext.release.inputs import read_index

Pixels = npt.NDArray[np.uint8]


class SourcePictures:
    """Reads rows of a project's indexes, each when it is first asked for, and pictures of its sources."""

    def __init__(self, project: Project) -> None:
        self._project = project
        self._rows: dict[str, dict[str, Mapping[str, Any]]] = {}

    def row(self, image_id: str) -> Mapping[str, Any]:
        """Return the row of the index of an image.

        Raises:
            ArtefactError: the index is missing, or does not know the image.
        """
        corpus = image_id.split("/", 1)[0]
        if corpus not in self._rows:
            rows = read_index(self._project, corpus).to_pylist()
            self._rows[corpus] = {row["image_id"]: row for row in rows}
        if image_id not in self._rows[corpus]:
            raise ArtefactError(
                f"no image '{image_id}'",
                where=self._project.corpus(corpus),
                way_out=f"run `sartext corpus {corpus}` again",
            )
        return self._rows[corpus][image_id]

    def read(self, image_id: str) -> Pixels:
        """Return the picture that a person sees of an image: uint8, height x width, or height x width x 3.

        Raises:
            ArtefactError: the index does not know it.
            Unusable: the file cannot be read any more.
        """
        entry = find_entry(self._project, image_id.split("/", 1)[0])
        return np.asarray(picture(self._project.root, self.row(image_id), entry), dtype=np.uint8)

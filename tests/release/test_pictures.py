"""Pictures from the sources: also those that a release withholds, as a person sees them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from sartext.corpora.images import Unusable
from sartext.errors import ArtefactError, CatalogueError
from sartext.release.pictures import SourcePictures
from tests.release.built import Built


def test_every_image_of_the_project_is_read_whatever_its_licence(built: Built) -> None:
    sources = SourcePictures(built.project)
    for row in built.pairs():
        with Image.open(built.root / row["path"]) as image:
            assert (sources.read(row["image_id"]) == np.asarray(image)).all()
        assert sources.row(row["image_id"])["sha256"] == row["sha256"]


def test_an_index_is_read_once_and_only_when_it_is_asked_for(built: Built) -> None:
    (built.root / "build/corpus/beta/index.parquet").unlink()
    sources = SourcePictures(built.project)
    sources.read("alpha/0001")
    (built.root / "build/corpus/alpha/index.parquet").unlink()
    sources.read("alpha/0002")
    with pytest.raises(ArtefactError, match=r"index is missing.*sartext corpus beta"):
        sources.read("beta/0001")


def test_an_image_that_is_unknown_or_gone_is_an_error(built: Built) -> None:
    sources = SourcePictures(built.project)
    with pytest.raises(ArtefactError, match=r"no image 'alpha/9999'.*sartext corpus alpha"):
        sources.read("alpha/9999")
    with pytest.raises((CatalogueError, ArtefactError), match="gamma"):
        sources.read("gamma/0001")
    Path(built.root / "data/alpha/images/0001.png").unlink()
    with pytest.raises(Unusable, match="unreadable-file"):
        sources.read("alpha/0001")

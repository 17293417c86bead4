"""Embeddings of a release by a model: of the pictures that it holds and of its captions, and their page."""

from pathlib import Path

import numpy as np
import pytest

from sartext.errors import ReleaseError
from sartext.explorer.embedding import embed
from sartext.explorer.site import explore
from sartext.explorer.vectors import IMAGES, SENTENCES, read_vectors
from sartext.models.checkpoint import load, save
from tests.explorer.generated import WITHHELD, generate
from tests.models.gpt.making import tower


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a tiny CLIP."""
    folder = tmp_path_factory.mktemp("models") / "clip"
    save(tower("clip"), folder)
    return folder


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return generate(tmp_path_factory.mktemp("few") / "generated" / "1.0.0", 30)


def test_pictures_that_the_release_holds_are_embedded_and_withheld_ones_are_not(
    few: Path, model: Path, tmp_path: Path
) -> None:
    told = embed(few, model, tmp_path / "embeddings")
    images = read_vectors(tmp_path / "embeddings" / IMAGES, "image_id")
    assert told["images"] == len(images.names) == 24
    assert not any(name.startswith(WITHHELD) for name in images.names)
    assert np.allclose(np.linalg.norm(images.vectors, axis=1), 1)
    assert images.model_sha256 == load(model).sha256
    sentences = read_vectors(tmp_path / "embeddings" / SENTENCES, "sentence")
    assert sentences.vectors.shape[1] == images.vectors.shape[1]
    shown = explore(few, tmp_path / "site", embeddings=tmp_path / "embeddings")
    assert (shown["similar"], shown["sentences"]) == (24, len(sentences.names))


def test_embeddings_are_not_written_into_the_release(few: Path, model: Path) -> None:
    with pytest.raises(ReleaseError, match="lies in the release"):
        embed(few, model, few / "embeddings")

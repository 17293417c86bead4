"""Features are those of plain open_clip on the same pictures, resized, and the same texts, cut."""

import numpy as np
import pytest
import torch
from PIL import Image

from sartext.errors import EvaluationError, ModelError
from sartext.evaluation import embedding
from sartext.evaluation.embedding import embed, embed_images, embed_texts, nearest_rows
from sartext.models import checkpoint
from sartext.models.compatibility import open_clip
from tests.evaluation.generated import benchmark
from tests.models.making import CAPTIONS, pictures, small_model


def saved(path, kind, **preprocessing):
    model = small_model(path, kind)
    model.config["preprocess_cfg"] |= preprocessing
    checkpoint.save(model, path / "model")
    return path / "model"


@pytest.fixture(scope="module", params=["clip", "coca"])
def folder(request, tmp_path_factory):
    return saved(tmp_path_factory.mktemp(request.param), request.param)


@pytest.mark.parametrize(
    ("kind", "preprocessing"),
    [("clip", {}), ("coca", {}), ("clip", {"resize_mode": "shortest", "interpolation": "bilinear"})],
)
def test_features_are_those_of_open_clip(tmp_path, kind, preprocessing):
    """A folder as anyone's: its transform, its tokenizer, its ``encode_image`` and ``encode_text``."""
    folder = saved(tmp_path, kind, **preprocessing)
    network, _, transform = open_clip.create_model_and_transforms(f"local-dir:{folder}")
    network.eval()
    tokenizer = open_clip.get_tokenizer(f"local-dir:{folder}")
    looked, texts = pictures(7), [*CAPTIONS[:9], " ".join(CAPTIONS[:5])]
    shown = torch.stack([transform(Image.fromarray(picture)) for picture in looked])
    with torch.no_grad():
        images = network.encode_image(shown, normalize=True)
        expected = network.encode_text(tokenizer(texts), normalize=True)
    model = checkpoint.load(folder)
    torch.testing.assert_close(embed_images(model, looked, batch=3), images, atol=2e-6, rtol=1e-5)
    found, cut = embed_texts(model, texts, batch=4)
    torch.testing.assert_close(found, expected, atol=2e-6, rtol=1e-5)
    assert cut == 1


def test_the_features_of_a_benchmark_have_length_one_and_its_order(folder):
    model, tested = checkpoint.load(folder), benchmark(20)
    found = embed(model, tested)
    images, texts = found.pair
    assert images.shape == texts.shape == (20, 128)
    assert (images.dtype, texts.dtype) == (torch.float32, torch.float32)
    for features in (images, texts):
        torch.testing.assert_close(features.norm(dim=1), torch.ones(20))
    alone = embed_images(model, [tested.read(tested.examples[13].image_id)])
    torch.testing.assert_close(images[13:14], alone, atol=2e-6, rtol=1e-5)
    assert not model.network.training


def test_equal_texts_have_equal_features_to_the_last_bit(folder):
    texts = [CAPTIONS[at % 3] for at in range(11)]
    found, _ = embed_texts(checkpoint.load(folder), texts, batch=2)
    assert len({features.numpy().tobytes() for features in found}) == 3
    assert torch.equal(found[0], found[9])


def test_what_cannot_be_embedded_is_named(folder):
    model = checkpoint.load(folder)
    for embedded, items, problem in (
        (embed_texts, ["a ship", "  "], "text 1: 1 of 2 texts are empty"),
        (embed_texts, [], "no texts"),
        (embed_images, [], "no pictures"),
        (embed_images, [np.zeros((8, 8), dtype=np.float32)], "no 8-bit grey or RGB picture"),
    ):
        with pytest.raises((EvaluationError, ModelError), match=problem):
            embedded(model, items)
    with torch.no_grad():
        next(model.network.visual.parameters()).fill_(torch.nan)
    with pytest.raises(EvaluationError, match=r"features of 2 of 2 pictures are no numbers"):
        embed_images(model, pictures(2))


@pytest.mark.parametrize("budget", [1, 7, 10_000])
def test_nearest_rows_in_blocks_are_those_of_the_whole_product(monkeypatch, budget):
    rng = np.random.default_rng(2)
    queries, gallery = rng.normal(size=(23, 5)), rng.normal(size=(7, 5))
    monkeypatch.setattr(embedding, "SIMILARITIES", budget)
    assert nearest_rows(queries, gallery).tolist() == (queries @ gallery.T).argmax(axis=1).tolist()
    assert nearest_rows(np.ones((1, 2)), np.ones((3, 2))).tolist() == [0], "of equally near rows the first"
    assert nearest_rows(np.ones((0, 2)), np.ones((3, 2))).tolist() == []

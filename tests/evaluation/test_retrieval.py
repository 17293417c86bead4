import numpy as np
import pytest
import torch

from sartext.evaluation import retrieval as module
from sartext.evaluation.retrieval import CUTS, ceiling, retrieval


def features(count, seed=0, width=8):
    values = torch.randn(count, width, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.normalize(values, dim=1)


def by_sorting(queries, gallery, wanted, held):
    """R@k as it is defined: sort, look at the first k."""
    order = (queries @ gallery.T).argsort(dim=1, descending=True)
    hits = torch.as_tensor(held)[order] == torch.as_tensor(wanted)[:, None]
    return np.stack([hits[:, :cut].any(dim=1).numpy() for cut in CUTS], axis=1).astype(float)


def test_one_positive_is_what_sorting_gives():
    images, texts = features(60, 1), features(60, 2)
    found = retrieval(images, texts)
    own = list(range(60))
    np.testing.assert_array_equal(found.image_to_text, by_sorting(images, texts, own, own))
    np.testing.assert_array_equal(found.text_to_image, by_sorting(texts, images, own, own))
    six = [value for name, value in found.figures.items() if name != "mean_recall"]
    assert len(six) == 6
    assert found.mean_recall == pytest.approx(np.mean(six))
    assert found.per_pair.mean() == pytest.approx(found.mean_recall)


def test_equal_facts_are_positives_in_duplicate_aware_scoring():
    images, texts = features(60, 1), features(60, 2)
    keys = [number % 7 for number in range(60)]
    found = retrieval(images, texts, keys)
    np.testing.assert_array_equal(found.image_to_text, by_sorting(images, texts, keys, keys))
    assert found.mean_recall > retrieval(images, texts).mean_recall


def test_several_captions_per_image():
    images, texts = features(20, 1), features(100, 2)
    owners = [number // 5 for number in range(100)]
    found = retrieval(images, texts, list(range(20)), owners)
    np.testing.assert_array_equal(found.image_to_text, by_sorting(images, texts, list(range(20)), owners))
    np.testing.assert_array_equal(found.text_to_image, by_sorting(texts, images, owners, list(range(20))))


def test_ties_count_by_chance():
    """A model that gives every image the same features knows nothing, and scores what chance scores."""
    same = torch.ones(50, 4) / 2
    found = retrieval(same, same)
    np.testing.assert_allclose(found.image_to_text, np.tile([1 / 50, 5 / 50, 10 / 50], (50, 1)))


def test_a_model_that_knows_the_facts_reaches_the_ceiling():
    keys = [0, 0, 0, 1, 1, 2, 3, 3, 3, 3, 3, 3, 3]
    perfect = torch.eye(4)[keys]
    assert retrieval(perfect, perfect).mean_recall == pytest.approx(ceiling(keys))
    assert retrieval(perfect, perfect, keys).mean_recall == pytest.approx(100)
    assert ceiling(range(9)) == 100


def test_ceiling_of_recall_at_one_is_the_share_of_distinct_captions():
    keys = np.repeat(np.arange(56), 20)
    perfect = torch.eye(56)[keys]
    assert retrieval(perfect, perfect).image_to_text[:, 0].mean() == pytest.approx(56 / len(keys))


def test_blocks_change_nothing(monkeypatch):
    images, texts = features(60, 1), features(60, 2)
    keys = [number % 11 for number in range(60)]
    whole = retrieval(images, texts, keys)
    monkeypatch.setattr(module, "BUDGET", 60 * 7)
    parts = retrieval(images, texts, keys)
    np.testing.assert_array_equal(whole.image_to_text, parts.image_to_text)
    np.testing.assert_array_equal(whole.text_to_image, parts.text_to_image)


def test_a_query_without_a_positive_is_never_found():
    found = retrieval(features(3, 1), features(3, 2), [0, 1, 2], [0, 1, 7])
    assert not found.image_to_text[2].any()
    assert not found.text_to_image[2].any()


def test_numbers_must_agree():
    with pytest.raises(ValueError, match="3 images"):
        retrieval(features(3), features(4))
    with pytest.raises(ValueError, match="0 images"):
        retrieval(features(0), features(0))

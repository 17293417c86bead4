"""Recall by the definition and by clip_benchmark, whatever the blocks, and the benchmark of it."""

import numpy as np
import pytest
import torch
from clip_benchmark.metrics.zeroshot_retrieval import batchify, evaluate, recall_at_k
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks import retrieval as timing
from benchmarks.__main__ import MODULES
from sartext.errors import EvaluationError
from sartext.evaluation import similarity_blocks
from sartext.evaluation.metrics.recall import CUTS, Ranks, ceiling
from sartext.evaluation.retrieval import ranks, retrieval


def features(count, seed=0, width=8):
    values = torch.randn(count, width, generator=torch.Generator().manual_seed(seed))
    return torch.nn.functional.normalize(values, dim=1)


def test_mean_recall_is_of_both_ways_and_equal_facts_are_positives_where_duplicates_count():
    images, texts = features(60, 1), features(60, 2)
    found = retrieval(images, texts)
    assert found.mean_recall == pytest.approx(100 * np.mean([found.image_to_text, found.text_to_image]))
    assert found.per_pair.mean() == pytest.approx(found.mean_recall)
    assert retrieval(images, texts, [number % 7 for number in range(60)]).mean_recall > found.mean_recall


def test_ties_count_by_chance():
    """A model that gives every image the same features knows nothing, and scores what chance scores."""
    same = torch.ones(50, 4) / 2
    found = retrieval(same, same)
    np.testing.assert_allclose(found.image_to_text, np.tile([1 / 50, 5 / 50, 10 / 50], (50, 1)))


def test_a_model_that_knows_the_facts_reaches_the_ceiling():
    keys = [0, 0, 0, 1, 1, 2, 3, 3, 3, 3, 3, 3, 3]
    perfect = torch.eye(4)[keys]
    found = retrieval(perfect, perfect)
    assert found.mean_recall == pytest.approx(ceiling(keys))
    assert found.image_to_text[:, 0].mean() == pytest.approx(4 / 13), "at 1 the share of distinct captions"
    assert retrieval(perfect, perfect, keys).mean_recall == pytest.approx(100)
    assert ceiling(range(9)) == 100


def test_a_query_without_a_positive_is_never_found():
    found = retrieval(features(3, 1), features(3, 2), [0, 1, 2], [0, 1, 7])
    assert not found.image_to_text[2].any()
    assert not found.text_to_image[2].any()


@pytest.mark.parametrize(
    ("images", "texts", "problem"),
    [
        (features(3), features(4), "3 images"),
        (features(0), features(0), "0 images"),
        (features(20), features(20, width=16), "features of images have 8 values, those of texts 16"),
        (features(3), torch.ones(3, 1, dtype=torch.int64), r"texts: features of torch.int64 and shape \(3, 1\)"),
        *(
            (features(9), features(9).index_fill(0, torch.tensor(7), value), "texts: 1 of 9 .* the first in row 7")
            for value in (float("nan"), float("inf"))
        ),
    ],
)
def test_features_that_cannot_be_compared_are_named(images, texts, problem):
    with pytest.raises(EvaluationError, match=problem):
        retrieval(images, texts)


def by_clip_benchmark(images, texts, owners):
    """R@k as the field computes it."""
    scores = texts @ images.T
    positive = torch.zeros_like(scores, dtype=torch.bool)
    positive[torch.arange(len(texts)), torch.as_tensor(owners)] = True
    return [
        [(batchify(recall_at_k, some, pairs, 64, "cpu", k=cut) > 0).float().mean().item() for cut in CUTS]
        for some, pairs in ((scores.T, positive.T), (scores, positive))
    ]


def means(found):
    """Recall of images and of texts, at each cut."""
    return np.stack([found.image_to_text.mean(axis=0), found.text_to_image.mean(axis=0)])


def related(count, captions=1, noise=2.0, width=32):
    """Features of images, and of captions that mostly fit them."""
    images = features(count, 1, width)
    texts = images.repeat_interleave(captions, dim=0) + noise * features(count * captions, 2, width)
    return images, torch.nn.functional.normalize(texts, dim=1)


@pytest.mark.parametrize("captions", [1, 5])
@pytest.mark.parametrize("block", [2048, 64])
def test_recall_is_that_of_clip_benchmark(monkeypatch, captions, block):
    monkeypatch.setattr(similarity_blocks, "BLOCK", block)
    images, texts = related(300, captions)
    owners = [number // captions for number in range(len(texts))]
    recalls = means(retrieval(images, texts, range(300), owners))
    np.testing.assert_allclose(recalls, by_clip_benchmark(images, texts, owners), rtol=0, atol=1e-6)
    assert 0.05 < recalls[0, 0] < 0.95


def test_recall_is_that_of_clip_benchmarks_own_evaluation():
    """From a model and pictures to the figures, through ``clip_benchmark`` itself."""
    images, texts = related(240, 2)

    class Looked:
        encode_image = staticmethod(lambda rows: images[rows])
        encode_text = staticmethod(lambda rows: texts[rows])

    loader = [
        (torch.arange(start, start + 60), [[2 * at, 2 * at + 1] for at in range(start, start + 60)])
        for start in range(0, 240, 60)
    ]
    theirs = evaluate(Looked, loader, torch.tensor, "cpu", amp=False, recall_k_list=list(CUTS))
    recalls = means(retrieval(images, texts, range(240), [at // 2 for at in range(480)]))
    expected = [[theirs[f"{side}_retrieval_recall@{cut}"] for cut in CUTS] for side in ("text", "image")]
    np.testing.assert_allclose(recalls, expected, rtol=0, atol=1e-6)


def test_where_captions_repeat_clip_benchmark_depends_on_the_order_and_this_does_not():
    """Its figures move when the pairs are listed in another order; their mean is what stands here."""
    keys = torch.arange(240) % 60
    images, texts = features(240, 1, 16), features(60, 2, 16)[keys]
    images = torch.nn.functional.normalize(images + 0.7 * texts, dim=1)
    own = range(240)
    seen = []
    for seed in range(40):
        order = torch.randperm(240, generator=torch.Generator().manual_seed(seed))
        ours = means(retrieval(images[order], texts[order]))
        seen.append((100 * by_clip_benchmark(images[order], texts[order], own)[0][0], 100 * ours[0, 0]))
    theirs, ours = np.array(seen).T
    assert np.ptp(theirs) > 1
    assert np.ptp(ours) < 1e-9
    assert ours[0] == pytest.approx(theirs.mean(), abs=3 * theirs.std() / np.sqrt(len(theirs)) + 1e-9)


@given(
    rows=st.integers(1, 23),
    columns=st.integers(1, 23),
    labels=st.integers(1, 6),
    distinct=st.integers(1, 8),
    block=st.integers(1, 9),
    strip=st.integers(1, 5),
    seed=st.integers(0, 999),
)
@settings(max_examples=150, deadline=None)
def test_any_blocks_count_what_the_definition_says(rows, columns, labels, distinct, block, strip, seed):
    """Whole numbers multiply exactly, so that ties are ties: equal features, and different ones that tie."""
    rng = np.random.default_rng(seed)
    images, texts = (
        torch.from_numpy(rng.integers(-2, 3, (distinct, 3))[rng.integers(0, distinct, count)]).float()
        for count in (rows, columns)
    )
    left, right = rng.integers(0, labels, rows), rng.integers(0, labels, columns)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(similarity_blocks, "BLOCK", block)
        patch.setattr(similarity_blocks, "STRIP", strip)
        found = ranks(images, texts, left, right)
    similarity = (images @ texts.T).numpy()
    for side, table, own, other in ((found[0], similarity, left, right), (found[1], similarity.T, right, left)):
        for at in range(len(own)):
            positive = other == own[at]
            if not positive.any():
                assert (side.above[at], side.ties[at], side.best[at]) == (0, 0, 0)
                continue
            best = table[at, positive].max()
            assert side.above[at] == (table[at] > best).sum()
            assert side.ties[at] == ((table[at] == best) & ~positive).sum()
            assert side.best[at] == ((table[at] == best) & positive).sum()


def test_the_chance_of_ties_is_the_share_of_orders():
    """One positive and three negatives that tie behind two that are above."""
    found = Ranks(np.array([2.0]), np.array([3.0]), np.array([1.0])).recall_at((1, 2, 3, 4, 6))
    np.testing.assert_allclose(found, [[0, 0, 1 / 4, 2 / 4, 1]])


def test_equal_captions_tie_exactly_wherever_they_stand(monkeypatch):
    """A product may round the columns at the edge of a block in another way; a tie must not be broken by that."""
    monkeypatch.setattr(similarity_blocks, "BLOCK", 37)
    images, texts = features(200, 1, 61), features(5, 2, 61)
    keys = np.arange(200) % 5
    image_side, text_side = ranks(images, texts[keys])
    np.testing.assert_array_equal(image_side.ties, 39)
    np.testing.assert_array_equal(image_side.best, 1)
    np.testing.assert_array_equal(image_side.above % 40, 0)
    np.testing.assert_array_equal(text_side.ties, 0)


def test_a_positive_is_never_above_itself(monkeypatch):
    """Where rounding differed between the sweeps, a positive would stand above or below itself."""
    monkeypatch.setattr(similarity_blocks, "BLOCK", 53)
    images = features(500, 1, 300)
    for side in ranks(images, images):
        assert not side.above.any()
        assert not side.ties.any()
        assert (side.best == 1).all()


def test_the_order_of_pairs_and_the_number_of_threads_change_nothing(monkeypatch):
    monkeypatch.setattr(similarity_blocks, "BLOCK", 50)
    images, texts = related(300)
    keys = np.arange(300) % 23
    whole = retrieval(images, texts, keys)
    order = np.random.default_rng(0).permutation(300)
    mixed = retrieval(images[order], texts[order], keys[order])
    np.testing.assert_array_equal(mixed.image_to_text, whole.image_to_text[order])
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        alone = retrieval(images, texts, keys)
        torch.set_num_threads(3)
        several = retrieval(images, texts, keys)
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)
    np.testing.assert_array_equal(alone.image_to_text, whole.image_to_text)
    np.testing.assert_array_equal(several.text_to_image, whole.text_to_image)


def test_what_a_block_breaks_reaches_the_caller_and_threads_are_given_back(monkeypatch):
    before = torch.get_num_threads()
    monkeypatch.setattr(similarity_blocks, "BLOCK", 10)
    monkeypatch.setattr(torch, "mv", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        retrieval(*related(60))
    assert torch.get_num_threads() == before


def test_the_rows_of_its_benchmark_have_their_bounds():
    measured = timing.run(600)
    assert measured["seconds"] > 0 < measured["matmul_seconds"]
    assert 50 < measured["mean_recall"] <= 100
    assert 0.05 < measured["peak_gb"] < 8
    rows = {row.name: row for row in timing.rows({**measured, "size": 100_000})}
    assert rows["retrieval.100k.peak_gb"].bound == "at most 2"
    assert rows["retrieval.100k.time_over_matmul"].bound == "at most 2"
    assert rows["retrieval.100k.time_over_matmul"].value == measured["seconds"] / measured["matmul_seconds"]
    assert "retrieval" in MODULES

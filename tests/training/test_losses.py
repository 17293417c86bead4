"""Pairs that say the same are no negatives of each other; without such pairs the losses are open_clip's."""

import pytest
import torch
from torch.nn import functional

from sartext.models.compatibility import open_clip
from sartext.models.forward import cut, forward
from sartext.training.gradients import caption_loss, contrastive
from tests.training.toy import CAPTIONS, SIDE, toy_model


def features(count: int = 6, width: int = 8) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    torch.manual_seed(1)
    images, texts = (functional.normalize(torch.randn(count, width), dim=1) for _ in range(2))
    return images, texts, torch.tensor(14.0)


@pytest.mark.parametrize("keys", [None, torch.tensor([5, -3, 8, 2**62, 0, 1])], ids=["none", "distinct"])
def test_without_equal_facts_it_is_open_clips_contrastive_loss(keys: torch.Tensor | None) -> None:
    images, texts, scale = features()
    expected = float(open_clip.ClipLoss()(images, texts, scale))
    assert contrastive(images, texts, scale, keys) == pytest.approx(expected)


def test_equal_facts_share_the_target() -> None:
    images, texts, scale = features(3)
    logits = scale * images @ texts.T
    keys = torch.tensor([7, 7, 1])
    by_image, by_text = logits.log_softmax(dim=1), logits.T.log_softmax(dim=1)
    first = [
        (logs[0, 0] + logs[0, 1]) / 2 + (logs[1, 0] + logs[1, 1]) / 2 + logs[2, 2] for logs in (by_image, by_text)
    ]
    assert contrastive(images, texts, scale, keys) == pytest.approx(float(-sum(first) / 6))


def test_a_perfect_model_of_repeating_captions_has_no_gradient_between_equal_pairs() -> None:
    vectors = functional.normalize(torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]), dim=1)
    images = vectors.clone().requires_grad_()
    keys = torch.tensor([4, 4, 9])
    contrastive(images, vectors, torch.tensor(100.0), keys).backward()
    assert images.grad is not None and images.grad.abs().max() < 1e-6
    contrastive(images, vectors, torch.tensor(100.0)).backward()  # plain InfoNCE cannot be content: log 2 remains
    assert contrastive(vectors, vectors, torch.tensor(100.0)) == pytest.approx(2 / 3 * 0.6931, abs=1e-3)


def test_the_caption_loss_is_open_clips_and_does_not_score_padding() -> None:
    torch.manual_seed(2)
    logits, labels = torch.randn(4, 7, 11), torch.randint(1, 11, (4, 7))
    labels[0, 3:] = labels[2, 5:] = 0
    images, texts, scale = features(4)
    expected = open_clip.CoCaLoss(1.0, 1.0, pad_id=0)(images, texts, logits, labels, scale)[1]
    assert caption_loss(logits, labels, 0) == pytest.approx(float(expected))
    changed = logits.clone()
    changed[0, 3:] += 50
    assert caption_loss(changed, labels, 0) == pytest.approx(float(expected))


@pytest.mark.parametrize("kind", ["clip", "coca"])
def test_cut_captions_give_what_open_clip_gives_for_whole_ones(kind: str) -> None:
    model = toy_model(kind)
    images = torch.randn(len(CAPTIONS), 3, SIDE, SIDE)
    whole = model.tokenizer.encode(CAPTIONS, full=True)
    expected = model.network(images, whole)
    if not isinstance(expected, dict):
        expected = dict(zip(("image_features", "text_features"), expected, strict=False))
    short = cut(whole, model.tokenizer.pad)
    assert short.shape[1] < whole.shape[1]
    seen = forward(model.network, images, short)
    torch.testing.assert_close(seen.image_features, expected["image_features"])
    torch.testing.assert_close(seen.text_features, expected["text_features"])
    if kind == "coca":
        scored = expected["labels"] != model.tokenizer.pad
        torch.testing.assert_close(seen.logits, expected["logits"][scored])
        assert torch.equal(seen.labels, expected["labels"][scored])

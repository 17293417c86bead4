"""The losses: contrastive with equal facts as positives, and CoCa's caption loss."""

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor


def contrastive(
    images: Tensor,
    texts: Tensor,
    scale: Tensor,
    keys: Tensor | None = None,
    *,
    all_images: Tensor | None = None,
    all_texts: Tensor | None = None,
    all_keys: Tensor | None = None,
    first: int = 0,
) -> Tensor:
    """Return the contrastive loss, the mean over both directions, in nats.

    The cross-entropy of each row of similarities against a target that is uniform over its positives (as in
    Khosla et al. 2020, equation 2, in both directions between images and texts). With distinct keys, or none, it
    is CLIP's symmetric InfoNCE (Radford et al. 2021).

    Args:
        images: n x width, of length 1.
        texts: n x width, of length 1; row ``i`` belongs to image ``i``.
        scale: what similarities are multiplied by.
        keys: int64, n; pairs with equal keys are positives of each other. None: only the pair itself.
        all_images: of all processes, where there are more than this one; likewise ``all_texts``, ``all_keys``.
        first: where this process's rows begin among all. The mean over processes is the loss of the whole batch.
    """
    all_images = images if all_images is None else all_images
    all_texts = texts if all_texts is None else all_texts
    by_image = scale * images @ all_texts.T
    by_text = scale * texts @ all_images.T
    if keys is None:
        own = torch.arange(first, first + len(images), device=images.device)
        return (F.cross_entropy(by_image, own) + F.cross_entropy(by_text, own)) / 2
    positive = (keys[:, None] == (keys if all_keys is None else all_keys)[None, :]).to(by_image.dtype)
    positive = positive / positive.sum(dim=1, keepdim=True)
    return (F.cross_entropy(by_image, positive) + F.cross_entropy(by_text, positive)) / 2


def caption_loss(logits: Tensor, labels: Tensor, pad: int, *, count: int | None = None) -> Tensor:
    """Return the cross-entropy of the next token, in nats per token, as CoCa's (Yu et al. 2022, equation 3).

    Args:
        logits: ... x vocabulary.
        labels: int64, of the leading shape of ``logits``.
        pad: the padding, which is not scored.
        count: tokens to divide the sum by; by default those scored here. The parts of a batch, or the processes,
            all divide by the whole batch's number, so that long captions weigh the same wherever they are.
    """
    flat, wanted = logits.reshape(-1, logits.shape[-1]), labels.reshape(-1)
    total = F.cross_entropy(flat, wanted, ignore_index=pad, reduction="sum")
    return total / max(1, int((wanted != pad).sum()) if count is None else count)

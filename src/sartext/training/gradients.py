"""The losses, and their gradients in whatever number of parts and processes a batch is computed.

In parts, the features of the whole batch are computed first without gradients; the contrastive loss of all of them
gives the gradient of every feature; then each part is computed again and that gradient flows into it (Gao et al.
2021, "GradCache"). So the sum over parts is the gradient of the whole batch, the temperature's included.
"""

from contextlib import nullcontext
from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - torch's own name for it
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel
from torch.utils.checkpoint import get_device_states, set_device_states

from sartext.models.forward import cut, forward, longest_of
from sartext.training.distribution import Processes


@dataclass(frozen=True)
class Objective:
    """What is minimised.

    Args:
        contrastive_weight: of the contrastive loss.
        caption_weight: of CoCa's caption loss.
        equal_facts: pairs with equal keys are positives; else only the pair itself.
        pad: the padding's token.
        bf16: compute the network in bfloat16 where autocast allows; losses and weights stay in float32.
    """

    contrastive_weight: float
    caption_weight: float
    equal_facts: bool
    pad: int
    bf16: bool = False

    def total(self, contrasted: float, captioned: float | None) -> float:
        """Return the weighted sum of the losses."""
        return self.contrastive_weight * contrasted + self.caption_weight * (captioned or 0.0)


@dataclass(frozen=True)
class Pairs:
    """A batch, or this process's share of it, on the device, as in `batches.Batch` but with normalised images."""

    images: Tensor
    tokens: Tensor
    keys: Tensor


def contrastive(
    images: Tensor, texts: Tensor, scale: Tensor, keys: Tensor | None = None, processes: Processes | None = None
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
        processes: whose rows are negatives too. The mean over processes is the loss of the whole batch.
    """
    processes = processes or Processes()
    all_images, all_texts = processes.gather(images), processes.gather(texts)
    by_image, by_text = scale * images @ all_texts.T, scale * texts @ all_images.T
    if keys is None:
        first = processes.rank * len(images)
        target = torch.arange(first, first + len(images), device=images.device)
    else:
        target = (keys[:, None] == processes.gather_plain(keys)[None, :]).to(by_image.dtype)
        target = target / target.sum(dim=1, keepdim=True)
    return (F.cross_entropy(by_image, target) + F.cross_entropy(by_text, target)) / 2


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


class Trained(nn.Module):
    """The network as a training calls it: features, temperature and the summed caption loss."""

    def __init__(self, network: nn.Module, objective: Objective) -> None:
        super().__init__()
        self.network = network
        self.objective = objective
        self.captions = hasattr(network, "text_decoder")

    def forward(self, images: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return image features, text features, the scale of similarities, and the caption loss in nats."""
        with torch.autocast(images.device.type, dtype=torch.bfloat16, enabled=self.objective.bf16):
            seen = forward(self.network, images, tokens)
        scale: Tensor = self.network.logit_scale.exp()  # type: ignore[operator]
        captioned = scale.new_zeros(())
        if seen.logits is not None and seen.labels is not None:
            captioned = caption_loss(seen.logits.float(), seen.labels, self.objective.pad, count=1)
        return seen.image_features, seen.text_features, scale, captioned


def compute_gradients(
    trained: nn.Module, pairs: Pairs, objective: Objective, processes: Processes, parts: int = 1
) -> Tensor:
    """Add the gradients of a batch to the parameters.

    Args:
        trained: a `Trained`, as `Processes.wrap` gives it.
        pairs: this process's share of the batch; all shares have the same number of pairs.
        objective: what is minimised.
        processes: among which the batch is shared.
        parts: to compute the share in; they must divide it.

    Returns:
        The contrastive and the caption loss of the whole batch, in nats, as a tensor of two.
    """
    tokens, count = _agree_on_tokens(pairs.tokens, objective.pad, processes)
    keys = pairs.keys if objective.equal_facts else None
    # the average over processes of these sums is the mean over all tokens
    per_token = processes.world / count
    if parts == 1:
        images, texts, scale, captioned = trained(pairs.images, tokens)
        contrasted = contrastive(images, texts, scale, keys, processes)
        captioned = captioned * per_token
        (objective.contrastive_weight * contrasted + objective.caption_weight * captioned).backward()
    else:
        shares = list(zip(pairs.images.chunk(parts), tokens.chunk(parts), strict=True))
        contrasted, captioned = _in_parts(
            trained, shares, keys, objective=objective, processes=processes, per_token=per_token
        )
    losses = torch.stack([contrasted.detach(), captioned.detach()])
    return processes.sum(losses) / processes.world


def _in_parts(
    trained: nn.Module,
    shares: list[tuple[Tensor, Tensor]],
    keys: Tensor | None,
    *,
    objective: Objective,
    processes: Processes,
    per_token: float,
) -> tuple[Tensor, Tensor]:
    plain = trained.module if isinstance(trained, DistributedDataParallel) else trained
    no_sync = trained.no_sync if isinstance(trained, DistributedDataParallel) else nullcontext
    states, cached = [], []
    for images, tokens in shares:
        # dropout draws from these, so that a part is computed twice alike
        states.append((torch.get_rng_state(), *get_device_states(images)))
        with torch.no_grad():
            cached.append(plain(images, tokens)[:3])
    leaves = [torch.cat(features).requires_grad_() for features in list(zip(*cached, strict=True))[:2]]
    scale = cached[0][2].requires_grad_()
    contrasted = contrastive(leaves[0], leaves[1], scale, keys, processes)
    (objective.contrastive_weight * contrasted).backward()  # type: ignore[no-untyped-call]
    flows = [leaf.grad.chunk(len(shares)) for leaf in leaves if leaf.grad is not None]
    captioned = torch.zeros_like(contrasted)
    for at, (images, tokens) in enumerate(shares):
        last = at == len(shares) - 1
        generator, *generators = states[at]
        torch.set_rng_state(generator)
        set_device_states(*generators)
        with nullcontext() if last else no_sync():
            *outputs, summed = trained(images, tokens)
            flow = [flows[0][at], flows[1][at], scale.grad if last else torch.zeros_like(scale)]
            if summed.requires_grad:  # a CLIP has no caption loss
                weight = objective.caption_weight * per_token
                outputs, flow = [*outputs, summed], [*flow, torch.full_like(summed, weight)]
            torch.autograd.backward(outputs, flow)
        captioned += summed.detach() * per_token
    return contrasted, captioned


def _agree_on_tokens(tokens: Tensor, pad: int, processes: Processes) -> tuple[Tensor, int]:
    """Cut captions to the longest of all processes; return them and how many of all their tokens are scored."""
    longest, scored = longest_of(tokens, pad), int((tokens[:, 1:] != pad).sum())
    if processes.world > 1:
        counts = processes.gather_plain(torch.tensor([[longest, scored]], device=tokens.device))
        longest, scored = int(counts[:, 0].max()), int(counts[:, 1].sum())
    return cut(tokens, pad, longest), max(1, scored)

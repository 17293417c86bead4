"""The gradients of a batch, whatever number of parts and processes it is computed in.

In parts, the features of the whole batch are computed first without gradients; the contrastive loss of all of them
gives the gradient of every feature; then each part is computed again and that gradient flows into it (Gao et al.
2021, "GradCache"). So the sum over parts is the gradient of the whole batch, the temperature's included.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.parallel import DistributedDataParallel

from sartext.models.forward import cut, forward, longest_of
from sartext.training.distribution import Processes
from sartext.training.losses import caption_loss, contrastive


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
    """A batch, or this process's share of it, on the device.

    Args:
        images: float32, n x 3 x side x side, normalised.
        tokens: int64, n x length.
        keys: int64, n: what decides which pairs are equal.
    """

    images: Tensor
    tokens: Tensor
    keys: Tensor


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
    # the average over processes of these sums is the mean over all tokens
    per_token = processes.world / count
    if parts == 1:
        images, texts, scale, captioned = trained(pairs.images, tokens)
        contrasted = _contrast(images, texts, scale, pairs.keys, objective=objective, processes=processes)
        captioned = captioned * per_token
        (objective.contrastive_weight * contrasted + objective.caption_weight * captioned).backward()
    else:
        shares = list(zip(pairs.images.chunk(parts), tokens.chunk(parts), strict=True))
        contrasted, captioned = _in_parts(
            trained, shares, pairs.keys, objective=objective, processes=processes, per_token=per_token
        )
    losses = torch.stack([contrasted.detach(), captioned.detach()])
    return processes.sum(losses) / processes.world


def _in_parts(
    trained: nn.Module,
    shares: list[tuple[Tensor, Tensor]],
    keys: Tensor,
    *,
    objective: Objective,
    processes: Processes,
    per_token: float,
) -> tuple[Tensor, Tensor]:
    plain = trained.module if isinstance(trained, DistributedDataParallel) else trained
    states, cached = [], []
    for images, tokens in shares:
        states.append(_random_state(images.device))
        with torch.no_grad():
            cached.append(plain(images, tokens)[:3])
    leaves = [torch.cat(features).requires_grad_() for features in list(zip(*cached, strict=True))[:2]]
    scale = cached[0][2].requires_grad_()
    contrasted = _contrast(leaves[0], leaves[1], scale, keys, objective=objective, processes=processes)
    (objective.contrastive_weight * contrasted).backward()  # type: ignore[no-untyped-call]
    flows = [leaf.grad.chunk(len(shares)) for leaf in leaves if leaf.grad is not None]
    captioned = torch.zeros_like(contrasted)
    for at, (images, tokens) in enumerate(shares):
        last = at == len(shares) - 1
        _set_random_state(states[at], images.device)
        with contextlib.nullcontext() if last else _unsynchronised(trained):
            *outputs, summed = trained(images, tokens)
            weight = objective.caption_weight * per_token
            scale_flow = scale.grad if last else torch.zeros_like(scale)
            flow = [flows[0][at], flows[1][at], scale_flow]
            if summed.requires_grad:  # a CLIP has no caption loss
                outputs, flow = [*outputs, summed], [*flow, torch.full_like(summed, weight)]
            torch.autograd.backward(outputs, flow)
        captioned += summed.detach() * per_token
    return contrasted, captioned


def _contrast(
    images: Tensor, texts: Tensor, scale: Tensor, keys: Tensor, *, objective: Objective, processes: Processes
) -> Tensor:
    compared = keys if objective.equal_facts else None
    return contrastive(
        images,
        texts,
        scale,
        compared,
        all_images=processes.gather(images),
        all_texts=processes.gather(texts),
        all_keys=None if compared is None else processes.gather_plain(compared),
        first=processes.rank * len(images),
    )


def _agree_on_tokens(tokens: Tensor, pad: int, processes: Processes) -> tuple[Tensor, int]:
    """Cut captions to the longest of all processes; return them and how many of all their tokens are scored."""
    longest, scored = longest_of(tokens, pad), int((tokens[:, 1:] != pad).sum())
    if processes.world > 1:
        counts = processes.gather_plain(torch.tensor([[longest, scored]], device=tokens.device))
        longest, scored = int(counts[:, 0].max()), int(counts[:, 1].sum())
    return cut(tokens, pad, longest), max(1, scored)


@contextlib.contextmanager
def _unsynchronised(trained: nn.Module) -> Iterator[None]:
    if isinstance(trained, DistributedDataParallel):
        with trained.no_sync():
            yield
    else:
        yield


def _random_state(device: torch.device) -> list[Tensor]:
    """Return the state of the generators that dropout draws from, so that a part is computed twice alike."""
    states = [torch.get_rng_state()]
    return [*states, torch.cuda.get_rng_state(device)] if device.type == "cuda" else states


def _set_random_state(states: list[Tensor], device: torch.device) -> None:
    torch.set_rng_state(states[0])
    if len(states) > 1:
        torch.cuda.set_rng_state(states[1], device)

"""What a SAR-GPT would say at the places of an answer, the loss of it, and how many answers are right."""

from collections.abc import Iterable
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from sartext.models.gpt.model import Gpt
from sartext.training.gpt.packing import IGNORED, Packed
from sartext.training.gpt.states import PatchStates


@dataclass(frozen=True, eq=False)
class Said:
    """The places of a batch at which something is to be said.

    Args:
        logits: float32, places x vocabulary.
        labels: the right token of each place.
        owners: the question of each place.
    """

    logits: Tensor
    labels: Tensor
    owners: Tensor

    @property
    def loss(self) -> Tensor:
        """Cross-entropy in nats, summed over the places."""
        return cross_entropy(self.logits, self.labels, reduction="sum")

    def right(self, questions: int) -> Tensor:
        """Return for each question whether every token of its answer, the end too, is the likeliest.

        Exactly then greedy decoding gives the answer: each token is judged with the right ones before it, which
        are those that would have been said.
        """
        wrong = torch.zeros(questions, dtype=torch.long, device=self.labels.device)
        wrong.index_add_(0, self.owners, (self.logits.argmax(dim=-1) != self.labels).long())
        return wrong == 0


def said_of(model: Gpt, packed: Packed, states: PatchStates | None, *, bf16: bool = False) -> Said:
    """Return what the model would say to a batch.

    Args:
        model: on its device.
        packed: the batch.
        states: of its pictures; None for a model without images.
        bf16: compute in bfloat16 where that is safe.
    """
    network, device = model.network, model.device
    tokens, labels = packed.tokens.to(device), packed.labels.to(device)
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=bf16):
        embedded = network.get_input_embeddings()(tokens)
        if states is not None:
            seen = network.model.multi_modal_projector(states.of(packed.image_ids)).to(embedded.dtype)
            start = packed.prefix - model.patches
            embedded = torch.cat([embedded[:, :start], seen, embedded[:, packed.prefix :]], dim=1)
        unseen = torch.finfo(embedded.dtype).min
        mask = torch.zeros(packed.visible.shape, dtype=embedded.dtype, device=device)
        mask.masked_fill_(~packed.visible.to(device), unseen)
        hidden = network.model.language_model(
            inputs_embeds=embedded,
            attention_mask=mask[:, None],
            position_ids=packed.positions.to(device),
            use_cache=False,
        ).last_hidden_state
        places = (labels.flatten() != IGNORED).nonzero()[:, 0]
        logits = network.lm_head(hidden.flatten(0, 1).index_select(0, places))
    owners = packed.owners.to(device).flatten()[places]
    return Said(logits.float(), labels.flatten()[places], owners)


def score(
    model: Gpt, batches: Iterable[Packed], states: PatchStates | None, *, bf16: bool = False
) -> dict[str, float]:
    """Return ``loss`` (nats per token of the answers) and ``accuracy`` (answers that are right, 0 to 100)."""
    was_training = model.network.training
    model.network.eval()
    loss, tokens, right, asked = 0.0, 0, 0, 0
    with torch.no_grad():
        for packed in batches:
            said = said_of(model, packed, states, bf16=bf16)
            loss += float(said.loss)
            tokens += len(said.labels)
            right += int(said.right(len(packed.questions)).sum())
            asked += len(packed.questions)
    model.network.train(was_training)
    return {"loss": loss / max(1, tokens), "accuracy": 100 * right / max(1, asked)}

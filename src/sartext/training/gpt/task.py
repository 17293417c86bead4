"""SAR-GPT learns from questions and answers: batches, the loss of the answers' tokens, and validation."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from sartext.config.training import TrainingParameters
from sartext.errors import TrainingError
from sartext.models.gpt.model import Gpt
from sartext.models.memory import shortage_told
from sartext.training.distribution import Processes
from sartext.training.gpt.packing import IGNORED, Packed, Tokenised, pack
from sartext.training.gpt.questions import PatchStates
from sartext.training.optimisation import in_bf16
from sartext.training.sampler import QuestionOrder, mixed, order

MOST_VALIDATED = 2000
"""Validation questions that are asked each time; of more, a fixed random part."""


class QuestionTask:
    """The `loop.Task` of a SAR-GPT: the parameters that require a gradient learn.

    Args:
        model: to be trained.
        train: its questions, at least a batch of them.
        validation: others; without any nothing is validated.
        parameters: of the training.
        name: of the questions, as in ``sar questions``.
        states: of the pictures of both; None for a model without images.
        seed: of the order of the train questions.
    """

    def __init__(
        self,
        model: Gpt,
        train: Sequence[Tokenised],
        validation: Sequence[Tokenised],
        parameters: TrainingParameters,
        *,
        name: str,
        states: PatchStates | None,
        seed: int,
    ) -> None:
        self.name, self.model, self.train, self.states, self.parameters = name, model, train, states, parameters
        self.network: nn.Module = model.network
        self.order = QuestionOrder([question.image_id for question in train], parameters.batch, seed)
        self.pad = int(model.tokenizer.pad_token_id)
        validated = _validation_batches(validation, parameters.seed, parameters.batch)
        self.validation = [pack(part, self.pad) for part in validated]
        self.validated = bool(self.validation)
        named = self.network.named_parameters()
        learned = {name.replace(".", "/"): weight for name, weight in named if weight.requires_grad}
        self.saved: nn.Module = nn.ParameterDict(learned)

    def prepare(self, device: torch.device, processes: Processes) -> None:
        """Choose the precision.

        Raises:
            TrainingError: there are several processes.
        """
        if processes.world > 1:
            raise TrainingError("a SAR-GPT is trained by a single process", way_out="run it without torchrun")
        if self.parameters.gradient_checkpointing:
            self.model.network.model.language_model.gradient_checkpointing_enable({"use_reentrant": False})
        self.bf16 = in_bf16(self.parameters, device)

    def batches(self, step: int) -> Iterator[list[Tokenised]]:
        """Yield the questions of each step."""
        while True:
            yield [self.train[at] for at in self.order.at(step)]
            step += 1

    def random_seed(self, step: int) -> int:
        """Return another seed for every step."""
        return mixed(self.parameters.seed, step)

    def gradients(self, batch: list[Tokenised]) -> Tensor:
        """Add the gradients of the mean loss over the tokens of the answers; return that loss."""
        size = -(-len(batch) // self.parameters.accumulate)
        tokens = sum(len(question.answer) for question in batch)
        total = torch.zeros((), device=self.model.device)
        for at in range(0, len(batch), size):
            packed = pack(batch[at : at + size], self.pad)
            loss: Tensor = predict(self.model, packed, self.states, bf16=self.bf16).loss / tokens
            loss.backward()  # type: ignore[no-untyped-call]
            total += loss.detach()
        return total.reshape(1)

    def losses(self, values: Sequence[float]) -> dict[str, float]:
        """Name the loss, in nats per token of the answers."""
        return {"loss": values[0]}

    def images(self, batch: list[Tokenised]) -> Iterable[str]:
        """Return the ids of the images of a batch."""
        return dict.fromkeys(question.image_id for question in batch)

    def explain_shortage(
        self, optimiser: torch.optim.Optimizer, batch: list[Tokenised] | None = None
    ) -> AbstractContextManager[None]:
        """Turn a shortage of memory inside the block into an error that says what to set."""
        parameters = self.parameters
        way_out = "raise `training.accumulate` in params.yaml, which gives the same gradients"
        if not parameters.gradient_checkpointing:
            way_out += ", or `training.gradient_checkpointing: true`"
        reason = f"out of memory with {parameters.batch} questions in {parameters.accumulate} parts"
        return shortage_told(lambda: TrainingError(reason, where="training", way_out=way_out))

    def after_step(self) -> None:
        """Do nothing: no parameter is bounded."""

    def validate(self) -> dict[str, float]:
        """Ask the validation questions."""
        return score(self.model, self.validation, self.states, bf16=self.bf16)

    def merit(self, figures: dict[str, float]) -> tuple[float, ...]:
        """The highest accuracy is the best, then the lowest loss."""
        return figures["accuracy"], -figures["loss"]


def _validation_batches(questions: Sequence[Tokenised], seed: int, batch: int) -> list[Sequence[Tokenised]]:
    """Return the validation questions, pictures with equally many together; of too many a fixed part."""
    images: dict[str, list[Tokenised]] = {}
    for at in sorted(order(len(questions), mixed(seed, 4), 0)[:MOST_VALIDATED].tolist()):
        images.setdefault(questions[at].image_id, []).append(questions[at])
    flat = [question for same in sorted(images.values(), key=len) for question in same]
    return [flat[at : at + batch] for at in range(0, len(flat), batch)]


@dataclass(frozen=True, eq=False)
class Prediction:
    """What a model predicts at the places of a batch where the tokens of an answer stand.

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

    @property
    def wrong(self) -> int:
        """The number of questions of whose answer some token, the end too, is not the likeliest.

        Exactly the others greedy decoding answers: each token is judged with the right ones before it.
        """
        return len(set(self.owners[self.logits.argmax(dim=-1) != self.labels].tolist()))


def predict(model: Gpt, packed: Packed, states: PatchStates | None, *, bf16: bool = False) -> Prediction:
    """Return what a model predicts for a batch, with the states of its pictures; None for one without images."""
    network, device = model.network, model.device
    tokens, labels = packed.tokens.to(device), packed.labels.to(device)
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=bf16):
        embedded = network.get_input_embeddings()(tokens)
        if states is not None:
            seen = network.model.multi_modal_projector(states.of(packed.image_ids)).to(embedded.dtype)
            start = packed.prefix - model.patches
            embedded = torch.cat([embedded[:, :start], seen, embedded[:, packed.prefix :]], dim=1)
        mask = torch.zeros(packed.visible.shape, dtype=embedded.dtype, device=device)
        mask.masked_fill_(~packed.visible.to(device), torch.finfo(embedded.dtype).min)
        positions = packed.positions.to(device)
        hidden = network.model.language_model(
            inputs_embeds=embedded, attention_mask=mask[:, None], position_ids=positions, use_cache=False
        ).last_hidden_state
        places = (labels.flatten() != IGNORED).nonzero()[:, 0]
        logits = network.lm_head(hidden.flatten(0, 1).index_select(0, places))
    owners = packed.owners.to(device).flatten()[places]
    return Prediction(logits.float(), labels.flatten()[places], owners)


def score(
    model: Gpt, batches: Iterable[Packed], states: PatchStates | None, *, bf16: bool = False
) -> dict[str, float]:
    """Return ``loss`` (nats per token of the answers) and ``accuracy`` (answers that are right, 0 to 100)."""
    was_training = model.network.training
    model.network.eval()
    loss, tokens, wrong, questions = 0.0, 0, 0, 0
    with torch.no_grad():
        for packed in batches:
            prediction = predict(model, packed, states, bf16=bf16)
            loss += float(prediction.loss)
            tokens += len(prediction.labels)
            wrong += prediction.wrong
            questions += len(packed.questions)
    model.network.train(was_training)
    return {"loss": loss / max(1, tokens), "accuracy": 100 * (questions - wrong) / max(1, questions)}

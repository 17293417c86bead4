"""Several questions about one picture in one row: the picture's tokens are computed once for all of them.

A question's tokens see the picture and what came before in the same question, and count their positions as if it
stood alone: the row gives each question the very same states as a row of its own.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from sartext.errors import TrainingError
from sartext.models.gpt.model import Gpt, prompt_ids, reply
from sartext.training.gpt.questions import Question

IGNORED = -100
"""The label of a place whose next token is not learned: pictures, questions and padding."""

ROW = 8
"""Questions of a row at most; a picture with more takes several."""


@dataclass(frozen=True, eq=False)
class Tokenised:
    """A question in tokens.

    ``prefix`` are the tokens up to the picture's end, the same for all questions; none without pictures. The end
    token is part of ``answer``.
    """

    id: str
    image_id: str
    prefix: tuple[int, ...]
    question: tuple[int, ...]
    answer: tuple[int, ...]

    def __len__(self) -> int:
        return len(self.question) + len(self.answer) - 1


@dataclass(frozen=True, eq=False)
class Packed:
    """Rows of questions as tensors.

    Args:
        tokens: int64, rows x places, padded at the end.
        positions: of each token in its question, the picture's counted first; rows x places.
        visible: bool, rows x places x places: whether a token (second) sees another (third).
        labels: the token to be said next, or ``IGNORED``; rows x places.
        owners: which question of the batch a place belongs to, -1 for none; rows x places.
        image_ids: of each row.
        questions: of the batch, in the order of ``owners``.
        prefix: places of the picture and what comes before, in every row.
    """

    tokens: Tensor
    positions: Tensor
    visible: Tensor
    labels: Tensor
    owners: Tensor
    image_ids: tuple[str, ...]
    questions: tuple[str, ...]
    prefix: int


def tokenise(model: Gpt, questions: Iterable[Question]) -> list[Tokenised]:
    """Return questions in tokens, in their order.

    Raises:
        TrainingError: a question with its answer and picture is longer than the language model reads.
    """
    longest = model.network.config.text_config.max_position_embeddings
    questions, end = list(questions), model.tokenizer.eos_token_id
    answers = {
        text: (*model.tokenizer(reply(text), add_special_tokens=False)["input_ids"], end)
        for text in sorted({question.answer for question in questions})
    }
    prompts = {text: prompt_ids(model, text) for text in sorted({question.question for question in questions})}
    tokenised = []
    for question in questions:
        prefix, ids = prompts[question.question]
        tokens = Tokenised(question.id, question.image_id, tuple(prefix), tuple(ids), answers[question.answer])
        if len(tokens) + len(prefix) > longest:
            raise TrainingError(
                f"a question of {len(tokens) + len(prefix)} tokens with its picture; the model reads {longest}",
                where=question.id,
                way_out="shorten it or leave it out",
            )
        tokenised.append(tokens)
    return tokenised


def rows_of(questions: Sequence[Tokenised]) -> list[list[Tokenised]]:
    """Return the questions in rows of one picture each, in the order in which their pictures first come."""
    by_image: dict[str, list[Tokenised]] = {}
    for question in questions:
        by_image.setdefault(question.image_id, []).append(question)
    return [same[at : at + ROW] for same in by_image.values() for at in range(0, len(same), ROW)]


def pack(questions: Sequence[Tokenised], pad: int) -> Packed:
    """Return a batch of questions as tensors."""
    rows = rows_of(questions)
    prefix = questions[0].prefix
    start = len(prefix)
    width = max(start + sum(map(len, row)) for row in rows)
    shape = (len(rows), width)
    tokens, labels = torch.full(shape, pad), torch.full(shape, IGNORED)
    positions, owners = torch.zeros(shape, dtype=torch.long), torch.full(shape, -1)
    # what a place belongs to: 0 the picture, then the questions; padding is a question of its own
    belongs = torch.full(shape, ROW + 1)
    tokens[:, :start] = torch.tensor(prefix, dtype=torch.long)
    positions[:, :start] = torch.arange(start)
    belongs[:, :start] = 0
    names: list[str] = []
    for number, row in enumerate(rows):
        at = start
        for place, question in enumerate(row, 1):
            end = at + len(question)
            here = slice(at, end)
            tokens[number, here] = torch.tensor([*question.question, *question.answer[:-1]])
            positions[number, here] = torch.arange(start, start + len(question))
            belongs[number, here], owners[number, here] = place, len(names)
            labels[number, at + len(question.question) - 1 : end] = torch.tensor(question.answer)
            names.append(question.id)
            at = end
    before = torch.ones(width, width, dtype=torch.bool).tril()
    same = belongs[:, :, None] == belongs[:, None, :]
    visible = before & (same | (belongs == 0)[:, None, :])
    image_ids = tuple(row[0].image_id for row in rows)
    return Packed(tokens, positions, visible, labels, owners, image_ids, tuple(names), start)

"""Answers of a SAR-GPT: greedy, in batches of equal lengths, every picture looked at once."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from sartext.errors import DecodingError
from sartext.models.gpt.model import Gpt, patch_states, pixel_values, prompt_ids
from sartext.models.squashing import Pixels

LENGTH = 32
"""Tokens of the longest answer."""

BATCH = 64
"""Questions that are answered at a time."""

AT_A_TIME = 16 * BATCH
"""Questions whose pictures are held at a time."""


def answer(
    model: Gpt,
    pictures: Sequence[Pixels],
    questions: Sequence[str],
    *,
    length: int = LENGTH,
    batch: int = BATCH,
) -> list[str]:
    """Answer a question on each picture.

    Args:
        model: on its device.
        pictures: uint8, height x width or height x width x 3, of any size; a picture with several questions may
            stand several times as the same object, and is looked at once in a batch. Not read by a model without
            images; it may then be empty.
        questions: as many, each as a person would ask it.
        length: tokens of the longest answer; a longer one is cut.
        batch: questions that are answered at a time; it decides memory and speed, not the answers.

    Returns:
        An answer per question, without spaces at its ends; "" where the model says nothing.

    Raises:
        DecodingError: the numbers differ, a question is empty, or the length or the batch is below 1.
        ModelError: an array is no picture.
    """
    if model.images and len(pictures) != len(questions):
        raise DecodingError(
            f"{len(pictures)} pictures for {len(questions)} questions", way_out="give one for each question"
        )
    if length < 1 or batch < 1:
        raise DecodingError(f"answers of {length} tokens, {batch} at a time", way_out="ask for at least one")
    for number, question in enumerate(questions):
        if not question.strip():
            raise DecodingError("an empty question", where=f"question {number}", way_out="leave it out")
    prompts = [prompt_ids(model, question) for question in questions]
    answers = [""] * len(questions)
    was_training = model.network.training
    model.network.eval()
    with torch.inference_mode():
        for part in _parts(prompts, pictures if model.images else (), batch):
            seen = _looked_at(model, [pictures[at] for at in part]) if model.images else None
            for at, text in zip(part, _decode(model, [prompts[at] for at in part], seen, length), strict=True):
                answers[at] = text
    model.network.train(was_training)
    return answers


def answer_each(
    model: Gpt,
    questions: Sequence[tuple[str, str, str]],
    read: Callable[[str], Pixels],
    *,
    length: int = LENGTH,
) -> Mapping[str, str]:
    """Answer questions on pictures that are read when they are needed, some hundred questions at a time.

    Args:
        model: on its device.
        questions: id, image id and text of each; ids are distinct.
        read: returns the picture of an image id; not called for a model without images.
        length: tokens of the longest answer.

    Returns:
        The answers by id, in the order of the questions.

    Raises:
        DecodingError: as `answer`.
    """
    ordered = sorted(questions, key=lambda question: (question[1], question[0]))
    answers: dict[str, str] = {}
    for start in range(0, len(ordered), AT_A_TIME):
        part = ordered[start : start + AT_A_TIME]
        held = {image: read(image) for image in sorted({question[1] for question in part})} if model.images else {}
        pictures = [held[question[1]] for question in part] if model.images else []
        said = answer(model, pictures, [question[2] for question in part], length=length)
        answers |= {question[0]: text for question, text in zip(part, said, strict=True)}
    return {question[0]: answers[question[0]] for question in questions}


def _parts(
    prompts: Sequence[tuple[list[int], list[int]]], pictures: Sequence[Pixels], batch: int
) -> list[list[int]]:
    """Return batches of places whose prompts are equally long, so that none is padded; same pictures together."""
    by_length: dict[int, list[int]] = {}
    for at, (seen, asked) in enumerate(prompts):
        by_length.setdefault(len(seen) + len(asked), []).append(at)
    first: dict[int, int] = {}
    for at, picture in enumerate(pictures):
        first.setdefault(id(picture), at)
    places = [first[id(picture)] for picture in pictures] or list(range(len(prompts)))
    parts = []
    for length in sorted(by_length):
        same = sorted(by_length[length], key=lambda at: (places[at], at))
        parts += [same[start : start + batch] for start in range(0, len(same), batch)]
    return parts


def _looked_at(model: Gpt, pictures: Sequence[Pixels]) -> Tensor:
    """Return the projected patches of pictures: n x patches x width of the language model."""
    distinct = {id(picture): picture for picture in pictures}
    rows = {key: row for row, key in enumerate(distinct)}
    states = patch_states(model, pixel_values(model, list(distinct.values())))
    projected: Tensor = model.network.model.multi_modal_projector(states)
    return projected[torch.tensor([rows[id(picture)] for picture in pictures], device=projected.device)]


def _decode(
    model: Gpt, prompts: Sequence[tuple[list[int], list[int]]], seen: Tensor | None, length: int
) -> list[str]:
    """Return what the model says after prompts of equal length; the patches take the place of their tokens."""
    network = model.network
    tokens = torch.tensor([[*first, *rest] for first, rest in prompts], device=model.device)
    embedded = network.get_input_embeddings()(tokens)
    if seen is not None:
        last = len(prompts[0][0])
        start = last - model.patches
        embedded = torch.cat([embedded[:, :start], seen.to(embedded.dtype), embedded[:, last:]], dim=1)
    said = network.generate(
        inputs_embeds=embedded,
        attention_mask=torch.ones_like(tokens),
        max_new_tokens=length,
        do_sample=False,
        num_beams=1,
    )
    texts: list[str] = model.tokenizer.batch_decode(said, skip_special_tokens=True)
    return [text.strip() for text in texts]

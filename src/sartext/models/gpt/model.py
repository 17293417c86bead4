"""A SAR-GPT as the rest of the library sees it: how it is prompted, and what it answers.

Answers are greedy, in batches of equal lengths; every picture is looked at once.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from torch import Tensor
from transformers import (
    CLIPImageProcessorPil,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    PreTrainedTokenizerBase,
)

from sartext.errors import DecodingError
from sartext.models.model import Model, normalise
from sartext.models.squashing import Pixels, squash

IMAGE = "<image>"
"""Stands for all tokens of a picture; the processor repeats it as often as the picture has patches."""

CHAT = (
    "{%- for message in messages -%}"
    "{%- set parts = message['content'] if message['content'] is not string "
    "else [{'type': 'text', 'text': message['content']}] -%}"
    "{%- if message['role'] == 'user' -%}"
    "{%- for part in parts if part['type'] == 'image' -%}{{ '<image>' }}{%- endfor -%}"
    "{{ '\\n' }}"
    "{%- for part in parts if part['type'] == 'text' -%}{{ part['text'] }}{%- endfor -%}"
    "{{ '\\n' }}"
    "{%- else -%}"
    "{%- for part in parts if part['type'] == 'text' -%}{{ ' ' + part['text'] }}{%- endfor -%}"
    "{%- endif -%}"
    "{%- endfor -%}"
)
"""The same as a template of transformers: a user's content is an image and a text, in the usual form."""

LENGTH = 32
"""Tokens of the longest answer."""

BATCH = 64
"""Questions that are answered at a time."""

AT_A_TIME = 16 * BATCH
"""Questions whose pictures are held at a time."""


@dataclass
class Gpt:
    """A network with all that is needed to ask it.

    Args:
        network: transformers' ``LlavaForConditionalGeneration``.
        processor: of its pictures and texts.
        images: False for a model that was taught without pictures, and is asked without.
        sha256: of the weights file that it was read from; None where it was built.
    """

    network: LlavaForConditionalGeneration
    processor: LlavaProcessor
    images: bool = True
    sha256: str | None = None

    @property
    def tokenizer(self) -> PreTrainedTokenizerBase:
        """Of its questions and answers."""
        return self.processor.tokenizer

    @property
    def side(self) -> int:
        """Width and height of the input in pixels."""
        return int(self.network.config.vision_config.image_size)

    @property
    def mean(self) -> tuple[float, ...]:
        """What is taken off each channel, of pixels from 0 to 1."""
        return tuple(map(float, self.processor.image_processor.image_mean))

    @property
    def std(self) -> tuple[float, ...]:
        """What each channel is then divided by."""
        return tuple(map(float, self.processor.image_processor.image_std))

    @property
    def patches(self) -> int:
        """Tokens that a picture takes."""
        return int(self.network.config.image_seq_length)

    @property
    def image_token(self) -> int:
        """The token that a picture's patches stand in for."""
        return int(self.network.config.image_token_id)

    @property
    def device(self) -> torch.device:
        """Where the weights are."""
        place: torch.device = next(self.network.parameters()).device
        return place


def image_processor(side: int, mean: Sequence[float], std: Sequence[float]) -> CLIPImageProcessorPil:
    """Return transformers' image processor that squashes the whole picture to a square as ours does."""
    square = {"height": side, "width": side}
    return CLIPImageProcessorPil(
        do_resize=True,
        size=square,
        resample=3,  # bicubic
        do_center_crop=False,
        crop_size=square,
        image_mean=list(mean),
        image_std=list(std),
    )


def pixel_values(model: Gpt, pictures: Sequence[Pixels]) -> Tensor:
    """Return pictures of any size as the network takes them, on its device: float32, n x 3 x side x side.

    Args:
        model: says side, mean and standard deviation.
        pictures: uint8, height x width (grey, put on three channels) or height x width x 3.

    Raises:
        ModelError: an array is no such picture.
    """
    squashed = torch.from_numpy(np.stack([squash(picture, model.side) for picture in pictures]))
    # it reads side, mean and standard deviation alone
    return normalise(squashed.to(model.device), cast(Model, model))


def patch_states(model: Gpt, pixels: Tensor) -> Tensor:
    """Return what the image tower says of each patch, before the projector: n x patches x width of the tower."""
    config = model.network.config
    states = model.network.model.vision_tower(pixels, output_hidden_states=True).hidden_states
    chosen: Tensor = states[config.vision_feature_layer]
    return chosen[:, 1:]  # without the class token


Prompt = tuple[list[int], list[int]]
"""Tokens up to the picture's end, and those of the question."""


def prompt_ids(model: Gpt, question: str) -> Prompt:
    """Return the tokens of a prompt, the picture's once for every patch; the first part is empty without one."""
    ids: list[int] = model.tokenizer(prompt(question, image=model.images))["input_ids"]
    if not model.images:
        return [], ids
    at = ids.index(model.image_token)
    return [*ids[:at], *[model.image_token] * model.patches], ids[at + 1 :]


def prompt(question: str, *, image: bool) -> str:
    """Return what the model is given: a person's turn as LLaVA's rows have it, and a line break.

    ``image`` decides whether the picture's token stands before the question.
    """
    return f"{IMAGE if image else ''}\n{' '.join(question.split())}\n"


def reply(answer: str) -> str:
    """Return what the model is to say after a prompt, the end token left out."""
    return f" {' '.join(answer.split())}"


def answer(
    model: Gpt, pictures: Sequence[Pixels], questions: Sequence[str], *, length: int = LENGTH, batch: int = BATCH
) -> list[str]:
    """Answer a question on each picture: without spaces at the ends, "" where the model says nothing.

    Args:
        model: on its device.
        pictures: uint8, height x width or height x width x 3, of any size; a picture with several questions may
            stand several times as the same object, and is looked at once in a batch. Not read by a model without
            images; it may then be empty.
        questions: as many, each as a person would ask it.
        length: tokens of the longest answer; a longer one is cut.
        batch: questions that are answered at a time; it decides memory and speed, not the answers.

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
    model: Gpt, questions: Sequence[tuple[str, str, str]], read: Callable[[str], Pixels], *, length: int = LENGTH
) -> Mapping[str, str]:
    """Answer questions, id, image id and text of each, by id, as `answer`; ids are distinct.

    The pictures of image ids are read when they are needed, for some hundred questions at a time, and for a model
    without images not at all.
    """
    ordered = sorted(questions, key=lambda question: (question[1], question[0]))
    answers = {question[0]: "" for question in questions}
    for start in range(0, len(ordered), AT_A_TIME):
        ids, images, texts = zip(*ordered[start : start + AT_A_TIME], strict=True)
        held = {image: read(image) for image in sorted(set(images))} if model.images else {}
        pictures = [held[image] for image in images] if model.images else []
        answers |= zip(ids, answer(model, pictures, texts, length=length), strict=True)
    return answers


def _parts(prompts: Sequence[Prompt], pictures: Sequence[Pixels], batch: int) -> list[list[int]]:
    """Return batches of places whose prompts are equally long, so that none is padded; same pictures together."""
    first: dict[int, int] = {}
    for at, picture in enumerate(pictures):
        first.setdefault(id(picture), at)
    places = [first[id(picture)] for picture in pictures] or list(range(len(prompts)))
    by_length: dict[int, list[int]] = {}
    for at in sorted(range(len(prompts)), key=lambda at: (places[at], at)):
        by_length.setdefault(sum(map(len, prompts[at])), []).append(at)
    return [
        same[start : start + batch]
        for _, same in sorted(by_length.items())
        for start in range(0, len(same), batch)
    ]


def _looked_at(model: Gpt, pictures: Sequence[Pixels]) -> Tensor:
    """Return the projected patches of pictures: n x patches x width of the language model."""
    distinct = {id(picture): picture for picture in pictures}
    rows = {key: row for row, key in enumerate(distinct)}
    states = patch_states(model, pixel_values(model, list(distinct.values())))
    projected: Tensor = model.network.model.multi_modal_projector(states)
    return projected[torch.tensor([rows[id(picture)] for picture in pictures], device=projected.device)]


def _decode(model: Gpt, prompts: Sequence[Prompt], seen: Tensor | None, length: int) -> list[str]:
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

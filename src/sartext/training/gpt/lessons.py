"""Both lessons of a SAR-GPT, one after the other: the whole training without a project around it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sartext.errors import TrainingError
from sartext.models.gpt.construction import add_adapters, build_gpt, merge
from sartext.models.gpt.language import LanguageFoundation
from sartext.models.gpt.model import Gpt
from sartext.models.gpt.prompts import prompt, reply
from sartext.models.model import Model
from sartext.training.callbacks import Callback, CallbackList
from sartext.training.checkpointing import Resume
from sartext.training.gpt.loop import Lesson, fit_lesson
from sartext.training.gpt.order import Order
from sartext.training.gpt.packing import tokenise
from sartext.training.gpt.questions import Question, Read, check
from sartext.training.gpt.recipe import GptRecipe
from sartext.training.gpt.states import PatchStates
from sartext.training.loop import Fit
from sartext.training.sampler import mixed


@dataclass(frozen=True, eq=False)
class Subject:
    """The questions of one lesson and their pictures.

    Args:
        name: ``optical`` or ``sar``.
        train: to learn from.
        validation: to choose the best weights by.
        read: returns the picture of an image; not called for a model without images.
    """

    name: str
    train: Sequence[Question]
    validation: Sequence[Question]
    read: Read

    @property
    def images(self) -> list[str]:
        """The images that are asked about."""
        return sorted({one.image_id for one in (*self.train, *self.validation)})


class _Later:
    """A callback that counts the steps of the second lesson on from the first's."""

    def __init__(self, callback: Callback, steps: int, samples: int) -> None:
        self._listener, self._steps, self._samples = callback, steps, samples

    def started(self, info: dict[str, Any]) -> None:
        self._listener.started(info)

    def step(self, step: int, samples: int, metrics: Mapping[str, float]) -> None:
        self._listener.step(step + self._steps, samples + self._samples, metrics)

    def validated(self, step: int, samples: int, metrics: Mapping[str, float]) -> None:
        self._listener.validated(step + self._steps, samples + self._samples, metrics)

    def finished(self, folder: Path) -> None:
        self._listener.finished(folder)

    def failed(self, error: Exception) -> None:
        self._listener.failed(error)


def build_pupil(
    recipe: GptRecipe,
    tower: Model,
    foundation: LanguageFoundation,
    subjects: Iterable[Subject],
) -> Gpt:
    """Return the model that the lessons begin with; what does not learn is frozen.

    Args:
        recipe: seed, adapters, and whether the tower learns.
        tower: the CLIP.
        foundation: of the language model.
        subjects: on whose train questions and answers a tokenizer is trained, all that it will read.

    Raises:
        ModelError: the tower cannot be converted, or the language model not be had.
    """
    texts: set[str] = set()
    for subject in subjects:
        for one in subject.train:
            texts |= {prompt(one.question, image=False), reply(one.answer)}
    seed = recipe.training.seed
    model = build_gpt(tower, foundation, sorted(texts), seed=seed, images=recipe.images)
    model.network.requires_grad_(True)
    if recipe.freeze_tower or not recipe.images:
        model.network.model.vision_tower.requires_grad_(False)
    if not recipe.images:
        model.network.model.multi_modal_projector.requires_grad_(False)
    if recipe.lora is not None:
        told = recipe.lora
        add_adapters(
            model, rank=told.rank, alpha=told.alpha, dropout=told.dropout, targets=told.targets, seed=seed + 1
        )
        model.network.lm_head.requires_grad_(False)
    return model


def teach(
    model: Gpt,
    recipe: GptRecipe,
    subjects: Sequence[Subject],
    *,
    callback: Callback | None = None,
    resumes: Mapping[str, Resume] | None = None,
) -> dict[str, Fit]:
    """Teach a model in place, adapters merged at the end; every subject is checked before the first is taught.

    Args:
        model: from `build_pupil`.
        recipe: of the training; an optical subject is left out where it has 0 samples.
        subjects: in the order in which they are taught.
        callback: told of every step; steps and samples count through.
        resumes: keep the state of each lesson by its name; the caller removes them when the result is safe.

    Returns:
        How each lesson went, by its name.

    Raises:
        TrainingError: there are too few questions or samples, or a question is empty, stands twice or is too long;
            memory runs out.
        DivergenceError: a loss or the gradient is no number.
    """
    fits: dict[str, Fit] = {}
    told: Callback = callback or CallbackList()
    steps = samples = 0
    lessons = [
        _lesson(model, recipe, subject, asked)
        for subject in subjects
        if (asked := recipe.optical_samples if subject.name == "optical" else recipe.samples)
    ]
    while lessons:
        lesson = lessons.pop(0)  # what is held of the pictures of the one before goes with it
        fits[lesson.name] = fit_lesson(
            model,
            lesson,
            recipe.training,
            learning_rate=recipe.learning_rate,
            callback=_Later(told, steps, samples),
            resume=(resumes or {}).get(lesson.name),
        )
        steps += fits[lesson.name].steps
        samples += fits[lesson.name].samples
    merge(model)
    return fits


def _lesson(model: Gpt, recipe: GptRecipe, subject: Subject, samples: int) -> Lesson:
    where = f"the {subject.name} questions"
    check([*subject.train, *subject.validation], where)
    if not subject.train:
        raise TrainingError("there are no questions to learn from", where=where, way_out="add corpora")
    batch = recipe.training.batch
    if samples < batch:
        raise TrainingError(
            f"{samples} samples do not fill one batch of {batch}",
            where=where,
            way_out="raise the samples of the model, or lower its `batch`",
        )
    states = None
    if recipe.images:
        frozen = recipe.freeze_tower
        states = PatchStates(model, subject.images, subject.read, frozen=frozen, most_bytes=recipe.cache_bytes)
    train, validation = tokenise(model, subject.train), tokenise(model, subject.validation)
    order = Order(train, batch, mixed(recipe.training.seed, len(subject.name)))
    return Lesson(subject.name, train, validation, states, samples, order)

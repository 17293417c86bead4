"""The curriculum of a SAR-GPT: questions on optical images first, then those of a release on SAR images."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from sartext.config import Project
from sartext.config.training import GptParameters
from sartext.errors import ModelError, TrainingError
from sartext.models.checkpoint import load
from sartext.models.gpt.checkpoint import save_gpt
from sartext.models.gpt.construction import add_adapters, build_gpt, merge
from sartext.models.gpt.language import LanguageFoundation, read_language
from sartext.models.gpt.model import Gpt
from sartext.models.gpt.prompts import prompt, reply
from sartext.models.model import Model
from sartext.training.callbacks import Callback, CallbackList
from sartext.training.checkpointing import Resume
from sartext.training.gpt.packing import tokenise
from sartext.training.gpt.questions import (
    Course,
    PatchStates,
    Pixels,
    Question,
    ReleasePictures,
    about_images,
    check_questions,
    release_questions,
)
from sartext.training.gpt.recipe import GptRecipe, origins, recipe_of
from sartext.training.gpt.task import QuestionTask
from sartext.training.loop import Fit, fit
from sartext.training.progress import say
from sartext.training.record import data_hashes, fit_record
from sartext.training.sampler import mixed
from sartext.training.shards.reading import open_shards


def build_untrained(
    recipe: GptRecipe, tower: Model, foundation: LanguageFoundation, courses: Iterable[Course]
) -> Gpt:
    """Return the model that the curriculum begins with; what does not learn is frozen.

    Args:
        recipe: seed, adapters, and whether the tower learns.
        tower: the CLIP.
        foundation: of the language model.
        courses: on whose train questions and answers a tokenizer is trained, all that it will read.

    Raises:
        ModelError: the tower cannot be converted, or the language model not be had.
    """
    texts: set[str] = set()
    for course in courses:
        for question in course.train:
            texts |= {prompt(question.question, image=False), reply(question.answer)}
    seed = recipe.training.seed
    model = build_gpt(tower, foundation, sorted(texts), seed=seed, images=recipe.images)
    model.network.requires_grad_(True)
    if recipe.freeze_tower or not recipe.images:
        model.network.model.vision_tower.requires_grad_(False)
    if not recipe.images:
        model.network.model.multi_modal_projector.requires_grad_(False)
    if (lora := recipe.lora) is not None:
        add_adapters(
            model, rank=lora.rank, alpha=lora.alpha, dropout=lora.dropout, targets=lora.targets, seed=seed + 1
        )
        model.network.lm_head.requires_grad_(False)
    return model


def fit_curriculum(
    model: Gpt,
    recipe: GptRecipe,
    courses: Sequence[Course],
    *,
    callback: Callback | None = None,
    resumes: Mapping[str, Resume] | None = None,
) -> dict[str, Fit]:
    """Train a model in place, adapters merged at the end; every course is checked before the first begins.

    Args:
        model: from `build_untrained`.
        recipe: of the training; an optical course is left out where it has 0 samples.
        courses: in their order; each goes on from the best weights of the one before.
        callback: called at every step; steps and samples count through.
        resumes: keep the state of each course by its name; the caller removes them when the result is safe.

    Returns:
        How each course went, by its name.

    Raises:
        TrainingError: there are too few questions or samples, or a question is empty, stands twice or is too long;
            memory runs out.
        DivergenceError: a loss or the gradient is no number.
    """
    samples = {"optical": recipe.optical_samples, "sar": recipe.samples}
    tasks = {
        course.name: _task(model, recipe, course, samples[course.name])
        for course in courses
        if samples[course.name]
    }
    fits: dict[str, Fit] = {}
    for name in list(tasks):
        task = tasks.pop(name)  # the pictures' states that it holds go with it
        before = fits.values()
        fits[name] = fit(
            task,
            samples=samples[name],
            learning_rate=recipe.learning_rate,
            callback=CallbackList(
                *([callback] if callback else []),
                steps=sum(each.steps for each in before),
                samples=sum(each.samples for each in before),
            ),
            resume=(resumes or {}).get(name),
        )
        task.saved.load_state_dict(fits[name].best)
        model.network.eval()
    merge(model)
    return fits


def _task(model: Gpt, recipe: GptRecipe, course: Course, samples: int) -> QuestionTask:
    where, batch = f"the {course.name} questions", recipe.training.batch
    check_questions([*course.train, *course.validation], where)
    if not course.train:
        raise TrainingError("there are no questions to learn from", where=where, way_out="add corpora")
    if samples < batch:
        raise TrainingError(
            f"{samples} samples do not fill one batch of {batch}",
            where=where,
            way_out="raise the samples of the model, or lower its `batch`",
        )
    states = None
    if recipe.images:
        frozen = recipe.freeze_tower
        states = PatchStates(model, course.images, course.read, frozen=frozen, most_bytes=recipe.cache_bytes)
    return QuestionTask(
        model,
        tokenise(model, course.train),
        tokenise(model, course.validation),
        recipe.training,
        name=f"{course.name} questions",
        states=states,
        seed=mixed(recipe.training.seed, len(course.name)),
    )


class GptJob:
    """A row of ``models`` that is a SAR-GPT, made ready to train; the `stage.Job` of it.

    Args:
        project: the checkout; the release with its questions, the optical shards and the CLIP must be there.
        row: of ``params.yaml``.
        withheld: returns a picture that the release does not hold, or None where it is not at hand; questions
            about such pictures are left out and counted.
        stack: closes what is opened.

    Raises:
        ModelError: the CLIP or the language model cannot be had.
        ArtefactError: release or shards are missing or damaged.
    """

    def __init__(
        self, project: Project, row: GptParameters, withheld: Callable[[str], Pixels | None], stack: ExitStack
    ) -> None:
        self._project, self._recipe = project, recipe_of(project, row)
        if self._recipe.tower.suffix in {".yaml", ".yml"}:
            raise ModelError(
                "a foundation file, no trained CLIP",
                where=self._recipe.tower,
                way_out="name a CLIP's folder as `from`",
            )
        self._tower = load(self._recipe.tower, expected_kind="clip")
        foundation = read_language(self._recipe.language)
        self._release = project.build / "release"
        sar, self._left_out = _sar_course(self._release, withheld)
        optical = [_optical_course(project, self._recipe.training.seed, stack)] if row.optical_samples else []
        self._courses = [*optical, sar]
        self._model = build_untrained(self._recipe, self._tower, foundation, self._courses)

    def origins(self) -> dict[str, Any]:
        """Return what decides the weights."""
        folders = [self._release / "data", self._release / "vqa"]
        if self._recipe.optical_samples:
            folders.append(self._project.shards("optical"))
        return origins(self._project, self._recipe, data_hashes(self._project, folders), self._tower)

    def info(self, origins: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the training is made of."""
        recipe, batch = self._recipe, self._recipe.training.batch
        return {
            "steps": recipe.optical_samples // batch + recipe.samples // batch,
            "batch": batch,
            "kind": "gpt" if recipe.images else "gpt without images",
            "questions": {
                course.name: {"train": len(course.train), "validation": len(course.validation)}
                for course in self._courses
            },
            "recipe": origins["recipe"],
        }

    def fit(self, callback: Callback, resume: Callable[[str], Resume | None]) -> dict[str, Fit]:
        """Train through all courses; a resume is asked for by the name of each."""
        resumes = {course.name: kept for course in self._courses if (kept := resume(course.name)) is not None}
        return fit_curriculum(self._model, self._recipe, self._courses, callback=callback, resumes=resumes)

    def save(self, folder: Path, fits: Mapping[str, Fit]) -> dict[str, Any]:
        """Write the model as plain transformers loads it; return its part of the record."""
        digest = save_gpt(self._model, folder)
        courses = {course.name: _course_record(fits[course.name], course) for course in self._courses}
        return {
            **courses["sar"],
            "optical": courses.get("optical"),
            "left_out": self._left_out,
            "model_sha256": digest,
        }

    def metrics(self, fits: Mapping[str, Fit]) -> dict[str, object]:
        """Return steps, validation figures of both courses, numbers of questions, and speed."""
        sar, course = fits["sar"], self._courses[-1]
        figures = {
            f"{name}_validation_{figure}": round(value, 4)
            for name, each in fits.items()
            for figure, value in (each.best_figures or {}).items()
            if figure != "step"
        }
        return {
            "steps": sum(each.steps for each in fits.values()),
            "best_step": sar.best_step,
            **figures,
            "train_questions": len(course.train),
            "validation_questions": len(course.validation),
            "left_out_questions": self._left_out,
            "samples_per_second": round(sar.samples_per_second, 1),
            "training_seconds": round(sum(each.seconds for each in fits.values()), 1),
            "resumed_after": sum(each.resumed_after for each in fits.values()),
        }


def _course_record(fitted: Fit, course: Course) -> dict[str, Any]:
    validated = bool(fitted.curves["validations"])
    chosen_by = "validation accuracy, then loss" if validated else "the last step: no validation questions"
    return {
        "questions": {"train": len(course.train), "validation": len(course.validation)},
        "images": len(course.images),
        **fit_record(fitted, chosen_by),
    }


def _sar_course(release: Path, withheld: Callable[[str], Pixels | None]) -> tuple[Course, int]:
    """Return the questions of a release whose pictures are at hand, and the number of the others."""
    pictures = ReleasePictures(release, withheld)
    train = release_questions(release, "train")
    # a small release may have no validation split
    has_validation = (release / "vqa" / "validation.jsonl").is_file()
    validation = release_questions(release, "validation") if has_validation else []
    images = pictures.available({question.image_id for question in (*train, *validation)})
    parts = [about_images(part, images) for part in (train, validation)]
    left_out = len(train) + len(validation) - sum(map(len, parts))
    if left_out:
        say(f"{left_out} SAR questions are left out: their pictures are withheld and not at hand")
    return Course("sar", parts[0], parts[1], pictures), left_out


def _optical_course(project: Project, seed: int, stack: ExitStack) -> Course:
    """Return the questions about the optical pictures that the checkpoints learn from."""
    from sartext.vqa.optical import optical_questions

    shards = stack.enter_context(open_shards(project.shards("optical")))
    pairs = {pair.image_id: pair for split in ("train", "validation") for pair in shards.rows(split)}
    parts = [
        [
            Question(f"optical:{split}:{at}", question.image_id, question.text, question.answer, question.type)
            for at, question in enumerate(
                optical_questions([(pair.image_id, pair.captions) for pair in shards.rows(split)], seed)
            )
        ]
        for split in ("train", "validation")
    ]
    return Course("optical", parts[0], parts[1], lambda image_id: shards.picture(pairs[image_id]))

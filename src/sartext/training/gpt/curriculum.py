"""The curriculum of a SAR-GPT: questions on optical images first, then those of a release on SAR images."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
import transformers

from sartext.config import Project
from sartext.config.training import GptParameters, LoraParameters, TrainingParameters
from sartext.errors import ModelError, TrainingError
from sartext.files import sha256_file
from sartext.models.checkpoint import load
from sartext.models.gpt.checkpoint import save_gpt
from sartext.models.gpt.construction import add_adapters, build_gpt, merge
from sartext.models.gpt.language import LanguageFoundation, read_language
from sartext.models.gpt.model import Gpt, prompt, reply
from sartext.models.model import Model
from sartext.models.squashing import Pixels
from sartext.training.callbacks import Callback, CallbackList
from sartext.training.checkpointing import Resume, data_hashes
from sartext.training.fit import Fit
from sartext.training.gpt.packing import tokenise
from sartext.training.gpt.questions import Course, PatchStates, check_questions, optical_course, sar_course
from sartext.training.gpt.task import QuestionTask
from sartext.training.loop import fit
from sartext.training.sampler import mixed


@dataclass(frozen=True)
class GptRecipe:
    """All that decides a training beside its data.

    Args:
        tower: the folder of a CLIP.
        language: the foundation file of the language model.
        optical_samples: questions of the first course; 0 leaves it out.
        samples: those of the second course.
        learning_rate: the highest one, in both courses.
        training: with this model's batch and ``validate_every``, in questions.
        images: False for the control that sees none.
        freeze_tower: the image tower does not learn, and looks at every picture once.
        lora: None where all weights of the language model learn.
    """

    tower: Path
    language: Path
    optical_samples: int
    samples: int
    learning_rate: float
    training: TrainingParameters
    images: bool = True
    freeze_tower: bool = True
    lora: LoraParameters | None = None


def recipe_of(project: Project, row: GptParameters) -> GptRecipe:
    """Return the recipe of a row of ``models`` in ``params.yaml``."""
    own = {"batch": row.batch, "validate_every": row.validate_every}
    same = ("optical_samples", "samples", "learning_rate", "images", "freeze_tower", "lora")
    return GptRecipe(
        tower=project.root / row.origin,
        language=project.root / row.language,
        training=project.parameters.training.model_copy(update=own),
        **{name: getattr(row, name) for name in same},
    )


def build_untrained(
    recipe: GptRecipe, tower: Model, foundation: LanguageFoundation, courses: Iterable[Course]
) -> Gpt:
    """Return the model that the curriculum begins with; what does not learn is frozen.

    Its tokenizer is trained on the train questions and answers of the courses, all that it will read.

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
    if recipe.lora is not None:
        add_adapters(model, **recipe.lora.model_dump(), seed=seed + 1)
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
        recipe: of the training.
        courses: in their order; each goes on from the best weights of the one before.
        callback: called at every step; steps and samples count through.
        resumes: keep the state of each course by its name; the caller removes them when the result is safe.

    Returns how each course went, by its name.

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
    states = PatchStates(model, course.images, course.read, frozen=recipe.freeze_tower) if recipe.images else None
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
    """The `stage.Job` of a row of ``models`` that is a SAR-GPT.

    The release with its questions, the optical shards and the CLIP must be there; questions about pictures that
    neither the release holds nor ``withheld`` returns are left out and counted. ``stack`` closes what is opened.

    Raises:
        ModelError: the CLIP or the language model cannot be had.
        ArtefactError: release or shards are missing or damaged.
    """

    def __init__(
        self, project: Project, row: GptParameters, withheld: Callable[[str], Pixels | None], stack: ExitStack
    ) -> None:
        self._project, self._recipe = project, recipe_of(project, row)
        if self._recipe.tower.suffix in {".yaml", ".yml"}:
            way_out = "name a CLIP's folder as `from`"
            raise ModelError("a foundation file, no trained CLIP", where=self._recipe.tower, way_out=way_out)
        self._tower = load(self._recipe.tower, expected_kind="clip")
        foundation = read_language(self._recipe.language)
        self._release = project.build / "release"
        sar, self._left_out = sar_course(self._release, withheld)
        optical = [optical_course(project, self._recipe.training.seed, stack)] if row.optical_samples else []
        self._courses = [*optical, sar]
        self._model = build_untrained(self._recipe, self._tower, foundation, self._courses)

    def origins(self) -> dict[str, Any]:
        """Return what decides the weights."""
        project, recipe = self._project, self._recipe
        folders = [self._release / "data", self._release / "vqa"]
        if recipe.optical_samples:
            folders.append(project.shards("optical"))
        content = asdict(recipe) | {
            "training": recipe.training.model_dump(mode="json"),
            "lora": recipe.lora and recipe.lora.model_dump(),
            "tower": _relative(recipe.tower, project.root),
            "language": _relative(recipe.language, project.root),
        }
        return {
            "data": data_hashes(project, folders),
            "language_sha256": sha256_file(recipe.language),
            "parent": {
                "checkpoint": content["tower"].removeprefix("build/"),
                "model_sha256": self._tower.sha256,
            },
            "recipe": content,
            "seed": recipe.training.seed,
            "versions": {"torch": torch.__version__, "transformers": transformers.__version__},
        }

    def info(self, origins: Mapping[str, Any]) -> dict[str, Any]:
        """Return what the training is made of."""
        recipe, batch = self._recipe, self._recipe.training.batch
        return {
            "steps": recipe.optical_samples // batch + recipe.samples // batch,
            "batch": batch,
            "kind": "gpt" if recipe.images else "gpt without images",
            "questions": {course.name: course.counts for course in self._courses},
            "recipe": origins["recipe"],
        }

    def fit(self, callback: Callback, resume: Callable[[str], Resume | None]) -> dict[str, Fit]:
        """Train through all courses; a resume is asked for by the name of each."""
        resumes = {course.name: kept for course in self._courses if (kept := resume(course.name)) is not None}
        return fit_curriculum(self._model, self._recipe, self._courses, callback=callback, resumes=resumes)

    def save(self, folder: Path, fits: Mapping[str, Fit]) -> dict[str, Any]:
        """Write the model as plain transformers loads it; return its part of the record."""
        digest = save_gpt(self._model, folder)
        courses = {
            course.name: {
                "questions": course.counts,
                "images": len(course.images),
                **fits[course.name].record("validation accuracy, then loss", "no validation questions"),
            }
            for course in self._courses
        }
        optical = courses.get("optical")
        return {**courses["sar"], "optical": optical, "left_out": self._left_out, "model_sha256": digest}

    def metrics(self, fits: Mapping[str, Fit]) -> dict[str, object]:
        """Return steps, validation figures of both courses, numbers of questions, and speed."""
        sar, course = fits["sar"], self._courses[-1]
        figures: dict[str, float] = {}
        for name, each in fits.items():
            figures |= each.metrics(f"{name}_validation")
        return {
            "steps": sum(each.steps for each in fits.values()),
            "best_step": sar.best_step,
            **figures,
            **{f"{split}_questions": count for split, count in course.counts.items()},
            "left_out_questions": self._left_out,
            "samples_per_second": round(sar.samples_per_second, 1),
            "training_seconds": round(sum(each.seconds for each in fits.values()), 1),
            "resumed_after": sum(each.resumed_after for each in fits.values()),
        }


def _relative(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name

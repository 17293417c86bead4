"""The stage `model@<name>` of a SAR-GPT: optical questions, then those of the release, the best by validation."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sartext.config import Project, load_parameters
from sartext.errors import ModelError, TrainingError
from sartext.files import atomic_folder, remove_tree, write_json
from sartext.models.checkpoint import load
from sartext.models.gpt.checkpoint import save_gpt
from sartext.models.gpt.language import read_language
from sartext.models.gpt.model import Gpt
from sartext.models.model import Model
from sartext.models.weights import RECORD
from sartext.training.callbacks import Callback, CallbackList
from sartext.training.checkpointing import Resume
from sartext.training.gpt.lessons import Subject, build_pupil, teach
from sartext.training.gpt.questions import Pixels, Question, ReleasePictures, asked_of, release_questions
from sartext.training.gpt.recipe import GptRecipe, recipe_of
from sartext.training.gpt.record import best_of, origins, record_of
from sartext.training.loop import Fit
from sartext.training.progress import ProgressCallback, say
from sartext.training.shards.reading import Shards, open_shards

Withheld = Callable[[str], Pixels | None]
"""Returns a picture that the release withholds by its image id, or None where it is not at hand."""


def train_gpt(
    project: Project,
    name: str,
    *,
    withheld: Withheld = lambda image_id: None,
    callbacks: Sequence[Callback] = (),
) -> dict[str, object]:
    """Train a SAR-GPT of the table ``models`` and write ``build/model/<name>``, which plain transformers loads.

    A training that was killed goes on where it was and ends with the same weights.

    Args:
        project: the checkout; the release with its questions, the optical shards and the CLIP must be there.
        name: a row of ``models`` in ``params.yaml``.
        withheld: reads pictures that the release does not hold; questions about others are left out and counted.
        callbacks: follow the course of the training beside the screen.

    Returns:
        Steps, validation figures of both lessons, numbers of questions, speed, and the hash of the weights.

    Raises:
        ParameterError: there is no such row.
        ModelError: the CLIP or the language model cannot be had, or the device is absent.
        TrainingError: there are too few questions, a loss is no number, or memory runs out.
        ArtefactError: release or shards are missing or damaged, or nothing can be written.
    """
    recipe = recipe_of(project, name)
    with ExitStack() as stack:
        material = _prepare(project, recipe, withheld, stack)
        told = origins(project, recipe, material.release, material.tower)
        state = project.build / "resume" / name
        resumes = {one.name: Resume(state / one.name, {**told, "lesson": one.name}) for one in material.all}
        every = _callbacks(name, callbacks, stack)
        every.started(_info(name, recipe, material, told))
        with _failure_told(every):
            fits = teach(material.model, recipe, material.all, callback=every, resumes=resumes)
            _check_parameters(project, name)
            digest = _write(project, name, material, fits, told)
        every.finished(project.checkpoint(name))
        # last: a stage that is killed loses its model, and is made again from these
        remove_tree(state)
    return _metrics(material, fits, digest)


@dataclass(frozen=True, eq=False)
class _Material:
    """What a training is made of."""

    release: Path
    tower: Model
    model: Gpt
    optical: Subject | None
    sar: Subject
    left_out: int

    @property
    def all(self) -> list[Subject]:
        """The lessons in their order."""
        return [self.sar] if self.optical is None else [self.optical, self.sar]


def _prepare(project: Project, recipe: GptRecipe, withheld: Withheld, stack: ExitStack) -> _Material:
    if recipe.tower.suffix in {".yaml", ".yml"}:
        raise ModelError(
            "a foundation file, no trained CLIP", where=recipe.tower, way_out="name a CLIP's folder as `from`"
        )
    tower = load(recipe.tower, expected_kind="clip")
    foundation = read_language(recipe.language)
    release = project.build / "release"
    sar, left_out = _sar(release, withheld)
    optical = None
    if recipe.optical_samples:
        shards = stack.enter_context(open_shards(project.shards("optical")))
        optical = _optical(shards, recipe.training.seed)
    subjects = [sar] if optical is None else [optical, sar]
    model = build_pupil(recipe, tower, foundation, subjects)
    return _Material(release, tower, model, optical, sar, left_out)


def _sar(release: Path, withheld: Withheld) -> tuple[Subject, int]:
    """Return the questions of a release whose pictures are at hand, and the number of the others."""
    pictures = ReleasePictures(release, withheld)
    train = release_questions(release, "train")
    # a small release may have no validation split
    held = release / "vqa" / "validation.jsonl"
    validation = release_questions(release, "validation") if held.is_file() else []
    known = pictures.at_hand({one.image_id for one in (*train, *validation)})
    parts = [asked_of(part, known) for part in (train, validation)]
    left_out = len(train) + len(validation) - sum(map(len, parts))
    if left_out:
        say(f"{left_out} SAR questions are left out: their pictures are withheld and not at hand")
    return Subject("sar", parts[0], parts[1], pictures), left_out


def _optical(shards: Shards, seed: int) -> Subject:
    """Return the questions about the optical pictures that the checkpoints learn from."""
    from sartext.vqa.optical import optical_questions

    pairs = {pair.image_id: pair for split in ("train", "validation") for pair in shards.rows(split)}
    parts = []
    for split in ("train", "validation"):
        told = optical_questions([(pair.image_id, pair.captions) for pair in shards.rows(split)], seed)
        named = enumerate(told)
        parts.append(
            [Question(f"optical:{split}:{at}", one.image_id, one.text, one.answer, one.type) for at, one in named]
        )
    return Subject("optical", parts[0], parts[1], lambda image_id: shards.picture(pairs[image_id]))


def _callbacks(name: str, callbacks: Sequence[Callback], stack: ExitStack) -> Callback:
    progress = ProgressCallback(f"model {name}")
    stack.callback(progress.close)
    return CallbackList(progress, *callbacks)


@contextmanager
def _failure_told(callback: Callback) -> Iterator[None]:
    """Tell of an error that ends the block; an interrupt is none."""
    try:
        yield
    except Exception as error:
        callback.failed(error)
        raise


def _info(name: str, recipe: GptRecipe, material: _Material, told: dict[str, Any]) -> dict[str, Any]:
    batch = recipe.training.batch
    return {
        "name": name,
        "steps": recipe.optical_samples // batch + recipe.samples // batch,
        "batch": batch,
        "kind": "gpt" if recipe.images else "gpt without images",
        "questions": {
            one.name: {"train": len(one.train), "validation": len(one.validation)} for one in material.all
        },
        "recipe": told["recipe"],
        "parent": told["parent"],
        "data": told["data"],
        "versions": told["versions"],
    }


def _check_parameters(project: Project, name: str) -> None:
    """Refuse to record what was trained with other parameters: DVC reads them again when the command has ended.

    Raises:
        TrainingError: they were edited meanwhile; the state of the training is kept.
    """
    path = project.root / "params.yaml"
    then, now = project.parameters, load_parameters(path)
    if (now.models.get(name), now.training) != (then.models[name], then.training):
        raise TrainingError(
            f"the parameters of '{name}' were changed while it was trained",
            where=path,
            way_out="put them back and it goes on from its last state; run as they are now, it begins anew",
        )


def _write(project: Project, name: str, material: _Material, fits: dict[str, Fit], told: dict[str, Any]) -> str:
    """Write the model's folder, whole or not at all; return the hash of its weights."""
    with atomic_folder(project.checkpoint(name)) as folder:
        digest = save_gpt(material.model, folder)
        subjects = {one.name: one for one in material.all}
        record = record_of(name, told, fits, subjects, material.left_out, model_sha256=digest)
        write_json(folder / RECORD, record)
    return digest


def _metrics(material: _Material, fits: dict[str, Fit], digest: str) -> dict[str, object]:
    sar = fits["sar"]
    figures = {
        f"{key}_validation_{figure}": round(value, 4)
        for key, fit in fits.items()
        for figure, value in (best_of(fit) or {}).items()
        if figure != "step"
    }
    return {
        "steps": sum(one.steps for one in fits.values()),
        "best_step": sar.best_step,
        **figures,
        "train_questions": len(material.sar.train),
        "validation_questions": len(material.sar.validation),
        "left_out_questions": material.left_out,
        "samples_per_second": round(sar.samples_per_second, 1),
        "training_seconds": round(sum(one.seconds for one in fits.values()), 1),
        "resumed_after": sum(one.resumed_after for one in fits.values()),
        "model_sha256": digest,
    }

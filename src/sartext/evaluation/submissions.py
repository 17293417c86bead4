"""Submissions: anyone's model, captions or answers on the test split of a published release; needs no project."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, cast

import numpy as np

from sartext.catalogue.entry import Entry
from sartext.catalogue.loading import load_catalogue
from sartext.config import Project
from sartext.corpora.images import TIFF_MARKS, decode
from sartext.corpora.radiometry import to_db, to_grey
from sartext.errors import EvaluationError, nearest
from sartext.evaluation.benchmarks import Benchmark, Pixels, Sources, choose, open_benchmarks
from sartext.evaluation.details import BASELINES
from sartext.evaluation.figures import Figure
from sartext.files import read_json

Catalogue = Mapping[str, Entry]

DEFAULT_SIDE = 224
"""Pixels of model input that objects are measured in where captions come from a file."""


@dataclass(frozen=True)
class Submission:
    """What is to be scored, and how.

    Args:
        release: the folder of a published version.
        task: ``retrieval``, ``captioning``, ``vqa`` or ``foils``.
        model: the folder of an open_clip model, or for ``vqa`` of a SAR-GPT.
        captions: a file of captions, for ``captioning``.
        partial: whether the file may leave images out; it is scored on the others, and so are the baselines.
        answers: a file of answers, for ``vqa``.
        images: the folder of the withheld source images: ``<corpus>/...`` as the release's column ``source_path``
            says.
        benchmark: of those that the release holds.
        name: what the scores call it.
        device: ``cpu``, ``cuda`` or ``auto``.
        resamples: of the bootstrap.
        seed: of the bootstrap, of the references' wordings and of foils; a comparison needs equal ones.
        corpora: of the catalogue, whose nouns captions are read for beside those of the benchmark.
        root: where ``catalogue/`` may describe further corpora.
    """

    release: Path
    task: Literal["retrieval", "captioning", "vqa", "foils"]
    model: Path | None = None
    captions: Path | None = None
    partial: bool = False
    answers: Path | None = None
    images: Path | None = None
    benchmark: str = "release-test"
    name: str = "model"
    device: str = "cpu"
    resamples: int = 2000
    seed: int = 7
    corpora: tuple[str, ...] = ()
    root: Path = Path()


@dataclass(frozen=True)
class Scores:
    """The figures of a submission and of baselines, what they can be traced by, and warnings for their reader."""

    figures: Sequence[Figure]
    origin: Mapping[str, str | int]
    warnings: tuple[str, ...] = ()


def score(submission: Submission) -> Scores:
    """Score a model, captions or answers.

    Raises:
        EvaluationError: the task needs something else, the release has no such benchmark, or the two do not fit.
        ModelError: the model cannot be loaded.
    """
    submission = replace(submission, name=submission.name.strip())
    _check(submission)
    catalogue = load_catalogue(Project(submission.root))
    benchmarks = open_benchmarks(submission.release, _sources(submission.images, catalogue))
    benchmark = choose(benchmarks, submission.benchmark)
    warnings: list[str] = []
    if benchmark.left_out:
        warnings.append(_withheld(benchmark, submission.images))
    figures = _TASKS[submission.task](submission, benchmark, catalogue, warnings)
    origin: dict[str, str | int] = {
        "release": _release(submission.release),
        "benchmark_sha256": benchmark.sha256,
        "seed": submission.seed,
        "resamples": submission.resamples,
    }
    return Scores(figures, origin, tuple(warnings))


def _release(folder: Path) -> str:
    """Its name and version; a release that is not published yet has none."""
    path = folder / "MANIFEST.json"
    if not path.is_file():
        return "unpublished"
    manifest = read_json(path)
    try:
        return f"{manifest['name']} {manifest['version']}"
    except (KeyError, TypeError) as error:
        raise EvaluationError("no name and version", where=path, way_out="get the release again") from error


def _withheld(benchmark: Benchmark, images: Path | None) -> str:
    """What is said of images that are not scored."""
    count, first = len(benchmark.left_out), min(benchmark.left_out)
    withheld = f"{count} of {count + len(benchmark)} images of {benchmark.name} are withheld by their licence"
    if images is not None:
        return f"{withheld}, not in {images} and not scored, the first is {first}"
    return f"{withheld} and not scored; get them from their source and name the folder: --images FOLDER"


def _check(submission: Submission) -> None:
    """Refuse what a task cannot be scored from."""
    problem = f"'{submission.name}' is the name of a baseline or of nothing"
    if not submission.name.isprintable():
        problem = f"{submission.name!a} holds control characters"
    if not submission.name.isprintable() or submission.name in BASELINES or not submission.name:
        raise EvaluationError(problem, where="--name", way_out="choose another one")
    files = {"captioning": ("captions", submission.captions), "vqa": ("answers", submission.answers)}
    option, file = files.get(submission.task, ("", None))
    for name, path in (("captions", submission.captions), ("answers", submission.answers)):
        if path is not None and name != option:
            raise EvaluationError(f"{submission.task} is not scored from {name}", way_out="leave out --" + name)
    if submission.partial and submission.captions is None:
        raise EvaluationError("only a file of captions may leave images out", way_out="leave out --partial")
    if (submission.model is None) == (file is None):
        both = "a model and a file are given" if submission.model else "nothing is given to score"
        needed = f"--model FOLDER or --{option} FILE" if option else "--model FOLDER"
        raise EvaluationError(both, where=f"--task {submission.task}", way_out=f"give {needed}")


def _sources(images: Path | None, catalogue: Catalogue) -> Sources:
    if images is None:
        return Sources()
    if not images.is_dir():
        raise EvaluationError("no such folder", where=images, way_out="name the folder of the source images")

    def picture(row: Mapping[str, Any]) -> Pixels | None:
        path = images / row["source_path"]
        if not path.is_file():
            return None
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != row["sha256"]:
            raise EvaluationError(
                "not the image that the release was made from", where=path, way_out="get it from its source again"
            )
        if row["quantity"] == "display" and not content.startswith(TIFF_MARKS):
            return np.asarray(decode(content), dtype=np.uint8)
        entry = _entry(row["corpus"], catalogue)  # only it knows the bands, and what they measure
        pixels = decode(content, entry.bands)
        if row["quantity"] != "display":
            pixels = to_grey(to_db(pixels, entry), row["db_low"], row["db_high"])
        return np.asarray(pixels, dtype=np.uint8)

    return Sources(picture=picture)


def _entry(corpus: str, catalogue: Catalogue) -> Entry:
    if corpus not in catalogue:
        raise EvaluationError(
            f"the catalogue does not describe corpus '{corpus}'",
            way_out=f"put its file into catalogue/; {nearest(corpus, catalogue)}",
        )
    return catalogue[corpus]


def _retrieval(
    submission: Submission, benchmark: Benchmark, catalogue: Catalogue, warnings: list[str]
) -> list[Figure]:
    from sartext.evaluation.embedding import embed
    from sartext.evaluation.retrieval_figures import score_retrieval
    from sartext.models.checkpoint import load

    features = embed(load(cast(Path, submission.model), device=submission.device), benchmark)
    if features.cut:
        warnings.append(f"{features.cut} captions are longer than the model's context and were cut")
    return score_retrieval(
        {submission.name: features.pair}, benchmark, resamples=submission.resamples, seed=submission.seed
    )


def _captioning(
    submission: Submission, benchmark: Benchmark, catalogue: Catalogue, warnings: list[str]
) -> list[Figure]:
    from sartext.evaluation.caption_scoring import score_captions
    from sartext.evaluation.caption_texts import PARTIAL, baselines
    from sartext.evaluation.metrics.reference_free import checkable_classes
    from sartext.evaluation.prediction_files import caption_warnings, read_captions
    from sartext.evaluation.stages.captioning import captions_of
    from sartext.models.checkpoint import load

    side = DEFAULT_SIDE
    if submission.captions is not None:
        predictions = read_captions(submission.captions, benchmark, partial=submission.partial)
        captions = dict(predictions.captions)
        warnings += predictions.warnings
    else:
        model = load(cast(Path, submission.model), device=submission.device, expected_kind="coca")
        texts, unfinished = captions_of(model, benchmark.pictures())
        captions = dict(zip((example.image_id for example in benchmark.examples), texts, strict=True))
        side = model.side
        warnings += caption_warnings(captions, benchmark)
        if unfinished:
            warnings.append(f"{unfinished} captions were not ended by the model and count as empty")
    entries = {name: _entry(name, catalogue) for name in (*benchmark.corpora, *submission.corpora)}
    beside = {
        name: {image_id: text for image_id, text in of_baseline.items() if image_id in captions}
        for name, of_baseline in baselines(benchmark, submission.seed, checkable_classes(entries)).items()
    }
    return score_captions(
        {submission.name: captions, **beside},
        benchmark,
        entries,
        side=side,
        seed=submission.seed,
        resamples=submission.resamples,
        partial={submission.name, *beside} if submission.partial else PARTIAL,
    )


def _vqa(submission: Submission, benchmark: Benchmark, catalogue: Catalogue, warnings: list[str]) -> list[Figure]:
    from sartext.evaluation.prediction_files import read_answers
    from sartext.evaluation.vqa import constant_answers, score_vqa
    from sartext.vqa.question import read_splits

    splits = read_splits(submission.release)
    images = {example.image_id for example in benchmark.examples}
    tested = splits.get("test", [])
    questions = [question for question in tested if question.image_id in images]
    if submission.answers is not None:
        answers = read_answers(submission.answers, questions, others=tested)
    else:
        from sartext.models.gpt.checkpoint import load_gpt
        from sartext.models.gpt.model import answer_each

        model = load_gpt(cast(Path, submission.model), device=submission.device)
        texts = [(question.id, question.image_id, question.text) for question in questions]
        answers = dict(answer_each(model, texts, benchmark.read))
    of_variant = {submission.name: answers, **constant_answers(splits.get("train", []), questions)}
    return score_vqa(
        of_variant, questions, benchmark_name=benchmark.name, resamples=submission.resamples, seed=submission.seed
    )


def _foils(
    submission: Submission, benchmark: Benchmark, catalogue: Catalogue, warnings: list[str]
) -> list[Figure]:
    from sartext.evaluation.embedding import margins
    from sartext.evaluation.foil_scoring import score_foils
    from sartext.evaluation.foils import make_foils
    from sartext.models.checkpoint import load

    entries = {name: _entry(name, catalogue) for name in benchmark.corpora}
    foils = make_foils(benchmark, entries, submission.seed)
    preferences = margins(load(cast(Path, submission.model), device=submission.device), foils, benchmark)
    return score_foils(
        {submission.name: preferences}, foils, benchmark, resamples=submission.resamples, seed=submission.seed
    )


_TASKS: Mapping[str, Callable[[Submission, Benchmark, Catalogue, list[str]], list[Figure]]] = {
    "retrieval": _retrieval,
    "captioning": _captioning,
    "vqa": _vqa,
    "foils": _foils,
}

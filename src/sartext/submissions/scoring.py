"""Scoring of a submission: anyone's model, captions or answers on the test split of a published release.

No project is needed. What is asked of a model goes through its kind, see `sartext.submissions.kinds`.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TypeVar

from sartext.catalogue.loading import load_catalogue
from sartext.config import Project
from sartext.errors import EvaluationError
from sartext.evaluation.benchmarks import Benchmark, choose, open_benchmarks
from sartext.evaluation.figures import Figure
from sartext.files import canonical_json, read_json, sha256_file, sha256_text
from sartext.submissions.free_answers import unreadable
from sartext.submissions.kinds import recognise
from sartext.submissions.kinds.kind import Asked, ModelKind, Opened, Settings, Task
from sartext.submissions.sources import Catalogue, entry_of, sources_in, withheld_warning
from sartext.submissions.submission import Submission, check

OpenedT = TypeVar("OpenedT", bound=Opened)

DEFAULT_SIDE = 224
"""Pixels of model input that objects are measured in where captions come from a file."""


SCORING: Mapping[Task, int] = {"retrieval": 1, "captioning": 1, "vqa": 1, "foils": 1}
"""Versions of the scoring: raised where the same texts or features get other figures: those are not compared."""


@dataclass(frozen=True)
class Scores:
    """The figures of a submission and of baselines, and what they are of.

    Args:
        figures: of the submission by its name, and of baselines.
        origin: by what they can be traced, as files of scores have it.
        kind: of the model; ``captions`` or ``answers`` of a file.
        sha256: of the model's weights, or of the file; None where nobody sees the weights.
        asked: what else decided the model's texts: a prompt, the settings of an endpoint.
        texts_sha256: of the captions, foils or questions that the figures were made with.
        warnings: for their reader.
    """

    figures: Sequence[Figure]
    origin: Mapping[str, str | int]
    kind: str = ""
    sha256: str | None = None
    asked: Asked = field(default_factory=dict)
    texts_sha256: str = ""
    warnings: tuple[str, ...] = ()


@dataclass
class _Run:
    """A submission at work, and what comes of it beside its figures.

    ``texts`` are those that the figures are made with, beside the pictures: captions, foils or questions.
    """

    submission: Submission
    benchmark: Benchmark
    catalogue: Catalogue
    kind: ModelKind | None
    folder: Path
    warnings: list[str] = field(default_factory=list)
    texts: list[object] = field(default_factory=list)
    opened: Opened | None = None

    def open(self, how: Callable[[Path, Settings], OpenedT] | None) -> OpenedT:
        """Open the model for a task that its kind does."""
        assert how is not None, "recognise() refuses other kinds"
        opened = how(self.folder, Settings(self.submission.device, self.submission.prompt))
        self.opened = opened
        self.warnings += opened.warnings
        return opened


def score(submission: Submission) -> Scores:
    """Score a model, captions or answers.

    Raises:
        EvaluationError: the task needs something else, the release has no such benchmark, or the two do not fit.
        ModelError: the model is of no known kind, does another task, or cannot be loaded.
        EndpointError: the model is behind an endpoint, which cannot be used.
    """
    submission = replace(submission, name=submission.name.strip())
    check(submission)
    kind, folder = (None, Path()) if submission.model is None else recognise(submission.model, submission.task)
    if submission.prompt is not None and (kind is None or not kind.prompted):
        raise EvaluationError("nothing here follows an instruction", where="--prompt", way_out="leave it out")
    sends = kind is not None and kind.sends
    catalogue = load_catalogue(Project(submission.root))
    sources = sources_in(None if sends else submission.images, catalogue)
    benchmark = choose(open_benchmarks(submission.release, sources), submission.benchmark)
    run = _Run(submission, benchmark, catalogue, kind, folder)
    if benchmark.left_out:
        run.warnings.append(withheld_warning(benchmark, submission.images, sends=sends))
    figures = _TASKS[submission.task](run)
    origin: dict[str, str | int] = {
        "release": _release(submission.release),
        "benchmark_sha256": benchmark.sha256,
        "seed": submission.seed,
        "resamples": submission.resamples,
    }
    file = submission.captions or submission.answers
    return Scores(
        figures,
        origin,
        kind=kind.name if kind else "captions" if submission.captions else "answers",
        sha256=run.opened.sha256 if run.opened else sha256_file(file) if file else None,
        asked=run.opened.asked if run.opened else {},
        texts_sha256=sha256_text(canonical_json(run.texts)),
        warnings=tuple(run.warnings),
    )


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


def _retrieval(run: _Run) -> list[Figure]:
    from sartext.evaluation.retrieval_figures import score_retrieval

    captions = [example.caption for example in run.benchmark.examples]
    run.texts += captions
    model = run.open(run.kind.embed if run.kind else None)
    images = model.images(run.benchmark.pictures())
    texts, cut = model.texts(captions)
    if cut:
        run.warnings.append(f"{cut} captions are longer than the model's context and were cut")
    return score_retrieval(
        {run.submission.name: (images, texts)},
        run.benchmark,
        resamples=run.submission.resamples,
        seed=run.submission.seed,
    )


def _foils(run: _Run) -> list[Figure]:
    from sartext.evaluation.embedding import margins_by
    from sartext.evaluation.foil_scoring import score_foils
    from sartext.evaluation.foils import make_foils

    entries = {name: entry_of(name, run.catalogue) for name in run.benchmark.corpora}
    foils = make_foils(run.benchmark, entries, run.submission.seed)
    run.texts += [[foil.caption, foil.foil] for foil in foils.items]
    model = run.open(run.kind.embed if run.kind else None)
    preferences = margins_by(model.images, model.texts, foils, run.benchmark)
    return score_foils(
        {run.submission.name: preferences},
        foils,
        run.benchmark,
        resamples=run.submission.resamples,
        seed=run.submission.seed,
    )


def _captioning(run: _Run) -> list[Figure]:
    from sartext.evaluation.caption_scoring import score_captions
    from sartext.evaluation.caption_texts import PARTIAL, baselines
    from sartext.evaluation.metrics.reference_free import checkable_classes
    from sartext.evaluation.prediction_files import caption_warnings, read_captions

    submission, benchmark = run.submission, run.benchmark
    side = DEFAULT_SIDE
    if submission.captions is not None:
        predictions = read_captions(submission.captions, benchmark, partial=submission.partial)
        captions = dict(predictions.captions)
        run.warnings += predictions.warnings
    else:
        model = run.open(run.kind.caption if run.kind else None)
        said = model.captions(benchmark.pictures())
        captions = dict(zip((example.image_id for example in benchmark.examples), said.texts, strict=True))
        side = model.side
        run.warnings += [*caption_warnings(captions, benchmark), *said.warnings]
    run.texts += [[row.image_id, row.caption] for row in benchmark.examples if row.image_id in captions]
    entries = {name: entry_of(name, run.catalogue) for name in (*benchmark.corpora, *submission.corpora)}
    beside = {
        name: {image_id: text for image_id, text in of_baseline.items() if image_id in captions}
        for name, of_baseline in baselines(benchmark, submission.seed, checkable_classes(entries)).items()
    }
    return score_captions(
        {submission.name: captions, **beside},
        benchmark,
        entries,
        side=side,
        partial={submission.name, *beside} if submission.partial else PARTIAL,
        resamples=run.submission.resamples,
        seed=run.submission.seed,
    )


def _vqa(run: _Run) -> list[Figure]:
    from sartext.evaluation.prediction_files import read_answers
    from sartext.evaluation.vqa import constant_answers, score_vqa
    from sartext.vqa.question import read_splits

    splits = read_splits(run.submission.release)
    images = {example.image_id for example in run.benchmark.examples}
    tested = splits.get("test", [])
    questions = [question for question in tested if question.image_id in images]
    run.texts += [[question.id, question.text, question.answer] for question in questions]
    if run.submission.answers is not None:
        answers = read_answers(run.submission.answers, questions, others=tested)
    else:
        model = run.open(run.kind.answer if run.kind else None)
        asked = sorted(questions, key=lambda question: (question.image_id, question.id))
        said = model.answers([(question.image_id, question.text) for question in asked], run.benchmark.read)
        answers = dict(zip((question.id for question in asked), said.texts, strict=True))
        run.warnings += said.warnings
    known = [question for of_split in splits.values() for question in of_split]
    if odd := unreadable(answers, questions, known):
        told = f"{len(odd)} of {len(questions)} answers are none that a question of their type has"
        run.warnings.append(f"{told}, such as {min(odd)[:60]!a}, and count as wrong")
    of_variant = {run.submission.name: answers, **constant_answers(splits.get("train", []), questions)}
    return score_vqa(
        of_variant,
        questions,
        benchmark_name=run.benchmark.name,
        resamples=run.submission.resamples,
        seed=run.submission.seed,
    )


_TASKS: Mapping[Task, Callable[[_Run], list[Figure]]] = {
    "retrieval": _retrieval,
    "captioning": _captioning,
    "vqa": _vqa,
    "foils": _foils,
}

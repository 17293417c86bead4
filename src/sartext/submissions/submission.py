"""What is to be scored, and how; and what a task cannot be scored from."""

from dataclasses import dataclass
from pathlib import Path

from sartext.errors import EvaluationError
from sartext.evaluation.details import BASELINES
from sartext.submissions.kinds.kind import Task

LONGEST_NAME = 200
"""Letters of a name."""


@dataclass(frozen=True)
class Submission:
    """What is to be scored, and how.

    Args:
        release: the folder of a published version.
        task: what is asked.
        model: the folder of a model, of one of the kinds in `sartext.submissions.kinds`.
        captions: a file of captions, for ``captioning``.
        partial: whether the file may leave images out; it is scored on the others, and so are the baselines.
        answers: a file of answers, for ``vqa``.
        images: the folder of the withheld source images: ``<corpus>/...`` as the release's column ``source_path``
            says.
        benchmark: of those that the release holds.
        name: what the scores call it.
        device: ``cpu``, ``cuda`` or ``auto``.
        prompt: what a model that follows instructions is told; its kind's own where it is None.
        resamples: of the bootstrap.
        seed: of the bootstrap, of the references' wordings and of foils; a comparison needs equal ones.
        corpora: of the catalogue, whose nouns captions are read for beside those of the benchmark.
        root: where ``catalogue/`` may describe further corpora.
    """

    release: Path
    task: Task
    model: Path | None = None
    captions: Path | None = None
    partial: bool = False
    answers: Path | None = None
    images: Path | None = None
    benchmark: str = "release-test"
    name: str = "model"
    device: str = "cpu"
    prompt: str | None = None
    resamples: int = 2000
    seed: int = 7
    corpora: tuple[str, ...] = ()
    root: Path = Path()


def check(submission: Submission) -> None:
    """Refuse what a task cannot be scored from.

    Raises:
        EvaluationError: something is missing, too much, or named as nothing can be.
    """
    if problem := _name_problem(submission.name):
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


def _name_problem(name: str) -> str:
    """Why scores cannot bear a name; empty where they can."""
    if not name.isprintable():
        return f"{name!a} holds control characters"
    if len(name) > LONGEST_NAME:
        return f"a name of {len(name)} letters"
    return f"'{name}' is the name of a baseline or of nothing" if name in BASELINES or not name else ""

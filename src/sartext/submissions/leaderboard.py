"""Leaderboards: a JSON file of scores by anyone, which says of each what it is of, and can be merged with others.

Rows are compared only within a `Contest`: one task on one benchmark, with the same pictures, truth, texts and
seed, by one version of the scoring. A file is read as a stranger's: what is not exactly of this form is refused.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

from pydantic import AfterValidator, ConfigDict, Field, StringConstraints, ValidationError

from sartext import __version__
from sartext.config.section import Section, explain_validation
from sartext.errors import EvaluationError
from sartext.evaluation.details import BASELINES
from sartext.evaluation.figures import EVERYTHING, Figure
from sartext.files import write_json
from sartext.submissions.kinds.kind import Task
from sartext.submissions.scoring import SCORING, Scores

FORM = 1
LARGEST = 64 << 20
"""Bytes of the largest file that is read."""

APART = 1e-6
"""By which the same baseline may differ in two rows of a contest: sums in another order."""

WAY_OUT = "name a file that `sartext evaluate --leaderboard` wrote"


def _printable(text: str) -> str:
    if not text.isprintable():
        raise ValueError("it holds control characters")
    return text


Text = Annotated[str, StringConstraints(min_length=1, max_length=200), AfterValidator(_printable)]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Setting = Annotated[str, StringConstraints(max_length=4000)] | int | float | None


class _Form(Section):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class Value(_Form):
    """A metric of the whole benchmark, with its 95 % interval where it has one, of ``n`` images or questions."""

    metric: Text
    value: float
    low: float | None = None
    high: float | None = None
    n: int = Field(ge=0)


class BaselineValue(Value):
    """The same of a baseline or a ceiling."""

    variant: Text


class Row(_Form):
    """One submission to one task.

    Args:
        name: that its author gave it.
        kind: of the model, see `sartext.submissions.kinds`; ``captions`` or ``answers`` of a file.
        sha256: of its weights, or of the file; null where nobody sees the weights.
        asked: what else decided its texts: a prompt, the settings of an endpoint.
        release: name and version.
        task: that it was scored on.
        benchmark: by its name.
        benchmark_sha256: of its images and of what is true of them.
        texts_sha256: of the captions, foils or questions that it was scored with.
        seed: of wordings, foils and bootstrap.
        resamples: of the bootstrap.
        scoring: the version of the task's scoring.
        sartext: the version of the program.
        figures: of the submission.
        baselines: of what stands beside it.
    """

    name: Text
    kind: Text
    sha256: Sha256 | None
    asked: dict[Text, Setting]
    release: Text
    task: Literal["retrieval", "captioning", "vqa", "foils"]
    benchmark: Text
    benchmark_sha256: Sha256
    texts_sha256: Sha256
    seed: int = Field(ge=0)
    resamples: int = Field(ge=1)
    scoring: int = Field(ge=1)
    sartext: Text
    figures: tuple[Value, ...] = Field(min_length=1)
    baselines: tuple[BaselineValue, ...]


class Leaderboard(_Form):
    """A whole file."""

    leaderboard: Literal[1]
    rows: tuple[Row, ...]


class Contest(NamedTuple):
    """What must be equal for two rows to be compared."""

    task: Task
    benchmark: str
    benchmark_sha256: str
    texts_sha256: str
    seed: int
    scoring: int


def contest_of(row: Row) -> Contest:
    """Return the contest of a row."""
    return Contest(*(getattr(row, name) for name in Contest._fields))


def row_of(scores: Scores, task: Task, name: str) -> Row:
    """Return the row of a submission that was scored under a name; parts of a benchmark are not in it.

    Raises:
        EvaluationError: no figure of the whole benchmark could be computed.
    """
    whole = [figure for figure in scores.figures if figure.subset == EVERYTHING and figure.value is not None]
    of_it = sorted((figure for figure in whole if figure.variant == name), key=lambda figure: figure.place)
    beside = sorted((figure for figure in whole if figure.variant in BASELINES), key=lambda figure: figure.place)
    if not of_it:
        raise EvaluationError("no figure of the whole benchmark could be computed", where=name)
    origin = scores.origin
    return Row(
        name=name,
        kind=scores.kind,
        sha256=scores.sha256,
        asked=dict(scores.asked),
        release=str(origin["release"]),
        task=task,
        benchmark=of_it[0].benchmark,
        benchmark_sha256=str(origin["benchmark_sha256"]),
        texts_sha256=scores.texts_sha256,
        seed=int(origin["seed"]),
        resamples=int(origin["resamples"]),
        scoring=SCORING[task],
        sartext=__version__,
        figures=tuple(Value(**_value(figure)) for figure in of_it),
        baselines=tuple(BaselineValue(**_value(figure), variant=figure.variant) for figure in beside),
    )


def _value(figure: Figure) -> dict[str, Any]:
    return {name: getattr(figure, name) for name in ("metric", "value", "low", "high", "n")}


def read_leaderboard(path: Path) -> list[Row]:
    """Read a file, as a stranger's.

    Raises:
        EvaluationError: it is absent, too large, or not of the form, or holds the same row twice.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise EvaluationError(f"it has over {LARGEST:,} bytes", where=path, way_out=WAY_OUT)
        board = Leaderboard.model_validate_json(path.read_bytes())
    except OSError as error:
        raise EvaluationError(f"it cannot be read ({error.strerror})", where=path, way_out=WAY_OUT) from error
    except ValidationError as error:
        what, _ = explain_validation(error, Leaderboard, path)
        raise EvaluationError(f"no leaderboard: {what}", where=path, way_out=WAY_OUT) from error
    return merged([(path, board.rows)])


def write_leaderboard(path: Path, rows: Iterable[Row]) -> None:
    """Write rows, sorted; equal rows give equal bytes."""
    write_json(path, {"leaderboard": FORM, "rows": [row.model_dump() for row in sorted(rows, key=_order)]})


def _order(row: Row) -> tuple[object, ...]:
    return *contest_of(row), row.name


def merged(boards: Iterable[tuple[Path, Sequence[Row]]]) -> list[Row]:
    """Return the rows of several files, each once, in order.

    Raises:
        EvaluationError: two rows have one name in one contest and are not equal, or their baselines differ.
    """
    known: dict[tuple[Contest, str], tuple[Path, Row]] = {}
    first: dict[Contest, tuple[Path, Row]] = {}
    for path, rows in boards:
        for row in rows:
            contest = contest_of(row)
            before = known.setdefault((contest, row.name), (path, row))
            if before[1] != row:
                raise _twice(before, (path, row))
            _check_baselines(first.setdefault(contest, (path, row)), (path, row))
    return sorted((row for _, row in known.values()), key=_order)


def _twice(before: tuple[Path, Row], after: tuple[Path, Row]) -> EvaluationError:
    """Say in what two rows of one name differ: other weights, another prompt, or other figures of the same."""
    (path, row), (other_path, other) = before, after
    names = ("kind", "sha256", "asked", "release", "resamples", "sartext", "figures", "baselines")
    differ = next(name for name in names if getattr(row, name) != getattr(other, name))
    told = f"its {differ} differ" if differ in {"figures", "baselines"} else f"another {differ}"
    where = path if path == other_path else f"{path} and {other_path}"
    return EvaluationError(
        f"'{row.name}' stands twice in {row.task} on {row.benchmark}, {told}",
        where=where,
        way_out="give one of them another name (`sartext evaluate --name`), or take one out",
    )


def _check_baselines(before: tuple[Path, Row], after: tuple[Path, Row]) -> None:
    """Refuse rows of one contest that disagree on a baseline: one of them was not scored as it says."""
    values = {(each.variant, each.metric): each.value for each in before[1].baselines}
    for each in after[1].baselines:
        known = values.get((each.variant, each.metric))
        if known is not None and abs(known - each.value) > APART:
            raise EvaluationError(
                f"'{before[1].name}' and '{after[1].name}' disagree on the baseline '{each.variant}': "
                f"{each.metric} {known:.6g} and {each.value:.6g}",
                where=before[0] if before[0] == after[0] else f"{before[0]} and {after[0]}",
                way_out="score both again with one version of sartext",
            )


def add_row(path: Path, row: Row) -> int:
    """Add a row to a file, which is made where it is not there; return how many it then holds.

    Raises:
        EvaluationError: the file is no leaderboard, or holds another row of this name in this contest.
    """
    before = read_leaderboard(path) if path.exists() else []
    rows = merged([(path, before), (path, [row])])
    write_leaderboard(path, rows)
    return len(rows)

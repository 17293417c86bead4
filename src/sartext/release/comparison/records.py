"""What the verdicts of two releases, and the models behind their captions, differ in."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow.compute as pc

from sartext.errors import ReleaseError
from sartext.files import read_json
from sartext.release.comparison.sides import WAY_OUT, Side

ABSENT = "not there"
VERDICT = "quality/gate.json"


class FigureChange(NamedTuple):
    """An expectation of the gate, ``suite: name``, with its old and new figure and outcome in words."""

    name: str
    before: str
    after: str


class ModelChange(NamedTuple):
    """A caption method with the models, by hash or name, behind its captions; none where nothing was written."""

    method: str
    before: tuple[str, ...]
    after: tuple[str, ...]


def gate_changes(old: Path, new: Path) -> tuple[FigureChange, ...]:
    """Return the expectations whose figure or outcome differs between two releases, in the order of the suites.

    Raises:
        ReleaseError: a verdict is of another form.
    """
    before, after = _rows(old / VERDICT), _rows(new / VERDICT)
    names = [*after, *(name for name in before if name not in after)]
    pairs = ((name, before.get(name, ABSENT), after.get(name, ABSENT)) for name in names)
    return tuple(FigureChange(*pair) for pair in pairs if pair[1] != pair[2])


def _rows(path: Path) -> dict[str, str]:
    """The outcome of each expectation in words; none where a release has no verdict."""
    if not path.is_file():
        return {}
    try:
        suites = read_json(path)["suites"]
        rows = [(suite["name"], row) for suite in suites for row in suite["expectations"]]
        return {f"{suite}: {row['name']}": _in_words(row) for suite, row in rows}
    except (KeyError, TypeError) as error:
        raise ReleaseError(f"not a verdict ({error!r})", where=path, way_out=WAY_OUT) from error


def _in_words(row: Mapping[str, Any]) -> str:
    figure, unit = row.get("figure"), row.get("unit") or ""
    text = f"{figure:,.6g}" if isinstance(figure, int | float) else str(figure) if figure is not None else ""
    outcome = "passed" if row["passed"] else "failed"
    if row["passed"] and not row.get("judged", True):
        outcome = "not judged"
    return ", ".join(filter(None, (f"{text} {unit}".strip(), outcome)))


def model_changes(old: Side, new: Side) -> tuple[ModelChange, ...]:
    """Return the methods whose captions are by other models than before, sorted."""
    before, after = _models(old), _models(new)
    pairs = ((name, before.get(name, ()), after.get(name, ())) for name in sorted(before.keys() | after.keys()))
    return tuple(ModelChange(*pair) for pair in pairs if pair[1] != pair[2])


def _models(side: Side) -> dict[str, tuple[str, ...]]:
    """The models behind the captions of each method: by the hash of their weights, else by name."""
    model = pc.coalesce(side.column("model_sha256"), side.column("model"))
    written = pc.indices_nonzero(pc.is_valid(model))
    methods, names = (column.take(written).to_pylist() for column in (side.column("method"), model))
    found: dict[str, set[str]] = {}
    for method, name in set(zip(methods, names, strict=True)):
        found.setdefault(str(method), set()).add(str(name))
    return {method: _sorted(models) for method, models in found.items()}


def _sorted(models: set[str]) -> tuple[str, ...]:
    ordered: Sequence[str] = sorted(models)
    return tuple(ordered)

"""The evaluations as the report reads them: the figures and details of all tasks together."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from sartext.errors import ArtefactError
from sartext.evaluation.details import TASKS, Details, command, picture_path, read_details, shown_pictures
from sartext.evaluation.figures import MINUS, Figure, read_figures

ROLES = ("foundation", "arm", "model", "baseline", "ceiling")
"""In the order in which tables and charts show them."""


@dataclass(frozen=True)
class Evaluation:
    """Everything that the evaluations found, all tasks together.

    Args:
        figures: of all tasks.
        details: of all tasks: sequences one after the other, variants and benchmarks once.
        pictures: the file of each image id that the details name.
    """

    figures: tuple[Figure, ...]
    details: Details
    pictures: Mapping[str, Path]


def read_evaluation(root: Path) -> Evaluation:
    """Read all tasks below ``build/evaluation``.

    Raises:
        ArtefactError: a task is missing, two of them disagree on a variant or a benchmark, a figure is of a
            variant that nothing describes, or a picture is missing.
    """
    figures: list[Figure] = []
    found: list[tuple[Path, Details]] = []
    for task in TASKS:
        folder = root / task
        if not (folder / "figures.json").is_file():
            raise ArtefactError(
                f"the evaluation of {task} is missing", where=folder, way_out=f"run `{command(task)}`"
            )
        figures += read_figures(folder / "figures.json")
        found.append((folder, read_details(folder / "details.json")))
    details = _joined(found)
    _check_variants(figures, details, root)
    return Evaluation(tuple(figures), details, _pictures(found))


def _joined(found: list[tuple[Path, Details]]) -> Details:
    parts: dict[str, Any] = {}
    for one in fields(Details):
        values = [(folder, getattr(details, one.name)) for folder, details in found]
        if one.name in {"variants", "benchmarks"}:
            parts[one.name] = _once(values)
        elif one.name == "chosen":
            parts[one.name] = {key: text for _, chosen in values for key, text in chosen.items()}
        else:
            parts[one.name] = tuple(item for _, items in values for item in items)
    parts["variants"] = tuple(sorted(parts["variants"], key=lambda one: ROLES.index(one.role)))
    return Details(**{**parts, "notes": tuple(dict.fromkeys(parts["notes"]))})


def _once(values: list[tuple[Path, tuple[Any, ...]]]) -> tuple[Any, ...]:
    """Each variant or benchmark once, in the order of the first mention."""
    known: dict[str, Any] = {}
    for folder, items in values:
        for item in items:
            if known.setdefault(item.name, item) != item:
                raise ArtefactError(
                    f"two evaluations disagree on '{item.name}'", where=folder, way_out="evaluate all tasks again"
                )
    return tuple(known.values())


def _check_variants(figures: list[Figure], details: Details, root: Path) -> None:
    known = {one.name for one in details.variants}
    for figure in figures:
        for name in figure.variant.split(MINUS):
            if name not in known:
                raise ArtefactError(
                    f"a figure of {figure.task} is of '{name}', which no details.json describes",
                    where=root,
                    way_out="evaluate all tasks again",
                )


def _pictures(found: list[tuple[Path, Details]]) -> dict[str, Path]:
    paths: dict[str, Path] = {}
    for folder, details in found:
        for image_id in sorted(shown_pictures(details)):
            path = picture_path(folder, image_id)
            if not path.is_file():
                raise ArtefactError(
                    f"the picture of {image_id} is missing", where=path, way_out="evaluate this task again"
                )
            paths.setdefault(image_id, path)
    return paths

"""What the report reads: the evaluations of all tasks together, and which release they are of."""

import base64
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from sartext.config import Project
from sartext.errors import ArtefactError
from sartext.evaluation.details import TASKS, Details, command, picture_path, read_details, shown_pictures
from sartext.evaluation.figures import MINUS, Figure, read_figures
from sartext.files import read_json
from sartext.release.manifest import CONTENT, MANIFEST

ROLES = ("foundation", "arm", "model", "baseline", "ceiling")
"""In the order in which tables and charts show them."""

PNG = b"\x89PNG\r\n\x1a\n"


@dataclass(frozen=True)
class Evaluation:
    """Everything that the evaluations found, all tasks together.

    The details hold sequences one after the other, variants and benchmarks once; ``pictures`` is the ``data:``
    address of each image id that they name.
    """

    figures: tuple[Figure, ...]
    details: Details
    pictures: Mapping[str, str]


@dataclass(frozen=True)
class Release:
    """The identity of a release; what follows ``content_sha256`` is known where these very bytes are published.

    ``commit`` is that of the checkout that published it, if it was a git repository, and ``dirty`` says whether
    tracked files differed from it. ``data`` is DVC's hash of each corpus folder, ``tools`` what shaped the bytes.
    """

    name: str
    title: str
    content_sha256: str
    version: str | None = None
    commit: str | None = None
    dirty: bool | None = None
    data: Mapping[str, str | None] | None = None
    tools: Mapping[str, str | None] | None = None


def read_evaluation(root: Path) -> Evaluation:
    """Read all tasks below ``build/evaluation``.

    Raises:
        ArtefactError: a task is missing, two of them disagree on a variant or a benchmark, a figure is of a
            variant that nothing describes, or a picture is missing or damaged.
    """
    figures: list[Figure] = []
    tasks: dict[Path, Details] = {}
    for task in TASKS:
        folder = root / task
        if not (folder / "figures.json").is_file():
            raise ArtefactError(
                f"the evaluation of {task} is missing", where=folder, way_out=f"run `{command(task)}`"
            )
        figures += read_figures(folder / "figures.json")
        tasks[folder] = read_details(folder / "details.json")
    details = _joined(tasks)
    _check_variants(figures, details, root)
    return Evaluation(tuple(figures), details, _pictures(tasks))


def _joined(tasks: Mapping[Path, Details]) -> Details:
    parts: dict[str, Any] = {}
    for field in fields(Details):
        values = {folder: getattr(details, field.name) for folder, details in tasks.items()}
        if field.name in {"variants", "benchmarks"}:
            parts[field.name] = _distinct(values)
        elif field.name == "chosen":
            parts[field.name] = {key: text for chosen in values.values() for key, text in chosen.items()}
        else:
            parts[field.name] = tuple(item for items in values.values() for item in items)
    parts["variants"] = tuple(sorted(parts["variants"], key=lambda variant: ROLES.index(variant.role)))
    return Details(**{**parts, "notes": tuple(dict.fromkeys(parts["notes"]))})


def _distinct(values: Mapping[Path, tuple[Any, ...]]) -> tuple[Any, ...]:
    """Each variant or benchmark once, in the order of the first mention."""
    known: dict[str, Any] = {}
    for folder, items in values.items():
        for item in items:
            if known.setdefault(item.name, item) != item:
                raise ArtefactError(
                    f"two evaluations disagree on '{item.name}'", where=folder, way_out="evaluate all tasks again"
                )
    return tuple(known.values())


def _check_variants(figures: list[Figure], details: Details, root: Path) -> None:
    known = {variant.name for variant in details.variants}
    for figure in figures:
        for name in figure.variant.split(MINUS):
            if name not in known:
                raise ArtefactError(
                    f"a figure of {figure.task} is of '{name}', which no details.json describes",
                    where=root,
                    way_out="evaluate all tasks again",
                )


def _pictures(tasks: Mapping[Path, Details]) -> dict[str, str]:
    addresses: dict[str, str] = {}
    for folder, details in tasks.items():
        for image_id in sorted(shown_pictures(details) - addresses.keys()):
            path = picture_path(folder, image_id)
            if not path.is_file():
                raise ArtefactError(
                    f"the picture of {image_id} is missing", where=path, way_out="evaluate this task again"
                )
            content = path.read_bytes()
            if not content.startswith(PNG):
                raise ArtefactError("not a PNG picture", where=path, way_out="evaluate this task again")
            addresses[image_id] = f"data:image/png;base64,{base64.b64encode(content).decode('ascii')}"
    return addresses


def evaluated_release(project: Project) -> Release:
    """Return the release in ``build/release``, with the manifest of the version that has the same content.

    Raises:
        ArtefactError: no release is assembled.
    """
    path = project.build / "release" / CONTENT
    if not path.is_file():
        raise ArtefactError("no release is assembled", where=path, way_out="run `make release`")
    content, parameters = str(read_json(path)["content_sha256"]), project.parameters.release
    manifest = _published(project, content)
    git = manifest.get("git") or {}
    return Release(
        parameters.name,
        parameters.title,
        content,
        version=manifest.get("version"),
        commit=git.get("commit"),
        dirty=git.get("dirty"),
        data=manifest.get("corpora_dvc_md5"),
        tools=manifest.get("tools"),
    )


def _published(project: Project, content: str) -> dict[str, Any]:
    """The manifest of the version that ``build/publication`` names, if it has this content."""
    record = project.build / "publication" / "publication.json"
    if not record.is_file():
        return {}
    publication = read_json(record)
    manifest = project.root / str(publication.get("path", "")) / MANIFEST
    if publication.get("content_sha256") != content or not manifest.is_file():
        return {}
    return dict(read_json(manifest))

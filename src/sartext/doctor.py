"""What a build needs, whether it is here, and how to get it."""

import shutil
import sys
from dataclasses import dataclass
from importlib.metadata import distributions

from sartext.catalogue import find_entry
from sartext.config import Project
from sartext.errors import EvaluationError

MINIMUM_PYTHON = (3, 11)
ROOM = 5e9
"""Bytes of free disk that the embedded build and its cache fit into."""


@dataclass(frozen=True)
class Finding:
    """One thing that a build needs; ``detail`` says what is here, or how to get it."""

    fine: bool
    what: str
    detail: str


def examine(project: Project) -> list[Finding]:
    """Return a finding per need: Python, git, pinned versions, disk, parameters and each listed corpus."""
    return [
        _python(),
        _git(),
        _versions(project),
        _disk(project),
        _open_clip(),
        _java(),
        _spice(),
        *(_corpus(project, name) for name in project.parameters.corpora),
    ]


def _python() -> Finding:
    found = ".".join(map(str, sys.version_info[:3]))
    fine = sys.version_info >= MINIMUM_PYTHON
    return Finding(fine, "python", found if fine else f"{found}; install Python 3.11 or newer")


def _git() -> Finding:
    place = shutil.which("git")
    return Finding(place is not None, "git", "found" if place else "install git; DVC and provenance need it")


def _versions(project: Project) -> Finding:
    path = project.root / "constraints.txt"
    if not path.is_file():
        return Finding(
            False, "versions", "constraints.txt is missing; restore it by `git checkout constraints.txt`"
        )
    lines = (line.partition("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    pins = {_name(line.split("==")[0]): line.split("==")[1] for line in lines if "==" in line}
    installed = {_name(one.metadata["Name"]): one.version for one in distributions()}
    odd = sorted(name for name in pins.keys() & installed.keys() if installed[name].split("+")[0] != pins[name])
    if odd:
        return Finding(False, "versions", f"not as pinned: {', '.join(odd)}; remove .venv and run `make release`")
    return Finding(True, "versions", f"{len(pins.keys() & installed.keys())} packages as pinned")


def _name(text: str) -> str:
    return text.strip().lower().replace("_", "-").replace(".", "-")


def _disk(project: Project) -> Finding:
    free = shutil.disk_usage(project.root).free
    detail = f"{free / 1e9:,.0f} GB free"
    return Finding(
        free >= ROOM, "disk", detail if free >= ROOM else f"{detail}; make room for {ROOM / 1e9:.0f} GB"
    )


def _open_clip() -> Finding:
    """The project does without a torchvision that fits torch; a person's own scripts do not."""
    try:
        from sartext.models.compatibility import plain_import_works
    except (ImportError, RuntimeError) as error:
        return Finding(False, "open_clip", f"cannot be imported ({error}); remove .venv and run `make release`")
    if plain_import_works():
        return Finding(True, "open_clip", "plain `import open_clip` works")
    return Finding(
        True,
        "open_clip",
        "plain `import open_clip` fails here, as torchvision is built for another torch; write "
        "`from sartext.models.compatibility import open_clip`, or install the torchvision that fits",
    )


def _java() -> Finding:
    """What captions are tokenised and METEOR is computed with, in a report."""
    from sartext.evaluation.metrics.java import java

    try:
        java()
    except EvaluationError as error:
        return Finding(False, "java", f"{error.what}; {error.way_out}")
    return Finding(True, "java", "found")


def _spice() -> Finding:
    """A report does without it, and says so."""
    from sartext.evaluation.metrics.spice import ABSENT, spice_models

    try:
        found = spice_models()
    except EvaluationError as error:
        return Finding(False, "spice", str(error))
    return Finding(True, "spice", "found" if found else f"not needed; {ABSENT}")


def _corpus(project: Project, name: str) -> Finding:
    entry = find_entry(project, name)
    if project.source(name).is_dir():
        return Finding(True, f"corpus {name}", "present")
    way = (
        "`sartext simulate --missing`" if entry.embedded else f"{entry.obtain}; then `sartext corpora add {name}`"
    )
    return Finding(False, f"corpus {name}", way)

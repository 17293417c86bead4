"""What a build needs, whether it is here, and how to get it; nothing heavy is imported to find out."""

import shutil
import sys
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution, distributions
from pathlib import Path
from typing import Literal

from packaging.requirements import Requirement

from sartext.catalogue import find_entry
from sartext.config import Project
from sartext.errors import EvaluationError, ParameterError, counted
from sartext.progress import workers

MINIMUM_PYTHON = (3, 11)
ROOM = 5e9
"""Bytes of free disk that the embedded build and its cache fit into."""

CUDA_LIBRARY = "libc10_cuda.so"
"""Of a torch that was built for CUDA; what was built for it names the library and cannot be loaded without."""

State = Literal["ok", "warning", "missing"]


@dataclass(frozen=True)
class Finding:
    """One thing that a build needs.

    Args:
        state: ``warning``: the project does without, a person's own scripts may not.
        what: the need.
        detail: what is here, or how to get it.
    """

    state: State
    what: str
    detail: str


def examine(project: Project) -> list[Finding]:
    """Return a finding per need: Python, git, pinned versions, disk, libraries and each listed corpus."""
    return [
        _python(),
        _git(),
        _versions(project),
        _disk(project),
        _workers(),
        _torchvision(),
        _java(),
        _spice(),
        *(_corpus(project, name) for name in project.parameters.corpora),
    ]


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info >= MINIMUM_PYTHON:
        return Finding("ok", "python", version)
    return Finding("missing", "python", f"{version}; install Python 3.11 or newer")


def _git() -> Finding:
    if shutil.which("git"):
        return Finding("ok", "git", "found")
    return Finding("missing", "git", "install git; DVC and provenance need it")


def _versions(project: Project) -> Finding:
    path = project.root / "constraints.txt"
    if not path.is_file():
        detail = "constraints.txt is missing; restore it by `git checkout constraints.txt`"
        return Finding("missing", "versions", detail)
    lines = (line.partition("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    pins = {_normalised(line.split("==")[0]): line.split("==")[1] for line in lines if "==" in line}
    # a folder's name has name and version; reading the metadata of hundreds of packages takes a second
    installed = dict(filter(None, map(_name_and_version, distributions())))
    odd = sorted(name for name in pins.keys() & installed.keys() if installed[name].split("+")[0] != pins[name])
    if odd:
        detail = f"not as pinned: {', '.join(odd)}; remove .venv and run `make release`"
        return Finding("missing", "versions", detail)
    return Finding("ok", "versions", f"{counted(len(pins.keys() & installed.keys()), 'package')} as pinned")


def _name_and_version(package: Distribution) -> tuple[str, str] | None:
    folder: Path | None = getattr(package, "_path", None)
    if folder is not None and folder.suffix == ".dist-info":
        name, _, version = folder.stem.partition("-")
    else:
        name, version = package.metadata["Name"], package.version
    return (_normalised(name), version) if name and version else None


def _normalised(name: str) -> str:
    return name.strip().lower().replace("_", "-").replace(".", "-")


def _disk(project: Project) -> Finding:
    free = shutil.disk_usage(project.root).free
    if free >= ROOM:
        return Finding("ok", "disk", f"{free / 1e9:,.0f} GB free")
    return Finding("missing", "disk", f"{free / 1e9:,.0f} GB free; make room for {ROOM / 1e9:.0f} GB")


def _workers() -> Finding:
    try:
        return Finding("ok", "workers", counted(workers(), "process", "processes"))
    except ParameterError as error:
        return Finding("missing", "workers", str(error))


def _torchvision() -> Finding:
    """Tell whether torchvision fits torch, by their metadata and the libraries that they were linked with."""
    try:
        torch, torchvision = distribution("torch"), distribution("torchvision")
    except PackageNotFoundError as error:
        return Finding("missing", error.name, "not installed; remove .venv and run `make release`")
    versions = f"{torchvision.version} beside torch {torch.version}"
    requirements = [Requirement(text) for text in torchvision.requires or []]
    wanted = [item.specifier for item in requirements if item.name == "torch"]
    if not all(specifier.contains(torch.version, prereleases=True) for specifier in wanted):
        fault = f"it is built for torch {', '.join(map(str, wanted))}"
    elif _linked_with_cuda(torchvision) and not _file(torch, f"torch/lib/{CUDA_LIBRARY}").is_file():
        fault = "it is built for CUDA and torch is not"
    else:
        return Finding("ok", "torchvision", versions)
    return Finding(
        "warning",
        "torchvision",
        f"{versions}: {fault}, so `import torchvision` and `import open_clip` fail; the project does without, in "
        "scripts write `from sartext.models.compatibility import open_clip`, or install one that fits",
    )


def _linked_with_cuda(torchvision: Distribution) -> bool:
    library = _file(torchvision, "torchvision/_C.so")
    return library.is_file() and CUDA_LIBRARY.encode() in library.read_bytes()


def _file(package: Distribution, name: str) -> Path:
    return Path(str(package.locate_file(name)))


def _java() -> Finding:
    """What captions are tokenised and METEOR is computed with, in a report."""
    from sartext.evaluation.metrics.java import java

    try:
        java()
    except EvaluationError as error:
        return Finding("missing", "java", f"{error.what}; {error.way_out}")
    return Finding("ok", "java", "found")


def _spice() -> Finding:
    """A report does without it, and says so."""
    from sartext.evaluation.metrics.spice import ABSENT, spice_models

    try:
        models = spice_models()
    except EvaluationError as error:
        return Finding("missing", "spice", str(error))
    return Finding("ok", "spice", "found" if models else f"not needed; {ABSENT}")


def _corpus(project: Project, name: str) -> Finding:
    entry = find_entry(project, name)
    if project.source(name).is_dir():
        return Finding("ok", f"corpus {name}", "present")
    way = (
        "`sartext simulate --missing`" if entry.embedded else f"{entry.obtain}; then `sartext corpora add {name}`"
    )
    return Finding("missing", f"corpus {name}", way)

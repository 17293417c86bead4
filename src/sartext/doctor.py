"""What a build needs, whether it is here, and how to get it; nothing heavy is imported to find out."""

import shutil
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.metadata import Distribution, PackageNotFoundError, distribution, distributions
from pathlib import Path
from typing import Literal

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from sartext.catalogue import find_entry
from sartext.config import Project
from sartext.errors import CatalogueError, ModelError, ParameterError, SarTextError, counted, nearest
from sartext.progress import workers

MINIMUM_PYTHON = (3, 11)
ROOM = 5e9
"""Bytes of free disk that the embedded build and its cache fit into."""

CUDA_LIBRARY = "libc10_cuda.so"
"""Of a torch that was built for CUDA; what was built for it names the library and cannot be loaded without."""


@dataclass(frozen=True)
class Finding:
    """One thing that a build needs, and in detail what is here or how to get it.

    Without what is a ``warning`` the project does, a person's own scripts may not.
    """

    state: Literal["ok", "warning", "missing"]
    what: str
    detail: str


def examine(project: Project) -> Iterator[Finding]:
    """Yield a finding per need: Python, git, pinned versions, disk, libraries, each listed corpus, known names."""
    python, free = ".".join(map(str, sys.version_info[:3])), shutil.disk_usage(project.root).free
    room = f"{free / 1e9:,.0f} GB free"
    yield _need("python", sys.version_info >= MINIMUM_PYTHON, python, f"{python}; install Python 3.11 or newer")
    yield _need("git", bool(shutil.which("git")), "found", "install git; DVC and provenance need it")
    yield _versions(project)
    yield _need("disk", free >= ROOM, room, f"{room}; make room for {ROOM / 1e9:.0f} GB")
    yield _attempt("workers", lambda: counted(workers(), "process", "processes"))
    yield _torchvision()
    yield _attempt("java", _java)
    yield _attempt("spice", _spice)
    yield _attempt("pretrained", lambda: _pretrained(project))
    for name in project.parameters.corpora:
        yield _corpus(project, name)
    yield _attempt("names", lambda: require_known_names(project))


def _corpus(project: Project, name: str) -> Finding:
    try:
        entry = find_entry(project, name)
    except CatalogueError as error:
        return Finding("missing", f"corpus {name}", str(error))
    obtain = f"{entry.obtain}; then `sartext corpora add {name} --from PATH`"
    way_out = "`sartext simulate --missing`" if entry.embedded else obtain
    return _need(f"corpus {name}", project.source(name).is_dir(), "present", way_out)


def _need(what: str, met: bool, detail: str, way_out: str) -> Finding:
    return Finding("ok", what, detail) if met else Finding("missing", what, way_out)


def _attempt(what: str, look: Callable[[], str]) -> Finding:
    """What looking gives, or its error."""
    try:
        return Finding("ok", what, look())
    except SarTextError as error:
        return Finding("missing", what, str(error))


def _versions(project: Project) -> Finding:
    path = project.root / "constraints.txt"
    if not path.is_file():
        detail = "constraints.txt is missing; restore it by `git checkout constraints.txt`"
        return Finding("missing", "versions", detail)
    lines = (line.partition("#")[0].strip() for line in path.read_text(encoding="utf-8").splitlines())
    pairs = [line.split("==") for line in lines if "==" in line]
    pins = {str(canonicalize_name(name)): version for name, version in pairs}
    # a folder's name has name and version; reading the metadata of hundreds of packages takes a second
    installed = dict(filter(None, map(_name_and_version, distributions())))
    pinned = pins.keys() & installed.keys()
    odd = sorted(name for name in pinned if installed[name].split("+")[0] != pins[name])
    way_out = f"not as pinned: {', '.join(odd)}; remove .venv and run `make release`"
    return _need("versions", not odd, f"{counted(len(pinned), 'package')} as pinned", way_out)


def _name_and_version(package: Distribution) -> tuple[str, str] | None:
    folder: Path | None = getattr(package, "_path", None)
    if folder is not None and folder.suffix == ".dist-info":
        name, _, version = folder.stem.partition("-")
    else:
        name, version = package.metadata["Name"], package.version
    return (canonicalize_name(name), version) if name and version else None


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


def _java() -> str:
    """What captions are tokenised and METEOR is computed with, in a report."""
    from sartext.evaluation.metrics.java import java

    java()
    return "found"


def _spice() -> str:
    """A report does without it, and says so."""
    from sartext.evaluation.metrics.spice import ABSENT, spice_models

    return "found" if spice_models() else f"not needed; {ABSENT}"


def _pretrained(project: Project) -> str:
    """Natural-image weights: what a foundation of ``params.yaml`` names must be here, others may be absent."""
    from sartext.models.pretrained import PRETRAINED, locate_pretrained

    rows = {**project.parameters.trainings, **project.parameters.checkpoints}
    origins = {project.root / row.origin for row in rows.values()}
    foundations = [path.read_text(encoding="utf-8", errors="replace") for path in origins if path.is_file()]
    fields = [line.partition("#")[0].split() for text in foundations for line in text.splitlines()]
    absent = []
    for weights in PRETRAINED:
        try:
            locate_pretrained(weights)
        except ModelError as error:
            if ["pretrained:", weights.name] in fields:
                raise
            absent.append(error)
    return f"not needed by params.yaml; {absent[0]}" if absent else "found"


def require_known_names(project: Project) -> str:
    """Check every name of ``params.yaml`` that a registry or the catalogue defines, before a long build; say so.

    These are annotation formats, the caption methods that trainings learn from, models that may become champions
    with the metrics of their thresholds, and release formats.

    Raises:
        ParameterError: a name is unknown; the message holds the nearest one.
        CatalogueError: a catalogue file is wrong.
    """
    from sartext.corpora.formats import FORMATS as ANNOTATION_FORMATS
    from sartext.evaluation.registry import headlines, metric_named
    from sartext.narrator.methods import METHODS
    from sartext.release.formats import listed_formats

    parameters = project.parameters
    for name, corpus in parameters.corpora.items():
        if annotations := find_entry(project, name).annotations:
            ANNOTATION_FORMATS.get(annotations.format, where=f"{corpus.catalogue}: annotations.format")
    for name, row in parameters.trainings.items():
        section = "checkpoints" if name in parameters.checkpoints else "models"
        for method in row.methods:
            METHODS.get(method, where=f"params.yaml: {section}.{name}.methods")
    trained = [*parameters.checkpoints, *parameters.models]
    for model, thresholds in parameters.champions.items():
        where = f"params.yaml: champions.{model}"
        if model not in trained:
            raise ParameterError(f"no model '{model}' is trained", where=where, way_out=nearest(model, trained))
        for name, bound in thresholds.items():
            metric = metric_named(name, where=where)
            if isinstance(bound, str) and not metric.headline:
                known = ", ".join(f"{metric.task}/{headline}" for headline in headlines(metric.task))
                raise ParameterError(
                    f"no answer without the image is known for {name}, which '{bound}' asks for",
                    where=where,
                    way_out=f"state a number, or name one of {known}",
                )
    listed_formats(parameters.release.formats)
    return "all of params.yaml are known"

"""The hash of simulator and recipe: what a cell depends on; cells of different hashes are never mixed.

It stands for everything that decides a cell's figures: the code that makes scenes, captions, splits, shards,
models and trainings, the code that scores them, their parameters and the libraries' versions. It leaves out which
seeds and shares are run, how many processes run them, and how the results are drawn.
"""

from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from sartext.files import canonical_json, sha256_file, sha256_text

PACKAGE = Path(__file__).resolve().parent.parent

CODE = (
    "catalogue",
    "config/arms.py",
    "corpora",
    "evaluation/metrics/recall.py",
    "evaluation/retrieval.py",
    "evaluation/similarity_blocks.py",
    "models",
    "narrator",
    "release/inputs.py",
    "release/splits",
    "simulation",
    "study",
    "training",
)
"""Folders and files of the package that decide a cell's figures."""

LIBRARIES = ("torch", "open_clip_torch", "numpy")
"""Libraries whose versions decide them too."""

PRESENTATION = (
    "models/gpt/*",
    "study/figures.py",
    "study/page.py",
    "study/running.py",
    "study/tables.py",
    "study/templates/*",
    "training/gpt/*",
)
"""Parts of them that do not: they read finished cells, or are not used."""

NO_PART = {
    "study": {"seeds", "fractions", "workers", "resamples"},
    "training": {"threads", "validate_every", "seed"},
    "simulation": {"seed"},
}
"""Parameters that do not belong to the recipe: they differ by cell, or change no figure of one."""


def recipe_hash(parameters: dict[str, Any], package: Path = PACKAGE) -> str:
    """Return the SHA-256 over code and parameters, in hexadecimal.

    Args:
        parameters: of the study as JSON, by section of ``params.yaml``; only sections that it uses.
        package: the folder of the code.
    """
    kept = {section: _kept(section, value) for section, value in parameters.items()}
    told = {**kept, "versions": {name: version(name) for name in LIBRARIES}}
    return sha256_text(canonical_json({"code": dict(code_hashes(package)), "parameters": told}))


def code_hashes(package: Path = PACKAGE) -> Iterator[tuple[str, str]]:
    """Yield path and SHA-256 of every file that decides a cell's figures, in path order."""
    for folder in CODE:
        place = package / folder
        for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
            name = path.relative_to(package).as_posix()
            if path.is_file() and path.suffix != ".pyc" and not _presents(name):
                yield name, sha256_file(path)


def _presents(name: str) -> bool:
    return any(name == one or (one.endswith("/*") and name.startswith(one[:-1])) for one in PRESENTATION)


def _kept(section: str, value: Any) -> Any:  # noqa: ANN401 - a section as JSON
    left_out = NO_PART.get(section)
    return {name: one for name, one in value.items() if name not in left_out} if left_out and value else value

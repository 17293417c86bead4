"""The embedded corpora: SAR and optical scenes rendered from one ground truth, so that all works with no download.

`truth` says what a scene is, `landscape` and `composition` make it, `backscatter` and `radar` form its SAR image,
`optical` and `grammar` its picture and captions, `rendering` and `writers` the files of the corpora.

``fingerprint.txt`` says which bytes these must be: `data.dvc` pins whole folders, and this file lets a machine
whose arithmetic differs say which file differs first. It holds for one set of parameters.
"""

from itertools import groupby
from pathlib import Path
from typing import Final

from sartext.config import SimulationParameters
from sartext.errors import SimulationError
from sartext.files import atomic_folder, canonical_json, sha256_file, sha256_text, write_text
from sartext.progress import map_parallel
from sartext.simulation.composition import CORPORA
from sartext.simulation.rendering import Rendered, Task, render_image
from sartext.simulation.writers import ANNOTATORS

__all__ = ["CORPORA", "FINGERPRINT", "first_difference", "image_counts", "write_corpora", "write_fingerprint"]

FINGERPRINT: Final = Path(__file__).with_name("fingerprint.txt")
DIGITS: Final = 8
"""Hexadecimal digits of each file's SHA-256 that the fingerprint keeps."""

HEADER: Final = "# simulation parameters "


def image_counts(parameters: SimulationParameters) -> dict[str, int]:
    """Return how many images (or pairs) of each embedded corpus the parameters ask for."""
    return {name: int(getattr(parameters, name.removeprefix("sim-"))) for name in CORPORA}


def write_corpora(
    parameters: SimulationParameters, data: Path, *, missing_only: bool = False
) -> dict[str, object]:
    """Write the embedded corpora below a folder; each replaces the one that stood there once it is complete.

    The bytes follow from the parameters alone, whatever the number of processes.

    Args:
        parameters: seed, size and counts; a corpus of no images is not written.
        data: the folder of the source corpora.
        missing_only: keep corpora that are there already.

    Returns:
        Per corpus written: ``images``, ``files`` and ``annotations`` (objects or sentences); the names of those
        kept; up to six ``examples`` (image ids).

    Raises:
        ArtefactError: the disk is full or the folder cannot be written.
    """
    counts = {name: count for name, count in image_counts(parameters).items() if count}
    kept = [name for name in counts if missing_only and (data / name).is_dir()]
    tasks = [
        Task(name, number, parameters)
        for name, count in counts.items()
        if name not in kept
        for number in range(count)
    ]
    written: dict[str, dict[str, int]] = {}
    examples: list[str] = []
    rendered = map_parallel(render_image, tasks, "simulating images")
    for name, images in groupby(rendered, key=lambda image: image.corpus):
        with atomic_folder(data / name) as folder:
            complete = [_write_files(folder, image) for image in images]
            annotations = ANNOTATORS[name](folder, complete, parameters.size)
            files = sum(1 for item in folder.rglob("*") if item.is_file())
        written[name] = {"images": len(complete), "files": files, "annotations": annotations}
        examples.append(f"{name}/{Path(min(complete[0].files)).stem}")
    return {"written": written, "kept": kept, "examples": examples[:6]}


def _write_files(folder: Path, image: Rendered) -> Rendered:
    """Write an image's files and return its record alone."""
    for path, content in image.files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
    return Rendered(image.corpus, image.number, dict.fromkeys(image.files, b""), image.record)


def first_difference(
    data: Path, parameters: SimulationParameters, *, fingerprint: Path = FINGERPRINT
) -> str | None:
    """Name the first file of the embedded corpora, in path order, that is not as the fingerprint says.

    Args:
        data: the folder of the source corpora; corpora that are not embedded are not looked at.
        parameters: what the corpora were made with; with other ones than the fingerprint's nothing is compared.
        fingerprint: another fingerprint file.

    Returns:
        ``"<path>: differs"``, ``"<path>: missing"`` or ``"<path>: not expected"``; None where all files agree.

    Raises:
        SimulationError: the fingerprint is absent or damaged.
    """
    way_out = "restore it from the repository"
    try:
        header, *lines = fingerprint.read_text(encoding="utf-8").splitlines() or [""]
    except FileNotFoundError as error:
        raise SimulationError("the fingerprint is missing", where=fingerprint.name, way_out=way_out) from error
    if not header.startswith(HEADER):
        raise SimulationError("the fingerprint is damaged", where=fingerprint.name, way_out=way_out)
    if header != _header(parameters):
        return None
    expected = {path: digits for digits, _, path in (line.partition(" ") for line in lines)}
    present = set(_files(data))
    for path in sorted(expected.keys() | present):
        if path not in present:
            return f"{path}: missing"
        if path not in expected:
            return f"{path}: not expected"
        if sha256_file(data / path)[:DIGITS] != expected[path]:
            return f"{path}: differs"
    return None


def write_fingerprint(data: Path, parameters: SimulationParameters, fingerprint: Path = FINGERPRINT) -> None:
    """Take the fingerprint of the embedded corpora below a folder: after a change of what they must be."""
    lines = [f"{sha256_file(data / path)[:DIGITS]} {path}\n" for path in _files(data)]
    write_text(fingerprint, f"{_header(parameters)}\n{''.join(lines)}")


def _header(parameters: SimulationParameters) -> str:
    return f"{HEADER}{sha256_text(canonical_json(parameters.model_dump(mode='json')))}"


def _files(data: Path) -> list[str]:
    files = (item for name in CORPORA for item in (data / name).rglob("*") if item.is_file())
    return sorted(item.relative_to(data).as_posix() for item in files)

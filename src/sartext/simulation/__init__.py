"""The embedded corpora: SAR and optical scenes rendered from one ground truth, so that all works with no download.

`truth` says what a scene is, `landscape` and `composition` make it, `backscatter` and `radar` form its SAR image,
`optical` and `grammar` its picture and captions, `recipes`, `rendering` and `writers` its corpora.
"""

from itertools import groupby
from pathlib import Path

from sartext.config import SimulationParameters
from sartext.files import atomic_folder
from sartext.progress import map_parallel
from sartext.simulation.recipes import CORPORA
from sartext.simulation.rendering import Rendered, Task, render_image
from sartext.simulation.writers import write_annotations

__all__ = ["CORPORA", "image_counts", "write_corpora"]


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
            annotations = write_annotations(name, folder, complete, parameters.size)
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

"""The stage ``lists``: which corpora are captioned in which way, beside the captions.

A folder that stages depend on is there even where its list is empty and no stage writes into it.
"""

from collections.abc import Mapping
from pathlib import Path

from sartext.config import Project
from sartext.files import write_json

LIST = "listed.json"


def caption_lists(project: Project) -> Mapping[Path, tuple[str, ...]]:
    """Return the folders that hold captions, each with the corpora that ``params.yaml`` lists for it."""
    parameters = project.parameters
    return {
        project.build / "captions": parameters.captions,
        project.build / "optical-captions": parameters.optical_captions,
        project.build / "narrated": parameters.narrated,
    }


def write_lists(project: Project) -> dict[str, object]:
    """Write ``listed.json`` into every folder of captions; return how many corpora each lists."""
    found = caption_lists(project)
    for folder, corpora in found.items():
        write_json(folder / LIST, list(corpora))
    return {folder.name: len(corpora) for folder, corpora in found.items()}

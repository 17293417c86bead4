"""A project with an assembled release and complete evaluations, to be reported."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from sartext.config import Project
from sartext.evaluation.details import TASKS, picture_path, shown_pictures, write_details
from sartext.evaluation.figures import write_figures
from sartext.files import write_bytes, write_json
from sartext.simulation.encoding import png
from tests.report.evaluations import (
    captioning_figures,
    details,
    grounding_figures,
    hash_of,
    retrieval_figures,
    vqa_figures,
)

COMPARISONS = {"progressive": ("direct", "direct-total", "mixed", "shuffled", "optical-only")}
CONTENT = "5c" * 32
COMMIT = "0123456789abcdef0123456789abcdef01234567"


FIGURES = {
    "retrieval": retrieval_figures,
    "captioning": captioning_figures,
    "vqa": vqa_figures,
    "grounding": grounding_figures,
}


def picture(image_id: str) -> bytes:
    """A small picture with speckle and a few bright targets."""
    random = np.random.default_rng(hash_of(image_id) % 2**32)
    field = random.gamma(4.0, 18.0, (64, 64))
    for _ in range(4):
        row, column = random.integers(6, 54, 2)
        field[row : row + 3, column : column + 6] += 190
    return png(np.clip(field, 0, 255).astype(np.uint8))


def write_evaluations(root: Path) -> None:
    """Write the folders of all tasks below ``root``, as the evaluations do."""
    for task in TASKS:
        write_figures(root / task / "figures.json", FIGURES[task]())
        described = details()[task]
        write_details(root / task / "details.json", described)
        for image_id in sorted(shown_pictures(described)):
            write_bytes(picture_path(root / task, image_id), picture(image_id))


def write_project(root: Path) -> Project:
    """Write a project whose evaluations are done."""
    root.mkdir(parents=True)
    release = {"name": "sar-text", "title": "SAR-Text (made up)"}
    parameters = {"corpora": {}, "release": release, "evaluation": {"comparisons": COMPARISONS}}
    write_json(root / "params.yaml", parameters)
    write_json(root / "build/release/content.json", {"content_sha256": CONTENT, "files": {}})
    version = root / "releases/sar-text/1.2.0"
    record = {"name": "sar-text", "version": "1.2.0", "content_sha256": CONTENT}
    manifest = {**record, "files": {}, "git": {"commit": COMMIT, "dirty": False}}
    manifest["corpora_dvc_md5"] = {"sim-ships": "d41d8cd98f00b204e9800998ecf8427e.dir", "sim-pairs": None}
    manifest["tools"] = {"python": "3.11.9", "torch": "2.13.0"}
    write_json(version / "MANIFEST.json", manifest)
    write_json(root / "build/publication/publication.json", {**record, "path": "releases/sar-text/1.2.0"})
    write_evaluations(root / "build/evaluation")
    return Project(root)


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with evaluations; only to be copied."""
    return write_project(tmp_path_factory.mktemp("evaluated") / "project")


@pytest.fixture
def project(template: Project, tmp_path: Path) -> Project:
    """A project of its own with evaluations."""
    shutil.copytree(template.root, tmp_path / "project")
    return Project(tmp_path / "project")

"""A project with an assembled release and complete evaluations, to be reported."""

import shutil
from pathlib import Path

import pytest

from sartext.config import Project
from sartext.files import write_json
from tests.report.evaluations import write_evaluations

COMPARISONS = {"progressive": ("direct", "direct-total", "mixed", "shuffled", "optical-only")}
CONTENT = "5c" * 32
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def write_project(root: Path) -> Project:
    """Write a project whose evaluations are done."""
    root.mkdir(parents=True)
    release = {"name": "sar-text", "title": "SAR-Text (made up)"}
    write_json(
        root / "params.yaml", {"corpora": {}, "release": release, "evaluation": {"comparisons": COMPARISONS}}
    )
    write_json(root / "build/release/content.json", {"content_sha256": CONTENT, "files": {}})
    version = root / "releases/sar-text/1.2.0"
    manifest = {"name": "sar-text", "version": "1.2.0", "content_sha256": CONTENT, "files": {}}
    manifest["git"] = {"commit": COMMIT, "dirty": False}
    manifest["corpora_dvc_md5"] = {"sim-ships": "d41d8cd98f00b204e9800998ecf8427e.dir", "sim-pairs": None}
    manifest["tools"] = {"python": "3.11.9", "torch": "2.13.0"}
    write_json(version / "MANIFEST.json", manifest)
    record = {"name": "sar-text", "version": "1.2.0", "content_sha256": CONTENT}
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

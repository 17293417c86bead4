"""A small project that is simulated, indexed, captioned, split and written as shards, with a tokenizer."""

from pathlib import Path

import pytest
import yaml

from sartext.config import Project
from sartext.corpora.index import build_index
from sartext.narrator.stage import caption_corpus
from sartext.release.splits import decide_splits
from sartext.simulation import write_corpora
from sartext.training.shards.writing import write_shards
from sartext.training.tokenizer_stage import make_tokenizer
from tests.conftest import ROOT
from tests.processes import built_once

CAPTIONED = ("sim-ships", "sim-objects", "sim-landcover", "sim-pairs")
COUNTS = {"ships": 50, "objects": 40, "landcover": 40, "pairs": 45, "optical": 100, "unlabelled": 16}


def beside(project: Project, root: Path, *names: str) -> Project:
    """A project of its own that shares these files and folders of another."""
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).symlink_to(project.root / name)
    return Project(root)


def artefacts_but(project: Project, *names: str) -> list[str]:
    """What a project has built, to be shared with another that builds these names itself."""
    return [f"build/{path.name}" for path in project.build.iterdir() if path.name not in names]


def edit_parameters(root: Path, **sections: object) -> Project:
    """Add sections to the parameters of a project, or replace them."""
    parameters = yaml.safe_load((root / "params.yaml").read_text())
    (root / "params.yaml").write_text(yaml.safe_dump({**parameters, **sections}, sort_keys=False))
    return Project(root)


def write_parameters(root: Path, **sections: object) -> Project:
    """Write the parameters of a small project into a folder."""
    corpora = (*CAPTIONED, "sim-optical", "sim-unlabelled")
    foundations = "src/sartext/models/foundations"
    rows = {
        "clip-optical": {"from": f"{foundations}/clip-tiny.yaml", "data": "build/shards/optical"},
        "clip-sar": {"from": "build/checkpoint/clip-optical", "data": "build/shards/sar"},
        "coca-optical": {"from": f"{foundations}/coca-tiny.yaml", "data": "build/shards/optical"},
        "coca-sar": {"from": "build/checkpoint/coca-optical", "data": "build/shards/sar"},
        "grounder": {
            "task": "grounding",
            "from": f"{foundations}/grounder-tiny.yaml",
            "data": "build/shards/sar",
        },
    }
    parameters = {
        "simulation": {"seed": 4711, "size": 64, **COUNTS},
        "corpora": {name: {"catalogue": f"src/sartext/catalogue/{name}.yaml"} for name in corpora},
        "captions": list(CAPTIONED),
        "optical_captions": ["sim-pairs"],
        "narrated": ["sim-unlabelled"],
        "splits": {"validation": 0.15, "test": 0.15},
        "tokenizer": {"vocabulary": 1024, "context": 64},
        "shards": {"side": 64, "looks": 2},
        "training": {"batch": 16, "threads": 1, "validate_every": 64},
        "checkpoints": {name: {**row, "samples": 96, "learning_rate": 0.001} for name, row in rows.items()},
        **sections,
    }
    root.mkdir(parents=True, exist_ok=True)
    (root / "params.yaml").write_text(yaml.safe_dump(parameters, sort_keys=False))
    link = root / "src" / "sartext"
    link.parent.mkdir(exist_ok=True)
    if not link.exists():
        link.symlink_to(ROOT / "src" / "sartext", target_is_directory=True)
    return Project(root)


def build(project: Project) -> Project:
    """Run the stages up to the tokenizer and the shards."""
    parameters = project.parameters
    assert parameters.simulation is not None
    write_corpora(parameters.simulation, project.data, missing_only=True)
    for name in parameters.corpora:
        build_index(project, name)
    for name in parameters.captions:
        caption_corpus(project, name)
    decide_splits(project)
    make_tokenizer(project)
    for data in ("optical", "sar"):
        write_shards(project, data)
    return project


def mini_project_of(factory: pytest.TempPathFactory) -> Project:
    """The small project, built once for all tests; only to be read."""
    return Project(built_once(factory, "mini-project", lambda root: build(write_parameters(root))))

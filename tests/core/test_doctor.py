"""`sartext doctor` says what is missing and how to get it, without loading what it looks at."""

import subprocess
import sys
from dataclasses import replace
from importlib.metadata import PathDistribution
from pathlib import Path

import pytest

from sartext import doctor
from sartext.config import Project
from sartext.doctor import CUDA_LIBRARY, Finding, examine
from sartext.models import pretrained
from sartext.registry import Registry
from tests.conftest import ROOT

CORPUS = "corpora:\n  sim-ships: {catalogue: catalogue/sim-ships.yaml}\n"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "catalogue").mkdir()
    (tmp_path / "catalogue/sim-ships.yaml").write_text((ROOT / "src/sartext/catalogue/sim-ships.yaml").read_text())
    (tmp_path / "params.yaml").write_text(CORPUS)
    return Project(tmp_path)


def finding(project: Project, what: str) -> Finding:
    return next(item for item in examine(project) if item.what == what)


def test_an_absent_corpus_is_told_with_the_command_that_makes_it(project: Project) -> None:
    absent = finding(project, "corpus sim-ships")
    assert (absent.state, absent.detail) == ("missing", "`sartext simulate --missing`")
    project.source("sim-ships").mkdir(parents=True)
    assert finding(project, "corpus sim-ships").state == "ok"


def test_spice_is_optional_but_a_wrong_folder_is_told(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SARTEXT_SPICE", raising=False)
    absent = finding(project, "spice")
    assert absent.state == "ok" and "SARTEXT_SPICE" in absent.detail
    monkeypatch.setenv("SARTEXT_SPICE", str(project.root))
    wrong = finding(project, "spice")
    assert wrong.state == "missing" and "stanford-corenlp-3.6.0.jar is not there" in wrong.detail


def test_absent_pretrained_weights_are_missed_where_a_foundation_names_them(
    project: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    absent = [replace(weights, package="sartext-absent") for weights in pretrained.PRETRAINED]
    monkeypatch.setattr(pretrained, "PRETRAINED", Registry("pretrained weights", absent))
    unneeded = finding(project, "pretrained")
    assert unneeded.state == "ok" and "'.[pretrained]'" in unneeded.detail
    (project.root / "mine.yaml").write_text(
        "architecture: clip-lite0\npretrained: efficientnet-lite0  # ImageNet\n"
    )
    row = "{from: mine.yaml, data: build/shards/sar, samples: 64, learning_rate: 0.001}"
    (project.root / "params.yaml").write_text(f"{CORPUS}checkpoints:\n  clip-sar: {row}\n")
    needed = finding(Project(project.root), "pretrained")
    assert needed.state == "missing" and "sartext-absent" in needed.detail


def test_a_wrong_number_of_workers_is_told(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SARTEXT_WORKERS", "abc")
    wrong = finding(project, "workers")
    assert wrong.state == "missing" and "'abc'" in wrong.detail


@pytest.mark.parametrize(
    ("torch", "cuda", "linked", "fault"),
    [
        ("2.13.0+cpu", False, b"libc10.so", ""),
        ("2.13.0", True, b"libc10.so libc10_cuda.so", ""),
        ("2.13.0+cpu", False, b"libc10.so libc10_cuda.so", "built for CUDA"),
        ("2.12.1", True, b"libc10.so libc10_cuda.so", "built for torch ==2.13.0"),
    ],
)
def test_a_torchvision_that_cannot_be_imported_is_a_warning(
    project: Project, monkeypatch: pytest.MonkeyPatch, torch: str, cuda: bool, linked: bytes, fault: str
) -> None:
    site = project.root / "site"
    required = "Requires-Dist: torch (==2.13.0)\n"
    places = {}
    for name, version, more in (("torch", torch, ""), ("torchvision", "0.28.0", required)):
        folder = site / f"{name}-{version}.dist-info"
        folder.mkdir(parents=True)
        places[name] = PathDistribution(folder)
        (folder / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{more}")
    for path, content in (("torchvision/_C.so", linked), *([(f"torch/lib/{CUDA_LIBRARY}", b"")] if cuda else [])):
        (site / path).parent.mkdir(parents=True)
        (site / path).write_bytes(content)
    monkeypatch.setattr(doctor, "distribution", places.__getitem__)
    fits = finding(project, "torchvision")
    assert (fits.state == "warning") == bool(fault)
    assert fault in fits.detail
    assert ("from sartext.models.compatibility import open_clip" in fits.detail) == bool(fault)


def test_it_imports_nothing_heavy(project: Project) -> None:
    code = """
import sys
from pathlib import Path
from sartext.config import Project
from sartext.doctor import examine
list(examine(Project(Path(sys.argv[1]))))
print(*{name.split(".")[0] for name in sys.modules})
"""
    command = [sys.executable, "-c", code, str(project.root)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert not {"torch", "torchvision", "open_clip", "mlflow", "great_expectations"} & set(done.stdout.split())

"""Recipe: an unknown corpus, from somebody's zip to captions, by the commands of docs/corpora.md alone."""

import json
import shutil

import yaml

from sartext.tables import CAPTIONS, read_rows
from tests.conftest import ROOT
from tests.processes import init_dvc
from tests.recipes.messy import messy_zip

FILLED = {
    "sensor": "Sentinel-1",
    "licence": "CC-BY-4.0",
    "redistribution": True,
    "citation": "Somebody, Harbours, 2026",
    "homepage": "not-stated",
}


def test_a_zip_from_anywhere_becomes_captions(scratch, tmp_path):
    project = scratch.project
    shutil.copy(ROOT / "conf" / "alone.yaml", project / "params.yaml")
    init_dvc(project, git=True)
    origin = str(messy_zip(tmp_path / "harbour.zip", 40))

    described = scratch.run("corpora", "add", "harbours", "--from", origin, "--describe")
    assert described.returncode == 0, described.stderr
    assert "yolo in labels/*/*.txt (50 images; boxes: " in described.stdout
    assert "file names read as GBK" in described.stdout
    gaps = "unfinished: still to be filled in are sensor, licence, citation, homepage"
    assert f"catalogue/harbours.yaml: {gaps}" in described.stdout
    assert not (project / "data").exists()

    too_early = scratch.run("corpora", "add", "harbours", "--from", origin)
    assert (too_early.returncode, too_early.stderr.count("\n")) == (1, 1)
    assert gaps in too_early.stderr
    catalogue = project / "catalogue" / "harbours.yaml"
    catalogue.write_text(yaml.safe_dump({**yaml.safe_load(catalogue.read_text()), **FILLED}, sort_keys=False))

    added = scratch.run("corpora", "add", "harbours", "--from", origin)
    assert added.returncode == 0, added.stderr
    data, junk, nested, encoding, ask, *lines = added.stdout.splitlines()
    assert data == "data/harbours: 50 images, pinned in data.dvc"
    assert junk.startswith("4 files of systems and tools passed over")
    assert nested.startswith("1 archive within it unpacked")
    assert encoding.startswith("file names read as GBK")
    assert ask == "to build it, append to params.yaml:"
    appended = yaml.safe_load("\n".join(lines))
    assert appended == {
        "corpora": {"harbours": {"catalogue": "catalogue/harbours.yaml"}},
        "captions": ["harbours"],
    }

    parameters = yaml.safe_load((project / "params.yaml").read_text())
    (project / "params.yaml").write_text(yaml.safe_dump({**parameters, **appended}))
    for stage in ("corpus", "captions"):
        done = scratch.run(stage, "harbours")
        assert done.returncode == 0, done.stderr
    metrics = json.loads((project / "build/corpus/harbours/metrics.json").read_text())
    assert (metrics["indexed"], metrics["reasons"]["image"]) == (49, {"truncated-image": 1})
    assert metrics["splits"] == {"train": 40, "val": 9}
    captions = [
        row["caption"] for row in read_rows(project / "build/captions/harbours/captions.parquet", CAPTIONS)
    ]
    assert len(captions) == 49
    assert any("storage tank" in caption for caption in captions)
    assert scratch.edited() == set()

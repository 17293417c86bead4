"""Shards of the small real corpora: images of several sizes, masks with no-data, captions that people wrote."""

from pathlib import Path

import numpy as np
import pytest
import yaml

from orchestration.build import SAMPLE_FOLDERS
from sartext.catalogue.loading import PACKAGED
from sartext.config import Project
from sartext.corpora.index import build_index
from sartext.narrator.stage import caption_corpus
from sartext.release.splits import decide_splits
from sartext.training.augmentation import names_a_side
from sartext.training.shards.reading import open_shards
from sartext.training.shards.writing import write_shards

pytestmark = pytest.mark.realdata


def test_real_corpora_become_shards(realdata: Path, tmp_path: Path) -> None:
    captioned = ("sar-aircraft", "oil-spill", "terramesh")
    (tmp_path / "data").mkdir()
    for name in (*captioned, "rsicd"):
        (tmp_path / "data" / name).symlink_to(realdata / SAMPLE_FOLDERS[name])
    parameters = {
        "corpora": {name: {"catalogue": str(PACKAGED / f"{name}.yaml")} for name in (*captioned, "rsicd")},
        "captions": list(captioned),
        "shards": {"side": 96, "smallest_object": 4, "looks": 4},
    }
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(parameters))
    project = Project(tmp_path)
    for name in project.parameters.corpora:
        build_index(project, name)
    for name in captioned:
        caption_corpus(project, name)
    decide_splits(project)
    for data in ("optical", "sar"):
        metrics = write_shards(project, data)
        assert metrics["pairs"] > 50 if data == "optical" else metrics["pairs"] > 10
    with open_shards(project.build / "shards") as shards:
        pairs = shards.rows("train") + shards.rows("validation")
        for pair in pairs:
            assert shards.picture(pair).shape[:2] == (96, 96)
            assert pair.looks == 1  # nobody can render these again
            for box in pair.objects:
                assert 0 <= box["xmin"] < box["xmax"] <= 96
                assert 0 <= box["ymin"] < box["ymax"] <= 96
                assert min(box["xmax"] - box["xmin"], box["ymax"] - box["ymin"]) >= 4
        sided = np.mean(
            [names_a_side(text) for pair in pairs if pair.method == "optical" for text in pair.captions]
        )
        assert 0 < sided < 0.2

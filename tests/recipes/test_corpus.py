"""Recipe: a new corpus is a catalogue file and a line in params.yaml."""

import json

import numpy as np
import pytest
import yaml

from tests.corpora.making import BASE, DETECTION, encoded, voc


@pytest.fixture
def corpus(scratch):
    scratch.write_project("params.yaml", "corpora:\n  made-up: {catalogue: catalogue/made-up.yaml}\n")
    for number in range(3):
        folder = scratch.project / "data/made-up"
        for path in ("images", "annotations"):
            (folder / path).mkdir(parents=True, exist_ok=True)
        grey = np.random.default_rng(number).integers(0, 256, (30, 40), dtype=np.uint8)
        (folder / f"images/{number}.png").write_bytes(encoded(grey))
        (folder / f"annotations/{number}.xml").write_text(voc(("ship", 1, 2, 9, 9)))
    return scratch


def test_a_corpus_is_indexed_from_its_catalogue_file(corpus):
    entry = {"name": "made-up", **BASE, **DETECTION}
    corpus.write_project("catalogue/made-up.yaml", yaml.safe_dump(entry))
    indexed = corpus.run("corpus", "made-up")
    assert indexed.returncode == 0, indexed.stderr
    metrics = json.loads((corpus.project / "build/corpus/made-up/metrics.json").read_text())
    assert metrics["indexed"] == 3
    assert metrics["objects"] == {"ship": 3}
    listed = corpus.run("corpora", "list")
    assert "made-up" in listed.stdout
    assert corpus.edited() == set()

"""Recipe: a new caption method is a file with its entry, a line in `narrator.methods`, and a test."""

import json

import numpy as np
import pytest
import yaml

from sartext.errors import ParameterError
from sartext.narrator.methods import METHODS
from sartext.tables import CAPTIONS, UNCAPTIONED, read_rows
from tests.corpora.making import BASE, encoded

METHOD = '''
"""Scenes named by the file: ``sea-3.png`` shows the sea."""

from pathlib import PurePosixPath

from sartext.narrator.facts import Facts
from sartext.narrator.facts import CaptionMethod

SCENES = {"sea": "open sea", "land": "land without open water"}


def scene_facts(entry, read_index):
    """Return what makes facts of a row."""
    return lambda row, tally: _facts(PurePosixPath(row["path"]).stem.partition("-")[0])


def _facts(kind):
    return Facts(scene=SCENES[kind]) if kind in SCENES else "its name tells no scene"


FILE_NAMES = CaptionMethod(
    "file-names", "0.1", "from the name of the file", row_facts={"unlabelled": scene_facts}
)
'''

PROBE = """
import json
from sartext.narrator.methods import ANNOTATED, BY_MODEL, METHODS
print(json.dumps({
    "names": METHODS.names, "annotated": sorted(ANNOTATED), "by_model": sorted(BY_MODEL),
    "described": METHODS["file-names"].description,
}))
"""


@pytest.fixture
def corpus(scratch):
    """Three images without annotations; the names of two tell their scene."""
    scratch.write_project(
        "catalogue/bare.yaml", yaml.safe_dump({"name": "bare", **BASE, "kind": "unlabelled", "images": ["*.png"]})
    )
    scratch.write_project("params.yaml", "corpora:\n  bare: {catalogue: catalogue/bare.yaml}\ncaptions: [bare]\n")
    for number, name in enumerate(["sea-1", "land-2", "other-3"]):
        image = scratch.project / f"data/bare/{name}.png"
        image.parent.mkdir(parents=True, exist_ok=True)
        image.write_bytes(encoded(np.random.default_rng(number).integers(0, 256, (32, 32), dtype=np.uint8)))
    assert scratch.run("corpus", "bare").returncode == 0
    return scratch


def test_a_new_method_captions_the_kind_of_corpus_that_it_takes(corpus):
    refused = corpus.run("captions", "bare")
    assert refused.returncode == 1
    assert "no annotations" in refused.stderr
    corpus.write("narrator/file_names.py", METHOD)
    corpus.add_line("narrator/methods.py", "import A2C", "from sartext.narrator.file_names import FILE_NAMES")
    corpus.add_line("narrator/methods.py", "        GROUNDER,", "FILE_NAMES,")
    made = corpus.run("captions", "bare")
    assert made.returncode == 0, made.stderr
    folder = corpus.project / "build/captions/bare"
    rows = {row["image_id"]: row for row in read_rows(folder / "captions.parquet", CAPTIONS)}
    assert rows.keys() == {"bare/sea-1", "bare/land-2"}
    assert "open sea" in rows["bare/sea-1"]["caption"].casefold()
    assert {(row["method"], row["method_version"]) for row in rows.values()} == {("file-names", "0.1")}
    (missing,) = read_rows(folder / "uncaptioned.parquet", UNCAPTIONED)
    assert missing == {"image_id": "bare/other-3", "reason": "its name tells no scene"}
    probed = json.loads(corpus.python("-c", PROBE).stdout)
    assert probed["names"] == [*METHODS.names, "file-names"]
    assert "file-names" in probed["annotated"]
    assert "file-names" not in probed["by_model"]
    assert probed["described"] == "from the name of the file"
    assert corpus.edited() == {"narrator/methods.py"}


def test_an_unknown_method_names_the_nearest():
    with pytest.raises(ParameterError, match="narrator"):
        METHODS.get("narator", where="params.yaml")

"""Fixtures of the corpora tests."""

import pytest

from orchestration.build import SAMPLE_FOLDERS as SAMPLE
from sartext.corpora.index import build_index
from sartext.corpora.quarantine import read_quarantine
from sartext.tables import INDEX, read_rows
from tests.corpora.making import DETECTION, Corpus, real_project

REAL_FOLDERS = {
    **SAMPLE,
    "rsitmd": "RSITMD-captions",
    "ucm-captions": "UCM-captions",
    "sydney-captions": "Sydney-captions",
    "gf3-quadpol": "GF3-quadpol-uint16",
    "volkov-s1s2": "Volkov-S1S2-1024",
    "sen12ms-cr": "SEN12MS_CR_SARColorData",
    "opensarship": "OpenSARShip2-sample",
}


@pytest.fixture
def corpus(tmp_path):
    """An empty corpus, to be declared."""
    return Corpus(tmp_path)


@pytest.fixture
def detection(corpus):
    """An empty corpus of ships in VOC, which may lose all but one of its images."""
    return corpus.declare(**DETECTION)


@pytest.fixture(scope="module")
def project(realdata, tmp_path_factory):
    folders = {name: realdata / folder for name, folder in REAL_FOLDERS.items()}
    return real_project(tmp_path_factory.mktemp("real"), folders)


@pytest.fixture
def indexed(project):
    """Index a corpus; give its metrics, its rows by stem and its faults."""

    def index(name):
        if not (project.root / "data" / name).is_dir():
            pytest.skip(f"no {REAL_FOLDERS[name]} among the real corpora")
        metrics = build_index(project, name)
        folder = project.corpus(name)
        rows = {row["image_id"].split("/")[1]: row for row in read_rows(folder / "index.parquet", INDEX)}
        faults = read_quarantine(folder / "quarantine.csv")
        left_out = sum(fault.kind == "image" for fault in faults)
        assert (metrics["indexed"], metrics["left_out"]) == (len(rows), left_out)
        return metrics, rows, faults

    return index

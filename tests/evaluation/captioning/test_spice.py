"""SPICE as far as it can be run without Stanford's models: which are found, and what is started with them."""

import zipfile

import numpy as np
import pytest

from sartext.errors import EvaluationError
from sartext.evaluation.metrics.java import jar
from sartext.evaluation.metrics.spice import (
    ABSENT,
    FOLDER,
    JAR,
    MODELS,
    read_scores,
    spice,
    spice_command,
    spice_models,
)
from tests.evaluation.captioning.making import needs_jars, needs_java


@pytest.fixture
def models(tmp_path):
    """A folder with jars of the right names and nothing in them."""
    folder = tmp_path / "models"
    folder.mkdir()
    for name in MODELS:
        with zipfile.ZipFile(folder / name, "w") as archive:
            archive.writestr("META-INF/MANIFEST.MF", "Manifest-Version: 1.0\n")
    return folder


def test_without_a_folder_there_are_no_models(monkeypatch):
    monkeypatch.delenv(FOLDER, raising=False)
    assert spice_models() is None
    assert FOLDER in ABSENT
    assert "stanford-corenlp-full-2015-12-09.zip" in ABSENT


def test_the_folder_is_named_by_the_environment(monkeypatch, models):
    monkeypatch.setenv(FOLDER, str(models))
    assert spice_models() == models


def test_a_folder_without_the_models_is_refused(monkeypatch, models):
    monkeypatch.setenv(FOLDER, str(models))
    (models / MODELS[1]).unlink()
    with pytest.raises(EvaluationError, match=rf"{MODELS[1]} is not there; unpack https"):
        spice_models()


@needs_jars
def test_what_is_started_with_them(models, tmp_path):
    command = spice_command(models, tmp_path / "in.json", tmp_path / "out.json")
    classes = command[command.index("-cp") + 1].split(":")
    assert classes[:2] == [str(models / name) for name in MODELS]
    assert str(jar(JAR)) in classes
    assert str(jar("spice/lib/SceneGraphParser-1.0.jar")) in classes
    assert f"-Djava.io.tmpdir={tmp_path}" in command
    assert "-cache" not in command
    ending = ["edu.anu.spice.SpiceScorer", f"{tmp_path}/in.json", "-out", f"{tmp_path}/out.json"]
    assert command[-6:] == [*ending, "-subset", "-silent"]


@needs_java
@needs_jars
def test_it_runs_until_it_needs_the_models_and_leaves_nothing(monkeypatch, models, tmp_path):
    work = tmp_path / "tmp"
    work.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(work))
    monkeypatch.setenv(FOLDER, str(models))
    folder = jar(JAR).parent
    before = sorted(folder.rglob("*"))
    with pytest.raises(
        EvaluationError, match=r"SPICE: Java ended with 1: .*ClassNotFoundException: edu.stanford.nlp"
    ):
        spice(["one ship"], [["one ship in this sar image"]])
    assert not list(work.iterdir())
    assert sorted(folder.rglob("*")) == before


def test_its_scores_are_read_by_image(tmp_path):
    path = tmp_path / "out.json"
    path.write_text(
        '[{"image_id": "1", "scores": {"All": {"f": 0.5}}}, {"image_id": "0", "scores": {"All": {"f": null}}}]'
    )
    found = read_scores(path)
    assert found["1"] == 0.5
    assert np.isnan(found["0"])
    for text in ("", "{}x", '[{"image_id": "1"}]', '"x"'):
        path.write_text(text)
        with pytest.raises(EvaluationError, match="SPICE wrote no scores"):
            read_scores(path)
    with pytest.raises(EvaluationError, match="SPICE wrote no scores"):
        read_scores(tmp_path / "none.json")

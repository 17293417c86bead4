"""The fingerprint names the first file that is not as it should be; the default simulation reproduces it."""

import hashlib

import pytest
import yaml

from sartext.config import SimulationParameters, load_parameters
from sartext.errors import SimulationError
from sartext.simulation import CORPORA, write_corpora
from sartext.simulation.fingerprint import FINGERPRINT, applies_to, first_difference, write_fingerprint
from sartext.sources import folder_hash, folder_hashes
from tests.conftest import ROOT

FEW = SimulationParameters(ships=3, objects=2, landcover=2, pairs=2, optical=2, unlabelled=2)


@pytest.fixture
def pinned(tmp_path):
    data, fingerprint = tmp_path / "data", tmp_path / "fingerprint.txt"
    write_corpora(FEW, data)
    write_fingerprint(data, FEW, fingerprint)
    return data, fingerprint


def test_what_was_pinned_agrees(pinned):
    data, fingerprint = pinned
    assert first_difference(data, fingerprint=fingerprint) is None
    assert first_difference(data, FEW, fingerprint=fingerprint) is None


def test_the_first_differing_missing_or_additional_file_is_named(pinned):
    data, fingerprint = pinned
    extra = data / "sim-unlabelled/images/extra.png"
    extra.write_bytes(b"")
    assert first_difference(data, fingerprint=fingerprint) == "sim-unlabelled/images/extra.png: not expected"
    (data / "sim-ships/Annotations/000002.xml").unlink()
    assert first_difference(data, fingerprint=fingerprint) == "sim-ships/Annotations/000002.xml: missing"
    image = data / "sim-objects/images/000001.png"
    content = bytearray(image.read_bytes())
    content[100] ^= 1
    image.write_bytes(content)
    assert first_difference(data, fingerprint=fingerprint) == "sim-objects/images/000001.png: differs"


def test_other_corpora_are_not_looked_at(pinned):
    data, fingerprint = pinned
    (data / "ssdd").mkdir()
    (data / "ssdd/image.jpg").write_bytes(b"x")
    assert first_difference(data, fingerprint=fingerprint) is None


def test_it_does_not_apply_to_other_parameters(pinned):
    data, fingerprint = pinned
    other = FEW.model_copy(update={"seed": 1})
    assert applies_to(FEW, fingerprint) and not applies_to(other, fingerprint)
    (data / "sim-ships/Annotations/000002.xml").unlink()
    assert first_difference(data, other, fingerprint=fingerprint) is None


def test_a_missing_or_damaged_fingerprint_is_an_error(tmp_path):
    with pytest.raises(SimulationError, match="missing"):
        first_difference(tmp_path, fingerprint=tmp_path / "none.txt")
    (tmp_path / "bad.txt").write_text("abc")
    with pytest.raises(SimulationError, match="damaged"):
        applies_to(FEW, tmp_path / "bad.txt")


def test_the_tracked_fingerprint_is_that_of_the_default_parameters():
    assert applies_to(SimulationParameters())
    assert FINGERPRINT.stat().st_size < 300_000


@pytest.mark.slow
def test_the_default_simulation_reproduces_the_fingerprint_and_the_pin(tmp_path):
    parameters = load_parameters(ROOT / "params.yaml").simulation
    if parameters != SimulationParameters():
        pytest.skip("params.yaml asks for other embedded corpora than those that are pinned")
    write_corpora(parameters, tmp_path)
    assert first_difference(tmp_path) is None
    listing = [
        {"md5": hashlib.md5(item.read_bytes()).hexdigest(), "relpath": item.relative_to(tmp_path).as_posix()}
        for item in tmp_path.rglob("*")
        if item.is_file()
    ]
    pinned = yaml.safe_load((ROOT / "data.dvc").read_text())
    assert folder_hashes(listing) == {name: pinned["meta"]["corpora"][name] for name in CORPORA}
    if set(pinned["meta"]["corpora"]) == set(CORPORA):
        assert folder_hash(listing) == pinned["outs"][0]["md5"]

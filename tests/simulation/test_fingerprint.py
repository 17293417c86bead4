"""The fingerprint names the first file that is not as it should be; the default simulation reproduces it."""

import hashlib

import pytest

from sartext.config import SimulationParameters, load_parameters
from sartext.errors import SimulationError
from sartext.simulation import FINGERPRINT, first_difference, image_counts, write_corpora, write_fingerprint
from sartext.simulation.rendering import Task, render_image
from tests.conftest import ROOT

FEW = SimulationParameters(ships=3, objects=2, landcover=2, pairs=2, optical=2, unlabelled=2)


@pytest.fixture
def pinned(tmp_path):
    data, fingerprint = tmp_path / "data", tmp_path / "fingerprint.txt"
    write_corpora(FEW, data)
    write_fingerprint(data, FEW, fingerprint)
    return data, fingerprint


def test_the_first_differing_missing_or_additional_file_of_an_embedded_corpus_is_named(pinned):
    data, fingerprint = pinned

    def difference(parameters=FEW):
        return first_difference(data, parameters, fingerprint=fingerprint)

    assert difference() is None
    (data / "ssdd").mkdir()
    (data / "ssdd/image.jpg").write_bytes(b"x")
    assert difference() is None
    (data / "sim-unlabelled/images/extra.png").write_bytes(b"")
    assert difference() == "sim-unlabelled/images/extra.png: not expected"
    (data / "sim-ships/Annotations/000002.xml").unlink()
    assert difference() == "sim-ships/Annotations/000002.xml: missing"
    image = data / "sim-objects/images/000001.png"
    content = bytearray(image.read_bytes())
    content[100] ^= 1
    image.write_bytes(content)
    assert difference() == "sim-objects/images/000001.png: differs"
    assert difference(FEW.model_copy(update={"seed": 1})) is None, "other parameters: nothing can be compared"


@pytest.mark.parametrize(("content", "message"), [(None, "missing"), ("abc", "damaged"), ("", "damaged")])
def test_a_missing_or_damaged_fingerprint_is_an_error(tmp_path, content, message):
    path = tmp_path / "fingerprint.txt"
    if content is not None:
        path.write_text(content)
    with pytest.raises(SimulationError, match=message):
        first_difference(tmp_path, FEW, fingerprint=path)


def test_the_tracked_fingerprint_is_that_of_the_default_parameters(tmp_path):
    assert first_difference(tmp_path, SimulationParameters()) == "sim-landcover/S1/tile_0001.tif: missing"
    assert FINGERPRINT.stat().st_size < 400_000


def test_images_of_every_corpus_are_those_of_the_fingerprint():
    """Every fiftieth; all of them and the annotations stand against fingerprint and pin in `make release`."""
    parameters = load_parameters(ROOT / "params.yaml").simulation
    if parameters != SimulationParameters():
        pytest.skip("params.yaml asks for other embedded corpora than those that are pinned")
    expected = dict(line.split(" ")[::-1] for line in FINGERPRINT.read_text().splitlines()[1:])
    for name, count in image_counts(parameters).items():
        for number in range(0, count, 50):
            files = render_image(Task(name, number, parameters)).files
            assert files
            for path, content in files.items():
                assert hashlib.sha256(content).hexdigest().startswith(expected[f"{name}/{path}"]), path

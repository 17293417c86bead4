"""`sartext caption`, gone on with: one file holds captions of one model, and errors leave no file behind."""

import json

import pytest

from sartext.captioner.user_files.files import CaptionOptions
from sartext.errors import DecodingError
from sartext.files import sha256_file
from sartext.models.checkpoint import load, save

from .tiny_models import caption, read_csv


@pytest.fixture(scope="session")
def another(coca, tmp_path_factory):
    """The same model, one weight of it changed."""
    model = load(coca)
    next(model.network.parameters()).data.flatten()[0] += 1
    save(model, tmp_path_factory.mktemp("another"))
    return tmp_path_factory.getbasetemp() / "another0"


def rows_of(path):
    if path.suffix == ".csv":
        return read_csv(path)
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("some", ["left-*.png", "*.png"])
@pytest.mark.parametrize("name", ["out.csv", "out.jsonl"])
def test_rows_name_their_weights_and_a_file_of_another_model_is_refused(
    folder, coca, another, tmp_path, name, some
):
    out = tmp_path / name
    caption([folder / some], coca, out)
    assert {row["model_sha256"] for row in rows_of(out)} == {sha256_file(coca / "model.safetensors")}
    before = out.read_bytes()
    with pytest.raises(DecodingError, match=rf"{name}: its captions are of another model .*; name another file"):
        caption([folder], another, out)
    assert out.read_bytes() == before
    assert caption([folder], coca, out)[0].kept == len(list(folder.glob(some)))


@pytest.mark.parametrize("name", ["out.csv", "out.jsonl"])
def test_a_length_that_the_model_has_no_room_for_leaves_no_file(folder, coca, tmp_path, name):
    with pytest.raises(DecodingError, match="--length 500: the model has room for 48 tokens; take 2 to 48"):
        caption([folder], coca, tmp_path / name, CaptionOptions(length=500))
    assert not (tmp_path / name).exists()


def test_a_run_without_a_readable_image_writes_and_shows_nothing(coca, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"no picture")
    done, shown = caption([tmp_path / "broken.png"], coca)
    assert (shown, len(done.unreadable)) == ([], 1)
    caption([tmp_path / "broken.png"], coca, tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()

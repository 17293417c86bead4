"""`sartext caption` greedily, by beams and drawn from the nucleus; captions of one model alone in a file."""

import json

import pytest
from click.testing import CliRunner

from sartext.captioner.captioner import Decoding
from sartext.captioner.user_files.options import decoding_of
from sartext.cli import cli
from sartext.errors import DecodingError, ParameterError
from sartext.files import sha256_file
from sartext.models.checkpoint import load, save

from .tiny_models import SENTENCES, caption, rows_of

HOT = Decoding("nucleus", top_p=1.0, temperature=3.0, seed=7)


def captions(rows):
    return {row["image"]: row["caption"] for row in rows}


def test_the_seed_decides_what_is_drawn(captioned):
    (_, first), (_, again) = captioned("a.csv", decoding=HOT), captioned("again.csv", decoding=HOT)
    _, other = captioned("b.csv", decoding=decoding_of("nucleus", None, 1.0, 3.0, 8))
    assert first == again != other
    drawn = {row["caption"] for row in first}
    assert not drawn <= set(SENTENCES.values())  # so hot, it says other than it was taught


def test_neither_the_batch_nor_where_a_run_went_on_changes_what_is_drawn(folder, coca, tmp_path, captioned):
    (_, together), (_, alone) = captioned("all.csv", decoding=HOT), captioned("each.csv", decoding=HOT, batch=1)
    for some in ("left-2.png", "right-*.png", "*.png"):
        caption([folder / some], coca, tmp_path / "gone-on.csv", decoding=HOT, batch=4)
    assert len(captions(together)) == 6
    assert captions(together) == captions(alone) == captions(rows_of(tmp_path / "gone-on.csv"))


def test_several_beams_are_a_beam_search_and_nothing_told_is_greedy():
    assert decoding_of() == decoding_of("greedy") == decoding_of(beams=1) == Decoding("greedy")
    assert decoding_of(beams=3) == decoding_of("beam", 3) == Decoding("beam", 3)
    assert decoding_of("beam").beams > 1
    assert decoding_of("nucleus") == Decoding("nucleus", 1, 0.9, 1.0, 0)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"seed": 0}, "--seed with --method greedy; say --method nucleus"),
        ({"beams": 2, "top_p": 0.5, "temperature": 2.0}, "--top-p, --temperature with --method beam"),
        ({"method": "greedy", "beams": 2}, "--beams 2 with --method greedy; say --method beam"),
        ({"method": "nucleus", "beams": 2}, "--beams 2 with --method nucleus"),
        ({"method": "nucleus", "top_p": 0.0}, "--top-p 0; take a share above 0"),
        ({"method": "nucleus", "top_p": 1.1}, "--top-p 1.1"),
        ({"method": "nucleus", "top_p": float("nan")}, "--top-p nan"),
        ({"method": "nucleus", "temperature": 0.0}, "--temperature 0; take a number above 0"),
        ({"method": "nucleus", "temperature": float("inf")}, "--temperature inf"),
    ],
)
def test_an_option_out_of_range_or_of_another_method_is_refused(options, message):
    with pytest.raises(ParameterError, match=message):
        decoding_of(**options)


def test_the_command_draws_and_shows_json_lines(folder, coca, captioned):
    _, drawn = captioned(decoding=HOT)
    options = ["--method", "nucleus", "--top-p", "1", "--temperature", "3", "--seed", "7", "--format", "jsonl"]
    done = CliRunner().invoke(cli, ["caption", "--raw", str(folder), "--model", str(coca), *options])
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert captions(rows) == captions(drawn)


def test_the_format_of_a_file_is_told_by_its_name_alone(folder, coca, tmp_path):
    out = ["--out", str(tmp_path / "a.csv"), "--format", "jsonl"]
    command = ["caption", "--raw", str(folder), "--model", str(coca), *out]
    done = CliRunner().invoke(cli, command)
    assert isinstance(done.exception, ParameterError)
    assert not (tmp_path / "a.csv").exists()


@pytest.fixture(scope="session")
def another(coca, tmp_path_factory):
    """The same model, one weight of it changed."""
    model = load(coca)
    next(model.network.parameters()).data.flatten()[0] += 1
    save(model, tmp_path_factory.mktemp("another"))
    return tmp_path_factory.getbasetemp() / "another0"


@pytest.mark.parametrize("some", ["left-*.png", "*.png"])
@pytest.mark.parametrize("name", ["out.csv", "out.jsonl"])
def test_a_file_of_another_models_captions_is_refused(folder, coca, another, tmp_path, name, some):
    out = tmp_path / name
    caption([folder / some], coca, out)
    assert {row["model_sha256"] for row in rows_of(out)} == {sha256_file(coca / "model.safetensors")}
    before = out.read_bytes()
    with pytest.raises(DecodingError, match=rf"{name}: its captions are of another model .*; name another file"):
        caption([folder], another, out)
    assert out.read_bytes() == before
    assert caption([folder], coca, out)[0].kept == len(list(folder.glob(some)))


@pytest.mark.parametrize("name", ["out.csv", "out.jsonl"])
def test_a_length_that_the_model_has_no_room_for_leaves_no_file(captioned, tmp_path, name):
    with pytest.raises(DecodingError, match="--length 500: the model has room for 48 tokens; take 2 to 48"):
        captioned(name, length=500)
    assert not (tmp_path / name).exists()


def test_a_run_without_a_readable_image_writes_and_shows_nothing(coca, tmp_path):
    (tmp_path / "broken.png").write_bytes(b"no picture")
    done, shown = caption([tmp_path / "broken.png"], coca)
    assert (shown, len(done.unreadable)) == ([], 1)
    caption([tmp_path / "broken.png"], coca, tmp_path / "out.csv")
    assert not (tmp_path / "out.csv").exists()

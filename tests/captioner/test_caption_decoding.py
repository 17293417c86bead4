"""`sartext caption` greedily, by beams and drawn from the nucleus; and the format of what it shows."""

import json

import pytest
from click.testing import CliRunner

from sartext.captioner.captioner import Decoding
from sartext.captioner.user_files.files import CaptionOptions, decoding_of
from sartext.cli import cli
from sartext.errors import ParameterError

from .tiny_models import SENTENCES, caption, read_csv

HOT = Decoding("nucleus", top_p=1.0, temperature=3.0, seed=7)


def captions(path):
    return {row["image"]: row["caption"] for row in read_csv(path)}


def test_the_seed_decides_what_is_drawn(folder, coca, tmp_path):
    drawn = {}
    for name, seed in (("a", 7), ("again", 7), ("b", 8)):
        options = CaptionOptions(decoding=decoding_of("nucleus", None, 1.0, 3.0, seed))
        caption([folder], coca, tmp_path / f"{name}.csv", options)
        drawn[name] = captions(tmp_path / f"{name}.csv")
    assert drawn["a"] == drawn["again"] != drawn["b"]
    assert not set(drawn["a"].values()) <= set(SENTENCES.values())  # so hot, it says other than it was taught


def test_neither_the_batch_nor_where_a_run_went_on_changes_what_is_drawn(folder, coca, tmp_path):
    caption([folder], coca, tmp_path / "all.csv", CaptionOptions(decoding=HOT))
    caption([folder], coca, tmp_path / "each.csv", CaptionOptions(decoding=HOT, batch=1))
    for some in ("left-2.png", "right-*.png", "*.png"):
        caption([folder / some], coca, tmp_path / "gone-on.csv", CaptionOptions(decoding=HOT, batch=4))
    whole = captions(tmp_path / "all.csv")
    assert len(whole) == 6
    assert whole == captions(tmp_path / "each.csv") == captions(tmp_path / "gone-on.csv")


def test_a_nucleus_of_the_likeliest_token_alone_is_greedy(folder, coca, tmp_path):
    caption([folder], coca, tmp_path / "greedy.csv")
    caption([folder], coca, tmp_path / "drawn.csv", CaptionOptions(decoding=Decoding("nucleus", top_p=1e-9)))
    assert captions(tmp_path / "greedy.csv") == captions(tmp_path / "drawn.csv")


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


def test_the_command_draws_and_shows_json_lines(folder, coca, tmp_path):
    caption([folder], coca, tmp_path / "drawn.csv", CaptionOptions(decoding=HOT))
    options = ["--method", "nucleus", "--top-p", "1", "--temperature", "3", "--seed", "7", "--format", "jsonl"]
    done = CliRunner().invoke(cli, ["caption", str(folder), "--model", str(coca), *options])
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert {row["image"]: row["caption"] for row in rows} == captions(tmp_path / "drawn.csv")


def test_the_format_of_a_file_is_told_by_its_name_alone(folder, coca, tmp_path):
    command = ["caption", str(folder), "--model", str(coca), "--out", str(tmp_path / "a.csv"), "--format", "jsonl"]
    done = CliRunner().invoke(cli, command)
    assert isinstance(done.exception, ParameterError)
    assert not (tmp_path / "a.csv").exists()

"""The benchmarks measure what they say, on a small scale, and their table says what misses its bound."""

import json
import sys

import pytest

from benchmarks import a2c, annotations
from benchmarks.__main__ import main
from benchmarks.rows import Row
from sartext.files import sha256_tree


def test_the_generated_annotations_are_read_and_captioned(tmp_path):
    for name in ("first", "second"):
        annotations.generate_coco(tmp_path / name, 200)
    assert sha256_tree(tmp_path / "first") == sha256_tree(tmp_path / "second")
    figures = a2c.run_a2c(tmp_path / "first")
    assert figures["captions"] == 200
    assert figures["objects"] >= 200
    assert figures["text"] > 0 < figures["read"]


def test_the_generated_regions_are_captioned(tmp_path):
    annotations.generate_index(tmp_path / "index.parquet", 300)
    annotations.generate_masks(tmp_path / "masks", 2)
    figures = a2c.run_sa2c(tmp_path / "index.parquet")
    assert figures["captions"] == 300
    assert figures["text"] > 0 < figures["read"]


@pytest.mark.parametrize(
    ("value", "bounds", "verdict"),
    [
        (20.0, {"least": 20.0}, "kept"),
        (19.99, {"least": 20.0}, "missed"),
        (1.0, {"most": 1.0}, "kept"),
        (1.01, {"most": 1.0}, "missed"),
        (None, {"most": 1.0}, "not measured"),
        (3.0, {}, ""),
        (None, {}, "not measured"),
    ],
)
def test_a_figure_keeps_its_bound_or_misses_it(value, bounds, verdict):
    row = Row("speed", value, "ratio", "another", **bounds)
    assert row.verdict == verdict
    assert row.as_json("make bench")["verdict"] == verdict


def run(monkeypatch, name):
    monkeypatch.setattr(sys, "argv", ["benchmarks", name])
    return main()


@pytest.mark.parametrize(("value", "code"), [(21.0, 0), (19.0, 1), (None, 1)])
def test_the_table_is_written_and_a_missed_bound_fails(tmp_path, monkeypatch, capsys, value, code):
    speed = Row("decode.speed", value, "ratio", "open_clip", least=20.0)
    monkeypatch.setattr("benchmarks.a2c.measure", lambda: [speed, Row("decode.rate", 3.0, "1/s", "8 images")])
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, "a2c") == code
    rows = json.loads((tmp_path / "build" / "bench.json").read_text())
    assert [row["value"] for row in rows] == [value, 3.0]
    assert rows[0]["command"] == "python -m benchmarks a2c"
    assert ("error: decode.speed" in capsys.readouterr().err) == bool(code)


def test_a_benchmark_that_breaks_loses_nothing_of_the_others(tmp_path, monkeypatch, capsys):
    def broken():
        raise RuntimeError("captions differ")

    monkeypatch.setattr("benchmarks.a2c.measure", lambda: [Row("a2c.rate", 3.0, "1/s", "8 images")])
    monkeypatch.setattr("benchmarks.decode.measure", broken)
    monkeypatch.chdir(tmp_path)
    assert run(monkeypatch, "a2c") == 0
    assert run(monkeypatch, "decode") == 1
    assert "error: decode: not measured, RuntimeError: captions differ" in capsys.readouterr().err
    rows = json.loads((tmp_path / "build" / "bench.json").read_text())
    assert [(row["name"], row["value"]) for row in rows] == [("a2c.rate", 3.0), ("decode", None)]


def test_an_unknown_benchmark_is_named(monkeypatch, capsys):
    assert run(monkeypatch, "speed") == 2
    names = "a2c, decode, narrate, retrieval, rewrite, training"
    assert f"no benchmark 'speed'; take some of {names}" in capsys.readouterr().err

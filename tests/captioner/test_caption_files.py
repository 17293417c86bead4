"""`sartext caption`: any image files to CSV or JSON lines; interrupted work goes on, nothing is half-written."""

import os
import subprocess
import sys

import numpy as np
import pytest
from rasterio.errors import NotGeoreferencedWarning

from sartext.captioner.captioner import beam_search
from sartext.captioner.user_files import files
from sartext.captioner.user_files.display import Display, guess, stretch
from sartext.captioner.user_files.files import find_images
from sartext.captioner.user_files.rows import Origin, Row, add_rows, repair
from sartext.cli import cli, run
from sartext.errors import DecodingError, ModelError, ParameterError

from .tiny_models import SENTENCES, caption, marked, rows_of, write_png, write_tiff

SARTEXT = [sys.executable, "-m", "sartext", "caption", "--raw"]

PAUSED = """
import sys
from pathlib import Path
from sartext.captioner.user_files import files

load = files.load

def wait_and_load(*arguments, **more):
    print("waiting", flush=True)
    sys.stdin.read()
    return load(*arguments, **more)

files.load = wait_and_load
images, model, out = sys.argv[1:]
files.caption_files([images], Path(model), Path(out), files.CaptionOptions(raw=True), print)
"""
"""A run that stops before its model is loaded, until its standard input is closed."""

UNNAMEABLE = "its name is not UTF-8, or holds a line break; rename it"

pytestmark = pytest.mark.filterwarnings("ignore", category=NotGeoreferencedWarning)


def expected(name):
    place, number = name.removesuffix(".png").split("/")[-1].split("-")
    return SENTENCES[int(number), place]


def test_a_folder_to_csv(folder, captioned):
    done, rows = captioned()
    assert (done.captioned, done.kept, done.unreadable) == (6, 0, ())
    assert [row["image"] for row in rows] == sorted(path.as_posix() for path in folder.iterdir())
    assert all(row["caption"] == expected(row["image"]) for row in rows)
    assert all(-1 < float(row["log_probability"]) <= 0 and row["finished"] == "True" for row in rows)


def test_json_lines_hold_the_same_as_csv_and_as_what_is_shown(folder, coca, tmp_path, captioned):
    (_, rows), (_, lines) = captioned("out.csv"), captioned("out.jsonl")
    assert [{key: "" if value is None else str(value) for key, value in line.items()} for line in lines] == rows
    for suffix in (".csv", ".jsonl"):
        _, shown = caption([folder], coca, suffix=suffix)
        assert "\n".join(shown) + "\n" == (tmp_path / f"out{suffix}").read_text()
    _, shown = caption([folder], coca)
    assert shown == [f"{row['image']}: {row['caption']}" for row in rows]


def test_the_batch_changes_nothing_and_beams_find_a_sentence(captioned):
    (_, together), (_, alone) = captioned("all.csv"), captioned("each.csv", batch=1)
    assert [row["caption"] for row in together] == [row["caption"] for row in alone]
    _, beams = captioned("beams.csv", decoding=beam_search(3))
    assert {row["caption"] for row in beams} <= set(SENTENCES.values())


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
@pytest.mark.parametrize("cut", [1, 30])
def test_an_interrupted_run_goes_on_where_it_was(captioned, tmp_path, suffix, cut):
    whole, out = tmp_path / f"whole.{suffix}", tmp_path / f"out.{suffix}"
    captioned(whole.name, batch=1)
    lines = whole.read_bytes().splitlines(keepends=True)
    out.write_bytes(b"".join(lines[:4]) + lines[4][:-cut])
    done, _ = captioned(out.name, batch=1)
    assert done.kept + done.captioned == 6 and done.kept == (3 if suffix == "csv" else 4)
    assert out.read_bytes() == whole.read_bytes()
    before = out.stat().st_mtime_ns
    assert captioned(out.name)[0].captioned == 0
    assert out.stat().st_mtime_ns == before


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.csv", "image,width\nx.png,12\n"),
        ("a.csv", "a diary"),
        ("a.csv", "image,caption,log_probability,finished\nx.png,One ship.,-0.1,True\n"),
        ("a.jsonl", '{"image": "x.png"}\nhello\n'),
        ("a.jsonl", "a diary"),
        ("a.jsonl", '{"image": "x.png", "caption": "One ship.", "log_probability": -0.1, "finished": true}\n'),
    ],
)
def test_a_file_that_is_something_else_or_names_no_model_is_left_alone(captioned, tmp_path, name, content):
    (tmp_path / name).write_text(content)
    with pytest.raises(DecodingError, match=r"not one of captions.*name another file"):
        captioned(name)
    assert (tmp_path / name).read_text() == content


def test_another_suffix_is_refused(captioned):
    with pytest.raises(DecodingError, match=r"\.csv or \.jsonl"):
        captioned("out.txt")


def test_captions_with_commas_and_quotes_survive(tmp_path):
    row = Row('a "b", c.png', "Crops, mainly; and, \u00e9t\u00e9.", -0.5, True, "ab" * 32)
    for path in (tmp_path / "a.csv", tmp_path / "a.jsonl"):
        add_rows(path, [row])
        assert repair(path) == {row.image: Origin(row.model_sha256)}
        assert rows_of(path)[0]["caption"] == row.caption


def test_unreadable_images_are_told_and_the_others_captioned(folder, coca, tmp_path):
    (folder / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    (folder / "empty.png").touch()
    done, _ = caption([folder, tmp_path / "absent.png"], coca, tmp_path / "out.csv")
    assert done.captioned == 6
    assert sorted(name.split("/")[-1] for name, _ in done.unreadable) == ["absent.png", "broken.png", "empty.png"]
    assert len(rows_of(tmp_path / "out.csv")) == 6


def test_a_sentence_that_does_not_end_is_no_caption_and_its_row_is_kept(captioned):
    done, rows = captioned(length=5)
    assert done.unfinished == 6
    assert all(row["caption"] == "" and row["finished"] == "False" for row in rows)
    done, _ = captioned()
    assert (done.captioned, done.kept) == (0, 6)


def test_files_patterns_and_folders_name_each_image_once(folder):
    named = [str(folder / "left-1.png"), str(folder / "left-*.png"), str(folder)]
    paths, missing = find_images([*named, str(folder / "nothing-*.png")])
    assert len(paths) == 6 and paths[0].name == "left-1.png"
    assert missing == [(str(folder / "nothing-*.png"), "no image is there")]
    with pytest.raises(DecodingError, match="no image"):
        find_images([str(folder / "nothing-*.png")])


def test_a_geotiff_in_db_is_shown_in_the_fixed_window(tmp_path):
    ramp = np.linspace(-30, 5, 64 * 64, dtype=np.float32).reshape(64, 64)
    ramp[0, 0] = -9999
    path = write_tiff(tmp_path / "a.tif", np.stack([ramp, ramp - 7]))
    shown = Display(nodata=-9999).picture(path)
    assert shown.dtype == np.uint8 and shown.shape == (64, 64)
    assert shown[0, 0] == 0 and shown[-1, -1] == 255
    assert abs(int(shown.flat[np.abs(ramp + 12.5).argmin()]) - 128) <= 1
    narrow = Display(window=(-10.0, 0.0), nodata=-9999).picture(path)
    assert (narrow <= shown).all() and narrow.max() == 255


def test_amplitudes_are_stretched_over_all_files_so_that_their_order_stays(tmp_path):
    rng = np.random.default_rng(1)
    calm, rough = (rng.rayleigh(scale, (64, 64)).astype(np.float32) for scale in (20, 200))
    paths = [write_tiff(tmp_path / "a.tif", calm), write_tiff(tmp_path / "b.tif", rough.astype(np.uint16))]
    window = stretch(Display(), paths)
    shown = [Display(stretched=window).picture(path).mean() for path in paths]
    assert shown[0] + 60 < shown[1]
    assert stretch(Display(), [write_png(tmp_path / "c.png", marked(1, "left"))]) is None


def test_a_quantity_is_guessed_from_the_values_or_told(tmp_path):
    real = np.full((8, 8), 3.0, dtype=np.float32)
    assert guess(real.astype(np.complex64), None) == "complex"
    assert guess(real - 9, None) == "db"
    assert guess(np.where(np.eye(8) > 0, -9999, real), -9999) == "amplitude"
    path = write_tiff(tmp_path / "a.tif", np.where(np.eye(8) > 0, 0.1, 0.01).astype(np.float32))
    shown = [Display(quantity, (-50.0, 0.0)).picture(path)[0, 1] for quantity in ("amplitude", "intensity")]
    assert shown == [51, 153]  # -40 dB and -20 dB


def test_a_window_must_have_an_extent():
    with pytest.raises(ParameterError, match="lower bound first"):
        Display(window=(0.0, -25.0))


def test_a_checkpoint_or_a_gpu_that_is_not_there_is_refused_and_writes_nothing(folder, coca, tmp_path):
    for model, device in ((tmp_path / "no-model", "cpu"), (coca, "cuda:7")):
        with pytest.raises(ModelError):
            caption([folder], model, tmp_path / "out.csv", device=device)
    assert not (tmp_path / "out.csv").exists()


def test_the_command_tells_what_it_skipped_and_exits_with_one(folder, coca, tmp_path, monkeypatch, capsys):
    out = tmp_path / "out.csv"
    options = ["--raw", "--out", str(out), "--window", "-25", "0"]
    command = ["sartext", "caption", str(folder), "--model", str(coca), *options]
    monkeypatch.setattr(sys, "argv", command)
    run(cli, "sartext")
    output = capsys.readouterr()
    assert output.out == "" and "captioned 6" in output.err
    (folder / "broken.png").write_bytes(b"no picture")
    with pytest.raises(SystemExit) as ended:
        run(cli, "sartext")
    output = capsys.readouterr().err
    assert ended.value.code == 1
    assert "there already 6" in output and "broken.png: not-an-image" in output
    assert output.splitlines()[-1].startswith("error: 1 image was skipped")
    assert len(rows_of(out)) == 6


@pytest.mark.parametrize("batch", [1, 32])
@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_an_image_whose_name_no_line_can_hold_is_skipped_alone(folder, captioned, suffix, batch):
    for name in (b"a\xff.png", b"b\r.png", b"left-1\xe9.png"):
        (folder / os.fsdecode(name)).write_bytes((folder / "left-1.png").read_bytes())
    done, _ = captioned(f"out.{suffix}", batch=batch)
    assert done.captioned == 6
    names = (r"a\xff.png", r"b\r.png", r"left-1\xe9.png")
    assert done.unreadable == tuple((f"{folder}/{name}", UNNAMEABLE) for name in names)
    assert captioned(f"out.{suffix}")[0].kept == 6
    with pytest.raises(DecodingError, match=r"b\\xff\.png: no image"):
        find_images([os.fsdecode(b"b\xff.png")])


def test_a_console_of_strict_utf_8_shows_names_that_are_not(folder, coca):
    (folder / os.fsdecode(b"a\xff.png")).write_bytes((folder / "left-1.png").read_bytes())
    named = [str(folder), os.fsdecode(b"absent\xfe.png")]
    strict = {**os.environ, "PYTHONIOENCODING": "utf-8:strict", "PYTHONUTF8": "1"}
    done = subprocess.run([*SARTEXT, *named, "--model", str(coca)], env=strict, capture_output=True, check=False)
    output = done.stderr.decode("utf-8").splitlines()
    shown = [line.split(": ", 1) for line in done.stdout.decode("utf-8").splitlines()]
    assert (done.returncode, len(shown)) == (1, 6) and all(caption for _, caption in shown), "captions alone"
    assert output[-3:] == [
        r"skipped absent\xfe.png: no image is there",
        rf"skipped {folder}/a\xff.png: {UNNAMEABLE}",
        "error: 2 images were skipped; the lines above name them and say why",
    ]


@pytest.fixture
def paused(folder, coca, tmp_path):
    """A run that holds `out.csv`."""
    command = [sys.executable, "-c", PAUSED, str(folder), str(coca), str(tmp_path / "out.csv")]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"waiting\n"
        yield process
        process.kill()


def test_a_second_run_on_one_file_stops_at_once_and_writes_nothing(paused, folder, coca, tmp_path):
    out = tmp_path / "out.csv"
    (tmp_path / "link.csv").symlink_to(out)
    for name in ("out.csv", "link.csv"):
        command = [*SARTEXT, str(folder), "--model", str(coca), "--out", name]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == f"error: {name}: another run writes to it; wait for it, or name another file\n"
    assert not out.exists()
    paused.communicate(timeout=120)
    assert paused.returncode == 0
    assert sorted(row["image"] for row in rows_of(out)) == sorted(map(str, folder.iterdir()))
    assert caption([folder], coca, out)[0].kept == 6
    assert {path.name for path in tmp_path.iterdir()} == {"in", "link.csv", "out.csv", ".out.csv.lock"}


def test_a_killed_run_holds_nothing(paused, captioned, tmp_path):
    paused.kill()
    paused.wait(120)
    done, rows = captioned()
    assert done.captioned == len(rows) == 6
    assert {path.name for path in tmp_path.iterdir()} == {"in", "out.csv", ".out.csv.lock"}


def test_progress_is_of_captioned_images_and_of_those_that_cannot_be_read(folder, captioned, monkeypatch):
    (folder / "broken.png").write_bytes(b"no picture")
    totals = {}

    def count(items, description, total):
        done = list(items)
        totals[description] = (len(done), total)
        return done

    monkeypatch.setattr(files, "track", count)
    captioned(batch=2)
    assert totals["captions"] == (7, 7)

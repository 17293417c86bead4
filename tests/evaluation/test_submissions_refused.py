"""``sartext evaluate``: what cannot be scored is refused in one line that says the way out."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from sartext.evaluation.details import CONSTANT, PERFECT
from sartext.files import read_json, write_json
from sartext.models.gpt.checkpoint import save_gpt
from sartext.vqa.question import Question
from tests.evaluation.released import CommandLine, Models, Pairs, Published, answers_file, captions_file
from tests.models.gpt.making import tiny_gpt

FEW = ("--resamples", 100)


def test_another_file_than_that_of_the_release_is_refused(
    small: Published, models: Models, evaluate: CommandLine, tmp_path: Path
) -> None:
    images = tmp_path / "images"
    (images / "beta/images").mkdir(parents=True)
    shutil.copy(small.built.root / "data/beta/images/0005.png", images / "beta/images/0004.png")
    command = ("--task", "retrieval", "--model", models["clip"], "--images")
    line = evaluate.refused(*command, images)
    assert "beta/images/0004.png: not the image that the release was made from" in line
    assert "no such folder" in evaluate.refused(*command, tmp_path / "nowhere")


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda rows: [*rows, ("alpha/9999", "A ship.")], "1 image not in release-test: alpha/9999"),
        (lambda rows: rows[1:], "1 image without a caption: alpha/0004"),
        (lambda rows: [*rows, rows[0]], "1 image captioned twice: alpha/0004"),
        (lambda rows: [], "it holds no caption"),
    ],
)
def test_captions_that_do_not_fit_are_refused(
    captions: Pairs, evaluate_at_root: CommandLine, tmp_path: Path, change: Callable[[Pairs], Pairs], said: str
) -> None:
    file = captions_file(tmp_path / "mine.csv", change(captions))
    command = ("--task", "captioning", "--captions", file)
    assert f"{file}: {said}" in evaluate_at_root.refused(*command)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            lambda rows: [*rows, ("beta/9999:count:ship", "one")],
            "1 question ids are unknown: beta/9999:count:ship",
        ),
        (lambda rows: rows[1:], "1 question ids are missing"),
        (lambda rows: [*rows, rows[0]], "1 ids stand twice"),
        (lambda rows: [], "question ids are missing"),
    ],
)
def test_answers_that_do_not_fit_are_refused(
    questions: list[Question], evaluate: CommandLine, tmp_path: Path, change: Callable[[Pairs], Pairs], said: str
) -> None:
    file = answers_file(tmp_path / "mine.csv", change([(question.id, question.answer) for question in questions]))
    line = evaluate.refused("--task", "vqa", "--answers", file)
    assert f"{file}: " in line
    assert said in line


def copied(model: Path, folder: Path) -> Path:
    shutil.copytree(model, folder)
    return folder


def with_nan(model: Path, folder: Path) -> Path:
    path = copied(model, folder) / "model.safetensors"
    state = load_file(path)
    state["visual.proj"] = torch.full_like(state["visual.proj"], float("nan"))
    save_file(state, path, metadata={"format": "pt"})
    return folder


def of_another_width(model: Path, folder: Path) -> Path:
    path = copied(model, folder) / "open_clip_config.json"
    config = read_json(path)
    config["model_cfg"]["embed_dim"] *= 2
    write_json(path, config)
    return folder


def without_weights(model: Path, folder: Path) -> Path:
    (copied(model, folder) / "model.safetensors").unlink()
    return folder


def unrelated(model: Path, folder: Path) -> Path:
    folder.mkdir()
    (folder / "holiday.txt").write_text("sun")
    return folder


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (with_nan, r"no numbers|not finite|no finite number"),
        (of_another_width, r"the weights are of another architecture"),
        (without_weights, r"weights"),
        (unrelated, r"no checkpoint: there is no open_clip_config.json"),
        (lambda model, folder: folder, r"no checkpoint's folder"),
        (lambda model, folder: model / "model.safetensors", r"name the folder that holds it"),
    ],
)
def test_models_that_cannot_be_scored_are_refused(
    models: Models, evaluate: CommandLine, tmp_path: Path, make: Callable[[Path, Path], Path], said: str
) -> None:
    model = make(models["clip"], tmp_path / "model")
    line = evaluate.refused("--task", "retrieval", "--model", model)
    assert re.search(said, line), line


@pytest.mark.parametrize("kind", ["retrieval", "captioning", "vqa"])
def test_a_model_of_another_kind_is_refused(
    models: Models, evaluate: CommandLine, tmp_path: Path, kind: str
) -> None:
    model, said = {
        "captioning": (models["clip"], "the checkpoint is a CLIP, a CoCa is needed"),
        "vqa": (models["clip"], "an open_clip checkpoint answers no questions"),
        "retrieval": (tmp_path / "gpt", "a SAR-GPT, which answers questions, is no open_clip model"),
    }[kind]
    if kind == "retrieval":
        save_gpt(tiny_gpt(), tmp_path / "gpt")
    assert said in evaluate.refused("--task", kind, "--model", model)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--task", "captioning", "--model", "m", "--captions", "c.csv"), "a model and a file are given"),
        (("--task", "vqa", "--model", "m", "--answers", "a.csv"), "a model and a file are given"),
        (("--task", "retrieval", "--captions", "c.csv"), "retrieval is not scored from captions"),
        (("--task", "retrieval", "--model", "m", "--captions", "c.csv"), "retrieval is not scored from captions"),
        (("--task", "captioning", "--answers", "a.csv"), "captioning is not scored from answers"),
        (("--task", "foils", "--answers", "a.csv"), "foils is not scored from answers"),
        (("--task", "vqa", "--captions", "c.csv"), "vqa is not scored from captions"),
        (("--task", "captioning", "--model", "m", "--partial"), "only a file of captions may leave images out"),
        (("--task", "vqa", "--answers", "a.csv", "--partial"), "leave out --partial"),
        (("--task", "captioning"), "nothing is given to score; give --model FOLDER or --captions FILE"),
        (("--task", "vqa"), "nothing is given to score; give --model FOLDER or --answers FILE"),
        (("--task", "retrieval"), "nothing is given to score; give --model FOLDER"),
        (("--task", "retrieval", "--model", "m", "--name", PERFECT), "'perfect' is the name of a baseline"),
        (("--task", "vqa", "--answers", "a.csv", "--name", CONSTANT), "'constant' is the name of a baseline"),
        (("--task", "vqa", "--answers", "a.csv", "--name", " "), "the name of a baseline or of nothing"),
        (("--task", "vqa", "--answers", "a.csv", "--name", " constant "), "'constant' is the name of a baseline"),
        (("--task", "vqa", "--answers", "a.csv", "--name", "x\x1b[31m"), r"'x\x1b[31m' holds control characters"),
        (("--task", "vqa", "--answers", "s.csv", "--out", "s.csv"), "s.csv: it is the file to score"),
        (("--task", "vqa", "--answers", "nowhere.csv"), "nowhere.csv: it cannot be read"),
        (("--task", "captioning", "--captions", "nowhere.csv"), "nowhere.csv: it cannot be read"),
        (("--task", "retrieval", "--model", "m", "--out", "scores.txt"), "no table of type '.txt'"),
        (
            ("--task", "retrieval", "--model", "m", "--benchmark", "alpha-oficial"),
            "did you mean 'alpha-official'?",
        ),
        (("--task", "retrieval", "--model", "m", "--benchmark", "beta-official"), "--images FOLDER"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_one_line(
    evaluate: CommandLine, options: tuple[str, ...], said: str
) -> None:
    assert said in evaluate.refused(*options)


def test_a_device_that_is_not_there_is_refused(models: Models, evaluate: CommandLine) -> None:
    command = ("--task", "retrieval", "--model", models["clip"], "--device", "abacus")
    assert "no device 'abacus'; say cpu, cuda or auto" in evaluate.refused(*command)


def test_a_folder_that_is_no_release_is_refused(models: Models, sartext: CommandLine, tmp_path: Path) -> None:
    command = ("--task", "retrieval", "--model", models["clip"])
    assert "no data/*.parquet; name the folder of a version" in sartext.refused("evaluate", tmp_path, *command)


def test_a_corpus_that_no_catalogue_describes_is_named(
    captions: Pairs, evaluate: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Captions are read for the nouns of the corpus, so that its file is needed: from the project's folder."""
    monkeypatch.chdir(tmp_path)
    file = captions_file(tmp_path / "mine.csv", captions)
    line = evaluate.refused("--task", "captioning", "--captions", file)
    assert "the catalogue does not describe corpus 'alpha'; put its file into catalogue/" in line


def test_a_release_without_questions_says_so(small: Published, sartext: CommandLine, tmp_path: Path) -> None:
    shutil.copytree(small.release / "data", tmp_path / "release" / "data")
    file = answers_file(tmp_path / "mine.csv", [("a", "b")])
    line = sartext.refused("evaluate", tmp_path / "release", "--task", "vqa", "--answers", file)
    assert "the release holds no questions" in line
    shutil.copytree(small.release / "vqa", tmp_path / "release" / "vqa")
    for path in (tmp_path / "release" / "vqa").iterdir():
        path.chmod(0o644)
    (tmp_path / "release" / "vqa" / "test.jsonl").write_text(json.dumps({"id": 1}) + "\n")
    line = sartext.refused("evaluate", tmp_path / "release", "--task", "vqa", "--answers", file)
    assert "test.jsonl: line 1 is no question" in line


def test_scores_are_never_written_into_the_release(
    small: Published, models: Models, evaluate: CommandLine
) -> None:
    command = ("--task", "retrieval", "--model", models["clip"], "--out")
    line = evaluate.refused(*command, small.release / "MANIFEST.json")
    assert "which stays as it is" in line
    assert "which stays as it is" in evaluate.refused(*command, models["clip"] / "open_clip_config.json")


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ((), "Missing option '--task': one of retrieval, captioning, vqa, foils; `"),
        (("--task", "vqa", "--seed", "-1"), "Invalid value for '--seed': -1 is not in the range x>=0"),
    ],
)
def test_wrong_options_are_told_in_one_line(evaluate: CommandLine, options: tuple[str, ...], said: str) -> None:
    command = evaluate(*options)
    assert (command.code, len(command.err.splitlines())) == (2, 1), command.err
    assert said in command.err

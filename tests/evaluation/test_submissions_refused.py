"""``sartext evaluate``: what cannot be scored is refused in one line that says the way out."""

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file

from sartext.evaluation.details import PERFECT
from sartext.files import read_json, write_json
from sartext.models.gpt.checkpoint import save_gpt
from sartext.vqa.question import Question
from tests.evaluation.released import CommandLine, Models, Pairs, Published, answers_file, captions_file
from tests.models.gpt.making import tiny_gpt


def test_files_that_do_not_fit_are_refused(
    captions: Pairs, questions: list[Question], evaluate: CommandLine, tmp_path: Path
) -> None:
    file = captions_file(tmp_path / "captions.csv", captions[1:])
    line = evaluate.refused("--task", "captioning", "--captions", file)
    assert f"{file}: 1 image without a caption: alpha/0004" in line
    file = answers_file(tmp_path / "answers.csv", [(question.id, question.answer) for question in questions[1:]])
    assert f"{file}: 1 question ids are missing" in evaluate.refused("--task", "vqa", "--answers", file)


def with_nan(folder: Path) -> None:
    path = folder / "model.safetensors"
    state = load_file(path)
    state["visual.proj"] = torch.full_like(state["visual.proj"], float("nan"))
    save_file(state, path, metadata={"format": "pt"})


def of_another_width(folder: Path) -> None:
    path = folder / "open_clip_config.json"
    config = read_json(path)
    config["model_cfg"]["embed_dim"] *= 2
    write_json(path, config)


def unrelated(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.mkdir()
    (folder / "holiday.txt").write_text("sun")


@pytest.mark.parametrize(
    ("change", "file", "said"),
    [
        (with_nan, "", r"no numbers|not finite|no finite number"),
        (of_another_width, "", r"the weights are of another architecture"),
        (lambda folder: (folder / "model.safetensors").unlink(), "", r"weights"),
        (unrelated, "", r"no model of a known kind: it holds holiday.txt; known are"),
        (shutil.rmtree, "", r"no model's folder"),
        (lambda folder: None, "model.safetensors", r"name the folder that holds it"),
    ],
    ids=["nan", "another-width", "no-weights", "unrelated", "absent", "file"],
)
def test_models_that_cannot_be_scored_are_refused(
    models: Models,
    evaluate: CommandLine,
    tmp_path: Path,
    change: Callable[[Path], object],
    file: str,
    said: str,
) -> None:
    model = shutil.copytree(models["clip"], tmp_path / "model")
    change(model)
    line = evaluate.refused("--task", "retrieval", "--model", model / file)
    assert re.search(said, line), line


def test_a_model_of_another_kind_is_refused(models: Models, evaluate: CommandLine, tmp_path: Path) -> None:
    save_gpt(tiny_gpt(), tmp_path / "gpt")
    for task, model, problem in (
        ("captioning", models["clip"], "the checkpoint is a CLIP, a CoCa is needed"),
        ("vqa", models["clip"], "a CLIP or CoCa of open_clip does retrieval and captioning and foils, not vqa"),
        ("retrieval", tmp_path / "gpt", "a SAR-GPT does vqa, not retrieval"),
    ):
        assert problem in evaluate.refused("--task", task, "--model", model)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--task", "captioning", "--model", "m", "--captions", "c.csv"), "a model and a file are given"),
        (("--task", "retrieval", "--captions", "c.csv"), "retrieval is not scored from captions"),
        (("--task", "captioning", "--answers", "a.csv"), "captioning is not scored from answers"),
        (("--task", "vqa", "--captions", "c.csv"), "vqa is not scored from captions"),
        (("--task", "captioning", "--model", "m", "--partial"), "only a file of captions may leave images out"),
        (("--task", "vqa", "--answers", "a.csv", "--partial"), "leave out --partial"),
        (("--task", "captioning"), "nothing is given to score; give --model FOLDER or --captions FILE"),
        (("--task", "vqa"), "nothing is given to score; give --model FOLDER or --answers FILE"),
        (("--task", "retrieval"), "nothing is given to score; give --model FOLDER"),
        (("--task", "retrieval", "--model", "m", "--name", PERFECT), "'perfect' is the name of a baseline"),
        (("--task", "vqa", "--answers", "a.csv", "--name", " "), "the name of a baseline or of nothing"),
        (("--task", "vqa", "--answers", "a.csv", "--name", " constant "), "'constant' is the name of a baseline"),
        (("--task", "vqa", "--answers", "a.csv", "--name", "x\x1b[31m"), r"'x\x1b[31m' holds control characters"),
        (("--task", "vqa", "--answers", "s.csv", "--out", "s.csv"), "s.csv: it is the file to score"),
        (("--task", "vqa", "--answers", "nowhere.csv"), "nowhere.csv: it cannot be read"),
        (("--task", "retrieval", "--model", "m", "--out", "scores.txt"), "no table of type '.txt'"),
        (("--task", "retrieval", "--model", "m"), "m: no model's folder; a folder is needed, no name of a model"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_one_line(
    evaluate: CommandLine, options: tuple[str, ...], said: str
) -> None:
    assert said in evaluate.refused(*options)


def test_a_benchmark_that_is_not_there_is_refused(models: Models, evaluate: CommandLine) -> None:
    command = ("--task", "retrieval", "--model", models["clip"], "--benchmark")
    assert "did you mean 'alpha-official'?" in evaluate.refused(*command, "alpha-oficial")
    assert "--images FOLDER" in evaluate.refused(*command, "beta-official")


def test_a_folder_that_is_no_release_is_refused(models: Models, sartext: CommandLine, tmp_path: Path) -> None:
    line = sartext.refused("evaluate", tmp_path, "--task", "retrieval", "--model", models["clip"])
    assert "no data/*.parquet; name the folder of a version" in line


def test_a_corpus_that_no_catalogue_describes_is_named(
    small: Published, captions: Pairs, sartext: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Captions are read for the nouns of the corpus, so that its file is needed: from the project's folder."""
    monkeypatch.chdir(tmp_path)
    file = captions_file(tmp_path / "mine.csv", captions)
    line = sartext.refused("evaluate", small.release, "--task", "captioning", "--captions", file)
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


def test_scores_are_never_written_into_the_release_and_a_device_must_be_there(
    small: Published, models: Models, evaluate: CommandLine
) -> None:
    command = ("--task", "retrieval", "--model", models["clip"])
    for target in (small.release / "MANIFEST.json", models["clip"] / "open_clip_config.json"):
        assert "which stays as it is" in evaluate.refused(*command, "--out", target)
    assert "no device 'abacus'; say cpu, cuda or auto" in evaluate.refused(*command, "--device", "abacus")


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

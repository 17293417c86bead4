"""``sartext evaluate``: anyone's model, captions or answers on a published release, from the command line."""

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from sartext.catalogue.entry import Entry
from sartext.corpora.images import picture
from sartext.errors import EvaluationError
from sartext.evaluation.benchmarks import Benchmark, open_benchmarks
from sartext.evaluation.caption_texts import baselines
from sartext.evaluation.constant_captions import OBJECTIVES
from sartext.evaluation.details import (
    CHANCE,
    CONSTANT,
    CONSTANT_CIDER,
    CONSTANT_PER_CORPUS,
    CONSTANT_RANKING,
    PERFECT,
    TEXT_PRIOR,
)
from sartext.evaluation.embedding import embed, margins
from sartext.evaluation.figures import Figure, read_figures
from sartext.evaluation.foil_scoring import score_foils
from sartext.evaluation.foils import make_foils
from sartext.evaluation.metrics.reference_free import checkable_classes
from sartext.evaluation.retrieval_figures import METRICS, score_retrieval
from sartext.files import read_json, sha256_file
from sartext.models.checkpoint import load
from sartext.models.gpt.checkpoint import save_gpt
from sartext.submissions.scoring import score
from sartext.submissions.sources import sources_in
from sartext.submissions.submission import Submission
from sartext.vqa.question import Question, read_splits
from tests.conftest import ROOT
from tests.evaluation.generated import find, needs_jars, needs_java
from tests.evaluation.released import (
    AT_HAND,
    WITHHELD,
    CommandLine,
    Models,
    Pairs,
    Published,
    answers_file,
    captions_file,
)
from tests.models.gpt.making import tiny_gpt
from tests.release.built import catalogue

FEW = ("--resamples", 100)


def test_a_model_is_scored_in_a_process_of_its_own(small: Published, models: Models, tmp_path: Path) -> None:
    """As a person does it who has a release and a model, and nothing else."""
    command = [sys.executable, "-m", "sartext", "evaluate", str(small.release), "--task", "retrieval"]
    command += ["--model", str(models["clip"]), "--name", "mine", "--out", "scores.json", "--resamples", "100"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    figures = read_figures(tmp_path / "scores.json")
    assert {(figure.metric, figure.variant) for figure in figures} == {
        (m, v) for m in METRICS for v in ("mine", CHANCE, CONSTANT_RANKING, PERFECT)
    }
    assert f"{len(figures)} figures in scores.json" in done.stdout
    assert len(done.stdout.splitlines()) < 20, "the headline metrics alone"
    assert "mean recall, one positive" in done.stdout and "best without the image" in done.stdout
    warnings = [line.removeprefix("warning: ") for line in done.stderr.splitlines() if "warning: " in line]
    assert warnings == [
        "2 of 10 images of release-test are withheld by their licence and not scored; get them from their source "
        "and name the folder: --images FOLDER",
        "8 captions are longer than the model's context and were cut",
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["scores.json"], "nothing else is written"


def test_foils_ask_any_model_and_say_which_kinds_there_are_none_of(
    models: Models, evaluate: CommandLine, tmp_path: Path
) -> None:
    for kind in ("clip", "coca"):
        command = ("--task", "foils", "--model", models[kind], "--name", kind)
        _, figures = evaluate.scores(tmp_path / "f.json", *command)
        assert {figure.variant for figure in figures} == {kind, CHANCE, TEXT_PRIOR}
        count, share = (find(figures, "accuracy", kind, subset=f"kind:{name}") for name in ("count", "share"))
        assert 0 <= count.value <= 100 and count.n > 0
        assert (share.value, "no foil of this kind" in share.reason) == (None, True)


@needs_java
@needs_jars
@pytest.mark.slow
def test_captions_of_a_file_are_scored_beside_the_baselines_on_the_images_that_have_one(
    captions: Pairs, evaluate: CommandLine, tmp_path: Path
) -> None:
    """Of one corpus the captions are right, of the other one caption says all: that is scored, and said."""
    rows = [(name, "A sea." if name[:3] == "sim" else text) for name, text in captions[1:]]
    command = ("--task", "captioning", "--captions", captions_file(tmp_path / "mine.csv", rows), "--name", "mine")
    assert "1 image without a caption" in evaluate.refused(*command)
    result, figures = evaluate.scores(tmp_path / "scores.json", *command, "--partial")
    assert "warning: 7 of 8 images have a caption; the others are not scored" in result.err
    assert "warning: all 2 captions of sim-toy are equal: 'A sea.'" in result.err
    assert {figure.variant for figure in figures} == {
        "mine",
        "grammar",
        "most-frequent",
        *OBJECTIVES,
        CONSTANT_CIDER,
    }
    assert [find(figures, "rouge_l", variant).n for variant in ("mine", "most-frequent")] == [7, 7]
    for metric, corpus, expected in (
        ("bleu_4", "alpha", 1),
        ("fact_recall", "alpha", 100),
        ("fact_precision", "alpha", 100),
        ("fact_recall", "sim-toy", 0),
    ):
        assert find(figures, metric, "mine", subset=f"corpus:{corpus}").value == pytest.approx(expected)
    assert find(figures, "spice", "mine").value is None or os.environ.get("SARTEXT_SPICE")
    assert not any(figure.subset.startswith("objects:") for figure in figures), "no boxes are at hand"


def test_answers_of_a_file_are_scored_beside_constant_ones(
    questions: list[Question], evaluate: CommandLine, tmp_path: Path
) -> None:
    whole = [(question.id, question.answer) for question in questions]
    half = [(name, answer if at % 2 else "") for at, (name, answer) in enumerate(whole)]
    for rows, right in ((whole, 100.0), (half, 100 * (len(half) // 2) / len(half))):
        command = ("--task", "vqa", "--answers", answers_file(tmp_path / "a.csv", rows))
        _, figures = evaluate.scores(tmp_path / "scores.json", *command)
        oa = find(figures, "oa", "model")
        assert (oa.value, oa.n) == (pytest.approx(right), len(questions))
        assert find(figures, "empty", "model").value == pytest.approx(100 - right), "an empty answer is wrong"
        assert {figure.variant for figure in figures} == {"model", CONSTANT, CONSTANT_PER_CORPUS}


def test_scores_tell_what_they_are_of(
    small: Published, questions: list[Question], evaluate: CommandLine, tmp_path: Path
) -> None:
    file = answers_file(tmp_path / "mine.csv", [(question.id, question.answer) for question in questions])
    command = ("--task", "vqa", "--answers", file)
    out = tmp_path / "scores.json"
    result, _ = evaluate.scores(out, *command, "--name", " [/x] ", "--seed", 3)
    assert "[/x]" in result.out
    manifest = read_json(small.release / "MANIFEST.json")
    for row in read_json(out):
        assert row["release"] == f"{manifest['name']} {manifest['version']}"
        assert row["benchmark_sha256"] == open_benchmarks(small.release)["release-test"].sha256
        assert (row["seed"], row["resamples"]) == (3, 100)
        assert row["variant"] in {"[/x]", CONSTANT, CONSTANT_PER_CORPUS}
    assert f"{len(read_json(out))} figures in {out}, " in result.out
    way_out = "more figures are not shown here; show more by --all, or write all to a file: --out scores.csv"
    assert way_out in evaluate(*command, *FEW).out


def test_whoever_answered_all_is_scored_on_a_part_of_the_release(
    small: Published, evaluate: CommandLine, tmp_path: Path
) -> None:
    every = read_splits(small.release)["test"]
    rows = [(question.id, question.answer) for question in every]
    file = answers_file(tmp_path / "all.csv", rows)
    scores = score(Submission(small.release, "vqa", answers=file, benchmark="alpha-official", resamples=100))
    oa = find(scores.figures, "oa", "model", benchmark="alpha-official")
    assert (oa.value, oa.n) == (100, sum(row.image_id in {"alpha/0004", "alpha/0009"} for row in every))
    odd = answers_file(tmp_path / "odd.csv", [*rows, ("beta/9999:count", "1")])
    command = ("--task", "vqa", "--benchmark", "alpha-official", "--answers", odd)
    assert "1 question ids are unknown: beta/9999:count" in evaluate.refused(*command)


def test_with_their_folder_withheld_images_are_scored(
    small: Published, models: Models, evaluate: CommandLine, tmp_path: Path
) -> None:
    command = ("--task", "retrieval", "--model", models["clip"], "--images", small.built.root / "data")
    result, figures = evaluate.scores(tmp_path / "scores.json", *command)
    assert "withheld" not in result.err
    assert {figure.n for figure in figures if figure.subset == "all"} == {len(AT_HAND | WITHHELD)}
    assert find(figures, "one_positive.mean_recall", "model", subset="corpus:beta").n == 2
    _, figures = evaluate.scores(tmp_path / "beta.json", *command, "--benchmark", "beta-official")
    figure = find(figures, "one_positive.mean_recall", "model")
    assert (figure.benchmark, figure.value is None) == ("beta-official", True), "a single image"


def test_withheld_images_that_the_folder_lacks_are_named_and_other_ones_refused(
    small: Published, models: Models, evaluate: CommandLine, tmp_path: Path
) -> None:
    images = tmp_path / "images"
    (images / "beta/images").mkdir(parents=True)
    theirs = small.built.root / "data/beta/images"
    shutil.copy(theirs / "0004.png", images / "beta/images")
    command = ("--task", "retrieval", "--model", models["clip"], "--images")
    result, _ = evaluate.scores(tmp_path / "scores.json", *command, images)
    assert "warning: 1 of 10 images of release-test are withheld" in result.err
    assert f"not in {images}" in result.err
    assert "beta/0009" in result.err
    shutil.copy(theirs / "0005.png", images / "beta/images/0004.png")
    line = evaluate.refused(*command, images)
    assert "beta/images/0004.png: not the image that the release was made from" in line
    assert "no such folder" in evaluate.refused(*command, tmp_path / "nowhere")


def test_images_that_are_no_pictures_yet_are_rendered_as_the_release_renders_them(tmp_path: Path) -> None:
    """Amplitudes in a 16-bit file, shown between the decibels that the row has."""
    path = tmp_path / "data/beta/images/amplitude.png"
    path.parent.mkdir(parents=True)
    Image.fromarray((np.arange(64).reshape(8, 8) * 100).astype(np.uint16)).save(path, "PNG")
    entry = Entry.model_validate({**catalogue("beta"), "quantity": "amplitude"})
    row = {
        "corpus": "beta",
        "path": "data/beta/images/amplitude.png",
        "source_path": "beta/images/amplitude.png",
        "sha256": sha256_file(path),
        "quantity": "amplitude",
        "db_low": 40.0,
        "db_high": 76.0,
    }
    pixels = sources_in(tmp_path / "data", {"beta": entry}).picture(row)
    assert pixels is not None
    assert (pixels.dtype, pixels.shape) == (np.uint8, (8, 8))
    assert (pixels == picture(tmp_path, row, entry)).all()
    assert 0 < pixels.mean() < 255
    with pytest.raises(EvaluationError, match="does not describe corpus 'beta'"):
        sources_in(tmp_path / "data", {}).picture(row)


def test_a_sar_gpt_answers_the_questions(small: Published, questions: list[Question], tmp_path: Path) -> None:
    save_gpt(tiny_gpt(), tmp_path / "gpt")
    scores = score(Submission(small.release, "vqa", model=tmp_path / "gpt", resamples=100))
    mean = find(scores.figures, "aa", "model")
    assert (mean.value is None, mean.n) == (False, len(questions))


@pytest.mark.parametrize("seed", [7, 8])
def test_what_is_scored_is_the_benchmark_and_the_foils_that_the_report_has(
    small: Published, models: Models, seed: int
) -> None:
    """The same figures by the library, whose benchmark bears the hash."""
    benchmark = open_benchmarks(small.release)["release-test"]
    model = load(models["clip"])
    submission = Submission(
        small.release, "retrieval", models["clip"], resamples=100, seed=seed, root=small.built.root
    )
    features = {"model": embed(model, benchmark).pair}
    assert list(score(submission).figures) == score_retrieval(features, benchmark, resamples=100, seed=seed)
    entries = {name: Entry.model_validate(catalogue(name)) for name in benchmark.corpora}
    foils = make_foils(benchmark, entries, seed)
    preferences = {"model": margins(model, foils, benchmark)}
    expected = score_foils(preferences, foils, benchmark, resamples=100, seed=seed)
    assert list(score(replace(submission, task="foils")).figures) == expected


def test_captions_are_read_and_compared_as_is_asked(
    small: Published, captions: Pairs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For the nouns of further corpora, with references of the seed."""
    passed: dict[str, Any] = {}

    def scoring(predictions: object, benchmark: Benchmark, entries: object, **how: object) -> list[Figure]:
        passed.update(predictions=predictions, entries=entries, **how)
        return []

    monkeypatch.setattr("sartext.evaluation.caption_scoring.score_captions", scoring)
    rows = [pair for pair in captions if pair[0] in {"alpha/0004", "alpha/0009"}]
    file = captions_file(tmp_path / "mine.csv", rows)
    submission = Submission(
        small.release, "captioning", captions=file, benchmark="alpha-official", root=small.built.root
    )
    score(submission)
    assert (passed["entries"].keys(), passed["seed"], passed["resamples"]) == ({"alpha"}, 7, 2000)
    score(replace(submission, corpora=("sim-toy",), seed=8, resamples=300))
    assert (passed["entries"].keys(), passed["seed"], passed["resamples"]) == ({"alpha", "sim-toy"}, 8, 300)
    benchmark = open_benchmarks(small.release)["alpha-official"]
    assert passed["predictions"] == {
        "model": dict(rows),
        **baselines(benchmark, 8, checkable_classes(passed["entries"])),
    }
    with pytest.raises(EvaluationError, match="does not describe corpus 'nowhere'"):
        score(replace(submission, corpora=("nowhere",)))
    score(replace(submission, captions=captions_file(tmp_path / "one.csv", rows[:1]), partial=True))
    assert {name for some in passed["predictions"].values() for name in some} == {rows[0][0]}
    assert set(passed["partial"]) == {"model", "grammar", "most-frequent", *OBJECTIVES, CONSTANT_CIDER}

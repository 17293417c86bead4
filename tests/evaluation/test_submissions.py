"""``sartext evaluate``: anyone's model, captions or answers on a published release, from the command line."""

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
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
from sartext.evaluation.details import CHANCE, CONSTANT, CONSTANT_PER_CORPUS, PERFECT, TEXT_PRIOR
from sartext.evaluation.embedding import embed, margins
from sartext.evaluation.figures import Figure, read_figures
from sartext.evaluation.foil_scoring import score_foils
from sartext.evaluation.foils import make_foils
from sartext.evaluation.retrieval_figures import METRICS, score_retrieval
from sartext.evaluation.submissions import Submission, _sources, score
from sartext.files import read_json, sha256_file
from sartext.models.checkpoint import load
from sartext.models.gpt.checkpoint import save_gpt
from sartext.vqa.question import Question, read_splits
from tests.conftest import ROOT
from tests.evaluation.captioning.making import needs_jars, needs_java
from tests.evaluation.generated import find
from tests.evaluation.released import AT_HAND, WITHHELD, CommandLine, Pairs, Published, answers_file, captions_file
from tests.models.gpt.making import tiny_gpt
from tests.release.built import catalogue

FEW = ("--resamples", 100)


def test_a_model_is_scored_in_a_process_of_its_own(
    small: Published, models: dict[str, Path], tmp_path: Path
) -> None:
    """As a person does it who has a release and a model, and nothing else."""
    command = [sys.executable, "-m", "sartext", "evaluate", str(small.release), "--task", "retrieval"]
    command += ["--model", str(models["clip"]), "--name", "mine", "--out", "scores.json", "--resamples", "100"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src"), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    figures = read_figures(tmp_path / "scores.json")
    assert {(one.metric, one.variant) for one in figures} == {
        (m, v) for m in METRICS for v in ("mine", CHANCE, PERFECT)
    }
    assert f"{len(figures)} figures in scores.json" in done.stdout
    assert len(done.stdout.splitlines()) < 20, "the headline metrics alone"
    assert "mean recall, one positive" in done.stdout
    warnings = [line.removeprefix("warning: ") for line in done.stderr.splitlines() if "warning: " in line]
    assert warnings == [
        "2 of 10 images of release-test are withheld by their licence and not scored; get them from their source "
        "and name the folder: --images FOLDER",
        "8 captions are longer than the model's context and were cut",
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["scores.json"], "nothing else is written"


def test_retrieval_has_intervals_and_the_perfect_model_beside_it(
    small: Published, models: dict[str, Path], sartext: CommandLine, tmp_path: Path
) -> None:
    out = tmp_path / "scores.json"
    said = sartext("evaluate", small.release, "--task", "retrieval", "--model", models["coca"], "--out", out, *FEW)
    assert said.code == 0, said.err
    figures = read_figures(out)
    one = find(figures, "duplicate_aware.mean_recall", "model")
    best = find(figures, "duplicate_aware.mean_recall", PERFECT)
    assert one is not None and best is not None
    assert one.value is not None and one.low is not None and one.high is not None
    assert one.low <= one.value <= one.high < best.value == 100
    assert one.n == len(AT_HAND)


def test_foils_ask_any_model_and_say_which_kinds_there_are_none_of(
    small: Published, models: dict[str, Path], sartext: CommandLine, tmp_path: Path
) -> None:
    told = ("--root", small.built.root, "evaluate", small.release, "--task", "foils", *FEW)
    for kind in ("clip", "coca"):
        out = tmp_path / f"{kind}.json"
        said = sartext(*told, "--model", models[kind], "--name", kind, "--out", out)
        assert said.code == 0, said.err
        figures = read_figures(out)
        assert {one.variant for one in figures} == {kind, TEXT_PRIOR}
        count = find(figures, "accuracy", kind, subset="kind:count")
        share = find(figures, "accuracy", kind, subset="kind:share")
        assert count is not None and share is not None
        assert count.value is not None and 0 <= count.value <= 100 and count.n > 0
        assert (share.value, "no foil of this kind" in share.reason) == (None, True)


@needs_java
@needs_jars
@pytest.mark.slow
def test_captions_of_some_images_are_scored_on_these(
    small: Published, captions: Pairs, sartext: CommandLine, tmp_path: Path
) -> None:
    file, out = captions_file(tmp_path / "mine.csv", captions[:5]), tmp_path / "scores.json"
    told = ("--root", small.built.root, "evaluate", small.release, "--task", "captioning", "--captions", file)
    assert "3 images without a caption" in sartext.refused(*told)
    said = sartext(*told, "--partial", "--out", out, *FEW)
    assert said.code == 0, said.err
    assert "warning: 5 of 8 images have a caption; the others are not scored" in said.err
    figures = read_figures(out)
    for variant, n in (("model", 5), ("most-frequent", 5)):
        found = find(figures, "rouge_l", variant)
        assert found is not None
        assert found.n == n
    found = find(figures, "rouge_l", "model")
    assert found is not None
    assert found.value == pytest.approx(1)


@needs_java
@needs_jars
@pytest.mark.slow
def test_captions_of_a_file_are_scored_beside_the_baselines(
    small: Published, captions: Pairs, sartext: CommandLine, tmp_path: Path
) -> None:
    """One corpus is told rightly, of the other one caption says all: that is scored, and said."""
    file = captions_file(
        tmp_path / "mine.csv", [(name, "A sea." if name[:3] == "sim" else text) for name, text in captions]
    )
    out = tmp_path / "scores.json"
    told = ("--root", small.built.root, "evaluate", small.release, "--task", "captioning", "--captions", file)
    said = sartext(*told, "--name", "mine", "--out", out, *FEW)
    assert said.code == 0, said.err
    assert "warning: all 2 captions of sim-toy are equal: 'A sea.'" in said.err
    figures = read_figures(out)
    assert {one.variant for one in figures} == {"mine", "grammar", "most-frequent"}

    def value(metric: str, subset: str) -> float | None:
        found = find(figures, metric, "mine", subset=subset)
        assert found is not None
        return found.value

    assert value("bleu_4", "corpus:alpha") == pytest.approx(1)
    assert value("fact_recall", "corpus:alpha") == 100
    assert value("fact_precision", "corpus:alpha") == 100
    assert value("fact_recall", "corpus:sim-toy") == 0
    assert value("spice", "all") is None or os.environ.get("SARTEXT_SPICE")
    assert not any(one.subset.startswith("objects:") for one in figures), "no boxes are at hand"


def test_answers_of_a_file_are_scored_beside_constant_ones(
    small: Published, questions: list[Question], sartext: CommandLine, tmp_path: Path
) -> None:
    half = [(one.id, one.answer if at % 2 else "") for at, one in enumerate(questions)]
    for name, rows, right in (
        ("whole", [(one.id, one.answer) for one in questions], 100.0),
        ("half", half, 100 * (len(half) // 2) / len(half)),
    ):
        out = tmp_path / f"{name}.json"
        file = answers_file(tmp_path / f"{name}.csv", rows)
        told = ("evaluate", small.release, "--task", "vqa", "--answers", file, "--out", out)
        said = sartext(*told, *FEW)
        assert said.code == 0, said.err
        figures = read_figures(out)
        oa, empty = find(figures, "oa", "model"), find(figures, "empty", "model")
        assert oa is not None and empty is not None
        assert (oa.value, oa.n) == (pytest.approx(right), len(questions))
        assert empty.value == pytest.approx(100 - right), "an empty answer is told, and wrong"
        assert {one.variant for one in figures} == {"model", CONSTANT, CONSTANT_PER_CORPUS}


def test_answers_about_withheld_images_may_be_in_the_file(
    small: Published, questions: list[Question], sartext: CommandLine, tmp_path: Path
) -> None:
    """Whoever answers vqa/test.jsonl as it is need not sort out what the release withholds."""
    every = read_splits(small.release)["test"]
    assert len(every) > len(questions)
    file = answers_file(tmp_path / "all.csv", [(one.id, one.answer) for one in every])
    scores = score(Submission(small.release, "vqa", answers=file, resamples=100))
    found = find(scores.figures, "oa", "model")
    assert found is not None
    assert (found.value, found.n) == (100, len(questions))


def test_scores_tell_what_they_are_of(
    small: Published, questions: list[Question], sartext: CommandLine, tmp_path: Path
) -> None:
    file = answers_file(tmp_path / "mine.csv", [(one.id, one.answer) for one in questions])
    out = tmp_path / "scores.json"
    told = ("--task", "vqa", "--answers", file, "--name", " [/x] ", "--out", out, "--seed", 3, *FEW)
    said = sartext("evaluate", small.release, *told)
    assert said.code == 0, said.err
    assert "[/x]" in said.out
    manifest = read_json(small.release / "MANIFEST.json")
    for row in read_json(out):
        assert row["release"] == f"{manifest['name']} {manifest['version']}"
        assert row["benchmark_sha256"] == open_benchmarks(small.release)["release-test"].sha256
        assert (row["seed"], row["resamples"]) == (3, 100)
        assert row["variant"] in {"[/x]", CONSTANT, CONSTANT_PER_CORPUS}
    assert f"{len(read_json(out))} figures in {out}, " in said.out
    said = sartext("evaluate", small.release, "--task", "vqa", "--answers", file, *FEW)
    assert (
        "more figures are not shown here; show more by --all, or write all to a file: --out scores.csv" in said.out
    )


def test_whoever_answered_all_is_scored_on_a_part_of_the_release(
    small: Published, sartext: CommandLine, tmp_path: Path
) -> None:
    every = read_splits(small.release)["test"]
    file = answers_file(tmp_path / "all.csv", [(one.id, one.answer) for one in every])
    scores = score(Submission(small.release, "vqa", answers=file, benchmark="alpha-official", resamples=100))
    found = find(scores.figures, "oa", "model", benchmark="alpha-official")
    assert found is not None
    assert (found.value, found.n) == (100, sum(one.image_id in {"alpha/0004", "alpha/0009"} for one in every))
    odd = answers_file(tmp_path / "odd.csv", [*((one.id, one.answer) for one in every), ("beta/9999:count", "1")])
    told = ("evaluate", small.release, "--task", "vqa", "--benchmark", "alpha-official", "--answers", odd)
    assert "1 question ids are unknown: beta/9999:count" in sartext.refused(*told)


@pytest.mark.parametrize("task", ["retrieval", "foils"])
def test_equal_commands_give_equal_bytes(
    small: Published, models: dict[str, Path], sartext: CommandLine, tmp_path: Path, task: str
) -> None:
    for name in ("one.csv", "two.csv"):
        told = ("--root", small.built.root, "evaluate", small.release, "--task", task, "--model", models["clip"])
        assert sartext(*told, "--out", tmp_path / name, *FEW).code == 0
    assert (tmp_path / "one.csv").read_bytes() == (tmp_path / "two.csv").read_bytes()


def test_a_single_image_is_not_ranked(
    small: Published, models: dict[str, Path], sartext: CommandLine, tmp_path: Path
) -> None:
    out = tmp_path / "scores.json"
    told = ("--task", "retrieval", "--model", models["clip"], "--benchmark", "alone", "--out", out)
    said = sartext("evaluate", small.release, *told)
    assert said.code == 0, said.err
    assert "not computed" in said.out
    figures = read_figures(out)
    assert figures
    assert all(one.value is None and "a single image" in one.reason for one in figures)


def test_a_part_of_the_release_is_scored_by_its_name(small: Published, models: dict[str, Path]) -> None:
    scores = score(
        Submission(
            small.release, "retrieval", models["clip"], benchmark="alpha-official", resamples=100, name="mine"
        )
    )
    found = find(scores.figures, "one_positive.mean_recall", "mine")
    assert found is not None
    assert (found.n, found.benchmark) == (2, "alpha-official")
    assert not any("withheld" in line for line in scores.warnings), "none of these is"


def test_with_their_folder_withheld_images_are_scored(
    small: Published, models: dict[str, Path], sartext: CommandLine, tmp_path: Path
) -> None:
    out = tmp_path / "scores.json"
    told = ("--task", "retrieval", "--model", models["clip"], "--out", out, *FEW)
    said = sartext("evaluate", small.release, *told, "--images", small.built.root / "data")
    assert (said.code, "withheld" in said.err) == (0, False)
    assert {one.n for one in read_figures(out) if one.subset == "all"} == {len(AT_HAND | WITHHELD)}
    beta = find(read_figures(out), "one_positive.mean_recall", "model", subset="corpus:beta")
    assert beta is not None
    assert beta.n == 2
    said = sartext(
        "evaluate", small.release, *told, "--images", small.built.root / "data", "--benchmark", "beta-official"
    )
    assert said.code == 0, said.err


def test_withheld_images_that_the_folder_lacks_are_told(
    small: Published, models: dict[str, Path], sartext: CommandLine, tmp_path: Path
) -> None:
    images = tmp_path / "images"
    (images / "beta/images").mkdir(parents=True)
    shutil.copy(small.built.root / "data/beta/images/0004.png", images / "beta/images")
    told = ("evaluate", small.release, "--task", "retrieval", "--model", models["clip"], "--images", images, *FEW)
    said = sartext(*told)
    assert said.code == 0, said.err
    assert "warning: 1 of 10 images of release-test are withheld" in said.err
    assert f"not in {images}" in said.err
    assert "beta/0009" in said.err


def test_images_that_are_no_pictures_yet_are_rendered_as_the_release_renders_them(tmp_path: Path) -> None:
    """Amplitudes in a 16-bit file, shown between the decibels that the row tells."""
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
    found = _sources(tmp_path / "data", {"beta": entry}).picture(row)
    assert found is not None
    assert (found.dtype, found.shape) == (np.uint8, (8, 8))
    assert (found == picture(tmp_path, row, entry)).all()
    assert 0 < found.mean() < 255
    with pytest.raises(EvaluationError, match="does not describe corpus 'beta'"):
        _sources(tmp_path / "data", {}).picture(row)


def test_a_sar_gpt_answers_the_questions(small: Published, questions: list[Question], tmp_path: Path) -> None:
    save_gpt(tiny_gpt(), tmp_path / "gpt")
    scores = score(Submission(small.release, "vqa", model=tmp_path / "gpt", resamples=100))
    found = find(scores.figures, "aa", "model")
    assert found is not None
    assert found.value is not None
    assert found.n == len(questions)


@pytest.mark.parametrize("seed", [7, 8])
def test_what_is_scored_is_the_benchmark_that_the_report_has(
    small: Published, models: dict[str, Path], seed: int
) -> None:
    """The same figures by the library, whose benchmark bears the hash."""
    benchmark = open_benchmarks(small.release)["release-test"]
    told: list[Figure] = score_retrieval(
        {"model": embed(load(models["clip"]), benchmark).pair}, benchmark, resamples=100, seed=seed
    )
    asked = Submission(small.release, "retrieval", models["clip"], resamples=100, seed=seed)
    assert list(score(asked).figures) == told


@pytest.mark.parametrize("seed", [7, 8])
def test_foils_are_those_that_the_report_makes_of_the_same_seed(
    small: Published, models: dict[str, Path], seed: int
) -> None:
    benchmark = open_benchmarks(small.release)["release-test"]
    entries = {name: Entry.model_validate(catalogue(name)) for name in benchmark.corpora}
    foils = make_foils(benchmark, entries, seed)
    told = {"model": margins(load(models["clip"]), foils, benchmark)}
    asked = Submission(small.release, "foils", models["clip"], resamples=100, seed=seed, root=small.built.root)
    assert list(score(asked).figures) == score_foils(told, foils, benchmark, resamples=100, seed=seed)


def test_captions_are_read_and_compared_as_is_asked(
    small: Published, captions: Pairs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For the nouns of further corpora, with references of the seed."""
    told: dict[str, Any] = {}

    def scoring(
        predictions: Mapping[str, Mapping[str, str]],
        benchmark: Benchmark,
        entries: Mapping[str, Entry],
        **how: Any,
    ) -> list[Figure]:
        told.update(predictions=predictions, entries=entries, **how)
        return []

    monkeypatch.setattr("sartext.evaluation.caption_scoring.score_captions", scoring)
    rows = [one for one in captions if one[0] in {"alpha/0004", "alpha/0009"}]
    file = captions_file(tmp_path / "mine.csv", rows)
    asked = Submission(
        small.release, "captioning", captions=file, benchmark="alpha-official", root=small.built.root
    )
    score(asked)
    assert (told["entries"].keys(), told["seed"], told["resamples"]) == ({"alpha"}, 7, 2000)
    score(replace(asked, corpora=("sim-toy",), seed=8, resamples=300))
    assert (told["entries"].keys(), told["seed"], told["resamples"]) == ({"alpha", "sim-toy"}, 8, 300)
    benchmark = open_benchmarks(small.release)["alpha-official"]
    assert told["predictions"] == {"model": dict(rows), **baselines(benchmark, 8)}
    with pytest.raises(EvaluationError, match="does not describe corpus 'nowhere'"):
        score(replace(asked, corpora=("nowhere",)))
    score(replace(asked, captions=captions_file(tmp_path / "one.csv", rows[:1]), partial=True))
    assert {name for some in told["predictions"].values() for name in some} == {rows[0][0]}
    assert set(told["partial"]) == {"model", "grammar", "most-frequent"}

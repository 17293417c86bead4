"""Anyone's model, captions or answers on the test split of a published release; needs no project."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np

from sartext.catalogue.entry import Entry
from sartext.catalogue.loading import load_catalogue
from sartext.config import Project
from sartext.corpora.images import TIFF_MARKS, decode
from sartext.corpora.radiometry import to_db, to_grey
from sartext.errors import EvaluationError, nearest
from sartext.evaluation.benchmarks import Benchmark, Pixels, Sources, choose, open_benchmarks
from sartext.evaluation.figures import RESERVED, Figure
from sartext.files import read_json

Catalogue = Mapping[str, Entry]

DEFAULT_SIDE = 224
"""Pixels of model input that objects are measured in where captions come from a file."""


@dataclass(frozen=True)
class Asked:
    """What is to be scored.

    Args:
        release: the folder of a published version.
        task: ``retrieval``, ``captioning``, ``vqa`` or ``foils``.
        model: the folder of an open_clip model, or for ``vqa`` of a SAR-GPT.
        captions: a file of captions, for ``captioning``.
        partial: whether the file may leave images out; it is scored on the others, and so are the baselines.
        answers: a file of answers, for ``vqa``.
        images: the folder of the source images that the release withholds: ``<corpus>/...`` as its column
            ``source_path`` says.
        benchmark: of those that the release holds.
        name: what the scores call it.
        device: ``cpu``, ``cuda`` or ``auto``.
        resamples: of the bootstrap.
        seed: of the bootstrap, of the references' wordings and of foils; a comparison needs equal ones.
        corpora: of the catalogue, whose nouns captions are read for beside those of the benchmark.
        root: where ``catalogue/`` may describe further corpora.
    """

    release: Path
    task: Literal["retrieval", "captioning", "vqa", "foils"]
    model: Path | None = None
    captions: Path | None = None
    partial: bool = False
    answers: Path | None = None
    images: Path | None = None
    benchmark: str = "release-test"
    name: str = "model"
    device: str = "cpu"
    resamples: int = 2000
    seed: int = 7
    corpora: tuple[str, ...] = ()
    root: Path = Path()


@dataclass(frozen=True)
class Scores:
    """The figures of a model or a file beside baselines.

    Args:
        figures: of the benchmark.
        origin: what they can be traced by: the release, the benchmark's hash, the seed, the resamples.
        warnings: what a person should know before reading them.
    """

    figures: Sequence[Figure]
    origin: Mapping[str, str | int]
    warnings: tuple[str, ...] = ()


def score(asked: Asked) -> Scores:
    """Score a model, captions or answers.

    Raises:
        EvaluationError: the task needs something else than is given, the release has no such benchmark, or what is
            given does not fit it.
        ModelError: the model cannot be loaded.
    """
    asked = replace(asked, name=asked.name.strip())
    _check(asked)
    catalogue = load_catalogue(Project(asked.root))
    benchmarks = open_benchmarks(asked.release, _sources(asked.images, catalogue))
    benchmark = choose(benchmarks, asked.benchmark)
    told: list[str] = []
    if benchmark.left_out:
        told.append(_withheld(benchmark, asked.images))
    figures = _TASKS[asked.task](asked, benchmark, catalogue, told)
    origin: dict[str, str | int] = {
        "release": _release(asked.release),
        "benchmark_sha256": benchmark.sha256,
        "seed": asked.seed,
        "resamples": asked.resamples,
    }
    return Scores(figures, origin, tuple(told))


def _release(folder: Path) -> str:
    """Its name and version; a release that is not published yet has none."""
    path = folder / "MANIFEST.json"
    if not path.is_file():
        return "unpublished"
    manifest = read_json(path)
    try:
        return f"{manifest['name']} {manifest['version']}"
    except (KeyError, TypeError) as error:
        raise EvaluationError("no name and version", where=path, way_out="get the release again") from error


def _withheld(benchmark: Benchmark, images: Path | None) -> str:
    """What is said of images that are not scored."""
    count, first = len(benchmark.left_out), min(benchmark.left_out)
    told = f"{count} of {count + len(benchmark)} images of {benchmark.name} are withheld by their licence"
    if images is not None:
        return f"{told}, not in {images} and not scored, the first is {first}"
    return f"{told} and not scored; get them from their source and name the folder: --images FOLDER"


def _check(asked: Asked) -> None:
    """Refuse what a task cannot be scored from."""
    if not asked.name.isprintable():
        told = ascii(asked.name)
        raise EvaluationError(f"{told} holds control characters", where="--name", way_out="choose another one")
    if asked.name in RESERVED or not asked.name:
        raise EvaluationError(
            f"'{asked.name}' is the name of a baseline or of nothing", where="--name", way_out="choose another one"
        )
    files = {"captioning": ("captions", asked.captions), "vqa": ("answers", asked.answers)}
    option, given = files.get(asked.task, ("", None))
    for name, path in (("captions", asked.captions), ("answers", asked.answers)):
        if path is not None and name != option:
            raise EvaluationError(f"{asked.task} is not scored from {name}", way_out="leave out --" + name)
    if asked.partial and asked.captions is None:
        raise EvaluationError("only a file of captions may leave images out", way_out="leave out --partial")
    if (asked.model is None) == (given is None):
        both = "a model and a file are given" if asked.model else "nothing is given to score"
        needed = f"--model FOLDER or --{option} FILE" if option else "--model FOLDER"
        raise EvaluationError(both, where=f"--task {asked.task}", way_out=f"give {needed}")


def _sources(images: Path | None, catalogue: Catalogue) -> Sources:
    if images is None:
        return Sources()
    if not images.is_dir():
        raise EvaluationError("no such folder", where=images, way_out="name the folder of the source images")

    def picture(row: Mapping[str, Any]) -> Pixels | None:
        path = images / row["source_path"]
        if not path.is_file():
            return None
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != row["sha256"]:
            raise EvaluationError(
                "not the image that the release was made from", where=path, way_out="get it from its source again"
            )
        if row["quantity"] == "display" and not content.startswith(TIFF_MARKS):
            return np.asarray(decode(content), dtype=np.uint8)
        entry = _entry(row["corpus"], catalogue)  # only it knows the bands, and what they measure
        pixels = decode(content, entry.bands)
        if row["quantity"] != "display":
            pixels = to_grey(to_db(pixels, entry), row["db_low"], row["db_high"])
        return np.asarray(pixels, dtype=np.uint8)

    return Sources(picture=picture)


def _entry(corpus: str, catalogue: Catalogue) -> Entry:
    if corpus not in catalogue:
        raise EvaluationError(
            f"the catalogue does not describe corpus '{corpus}'",
            way_out=f"put its file into catalogue/; {nearest(corpus, catalogue)}",
        )
    return catalogue[corpus]


def _retrieval(asked: Asked, benchmark: Benchmark, catalogue: Catalogue, told: list[str]) -> list[Figure]:
    from sartext.evaluation.embedding import embed
    from sartext.evaluation.retrieval_figures import score_retrieval
    from sartext.models.checkpoint import load

    found = embed(load(_model(asked), device=asked.device), benchmark)
    if found.cut:
        told.append(f"{found.cut} captions are longer than the model's context and were cut")
    return score_retrieval({asked.name: found.pair}, benchmark, resamples=asked.resamples, seed=asked.seed)


def _captioning(asked: Asked, benchmark: Benchmark, catalogue: Catalogue, told: list[str]) -> list[Figure]:
    from sartext.evaluation.captioning.baselines import baselines
    from sartext.evaluation.captioning.predictions import read_predictions, warnings_of
    from sartext.evaluation.captioning.scoring import score_captions
    from sartext.evaluation.captioning.texts import PARTIAL
    from sartext.evaluation.stages.captioning import captions_of
    from sartext.models.checkpoint import load

    side = DEFAULT_SIDE
    if asked.captions is not None:
        predictions = read_predictions(asked.captions, benchmark, partial=asked.partial)
        captions = dict(predictions.captions)
        told += predictions.warnings
    else:
        model = load(_model(asked), device=asked.device, expected_kind="coca")
        texts, unfinished = captions_of(model, benchmark.pictures())
        captions = dict(zip((one.image_id for one in benchmark.examples), texts, strict=True))
        side = model.side
        told += warnings_of(captions, benchmark)
        if unfinished:
            told.append(f"{unfinished} captions were not ended by the model and count as empty")
    entries = {name: _entry(name, catalogue) for name in (*benchmark.corpora, *asked.corpora)}
    beside = {
        name: {image_id: text for image_id, text in told_by.items() if image_id in captions}
        for name, told_by in baselines(benchmark, asked.seed).items()
    }
    return score_captions(
        {asked.name: captions, **beside},
        benchmark,
        entries,
        side=side,
        seed=asked.seed,
        resamples=asked.resamples,
        partial={asked.name, *beside} if asked.partial else PARTIAL,
    )


def _vqa(asked: Asked, benchmark: Benchmark, catalogue: Catalogue, told: list[str]) -> list[Figure]:
    from sartext.evaluation.vqa import (
        CONSTANT,
        CONSTANT_PER_CORPUS,
        constant_answers,
        constant_answers_per_corpus,
        read_answers,
        score_vqa,
    )
    from sartext.vqa.question import read_splits

    splits = read_splits(asked.release)
    images = {one.image_id for one in benchmark.examples}
    tested = splits.get("test", [])
    questions = [one for one in tested if one.image_id in images]
    if asked.answers is not None:
        answers = read_answers(asked.answers, questions, others=tested)
    else:
        from sartext.models.gpt.answering import answer_each
        from sartext.models.gpt.checkpoint import load_gpt

        model = load_gpt(_model(asked), device=asked.device)
        answers = dict(answer_each(model, [(one.id, one.image_id, one.text) for one in questions], benchmark.read))
    given = {
        asked.name: answers,
        CONSTANT: constant_answers(splits.get("train", []), questions),
        CONSTANT_PER_CORPUS: constant_answers_per_corpus(splits.get("train", []), questions),
    }
    return score_vqa(given, questions, benchmark_name=benchmark.name, resamples=asked.resamples, seed=asked.seed)


def _foils(asked: Asked, benchmark: Benchmark, catalogue: Catalogue, told: list[str]) -> list[Figure]:
    from sartext.evaluation.foils.making import make_foils
    from sartext.evaluation.foils.scoring import margins, score_foils
    from sartext.models.checkpoint import load

    entries = {name: _entry(name, catalogue) for name in benchmark.corpora}
    foils = make_foils(benchmark, entries, asked.seed)
    found = margins(load(_model(asked), device=asked.device), foils, benchmark)
    return score_foils({asked.name: found}, foils, benchmark, resamples=asked.resamples, seed=asked.seed)


def _model(asked: Asked) -> Path:
    if asked.model is None:
        raise EvaluationError("no model is given", where=f"--task {asked.task}", way_out="give --model FOLDER")
    return asked.model


_TASKS: Mapping[str, Callable[[Asked, Benchmark, Mapping[str, Entry], list[str]], list[Figure]]] = {
    "retrieval": _retrieval,
    "captioning": _captioning,
    "vqa": _vqa,
    "foils": _foils,
}

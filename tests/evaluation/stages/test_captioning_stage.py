"""The stage ``evaluation@captioning``: what every CoCa writes, baselines, and the physics curves."""

import csv
from collections.abc import Callable
from typing import Any

import pytest

from sartext.config import Project
from sartext.evaluation.details import GRAMMAR, MOST_FREQUENT, NEAREST_TRAIN, Details, read_details, shown_pictures
from sartext.evaluation.figures import MINUS, Figure, read_figures
from sartext.evaluation.prediction_files import read_captions
from sartext.evaluation.stages import evaluate_task, rows_of
from sartext.evaluation.stages.captioning import captions_of, nearest_captions
from sartext.evaluation.stages.models import compared, project_benchmarks
from sartext.evaluation.stages.physics import SCORED, Physics
from sartext.models.checkpoint import load
from tests.evaluation.captioning.making import needs_jars, needs_java
from tests.evaluation.generated import find
from tests.evaluation.stages.project import PHYSICS, trained

Written = tuple[dict[str, Any], list[Figure], Details]


def scored(test: Callable[..., None]) -> Callable[..., None]:
    return needs_java(needs_jars(pytest.mark.slow(test)))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project of its own with one benchmark: METEOR loads for over ten seconds on each."""
    return trained(tmp_path_factory.mktemp("captioned") / "project", parts=False)


@pytest.fixture(scope="module")
def written(project: Project) -> Written:
    metrics = evaluate_task(project, "captioning")
    folder = project.evaluation("captioning")
    return metrics, read_figures(folder / "figures.json"), read_details(folder / "details.json")


def ids_of(project: Project) -> set[str]:
    return {example.image_id for example in project_benchmarks(project)["release-test"].examples}


@scored
def test_every_coca_and_the_baselines_are_scored_and_told_of(project: Project, written: Written) -> None:
    metrics, figures, details = written
    cocas = {model.name for model in compared(project) if model.kind == "coca"}
    rules = {GRAMMAR, MOST_FREQUENT, NEAREST_TRAIN}
    scored = {figure.variant for figure in figures if figure.task == "captioning" and MINUS not in figure.variant}
    assert scored == cocas | rules
    named = {part for figure in figures for part in figure.variant.split(MINUS)}
    assert named == {variant.name for variant in details.variants}
    for metric in ("bleu_4", "cider_d", "fact_recall"):
        figure = find(figures, metric, MOST_FREQUENT, benchmark="release-test")
        assert (figure.value is not None, figure.n) == (True, len(ids_of(project)))
    ceiling, floor = (find(figures, "fact_recall", name).value for name in (GRAMMAR, MOST_FREQUENT))
    assert ceiling == 100 > (floor or 0)
    assert metrics["figures"] == len(figures)
    assert {figure.task for figure in figures} == {"captioning", "physics"}
    assert {figure.variant for figure in figures if figure.task == "physics" and MINUS not in figure.variant} == {
        *({model.name for model in compared(project)} & {*SCORED}),
        "constant",
    }


@scored
def test_the_captions_of_every_variant_can_be_scored_again(project: Project, written: Written) -> None:
    benchmark = project_benchmarks(project)["release-test"]
    folder = project.evaluation("captioning") / "captions" / "release-test"
    texts, _ = captions_of(load(project.checkpoint("sar-rs-coca")), benchmark.pictures())
    given = read_captions(folder / "sar-rs-coca.csv", benchmark).captions
    assert list(given.values()) == texts
    for name in ("sar-rs-coca", GRAMMAR, MOST_FREQUENT):
        assert read_captions(folder / f"{name}.csv", benchmark, partial=name == GRAMMAR).captions
        with (folder / f"{name}.csv").open() as file:
            scores = [float(row["rouge_l"]) for row in csv.DictReader(file)]
        wanted = find(written[1], "rouge_l", name, benchmark="release-test")
        assert sum(scores) / len(scores) == pytest.approx(wanted.value, abs=1e-6)


@scored
def test_the_references_are_told_the_released_caption_first(project: Project, written: Written) -> None:
    with (project.evaluation("captioning") / "references" / "release-test.csv").open() as file:
        rows = list(csv.DictReader(file))
    released = {
        example.image_id: example.caption for example in project_benchmarks(project)["release-test"].examples
    }
    assert {row["image_id"]: row["reference"] for row in rows if row["number"] == "1"} == released
    assert len({(row["image_id"], row["reference"]) for row in rows}) == len(rows) > len(released)


@scored
def test_examples_and_strips_have_their_pictures(project: Project, written: Written) -> None:
    _, figures, details = written
    assert [row.name for row in details.benchmarks][-1] == "sim-physics"
    assert {figure.benchmark for figure in figures} == {row.name for row in details.benchmarks}
    assert {example.image_id for example in details.captions} == ids_of(project)
    for example in details.captions:
        assert {"foundation", "progressive", "sar-rs-coca", NEAREST_TRAIN} == set(example.captions)
        assert example.captions[NEAREST_TRAIN].judged, "it is a caption of the release"
    assert {strip.variant for strip in details.strips} == {"sar-rs-coca"}
    folder = project.evaluation("captioning") / "pictures"
    there = {path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.png")}
    assert there == shown_pictures(details)


def test_a_caption_that_the_model_did_not_end_is_empty_and_counted(project: Project) -> None:
    benchmark = project_benchmarks(project)["release-test"]
    model = load(project.checkpoint("coca-sar"))
    texts, unfinished = captions_of(model, benchmark.pictures())
    assert len(texts) == len(benchmark)
    assert sum(not text for text in texts) >= unfinished
    again, _ = captions_of(model, benchmark.pictures())
    assert again == texts


def test_no_pictures_have_no_captions(project: Project) -> None:
    assert captions_of(load(project.checkpoint("coca-sar")), []) == ([], 0)


def test_the_nearest_training_caption_is_one_of_the_train_split(project: Project) -> None:
    benchmark = project_benchmarks(project)["release-test"]
    found = nearest_captions(load(project.checkpoint("sar-rs-clip")), benchmark)
    assert set(found) == {example.image_id for example in benchmark.examples}
    assert set(found.values()) <= {example.caption for example in benchmark.train}


def test_physics_asks_the_models_that_are_drawn_and_keeps_the_baseline_once(project: Project) -> None:
    physics = Physics(project.parameters)
    assert (physics.figures, physics.baselines) == ([], ())
    model = load(project.checkpoint("clip-sar"))
    physics.score("foundation", model)
    assert physics.figures == [], "its curves are not drawn"
    for name in ("narrator", "sar-rs-clip"):
        physics.score(name, model)
    assert {figure.variant for figure in physics.figures} == {"narrator", "sar-rs-clip", "constant"}
    assert len({figure.place for figure in physics.figures}) == len(physics.figures)
    assert [one.name for one in physics.baselines] == ["constant"]
    (row,) = rows_of(physics.sets)
    assert (row.name, row.images) == ("sim-physics", PHYSICS)
    assert physics.strips == [], "another variant is shown"


def test_without_simulation_or_scenes_there_are_no_physics_curves(project: Project) -> None:
    parameters = project.parameters
    model = load(project.checkpoint("sar-rs-coca"))
    none = parameters.evaluation.model_copy(update={"physics_scenes": 0})
    for change in ({"simulation": None}, {"evaluation": none}):
        physics = Physics(parameters.model_copy(update=change))
        physics.score("sar-rs-coca", model)
        assert (physics.figures, physics.strips, physics.sets, physics.baselines) == ([], [], (), ())

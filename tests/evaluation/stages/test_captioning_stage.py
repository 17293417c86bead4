"""The stage ``evaluation@captioning``: what every CoCa writes, baselines, and the physics curves."""

from collections.abc import Callable

import pytest

from sartext.config import Project
from sartext.evaluation.constant_captions import OBJECTIVES
from sartext.evaluation.details import CONSTANT_CIDER, GRAMMAR, MOST_FREQUENT, NEAREST_TRAIN
from sartext.evaluation.figures import MINUS
from sartext.evaluation.prediction_files import read_captions
from sartext.evaluation.stages import rows_of
from sartext.evaluation.stages.captioning import captions_of, nearest_captions
from sartext.evaluation.stages.models import compared, project_benchmarks
from sartext.evaluation.stages.physics import SCORED, Physics
from sartext.models.checkpoint import load
from tests.evaluation.generated import needs_jars, needs_java
from tests.evaluation.stages.project import PHYSICS, Evaluation, evaluated, trained


def scored(test: Callable[..., None]) -> Callable[..., None]:
    return needs_java(needs_jars(pytest.mark.slow(test)))


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project of its own with one benchmark: METEOR loads for over ten seconds on each."""
    return trained(tmp_path_factory.mktemp("captioned") / "project", parts=False)


@pytest.fixture(scope="module")
def evaluation(project: Project) -> Evaluation:
    return evaluated(project, "captioning")


@scored
def test_every_coca_and_the_baselines_are_scored_and_told_of(project: Project, evaluation: Evaluation) -> None:
    evaluation.check()
    variants: dict[str, set[str]] = {"captioning": set(), "physics": set()}
    for figure in evaluation.figures:
        if MINUS not in figure.variant:
            variants[figure.task].add(figure.variant)
    models = {model.name: model.kind for model in compared(project)}
    cocas = {name for name, kind in models.items() if kind == "coca"}
    assert variants == {
        "captioning": cocas | {GRAMMAR, MOST_FREQUENT, NEAREST_TRAIN, *OBJECTIVES, CONSTANT_CIDER},
        "physics": {*models} & {*SCORED} | {"constant"},
    }
    for metric in ("bleu_4", "cider_d", "fact_recall"):
        figure = evaluation.find(metric, MOST_FREQUENT)
        assert (figure.value is not None, figure.n) == (True, len(project_benchmarks(project)["release-test"]))
    ceiling, floor = (evaluation.find("fact_recall", name).value for name in (GRAMMAR, MOST_FREQUENT))
    assert ceiling == 100 > (floor or 0)


@scored
def test_the_captions_of_every_variant_can_be_scored_again(project: Project, evaluation: Evaluation) -> None:
    benchmark = project_benchmarks(project)["release-test"]
    texts, _ = captions_of(load(project.checkpoint("sar-rs-coca")), benchmark.pictures())
    for name in ("sar-rs-coca", GRAMMAR, MOST_FREQUENT):
        table = f"captions/release-test/{name}"
        captions = read_captions(evaluation.folder / f"{table}.csv", benchmark, partial=name == GRAMMAR).captions
        assert captions
        assert name != "sar-rs-coca" or list(captions.values()) == texts
        scores = [float(row["rouge_l"]) for row in evaluation.rows(table)]
        assert sum(scores) / len(scores) == pytest.approx(evaluation.find("rouge_l", name).value, abs=1e-6)


@scored
def test_the_references_are_told_the_released_caption_first(project: Project, evaluation: Evaluation) -> None:
    rows = evaluation.rows("references/release-test")
    examples = project_benchmarks(project)["release-test"].examples
    released = {example.image_id: example.caption for example in examples}
    assert {row["image_id"]: row["reference"] for row in rows if row["number"] == "1"} == released
    assert len({(row["image_id"], row["reference"]) for row in rows}) == len(rows) > len(released)


@scored
def test_examples_show_the_models_and_a_caption_of_the_release(project: Project, evaluation: Evaluation) -> None:
    details = evaluation.details
    assert [row.name for row in details.benchmarks][-1] == "sim-physics"
    examples = project_benchmarks(project)["release-test"].examples
    assert {example.image_id for example in details.captions} == {example.image_id for example in examples}
    for example in details.captions:
        assert {"foundation", "progressive", "sar-rs-coca", NEAREST_TRAIN} == set(example.captions)
        assert example.captions[NEAREST_TRAIN].judged, "it is a caption of the release"
    assert {strip.variant for strip in details.strips} == {"sar-rs-coca"}


def test_a_caption_that_the_model_did_not_end_is_empty_and_counted(project: Project) -> None:
    benchmark = project_benchmarks(project)["release-test"]
    model = load(project.checkpoint("coca-sar"))
    texts, unfinished = captions_of(model, benchmark.pictures())
    assert len(texts) == len(benchmark)
    assert sum(not text for text in texts) >= unfinished
    again, _ = captions_of(model, benchmark.pictures())
    assert again == texts
    assert captions_of(model, []) == ([], 0)


def test_the_nearest_training_caption_is_one_of_the_train_split(project: Project) -> None:
    benchmark = project_benchmarks(project)["release-test"]
    captions = nearest_captions(load(project.checkpoint("sar-rs-clip")), benchmark)
    assert set(captions) == {example.image_id for example in benchmark.examples}
    assert set(captions.values()) <= {example.caption for example in benchmark.train}


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
    assert [baseline.name for baseline in physics.baselines] == ["constant"]
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

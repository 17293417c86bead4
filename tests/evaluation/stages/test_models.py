"""Which models are compared, and what a report says of them."""

from pathlib import Path

import pytest
import yaml

from sartext.config import Project, load_parameters
from sartext.config.arms import ARMS, arm_rows
from sartext.errors import ArtefactError, EvaluationError
from sartext.evaluation.details import BASELINES, Variant
from sartext.evaluation.stages.models import compared, gpt_rows, open_models, stage_of
from sartext.files import sha256_file
from sartext.models.checkpoint import start
from sartext.models.weights import RECORD
from tests.conftest import ROOT
from tests.evaluation.stages.project import CHECKPOINTS, FOUNDATIONS, MODELS
from tests.models.making import states_equal


@pytest.fixture(scope="module")
def described(project: Project) -> dict[str, Variant]:
    return {name: variant for name, variant, _ in open_models(project)}


def other(project: Project, root: Path, **sections: object) -> Project:
    """The same folder with other parameters."""
    parameters = yaml.safe_load((project.root / "params.yaml").read_text())
    (root / "params.yaml").write_text(yaml.safe_dump({**parameters, **sections}, sort_keys=False))
    if not (root / "build").exists():
        (root / "build").symlink_to(project.build)
    return Project(root)


def test_foundations_come_first_then_arms_that_are_trained_then_models(
    project: Project, described: dict[str, Variant]
) -> None:
    roles = {
        "foundation": ["foundation", "foundation-clip"],
        "arm": ["progressive", "mixed", "optical-only", "clip-progressive", "clip-optical-only"],
        "model": ["sar-rs-clip", "sar-rs-coca", "sar-rs-coca-annotated"],
    }
    expected = [(name, role) for role, names in roles.items() for name in names]
    assert [(name, variant.role) for name, variant in described.items()] == expected
    assert all(variant.kind == ("clip" if "clip" in name else "coca") for name, variant in described.items())
    absent = {arm.name for arm in ARMS} - arm_rows(project.parameters.checkpoints).keys()
    assert absent == {"direct", "direct-total", "shuffled"}, "no row trains them"


def test_the_trainings_of_a_lineage_say_what_it_has_seen_and_not_what_was_planned(
    described: dict[str, Variant],
) -> None:
    progressive, mixed, released = (described[name] for name in ("progressive", "mixed", "sar-rs-coca"))
    assert progressive.stages == ("checkpoint@coca-optical", "checkpoint@coca-sar")
    assert (progressive.samples, progressive.sar_samples) == (88, 24), "its SAR stage stopped early"
    assert released.stages == ("checkpoint@coca-optical", "model@sar-rs-coca")
    assert (released.samples, released.sar_samples) == (128, 64)
    assert released.origin == "build/checkpoint/coca-optical"
    assert (mixed.samples, mixed.sar_samples) == (96, None), "how many of them were SAR is not known"
    assert described["optical-only"].sar_samples == 0
    assert "without narrated captions" in described["sar-rs-coca-annotated"].title
    assert "without narrated captions" not in released.title
    assert mixed.title.endswith("planned for as many samples in total"), "an early stop would break a promise"
    assert all("as many" not in arm.planned.replace("planned for as many", "") for arm in ARMS)


def test_a_model_is_known_by_the_hash_of_its_weights_and_a_foundation_by_none(
    project: Project, described: dict[str, Variant]
) -> None:
    for name in MODELS:
        if name in described:
            weights = sha256_file(project.checkpoint(name) / "model.safetensors")
            assert (described[name].model_sha256, described[name].registered) == (weights, name)
    for name in ("foundation", "foundation-clip"):
        variant = described[name]
        assert (variant.model_sha256, variant.registered, variant.stages) == (None, None, ())
        assert variant.samples == 0
        assert variant.origin.startswith(FOUNDATIONS)
    assert not any(variant.pretrained for variant in described.values()), "all lineages began with random weights"
    assert all(variant.weights for variant in described.values())


def test_a_foundation_is_the_model_that_the_first_training_starts_from(project: Project) -> None:
    (foundation,) = (model for model in compared(project) if model.name == "foundation")
    parameters = project.parameters
    started = start(
        parameters.checkpoints["coca-optical"].origin,
        project.root,
        project.tokenizer,
        seed=parameters.training.seed,
        side=parameters.shards.side,
    )
    assert states_equal(foundation.open(project), started)


def test_the_foundation_is_that_of_the_arms_not_of_a_narrator_that_began_with_another(
    project: Project, tmp_path: Path
) -> None:
    arms = {"arm-optical-only": "coca-optical", "arm-progressive": "coca-sar"}
    rows = {**CHECKPOINTS, **{arm: CHECKPOINTS[row] for arm, row in arms.items()}}
    rows["arm-progressive"] = {**rows["arm-progressive"], "from": "build/checkpoint/arm-optical-only"}
    rows["coca-optical"] = {**rows["coca-optical"], "from": f"{FOUNDATIONS}/coca-conv-tiny.yaml"}
    (tmp_path / "build" / "checkpoint").mkdir(parents=True)
    for name in rows:
        trained = project.checkpoint(arms.get(name, name))
        (tmp_path / "build" / "checkpoint" / name).symlink_to(trained)
    began = {model.name: model.origin for model in compared(other(project, tmp_path, checkpoints=rows, models={}))}
    assert began["foundation"] == began["progressive"] == f"{FOUNDATIONS}/coca-tiny.yaml"
    assert began["narrator"] == f"{FOUNDATIONS}/coca-conv-tiny.yaml"


def test_models_that_answer_questions_are_not_ranked(project: Project, described: dict[str, Variant]) -> None:
    assert list(gpt_rows(project)) == ["sar-gpt", "sar-gpt-blind"]
    assert not {"sar-gpt", "sar-gpt-blind"} & set(described)
    assert stage_of(project, "sar-gpt") == "model@sar-gpt"
    assert stage_of(project, "coca-sar") == "checkpoint@coca-sar"


def test_a_training_that_tells_nothing_of_itself_is_named(project: Project) -> None:
    folder = project.checkpoint("coca-optical")
    away = (folder / RECORD).rename(folder / "away.json")
    try:
        with pytest.raises(
            ArtefactError,
            match=r"coca-optical: training.json does not say what was trained; run `sartext train coca-opt",
        ):
            list(open_models(project))
    finally:
        away.rename(folder / RECORD)


def test_a_model_that_learned_narrated_captions_among_others_is_not_called_without_them(
    project: Project, tmp_path: Path
) -> None:
    rows = {**MODELS, "sar-rs-coca-annotated": {**MODELS["sar-rs-coca-annotated"], "methods": ["a2c", "narrator"]}}
    titles = {model.name: model.title for model in compared(other(project, tmp_path, models=rows))}
    assert titles["sar-rs-coca-annotated"] == "trained on the release"


@pytest.mark.parametrize("name", ["progressive", "foundation", "clip-progressive", "most-frequent", "constant"])
def test_a_model_called_as_an_arm_or_a_baseline_is_refused(project: Project, tmp_path: Path, name: str) -> None:
    for select, row in ((compared, "sar-rs-clip"), (gpt_rows, "sar-gpt")):
        rows = {"sar-rs-clip": MODELS["sar-rs-clip"], name: MODELS[row]}
        with pytest.raises(EvaluationError, match=rf"models.{name}: '{name}' is the name of an arm or a baseline"):
            select(other(project, tmp_path, models=rows))


LATE = {**MODELS, "late": MODELS["sar-rs-clip"]}


@pytest.mark.parametrize(
    ("sections", "problem"),
    [
        ({"models": LATE}, r"build/model/late: the model is not trained; run `sartext train late`"),
        ({"checkpoints": {}, "models": {}}, r"no model to evaluate.*`checkpoints` or `models`"),
    ],
)
def test_without_trained_models_there_is_nothing_to_compare(
    project: Project, tmp_path: Path, sections: dict[str, object], problem: str
) -> None:
    with pytest.raises((ArtefactError, EvaluationError), match=problem):
        compared(other(project, tmp_path, **sections))


def test_pairs_are_of_variants_that_are_there(project: Project) -> None:
    declared = load_parameters(ROOT / "params.yaml").evaluation
    assert declared.pairs([]) == []
    assert declared.pairs(["progressive", "direct", "sar-gpt"]) == [("progressive", "direct")]
    every = {*declared.comparisons, *(name for others in declared.comparisons.values() for name in others)}
    assert len(declared.pairs(every)) == sum(map(len, declared.comparisons.values()))
    known = {
        *(model.name for model in compared(project)),
        *(arm.name for arm in ARMS),
        *load_parameters(ROOT / "params.yaml").models,
    }
    assert every <= known | {*BASELINES.names}

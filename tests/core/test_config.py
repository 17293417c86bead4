"""Parameters are validated whole; an unknown name is answered with the nearest known one."""

from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml
from pydantic import TypeAdapter, ValidationError

from sartext.catalogue import find_entry, load_catalogue, read_catalogue
from sartext.config import Project, load_parameters
from sartext.config.training import Champions, CheckpointParameters, GptParameters
from sartext.errors import CatalogueError, ParameterError
from tests.conftest import ROOT


def parameters(tmp_path: Path, **changes: object) -> Path:
    content = {"corpora": {"sim-ships": {"catalogue": "src/sartext/catalogue/sim-ships.yaml"}}, **changes}
    path = tmp_path / "params.yaml"
    path.write_text(yaml.safe_dump(content))
    return path


@pytest.mark.parametrize("path", ["params.yaml", "conf/sample.yaml"])
def test_the_profiles_of_the_project_are_valid_and_name_known_corpora(path: str) -> None:
    known = load_catalogue(Project(ROOT))
    for name, corpus in load_parameters(ROOT / path).corpora.items():
        assert name in known
        assert (ROOT / corpus.catalogue).is_file()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"releas": {}}, "unknown name 'releas'; did you mean 'release'?"),
        ({"splits": {"near": {"corelation": 1}}}, "'splits.near.corelation'; did you mean 'correlation'?"),
        ({"splits": {"test": 1.5}}, "splits.test: .* less than 1 .got 1.5."),
        ({"splits": {"test": 0.5, "validation": 0.5}}, "together must stay under 1"),
        ({"captions": ["sim-shipz"]}, "unknown corpus 'sim-shipz'; did you mean 'sim-ships'?"),
        ({"release": {"version": "1.0"}}, "release.version: .*got '1.0'"),
        ({"release": {"version": "01.0.0"}}, "release.version: .*got '01.0.0'"),
        ({"corpora": []}, "corpora"),
        ({"gate": {"caption_words": [80, 3]}}, "gate.caption_words: the lower bound must be"),
        ({"gate": {"precision_shortfall": 1.5}}, "gate.precision_shortfall: .* less than or equal to 1"),
        ({"captions": ["sim-ships", "sim-ships"]}, "'sim-ships' is listed twice"),
        ({"release": {"formats": []}}, "release.formats"),
    ],
)
def test_a_wrong_parameter_is_named_on_one_line(tmp_path: Path, changes: dict[str, object], message: str) -> None:
    with pytest.raises(ParameterError, match=message):
        load_parameters(parameters(tmp_path, **changes))


def test_no_parameter_file_and_no_yaml_are_errors(tmp_path: Path) -> None:
    with pytest.raises(ParameterError, match="no parameter file"):
        load_parameters(tmp_path / "params.yaml")
    (tmp_path / "params.yaml").write_text("a: [")
    with pytest.raises(ParameterError, match="not valid YAML"):
        load_parameters(tmp_path / "params.yaml")


def test_an_unlisted_corpus_is_answered_with_the_nearest_listed_one() -> None:
    with pytest.raises(CatalogueError, match=r"'sim-ship' is not listed; did you mean 'sim-ships'\?"):
        find_entry(Project(ROOT), "sim-ship")


def test_a_corpus_that_the_package_and_the_user_define_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "catalogue").mkdir()
    text = (ROOT / "src/sartext/catalogue/ssdd.yaml").read_text()
    (tmp_path / "catalogue" / "ssdd.yaml").write_text(text)
    with pytest.raises(CatalogueError, match="corpus 'ssdd' is defined twice"):
        read_catalogue(Project(tmp_path)).get("ssdd")


CHAMPIONS = TypeAdapter(Champions)


def test_thresholds_are_read_by_model_and_figure() -> None:
    of_model = {"retrieval/distinct_facts.mean_recall": 30, "foils/mean_accuracy": 60.5, "vqa/oa": "blind"}
    thresholds = {"sar-rs-clip": {**of_model, "vqa/aa": "blind + 2.5"}}
    assert CHAMPIONS.validate_python(thresholds) == thresholds


@pytest.mark.parametrize(
    ("name", "bound"),
    [
        *((name, 1) for name in ("mean_recall", "retrieval/", "retrieval/Mean Recall", "speed/oa", "vqa/a.b.c")),
        *(("vqa/oa", bound) for bound in (float("nan"), float("inf"), "much", "blind - 2", "blind+")),
    ],
)
def test_what_is_no_name_of_a_figure_or_no_number_is_refused(name: str, bound: object) -> None:
    with pytest.raises(ValidationError):
        CHAMPIONS.validate_python({"sar-gpt": {name: bound}})


def test_a_threshold_of_physics_which_no_model_could_pass_is_refused_and_told_why() -> None:
    message = "figures of physics are of simulated scenes, not of the first benchmark"
    with pytest.raises(ValidationError, match=message):
        CHAMPIONS.validate_python({"sar-rs-clip": {"physics/mean_recall": 1}})


PLAN = {"samples": 64, "learning_rate": 0.001}
CLIP = {"from": "src/sartext/models/foundations/clip-tiny.yaml", "data": "build/shards/optical", **PLAN}
GPT = {"from": "build/model/sar-clip", "language": "src/sartext/models/languages/phi-tiny.yaml"}
GPT |= {"optical_samples": 0, **PLAN}


def released(origin: str = "build/checkpoint/clip", **more: object) -> dict[str, object]:
    """A row of a model that is trained on the release."""
    return {"from": origin, "data": "build/release-shards", **PLAN, **more}


RELEASED = released()


def written(
    folder: Path, models: Mapping[str, object], checkpoints: Mapping[str, object] | None = None
) -> Project:
    content = {"corpora": {}, "checkpoints": {"clip": CLIP, **(checkpoints or {})}, "models": models}
    (folder / "params.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    return Project(folder)


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return written(tmp_path, {"sar-clip": RELEASED, "sar-gpt": GPT})


def test_models_are_trained_by_open_clip_or_as_sar_gpt_and_lie_in_build_model(project: Project) -> None:
    models = project.parameters.models
    assert isinstance(models["sar-clip"], CheckpointParameters)
    assert isinstance(models["sar-gpt"], GptParameters)
    assert models["sar-gpt"].data == "build/release"
    assert list(project.parameters.trainings) == ["clip", "sar-clip"]
    places = [project.relative(project.checkpoint(name)) for name in ("clip", "sar-clip", "sar-gpt")]
    assert places == ["build/checkpoint/clip", "build/model/sar-clip", "build/model/sar-gpt"]
    assert project.relative(project.shards("release")) == "build/release-shards"
    assert project.relative(project.shards("sar")) == "build/shards/sar"
    assert project.relative(project.evaluation("vqa")) == "build/evaluation/vqa"


def test_a_model_may_descend_from_another_and_from_a_foundation(tmp_path: Path) -> None:
    models = {"second": released("build/model/first"), "first": released(CLIP["from"])}
    assert list(written(tmp_path, models).parameters.models) == ["second", "first"]


@pytest.mark.parametrize("profile", ["params.yaml", "conf/sample.yaml", "conf/paper.yaml"])
def test_the_profiles_list_the_models_that_the_report_is_about(profile: str) -> None:
    parameters = load_parameters(ROOT / profile)
    assert {"sar-rs-clip", "sar-rs-coca", "sar-gpt", "sar-gpt-blind"} <= set(parameters.models)
    rows = {name: row for name, row in parameters.trainings.items() if name in parameters.models}
    for name, row in rows.items():
        if (plain := rows.get(name.removesuffix("-annotated"))) is not None:
            assert row.samples == plain.samples, "with and without narrated captions at equal samples"
            assert ("narrator" not in row.methods) and bool(row.methods) == name.endswith("-annotated")
    seeing, blind = parameters.models["sar-gpt"], parameters.models["sar-gpt-blind"]
    assert isinstance(seeing, GptParameters)
    assert blind == seeing.model_copy(update={"images": False}), "they differ in what they see alone"


@pytest.mark.parametrize(
    ("models", "said"),
    [
        ({"a": released("build/checkpoint/clop")}, "models.a.from: no 'build/checkpoint/clop'; did you"),
        ({"a": released("build/model/clip")}, "did you mean 'build/checkpoint/clip'?"),
        ({"a": released("build/model/a")}, "models.a.from: no 'build/model/a'"),
        ({"a": released("build/tokenizer")}, "models.a.from: no 'build/tokenizer'"),
        ({"clip": RELEASED}, "models.clip: there is a checkpoint of that name"),
        ({"a": released("build/model/b"), "b": released("build/model/a")}, "a.from: it descends from itself"),
        (
            {"a": released("build/model/b"), "b": released("build/model/c"), "c": released("build/model/b")},
            "models.a.from: it descends from itself",
        ),
        ({"a": released("build/model/g"), "g": {**GPT, "from": "build/checkpoint/clip"}}, "no 'build/mod"),
        ({"g": GPT}, "models.g.from: no 'build/model/sar-clip'"),
        ({"a": released(data="build/release")}, "models.a.data"),
        ({"g": {**GPT, "data": "build/release-shards"}}, "models.g.data"),
        ({"a": released(sampels=3)}, "unknown name 'models.a.sampels'; did you mean 'samples'?"),
        ({"g": {**GPT, "optical_sample": 3}}, "'models.g.optical_sample'; did you mean 'optical_samp"),
        ({"g": {**GPT, "lora": {"rang": 3}}}, "unknown name 'models.g.lora.rang'; did you mean 'rank'?"),
        ({"g": {**GPT, "samples": 0}}, "models.g.samples: "),
        *(({"a": row}, "models.a: ") for row in (None, 5, "language", ["language"])),
        ([], "models: "),
    ],
)
def test_a_wrong_row_is_named_on_one_line(tmp_path: Path, models: Mapping[str, object], said: str) -> None:
    with pytest.raises(ParameterError) as caught:
        written(tmp_path, models).parameters  # noqa: B018 - it is read when it is asked for
    assert said in str(caught.value)
    assert "open_clip" not in str(caught.value).replace(str(tmp_path), "")
    assert ".gpt." not in str(caught.value)


@pytest.mark.parametrize("origin", ["build/model/a", "build/shards/sar", "build/release"])
def test_a_checkpoint_starts_from_a_foundation_or_a_checkpoint(tmp_path: Path, origin: str) -> None:
    """The release is made with checkpoints: none of them can come after it."""
    with pytest.raises(ParameterError, match=rf"checkpoints.late.from: '{origin}' is no checkpoint"):
        written(tmp_path, {"a": RELEASED}, {"late": {**CLIP, "from": origin}}).parameters  # noqa: B018

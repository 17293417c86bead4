"""The table ``models``: what is trained on the release, what it may start from, and where it lies."""

from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from sartext.config import Project, load_parameters
from sartext.config.training import CheckpointParameters, GptParameters
from sartext.errors import ParameterError
from tests.conftest import ROOT

CLIP = {
    "from": "src/sartext/models/foundations/clip-tiny.yaml",
    "data": "build/shards/optical",
    "samples": 64,
    "learning_rate": 0.001,
}
RELEASED = {"from": "build/checkpoint/clip", "data": "build/release-shards", "samples": 64, "learning_rate": 0.001}
GPT = {
    "from": "build/model/sar-clip",
    "language": "src/sartext/models/languages/phi-tiny.yaml",
    "optical_samples": 0,
    "samples": 64,
    "learning_rate": 0.001,
}


def written(
    folder: Path, models: Mapping[str, object], checkpoints: Mapping[str, object] | None = None
) -> Project:
    content = {
        "corpora": {"sim-ships": {"catalogue": "src/sartext/catalogue/sim-ships.yaml"}},
        "checkpoints": {"clip": CLIP, **(checkpoints or {})},
        "models": models,
    }
    (folder / "params.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    return Project(folder)


def test_a_row_that_names_a_language_model_is_a_sar_gpt(tmp_path: Path) -> None:
    project = written(tmp_path, {"sar-clip": RELEASED, "sar-gpt": GPT})
    models = project.parameters.models
    assert isinstance(models["sar-clip"], CheckpointParameters)
    assert isinstance(models["sar-gpt"], GptParameters)
    assert models["sar-gpt"].data == "build/release"


def test_trainings_are_the_checkpoints_and_the_models_by_open_clips_losses(tmp_path: Path) -> None:
    project = written(tmp_path, {"sar-clip": RELEASED, "sar-gpt": GPT})
    assert list(project.parameters.trainings) == ["clip", "sar-clip"]


def test_a_model_lies_in_build_model_and_a_checkpoint_in_build_checkpoint(tmp_path: Path) -> None:
    project = written(tmp_path, {"sar-clip": RELEASED, "sar-gpt": GPT})
    places = {name: project.relative(project.checkpoint(name)) for name in ("clip", "sar-clip", "sar-gpt")}
    assert places == {
        "clip": "build/checkpoint/clip",
        "sar-clip": "build/model/sar-clip",
        "sar-gpt": "build/model/sar-gpt",
    }
    assert project.relative(project.shards("release")) == "build/release-shards"
    assert project.relative(project.shards("sar")) == "build/shards/sar"
    assert project.relative(project.evaluation("vqa")) == "build/evaluation/vqa"


def test_a_model_may_descend_from_another_and_from_a_foundation(tmp_path: Path) -> None:
    models = {
        "second": {**RELEASED, "from": "build/model/first"},
        "first": {**RELEASED, "from": CLIP["from"]},
    }
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
    assert blind == seeing.model_copy(update={"images": False}), (
        "they differ in what they see, and in nothing else"
    )


@pytest.mark.parametrize(
    ("models", "said"),
    [
        (
            {"a": {**RELEASED, "from": "build/checkpoint/clop"}},
            "models.a.from: no 'build/checkpoint/clop'; did you",
        ),
        ({"a": {**RELEASED, "from": "build/model/clip"}}, "did you mean 'build/checkpoint/clip'?"),
        ({"a": {**RELEASED, "from": "build/model/a"}}, "models.a.from: no 'build/model/a'"),
        ({"a": {**RELEASED, "from": "build/tokenizer"}}, "models.a.from: no 'build/tokenizer'"),
        ({"clip": RELEASED}, "models.clip: there is a checkpoint of that name"),
        (
            {"a": {**RELEASED, "from": "build/model/b"}, "b": {**RELEASED, "from": "build/model/a"}},
            "models.a.from: it descends from itself",
        ),
        (
            {
                "a": {**RELEASED, "from": "build/model/b"},
                "b": {**RELEASED, "from": "build/model/c"},
                "c": {**RELEASED, "from": "build/model/b"},
            },
            "models.a.from: it descends from itself",
        ),
        (
            {"a": {**RELEASED, "from": "build/model/g"}, "g": {**GPT, "from": "build/checkpoint/clip"}},
            "no 'build/mod",
        ),
        ({"g": GPT}, "models.g.from: no 'build/model/sar-clip'"),
        ({"a": {**RELEASED, "data": "build/release"}}, "models.a.data"),
        ({"g": {**GPT, "data": "build/release-shards"}}, "models.g.data"),
        ({"a": {**RELEASED, "sampels": 3}}, "unknown name 'models.a.sampels'; did you mean 'samples'?"),
        (
            {"g": {**GPT, "optical_sample": 3}},
            "unknown name 'models.g.optical_sample'; did you mean 'optical_samp",
        ),
        ({"g": {**GPT, "lora": {"rang": 3}}}, "unknown name 'models.g.lora.rang'; did you mean 'rank'?"),
        ({"g": {**GPT, "samples": 0}}, "models.g.samples: "),
        ({"a": None}, "models.a: "),
        ({"a": 5}, "models.a: "),
        ({"a": "language"}, "models.a: "),
        ({"a": ["language"]}, "models.a: "),
        ([], "models: "),
    ],
)
def test_a_wrong_row_is_named_on_one_line(tmp_path: Path, models: Mapping[str, object], said: str) -> None:
    with pytest.raises(ParameterError) as caught:
        written(tmp_path, models).parameters  # noqa: B018 - it is read when it is asked for
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "open_clip" not in str(caught.value).replace(str(tmp_path), "")
    assert ".gpt." not in str(caught.value)


@pytest.mark.parametrize("origin", ["build/model/a", "build/shards/sar", "build/release"])
def test_a_checkpoint_starts_from_a_foundation_or_a_checkpoint(tmp_path: Path, origin: str) -> None:
    """The release is made with checkpoints: none of them can come after it."""
    with pytest.raises(ParameterError, match=rf"checkpoints.late.from: '{origin}' is no checkpoint"):
        written(tmp_path, {"a": RELEASED}, {"late": {**CLIP, "from": origin}}).parameters  # noqa: B018

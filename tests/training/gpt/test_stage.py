"""The stage `model@<name>` of a SAR-GPT on the small project: whole, repeatable, resumable."""

import json
import shutil
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any
from unittest.mock import create_autospec

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from PIL import Image
from transformers import AutoProcessor, LlavaForConditionalGeneration

from sartext.catalogue.entry import Entry
from sartext.config import Project
from sartext.config.data import VqaParameters
from sartext.errors import ArtefactError, ModelError, ParameterError, TrainingError
from sartext.files import sha256_file, sha256_tree
from sartext.models.gpt.checkpoint import load_gpt
from sartext.models.gpt.model import answer_each
from sartext.release.formats.parquet import SCHEMA
from sartext.training.callbacks import Callback
from sartext.training.gpt.questions import ReleasePictures, release_questions
from sartext.training.shards.reading import open_shards
from sartext.training.stage import train
from sartext.vqa.making import Source, make_questions
from sartext.vqa.question import lines_of
from tests.conftest import ROOT
from tests.training.test_stage import changed, goes_on_when_killed

ROW = {
    "from": "build/checkpoint/clip-optical",
    "language": "src/sartext/models/languages/phi-tiny.yaml",
    "data": "build/release",
    "optical_samples": 32,
    "samples": 64,
    "learning_rate": 0.002,
    "batch": 16,
    "validate_every": 32,
}
LORA = {"rank": 2, "alpha": 4.0, "dropout": 0.1, "targets": ["q_proj", "fc1"]}
MODELS = {
    "sar-gpt": ROW,
    "sar-gpt-blind": {**ROW, "images": False},
    "sar-gpt-lora": {**ROW, "optical_samples": 0, "lora": LORA},
    "sar-rs-clip": {
        "from": "build/checkpoint/clip-optical",
        "data": "build/release-shards",
        "samples": 32,
        "learning_rate": 0.001,
    },
}


def write_release(project: Project) -> None:
    """Write the labelled pictures of the shards as a release has them, with the questions on them."""
    splits = {row["image_id"]: row for row in pq.read_table(project.build / "splits/splits.parquet").to_pylist()}
    rows: list[dict[str, Any]] = []
    for corpus in project.parameters.captions:
        captions = pq.read_table(project.captions(corpus) / "captions.parquet").to_pylist()
        rows += [{**row, **splits[row["image_id"]], "corpus": corpus} for row in captions]
    catalogue = {
        name: Entry.model_validate(yaml.safe_load((ROOT / f"src/sartext/catalogue/{name}.yaml").read_text()))
        for name in project.parameters.captions
    }
    asked = make_questions(Source(rows, catalogue), VqaParameters.model_validate({}))
    release = project.build / "release"
    (release / "vqa").mkdir(parents=True)
    (release / "data").mkdir()
    with open_shards(project.shards("sar")) as shards:
        for split in ("train", "validation"):
            questions = [question for question in asked if question.split == split]
            (release / "vqa" / f"{split}.jsonl").write_text(lines_of(questions))
            table = [pair_row(pair.image_id, split, shards.picture(pair)) for pair in shards.rows(split)]
            path = release / "data" / f"{split}-00000-of-00001.parquet"
            pq.write_table(pa.Table.from_pylist(table, schema=SCHEMA), path, row_group_size=20)


def pair_row(image_id: str, split: str, pixels: np.ndarray) -> dict[str, Any]:
    stream = BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    image = {"bytes": stream.getvalue(), "path": f"images/{image_id}.png"}
    return {"image_id": image_id, "split": split, "image": image, "image_sha256": "0" * 64}


@cache
def prepared_in(root: Path, mini: Path) -> Project:
    """The small project with a release, its questions, and a CLIP; treat it as read-only."""
    shutil.copytree(mini, root, symlinks=True, ignore=shutil.ignore_patterns("data", "corpus"))
    parameters = yaml.safe_load((root / "params.yaml").read_text())
    (root / "params.yaml").write_text(yaml.safe_dump({**parameters, "models": MODELS}, sort_keys=False))
    project = Project(root)
    write_release(project)
    train(project, "clip-optical")
    return project


@pytest.fixture
def project(mini_project: Project, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A copy of it in which something may be trained."""
    prepared = prepared_in(tmp_path_factory.getbasetemp() / "gpt-project", mini_project.root)
    root = tmp_path / "project"
    shutil.copytree(prepared.root, root, symlinks=True)
    return Project(root)


def test_a_model_and_what_is_reported_of_it(project: Project) -> None:
    callback = create_autospec(Callback, instance=True)
    metrics = train(project, "sar-gpt", callbacks=[callback])
    folder = project.build / "model" / "sar-gpt"
    record = json.loads((folder / "training.json").read_text())
    assert record["model_sha256"] == sha256_file(folder / "model.safetensors") == metrics["model_sha256"]
    assert [call.args[0] for call in callback.step.call_args_list] == [1, 2, 3, 4, 5, 6]
    assert callback.started.call_args.args[0]["steps"] == 6
    callback.finished.assert_called_once_with(folder)
    assert record["steps"] == 4 and record["samples"] == 64 and record["optical"]["steps"] == 2
    assert len(record["curves"]["validations"]) == 2 and record["best"]["step"] == record["best_step"]
    questions = project.build / "release" / "vqa" / "train.jsonl"
    assert record["data"]["build/release/vqa/train.jsonl"] == sha256_file(questions)
    assert any(name.startswith("build/shards/optical/") for name in record["data"])
    clip = project.checkpoint("clip-optical") / "model.safetensors"
    assert record["parent"] == {"checkpoint": "checkpoint/clip-optical", "model_sha256": sha256_file(clip)}
    assert record["recipe"]["tower"] == "build/checkpoint/clip-optical" and record["left_out"] == 0
    assert "/tmp" not in "".join(path.read_text() for path in folder.glob("*.json"))
    assert not (project.build / "resume" / "sar-gpt").exists()
    before = sha256_tree(folder)
    train(project, "sar-gpt")
    assert sha256_tree(folder) == before


def test_plain_transformers_answers_the_questions_of_the_release_alike(project: Project) -> None:
    train(project, "sar-gpt")
    folder, release = project.checkpoint("sar-gpt"), project.build / "release"
    pictures = ReleasePictures(release)
    asked = release_questions(release, "validation")[:12]
    ours = answer_each(
        load_gpt(folder),
        [(question.id, question.image_id, question.question) for question in asked],
        pictures,
        length=6,
    )
    network = LlavaForConditionalGeneration.from_pretrained(folder)
    processor = AutoProcessor.from_pretrained(folder, backend="pil")
    lines = {
        row["id"]: row for row in map(json.loads, (release / "vqa/validation.jsonl").read_text().splitlines())
    }
    for question in asked:
        # a person's turn as the release has it, and a line break
        text = lines[question.id]["conversations"][0]["value"] + "\n"
        inputs = processor(images=Image.fromarray(pictures(question.image_id)), text=text, return_tensors="pt")
        said = network.generate(**inputs, max_new_tokens=6, do_sample=False)[:, inputs["input_ids"].shape[1] :]
        assert processor.batch_decode(said, skip_special_tokens=True)[0].strip() == ours[question.id]


def test_a_blind_model_asks_the_same_questions(project: Project) -> None:
    train(project, "sar-gpt-blind")
    model = load_gpt(project.checkpoint("sar-gpt-blind"))
    assert not model.images
    record = json.loads((project.checkpoint("sar-gpt-blind") / "training.json").read_text())
    release = project.build / "release"
    assert record["questions"]["train"] == len(release_questions(release, "train"))
    asked = [
        (question.id, question.image_id, question.question)
        for question in release_questions(release, "validation")[:6]
    ]

    def refusing(image_id: str) -> np.ndarray:
        raise AssertionError(image_id)

    assert len(answer_each(model, asked, refusing, length=4)) == 6


def test_adapters_are_merged_into_what_is_saved(project: Project) -> None:
    metrics = train(project, "sar-gpt-lora")
    folder = project.checkpoint("sar-gpt-lora")
    assert "optical_validation_loss" not in metrics
    assert json.loads((folder / "training.json").read_text())["optical"] is None
    model = load_gpt(folder)
    assert not any("lora" in name for name in model.network.state_dict())


LIBRARY = "from sartext.training import checkpointing; checkpointing.SHARE = 1.0; " + (
    "import sys; from pathlib import Path; from sartext.config import Project; "
    "from sartext.training.stage import train; train(Project(Path.cwd()), sys.argv[-1])"
)


@pytest.mark.e2e  # the library's own is in test_curriculum
def test_a_killed_command_goes_on_and_ends_with_the_same_bytes(project: Project) -> None:
    project = changed(project, "models.sar-gpt", samples=16 * 20)
    assert goes_on_when_killed(project, "sar-gpt", "sar", LIBRARY) > 2


def withhold(project: Project, split: str, keep: int) -> list[str]:
    """Take all pictures of a split but some out of the release; return those that are gone."""
    path = project.build / "release" / "data" / f"{split}-00000-of-00001.parquet"
    rows = pq.read_table(path).to_pylist()
    gone = rows[keep:]
    for row in gone:
        row |= {"image": None, "image_sha256": None}
    pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), path)
    return [row["image_id"] for row in gone]


def test_questions_on_withheld_pictures_are_left_out_or_their_pictures_had_from_outside(project: Project) -> None:
    before = {
        question.image_id: ReleasePictures(project.build / "release")(question.image_id)
        for question in release_questions(project.build / "release", "validation")
    }
    gone = set(withhold(project, "validation", 3))
    asked = release_questions(project.build / "release", "validation")
    expected = sum(question.image_id in gone for question in asked)
    assert 0 < expected < len(asked)
    assert train(project, "sar-gpt")["left_out_questions"] == expected
    metrics = train(project, "sar-gpt", withheld=before.get)
    assert metrics["left_out_questions"] == 0 and metrics["validation_questions"] == len(asked)


def test_bad_input(project: Project) -> None:
    with pytest.raises(ParameterError, match=r"no checkpoint or model 'sar-gtp'.*did you mean 'sar-gpt'"):
        train(project, "sar-gtp")
    for values, error, what in (
        (
            {"from": "src/sartext/models/foundations/clip-tiny.yaml"},
            ModelError,
            "a foundation file, no trained CLIP",
        ),
        ({"samples": 8}, TrainingError, "8 samples do not fill one batch of 16"),
        ({"lora": {**LORA, "targets": ["o_proj"]}}, ModelError, "no linear layer 'o_proj'"),
    ):
        with pytest.raises(error, match=what):
            train(changed(project, "models.sar-gpt", **{**ROW, **values}), "sar-gpt")
    other = changed(project, "models.sar-gpt", **ROW, lora=None)
    withhold(project, "train", 1)
    with pytest.raises(TrainingError, match="a batch of 16 cannot be drawn from"):
        train(other, "sar-gpt")
    shutil.rmtree(project.build / "release" / "vqa")
    with pytest.raises(ArtefactError, match="there are no questions"):
        train(other, "sar-gpt")
    shutil.rmtree(project.build / "release" / "data")
    with pytest.raises(ArtefactError, match=r"no data/\*\.parquet"):
        train(other, "sar-gpt")
    assert not project.checkpoint("sar-gpt").exists()

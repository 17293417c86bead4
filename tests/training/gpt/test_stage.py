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
from PIL import Image
from transformers import AutoProcessor, LlavaForConditionalGeneration

from sartext.catalogue.loading import find_entry
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
from tests.training.mini import edit_parameters
from tests.training.test_stage import changed, goes_on_when_killed, record_of

CLIP = "build/checkpoint/clip-optical"
LANGUAGE = {"language": "src/sartext/models/languages/phi-tiny.yaml", "optical_samples": 32, "samples": 64}
TRAINING = {"learning_rate": 0.002, "batch": 16, "validate_every": 32}
ROW = {"from": CLIP, "data": "build/release", **LANGUAGE, **TRAINING}
LORA = {"rank": 2, "alpha": 4.0, "dropout": 0.1, "targets": ["q_proj", "fc1"]}
MODELS = {
    "sar-gpt": ROW,
    "sar-gpt-blind": {**ROW, "images": False},
    "sar-gpt-lora": {**ROW, "optical_samples": 0, "lora": LORA},
    "sar-rs-clip": {"from": CLIP, "data": "build/release-shards", "samples": 32, "learning_rate": 0.001},
}


def write_release(project: Project) -> None:
    """Write the labelled pictures of the shards as a release has them, with the questions on them."""
    splits = {row["image_id"]: row for row in pq.read_table(project.build / "splits/splits.parquet").to_pylist()}
    rows: list[dict[str, Any]] = []
    for corpus in project.parameters.captions:
        captions = pq.read_table(project.captions(corpus) / "captions.parquet").to_pylist()
        rows += [{**row, **splits[row["image_id"]], "corpus": corpus} for row in captions]
    catalogue = {name: find_entry(project, name) for name in project.parameters.captions}
    every = make_questions(Source(rows, catalogue), VqaParameters.model_validate({}))
    release = project.build / "release"
    (release / "vqa").mkdir(parents=True)
    (release / "data").mkdir()
    with open_shards(project.shards("sar")) as shards:
        for split in ("train", "validation"):
            questions = [question for question in every if question.split == split]
            (release / "vqa" / f"{split}.jsonl").write_text(lines_of(questions))
            pairs = [pair_row(pair.image_id, split, shards.picture(pair)) for pair in shards.rows(split)]
            write_pairs(release, split, pairs)


def write_pairs(release: Path, split: str, rows: list[dict[str, Any]]) -> None:
    path = release / "data" / f"{split}-00000-of-00001.parquet"
    pq.write_table(pa.Table.from_pylist(rows, schema=SCHEMA), path, row_group_size=20)


def pair_row(image_id: str, split: str, pixels: np.ndarray) -> dict[str, Any]:
    stream = BytesIO()
    Image.fromarray(pixels).save(stream, "PNG")
    image = {"bytes": stream.getvalue(), "path": f"images/{image_id}.png"}
    return {"image_id": image_id, "split": split, "image": image, "image_sha256": "0" * 64}


@cache
def prepared_in(root: Path, mini: Path) -> Project:
    """The small project with a release, its questions, and a CLIP; treat it as read-only."""
    shutil.copytree(mini, root, symlinks=True, ignore=shutil.ignore_patterns("data", "corpus"))
    project = edit_parameters(root, models=MODELS)
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


def validation_questions(project: Project, count: int | None = None) -> list[tuple[str, str, str]]:
    """The first questions of the validation split, as models answer them."""
    questions = release_questions(project.build / "release", "validation")[:count]
    return [(question.id, question.image_id, question.question) for question in questions]


def test_a_model_and_what_is_reported_of_it(project: Project) -> None:
    callback = create_autospec(Callback, instance=True)
    metrics = train(project, "sar-gpt", callbacks=[callback])
    folder, record = project.build / "model" / "sar-gpt", record_of(project, "sar-gpt")
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
    pictures, questions = ReleasePictures(release), validation_questions(project, 12)
    ours = answer_each(load_gpt(folder), questions, pictures, length=6)
    network = LlavaForConditionalGeneration.from_pretrained(folder)
    processor = AutoProcessor.from_pretrained(folder, backend="pil")
    rows = map(json.loads, (release / "vqa/validation.jsonl").read_text().splitlines())
    # a person's turn as the release has it, and a line break
    texts = {row["id"]: row["conversations"][0]["value"] + "\n" for row in rows}
    for name, image_id, _ in questions:
        image = Image.fromarray(pictures(image_id))
        inputs = processor(images=image, text=texts[name], return_tensors="pt")
        reply = network.generate(**inputs, max_new_tokens=6, do_sample=False)[:, inputs["input_ids"].shape[1] :]
        assert processor.batch_decode(reply, skip_special_tokens=True)[0].strip() == ours[name]


def test_a_blind_model_asks_the_same_questions(project: Project) -> None:
    train(project, "sar-gpt-blind")
    model = load_gpt(project.checkpoint("sar-gpt-blind"))
    assert not model.images
    train_questions = release_questions(project.build / "release", "train")
    assert record_of(project, "sar-gpt-blind")["questions"]["train"] == len(train_questions)

    def refusing(image_id: str) -> np.ndarray:
        raise AssertionError(image_id)

    assert len(answer_each(model, validation_questions(project, 6), refusing, length=4)) == 6


def test_adapters_are_merged_into_what_is_saved(project: Project) -> None:
    metrics = train(project, "sar-gpt-lora")
    assert "optical_validation_loss" not in metrics
    assert record_of(project, "sar-gpt-lora")["optical"] is None
    model = load_gpt(project.checkpoint("sar-gpt-lora"))
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
    release = project.build / "release"
    rows = pq.read_table(release / "data" / f"{split}-00000-of-00001.parquet").to_pylist()
    for row in rows[keep:]:
        row |= {"image": None, "image_sha256": None}
    write_pairs(release, split, rows)
    return [row["image_id"] for row in rows[keep:]]


def test_questions_on_withheld_pictures_are_left_out_or_their_pictures_had_from_outside(project: Project) -> None:
    pictures = ReleasePictures(project.build / "release")
    images = [image_id for _, image_id, _ in validation_questions(project)]
    before = {image_id: pictures(image_id) for image_id in images}
    gone = set(withhold(project, "validation", 3))
    expected = sum(image_id in gone for image_id in images)
    assert 0 < expected < len(images)
    assert train(project, "sar-gpt")["left_out_questions"] == expected
    metrics = train(project, "sar-gpt", withheld=before.get)
    assert metrics["left_out_questions"] == 0 and metrics["validation_questions"] == len(images)


def test_bad_input(project: Project) -> None:
    with pytest.raises(ParameterError, match=r"no checkpoint or model 'sar-gtp'.*did you mean 'sar-gpt'"):
        train(project, "sar-gtp")
    for values, reason in (
        ({"from": "src/sartext/models/foundations/clip-tiny.yaml"}, "a foundation file, no trained CLIP"),
        ({"lora": {**LORA, "targets": ["o_proj"]}}, "no linear layer 'o_proj'"),
    ):
        with pytest.raises(ModelError, match=reason):
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

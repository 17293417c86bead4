"""The stage `checkpoint@grounder` on the small project: it learns, is resumable, and says what is wrong."""

import shutil

import numpy as np
import pytest
import torch

from sartext.errors import ModelError, ParameterError, TrainingError
from sartext.files import sha256_tree
from sartext.models.grounder.checkpoint import load_grounder, start_grounder
from sartext.narrator.vocabulary import vocabulary_of
from sartext.training.grounding.batches import GroundingBatches, validation_batches
from sartext.training.grounding.losses import NAMES
from sartext.training.grounding.targets import TargetMaker
from sartext.training.grounding.task import Scored
from sartext.training.shards.reading import open_shards
from sartext.training.stage import train
from tests.models.grounders import small_foundation
from tests.training.mini import beside, write_parameters
from tests.training.test_stage import changed, record_of
from tests.training.toy import Ending

ROW = {"task": "grounding", "from": "grounder.yaml", "data": "build/shards/sar", "batch": 16, "validate_every": 64}


@pytest.fixture
def project(mini_project, tmp_path):
    """A project on the shards of the small one in which a grounder may be trained."""
    small_foundation(tmp_path, "widths: [16, 32]\npyramid: 16\n")
    row = {**ROW, "samples": 128, "learning_rate": 0.005}
    write_parameters(tmp_path, checkpoints={"grounder": row}, training={"threads": 1})
    return beside(mini_project, tmp_path, "build/shards")


def test_a_grounder_learns_and_its_folder_holds_the_best_that_it_was(project):
    project = changed(project, "checkpoints.grounder", samples=640)
    metrics = train(project, "grounder")
    record, grounder = record_of(project, "grounder"), load_grounder(project.checkpoint("grounder"))
    curve = [step["loss"] for step in record["curves"]["steps"]]
    assert np.mean(curve[-5:]) < 0.6 * np.mean(curve[:5])
    with open_shards(project.shards("sar")) as shards:
        vocabulary = vocabulary_of(shards.entries.values())
        untrained = start_grounder(project.root / "grounder.yaml", vocabulary, side=64, seed=0)
        batches = validation_batches(shards, TargetMaker(shards.entries, vocabulary, 64, 2), 16)
    figures = []
    for model in (untrained, grounder):
        scored = Scored(model)
        for batch in batches:
            with torch.no_grad():
                scored.add(model.network.eval()(model.normalise(batch.images)), batch, [0.0] * len(NAMES))
        figures.append(scored.figures())
    assert figures[1]["quality"] > figures[0]["quality"] + 0.1
    assert figures[1] == pytest.approx({name: record["best"][name] for name in figures[1]})
    assert record["model_sha256"] == metrics["model_sha256"] == grounder.sha256
    assert metrics["train_pictures"] == record["pictures"]["train"] > 50


def test_an_interrupted_training_ends_with_the_bytes_of_an_undisturbed_one(project):
    with pytest.raises(SystemExit):
        train(project, "grounder", callbacks=[Ending(5, SystemExit)])
    assert not project.checkpoint("grounder").exists()
    assert train(project, "grounder")["resumed_after"] == 5
    resumed = sha256_tree(project.checkpoint("grounder"))
    shutil.rmtree(project.checkpoint("grounder"))
    assert train(project, "grounder")["resumed_after"] == 0
    assert sha256_tree(project.checkpoint("grounder")) == resumed


def test_processes_share_a_batch_and_only_annotated_pictures_are_in_it(project):
    with open_shards(project.shards("sar")) as shards:
        maker = TargetMaker(shards.entries, vocabulary_of(shards.entries.values()), 64, 2)
        whole, *parts = (
            GroundingBatches(shards, maker, batch=8, seed=3, rank=rank, world=world).at(4)
            for rank, world in ((0, 1), (0, 2), (1, 2))
        )
        assert whole.image_ids == parts[0].image_ids + parts[1].image_ids and len(parts[0]) == 4
        for name in ("images", "heat", "cover", "boxes"):
            assert torch.equal(getattr(whole, name), torch.cat([getattr(part, name) for part in parts])), name
        pairs = {pair.image_id: pair for pair in shards.rows("train")}
        assert all(pairs[name].annotated for name in whole.image_ids)


@pytest.mark.parametrize(
    ("fields", "error", "message"),
    [
        ({"batch": 512}, TrainingError, r"from \d+ pairs; set `batch` of the grounder to \d+ or less"),
        ({"samples": 15}, TrainingError, "15 samples do not fill one batch of 16; raise the `samples`"),
        ({"from": "other.yaml"}, ModelError, "other.yaml"),
        ({"learning_rat": 1}, ParameterError, "'checkpoints.grounder.learning_rat'; did you mean 'learning_rate'"),
        ({"task": "groundin"}, ParameterError, "checkpoints.grounder.task: .*'grounding'"),
        ({"data": "build/shards/optical"}, ParameterError, "checkpoints.grounder.data: .*'build/shards/sar'"),
    ],
)
def test_what_cannot_be_trained_is_one_line_with_the_way_out(project, fields, error, message):
    with pytest.raises(error, match=message) as raised:
        train(changed(project, "checkpoints.grounder", **fields), "grounder")
    assert "\n" not in str(raised.value) and not (project.build / "checkpoint").exists()

"""A project with a narrator that tells its validation images truly: the grounder trained, CoCa and CLIP taught."""

import shutil

import yaml

from sartext.captioner.calibration import calibrate
from sartext.captioner.corpus import index_rows
from sartext.captioner.optical import uncaptioned_pairs
from sartext.catalogue.loading import find_entry
from sartext.corpora.images import picture
from sartext.narrator.hidden_truth import read_truth, true_facts
from sartext.narrator.realisation import canonical
from sartext.narrator.vocabulary import project_vocabulary
from sartext.release.inputs import train_ids
from sartext.training.shards.reading import Shards
from sartext.training.stage import train
from tests.training.mini import beside, edit_parameters

from .tiny_models import taught

FREE = "There is a river beside a town."
NARRATION = {"length": 64, "fewest": 5, "batch": 8, "precision_cover": 0.7, "precision_objects": 0.7}
OPTICAL = "An aerial photo of a big lake beside some houses, a bridge is over the river."


def narrating_project(mini, root):
    """The small project with models that tell its validation images truly, and some unlabelled images too."""
    artefacts = [f"build/{name}" for name in ("corpus", "captions", "splits", "shards", "tokenizer")]
    made = beside(mini, root, "src", "data", *artefacts)
    shutil.copy(mini.root / "params.yaml", made.root)
    rows = {
        name: dict(row)
        for name, row in yaml.safe_load((made.root / "params.yaml").read_text())["checkpoints"].items()
    }
    rows["grounder"] |= {"samples": 960, "learning_rate": 0.003, "validate_every": 480}
    made = edit_parameters(made.root, narration=NARRATION, checkpoints=rows)
    train(made, "grounder")
    teach(made)
    calibrate(made)
    return made


def teach(project):
    shards = Shards([project.shards("sar")])
    pairs = shards.rows("validation")
    pictures, texts = [shards.picture(pair) for pair in pairs], [pair.captions[0] for pair in pairs]
    unlabelled, sentences = lesson(project)
    optical = [picture(project.root, row, find_entry(project, "sim-pairs")) for row in halves(project)]
    said = [OPTICAL if place % 3 else "It is a sunny day." for place in range(len(optical))]
    lessons = {
        "coca-sar": ("coca", pictures + unlabelled, texts + sentences, 130),
        "clip-sar": ("clip", pictures, texts, 10),
        "coca-optical": ("coca", optical, said, 60),
    }
    for name, (kind, shown, captions, steps) in lessons.items():
        taught(kind, project.checkpoint(name), project.tokenizer, shown, captions, steps)


def truth_of(row, truth, words):
    return true_facts(truth[row["path"].split("/")[-1]], row, words)


def lesson(project):
    """Unlabelled images of the train split: of three, one is told truly, one freely, one falsely."""
    truth, words = read_truth(project, "sim-unlabelled"), project_vocabulary(project)
    entry = find_entry(project, "sim-unlabelled")
    rows = index_rows(project, "sim-unlabelled")
    trained = train_ids(project, rows)
    rows = [row for row in rows if row["image_id"] in trained]
    true = [canonical(truth_of(row, truth, words)) for row in rows]
    false = "There are nine bridges in this SAR image. All of them lie in the center."
    texts = [(true[place], FREE, false)[place % 3] for place in range(len(rows))]
    return [picture(project.root, row, entry) for row in rows], texts


def halves(project):
    rows = index_rows(project, "sim-pairs")
    trained = train_ids(project, rows)
    pairs = uncaptioned_pairs(rows, find_entry(project, "sim-pairs"))
    return [pair.optical for pair in pairs if pair.optical["image_id"] in trained]

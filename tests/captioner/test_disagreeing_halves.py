"""Pairs whose halves show different places are dropped by the threshold that calibration finds on true pairs."""

import numpy as np
import pytest

from sartext.captioner.calibration import calibrate
from sartext.captioner.optical import DISAGREE, UNPROVEN_CAPTION, caption_optical_halves
from sartext.models.grounder.checkpoint import save_grounder, start_grounder
from sartext.models.tokenizer import train_tokenizer
from sartext.narrator.stage import caption_corpus
from sartext.narrator.vocabulary import project_vocabulary
from sartext.tables import INDEX, SPLITS, UNCAPTIONED, read_rows, write_table
from sartext.training.shards.reading import Shards
from sartext.training.shards.writing import write_shards
from tests.conftest import ROOT
from tests.release.indexed import image_row, make_project, rows_by_id, write_corpus
from tests.training.mini import artefacts_but, beside, edit_parameters

from .tiny_models import SIDE, marked, taught

PLACES = {
    (1, "left"): "There is a river beside some houses.",
    (2, "left"): "There is a lake near a forest.",
    (3, "left"): "There is an airport with two runways.",
}
"""What the optical halves show, by the mark that tells a kind of place in both halves."""

PAIRS = range(96)
HELD, UNTOLD = (
    [number for number in PAIRS if number // len(PLACES) % 8 in rounds] for rounds in (range(3, 5), range(5, 8))
)
"""Pairs of eight rounds of places: told by people for validation, and told by nobody; the rest is for training."""

MODELS = {"clip-sar": ("clip", "sar", 60), "coca-optical": ("coca", "optical", 60)}
"""What is taught: kind, shards and steps."""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A corpus of pairs, a CLIP and a CoCa that learned its train split, and the thresholds of its validation."""
    root = tmp_path_factory.mktemp("halves")
    make_project(root, {"c": {"kind": "pairs", "resolution_m": [3]}}, ["c"], optical_captions=["c"])
    foundation = "src/sartext/models/foundations/grounder-tiny.yaml"
    row = {
        "task": "grounding",
        "from": foundation,
        "data": "build/shards/sar",
        "samples": 2,
        "learning_rate": 1e-3,
    }
    made = edit_parameters(
        root,
        shards={"side": SIDE},
        narration={"length": 40},
        training={"threads": 1},
        checkpoints={"grounder": row},
    )
    write_corpus(made, "c", [row for number in PAIRS for row in pair_rows(made, number)])
    splits = [row for number in PAIRS for row in split(number)]
    write_table(made.build / "splits" / "splits.parquet", SPLITS, splits)
    caption_corpus(made, "c")
    train_tokenizer([*PLACES.values()] * 4, 400, 40).save(made.tokenizer)
    for name, (kind, data, steps) in MODELS.items():
        write_shards(made, data)
        with Shards([made.shards(data)]) as shards:
            pairs = shards.rows("train")
            shown, said = [shards.picture(pair) for pair in pairs], [pair.captions[0] for pair in pairs]
        taught(kind, made.checkpoint(name), made.tokenizer, shown, said, steps)
    made.checkpoint("coca-sar").symlink_to(made.checkpoint("coca-optical"))  # its statements are not asked for
    blank = start_grounder(ROOT / foundation, project_vocabulary(made), side=SIDE, seed=1)
    save_grounder(blank, made.checkpoint("grounder"))  # it knows no class, so it proves nothing
    calibrate(made)
    return made


def kind_of(number):
    return list(PLACES)[number % len(PLACES)]


def pair_rows(project, number):
    """The rows of both halves: the optical one in colours, the SAR one grey, each with noise of its own."""
    sar, other = marked(*kind_of(number), seed=number), marked(*kind_of(number), seed=10_000 + number)
    optical = np.stack([other, 255 - other, np.full_like(other, 90)], axis=2)
    captions = [] if number in UNTOLD else [PLACES[kind_of(number)]]
    half = image_row(project, f"c/{number:03}-optical", optical, modality="optical", captions=captions)
    return half, image_row(project, f"c/{number:03}-sar", sar, paired_path=half["path"])


def split(number):
    name = "validation" if number in HELD else "train"
    row = {"cluster_id": f"{number}", "group_id": f"{number}", "split": name, "benchmark": None, "reason": "made"}
    return [{"image_id": f"c/{number:03}-{half}", **row} for half in ("optical", "sar")]


def swapped(project, root):
    """The project where each pair that nobody told has the optical half of one of another kind of place."""
    shared = artefacts_but(project, "corpus", "optical-captions")
    wrong = beside(project, root, "params.yaml", "catalogue", "data", *shared)
    rows = rows_by_id(project.corpus("c") / "index.parquet", INDEX)
    for number in UNTOLD:
        place = number % len(PLACES)
        other = number - place + (place + 1) % len(PLACES)
        rows[f"c/{number:03}-sar"]["paired_path"] = rows[f"c/{other:03}-optical"]["path"]
    write_corpus(wrong, "c", list(rows.values()))
    return wrong


def share_disagreeing(project):
    """The share of the pairs that nobody told which is dropped because the halves disagree."""
    metrics = caption_optical_halves(project, "c")
    rows = read_rows(project.optical_captions("c") / "uncaptioned.parquet", UNCAPTIONED)
    disagreeing = [row for row in rows if row["reason"] == DISAGREE]
    unproven = [row for row in rows if row["reason"] == UNPROVEN_CAPTION]
    judged = metrics["captions"] + len(unproven) + len(disagreeing)
    assert judged == len(UNTOLD), "every half was captioned, and its caption rewritten"
    return len(disagreeing) / len(UNTOLD)


def test_swapped_halves_are_dropped_and_true_ones_are_kept(project, tmp_path):
    true, false = share_disagreeing(project), share_disagreeing(swapped(project, tmp_path / "swapped"))
    assert true <= 0.25
    assert false >= 0.75

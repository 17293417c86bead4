"""Pairs whose halves show different places are dropped by the threshold that calibration finds on true pairs."""

import numpy as np
import pytest
import yaml

from sartext.captioner.calibration import calibrate
from sartext.captioner.optical import DISAGREE, caption_optical_halves
from sartext.config import Project
from sartext.models.tokenizer import train_tokenizer
from sartext.narrator.stage import caption_corpus
from sartext.tables import INDEX, SPLITS, UNCAPTIONED, read_rows, write_table
from sartext.training.shards.reading import Shards
from sartext.training.shards.writing import write_shards
from tests.release.indexed import image_row, make_project, write_corpus

from .tiny_models import SIDE, marked, taught

PLACES = {
    (1, "left"): "There is a river beside some houses.",
    (2, "left"): "There is a lake near a forest.",
    (3, "left"): "There is an airport with two runways.",
}
"""What the optical halves show, by the mark that tells a kind of place in both halves."""

PAIRS = range(96)
TAUGHT, HELD, ASKED = range(3), range(3, 5), range(5, 8)
"""Of eight rounds of places: told by people for training, told by people for validation, told by nobody."""

MODELS = {"clip-sar": ("clip", "sar", 60), "coca-optical": ("coca", "optical", 60)}
"""What is taught: kind, shards and steps."""


@pytest.fixture(scope="module")
def project(tmp_path_factory):
    """A corpus of pairs, a CLIP and a CoCa that learned its train split, and the thresholds of its validation."""
    root = tmp_path_factory.mktemp("halves")
    make_project(root, {"c": {"kind": "pairs", "resolution_m": [3]}}, ["c"], optical_captions=["c"])
    parameters = yaml.safe_load((root / "params.yaml").read_text())
    parameters |= {"shards": {"side": SIDE}, "narration": {"length": 40}, "training": {"threads": 1}}
    (root / "params.yaml").write_text(yaml.safe_dump(parameters, sort_keys=False))
    made = Project(root)
    write_corpus(made, "c", [row for number in PAIRS for row in pair_rows(made, number)])
    write_table(
        made.build / "splits" / "splits.parquet", SPLITS, [row for number in PAIRS for row in split(number)]
    )
    caption_corpus(made, "c")
    train_tokenizer([*PLACES.values()] * 4, 400, 40).save(made.tokenizer)
    for name, (kind, data, steps) in MODELS.items():
        write_shards(made, data)
        with Shards([made.shards(data)]) as shards:
            pairs = shards.rows("train")
            shown, said = [shards.picture(pair) for pair in pairs], [pair.captions[0] for pair in pairs]
        taught(kind, made.checkpoint(name), made.tokenizer, shown, said, steps)
    made.checkpoint("coca-sar").symlink_to(made.checkpoint("coca-optical"))  # its statements are not asked for
    calibrate(made)
    return made


def kind_of(number):
    return list(PLACES)[number % len(PLACES)]


def round_of(number):
    return number // len(PLACES) % 8


def pair_rows(project, number):
    """The rows of both halves: the optical one in colours, the SAR one grey, each with noise of its own."""
    sar, other = marked(*kind_of(number), seed=number), marked(*kind_of(number), seed=10_000 + number)
    optical = np.stack([other, 255 - other, np.full_like(other, 90)], axis=2)
    captions = [] if round_of(number) in ASKED else [PLACES[kind_of(number)]]
    half = image_row(project, f"c/{number:03}-optical", optical, modality="optical", captions=captions)
    return half, image_row(project, f"c/{number:03}-sar", sar, paired_path=half["path"])


def split(number):
    name = "validation" if round_of(number) in HELD else "train"
    row = {"cluster_id": f"{number}", "group_id": f"{number}", "split": name, "benchmark": None, "reason": "made"}
    return [{"image_id": f"c/{number:03}-{half}", **row} for half in ("optical", "sar")]


def swapped(project, root):
    """The project where each pair that nobody told has the optical half of one of another kind of place."""
    (root / "build").mkdir(parents=True)
    for name in ("params.yaml", "catalogue", "data"):
        (root / name).symlink_to(project.root / name)
    for path in (project.root / "build").iterdir():
        if path.name not in {"corpus", "optical-captions"}:
            (root / "build" / path.name).symlink_to(path)
    rows = {row["image_id"]: row for row in read_rows(project.corpus("c") / "index.parquet", INDEX)}
    for number in asked():
        place = number % len(PLACES)
        other = number - place + (place + 1) % len(PLACES)
        rows[f"c/{number:03}-sar"]["paired_path"] = rows[f"c/{other:03}-optical"]["path"]
    wrong = Project(root)
    write_corpus(wrong, "c", list(rows.values()))
    return wrong


def asked():
    return [number for number in PAIRS if round_of(number) in ASKED]


def share_disagreeing(project):
    """The share of the pairs that nobody told which is dropped because the halves disagree."""
    metrics = caption_optical_halves(project, "c")
    rows = read_rows(project.optical_captions("c") / "uncaptioned.parquet", UNCAPTIONED)
    found = [row for row in rows if row["reason"] == DISAGREE]
    assert metrics["captions"] + len(found) == len(asked()), "every half was told, and its caption rewritten"
    return len(found) / len(asked())


def test_swapped_halves_are_dropped_and_true_ones_are_kept(project, tmp_path):
    true, false = share_disagreeing(project), share_disagreeing(swapped(project, tmp_path / "swapped"))
    assert true <= 0.25
    assert false >= 0.75

"""Halves of pairs that are shifted against each other are parted, where that can be told."""

import csv

import numpy as np
import pytest

from sartext.corpora.registration import shift_between
from tests.corpora.making import encoded

SIDE, MARGIN = 160, 30
PAIRS = {
    "kind": "pairs",
    "images": ["sar/*.png"],
    "pairing": {"image": "^sar/", "file": "opt/"},
}


def places(seed):
    """A map of fields with straight borders, larger than a picture."""
    random = np.random.default_rng(seed)
    side = SIDE + 2 * MARGIN
    ground = np.zeros((side, side))
    for number in range(60):
        row, column = random.integers(0, side, 2)
        ground[row : row + random.integers(15, 60), column : column + random.integers(15, 60)] = number % 7
    return ground


def halves(seed, right=0, down=0):
    """A SAR picture with speckle and an optical one of other grey levels, taken from places shifted so far."""
    ground, random = places(seed), np.random.default_rng(seed + 100)
    sar = 20 + 25 * ground[MARGIN:-MARGIN, MARGIN:-MARGIN] * random.gamma(4, 0.25, (SIDE, SIDE))
    levels = np.array([90, 200, 40, 160, 20, 240, 120])
    rows = slice(MARGIN - down, MARGIN - down + SIDE)
    columns = slice(MARGIN - right, MARGIN - right + SIDE)
    optical = levels[ground.astype(int)][rows, columns] + random.normal(0, 4, (SIDE, SIDE))
    return tuple(np.clip(half, 0, 255).astype(np.uint8) for half in (sar, optical))


@pytest.mark.parametrize(("right", "down"), [(0, 0), (13, 0), (-7, 9), (0, -25)])
def test_a_shift_is_measured_to_the_pixel_and_told(right, down):
    shift = shift_between(*halves(1, right, down))
    assert shift.certain
    assert (shift.right, shift.down) == pytest.approx((right, down), abs=1)


def test_of_halves_without_common_edges_nothing_is_told():
    random = np.random.default_rng(0)
    noise = random.integers(0, 256, (20, 2, SIDE, SIDE), dtype=np.uint8)
    shifts = [shift_between(*pair) for pair in noise]
    assert not any(shift.certain for shift in shifts)


def test_halves_of_other_sizes_or_without_anything_in_them_are_not_compared():
    sar, optical = halves(1)
    assert shift_between(sar, optical[:-1]) is None
    assert shift_between(sar[:20, :20], optical[:20, :20]) is None
    assert not shift_between(np.zeros_like(sar), optical).certain


def test_a_pair_beyond_the_limit_is_parted_with_the_figure_and_its_halves_stay(corpus):
    corpus.declare(**PAIRS, polarisation="VV", quarantine_limit=1.0)
    for name, shift in (("good", (3, 2)), ("off", (-14, 9))):
        for folder, half in zip(("sar", "opt"), halves(1, *shift), strict=True):
            corpus.put(f"{folder}/{name}.png", encoded(half))
    noise = np.random.default_rng(3)
    for folder in ("sar", "opt"):
        corpus.put(f"{folder}/unclear.png", encoded(noise.integers(0, 256, (SIDE, SIDE), dtype=np.uint8)))
    metrics = corpus.index()
    rows = corpus.rows()
    assert {name: bool(row["paired_path"]) for name, row in rows.items() if row["modality"] == "sar"} == {
        "good": True,
        "off": False,
        "unclear": True,
    }
    assert len(rows) == 6
    (fault,) = corpus.faults("annotation")
    assert (fault.image_id, fault.reason) == ("made/off", "shifted-pair")
    assert "-14 px right, 9 px down" in fault.detail
    told = metrics["registration"]
    assert (told["pairs"], told["told"], told["parted"], told["limit"]) == (3, 2, 1, 10)
    with (corpus.project.corpus("made") / "pairs.csv").open() as stream:
        fates = {row["image_id"]: (row["told"], row["fate"]) for row in csv.DictReader(stream)}
    assert fates == {
        "made/good": ("True", "kept"),
        "made/off": ("True", "parted"),
        "made/unclear": ("False", "kept"),
    }


def test_the_catalogue_states_the_limit(corpus):
    corpus.declare(**{**PAIRS, "pairing": {**PAIRS["pairing"], "largest_shift": 20}}, polarisation="VV")
    for folder, half in zip(("sar", "opt"), halves(1, -14, 9), strict=True):
        corpus.put(f"{folder}/off.png", encoded(half))
    assert corpus.index()["registration"]["parted"] == 0

"""What open_clip 3.3.0's `generate` gives under transformers 4.56.2, recorded by `tests/golden/make_golden.py`."""

import json

import pytest
import torch

from sartext.errors import DecodingError
from sartext.models.decoding.beams import as_open_clip, open_clip_tokens
from tests.golden import scripted
from tests.golden.scenes import END, PAD, START
from tests.models.golden_model import GOLDEN, golden_images, golden_network

RECORDED = json.loads((GOLDEN / "tokens.json").read_text())["cases"]
TIES = json.loads((GOLDEN / "ties.json").read_text())["cases"]


def tokens(case: list[int], images: torch.Tensor) -> list[list[int]]:
    beams, groups, length, minimum = case
    told = {"beams": beams, "groups": groups, "length": length, "minimum": minimum}
    return open_clip_tokens(golden_network(), images, **told, sot=START, eos=END, pad=PAD).tolist()


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda one: str(one["case"]))
def test_the_same_tokens_as_open_clip(recorded):
    images = golden_images()[: len(recorded["tokens"])]
    assert tokens(recorded["case"], images) == recorded["tokens"]


def test_the_recorded_captions_are_worth_comparing():
    captions = RECORDED[0]["tokens"]
    assert len(captions) >= 64 and all(len(one["tokens"]) >= 16 for one in RECORDED)
    assert RECORDED[0]["case"] == [6, 3, 30, 5]
    assert len({tuple(one) for one in captions}) > 40, "they differ"
    assert any(END not in one for one in captions), "some are cut at the greatest length"
    lengths = {one.index(END) for one in captions if END in one}
    assert min(lengths) < 8 and max(lengths) > 20, "they are of many lengths"
    inside = [one[: one.index(END)] if END in one else one for one in captions]
    assert any(PAD in one for one in inside), "the padding's id stands inside some as a word"


def test_what_stands_beside_an_image_changes_nothing():
    case = [6, 3, 30, 5]
    alone = [tokens(case, golden_images()[at : at + 1])[0] for at in range(12)]
    for one, other in zip(alone, tokens(case, golden_images()[:12]), strict=True):
        assert one == other[: len(one)] and set(other[len(one) :]) <= {PAD}


@pytest.mark.parametrize("recorded", TIES, ids=lambda one: str(one["case"]))
def test_equal_scores_are_settled_as_open_clip_settles_them(recorded):
    beams, groups, length, minimum = recorded["case"]
    told = {"length": length, "minimum": minimum, "group": beams // groups}
    found = as_open_clip(scripted.Scripted(), **told, sot=scripted.START, eos=scripted.END, pad=scripted.PAD)
    assert found.tolist() == recorded["tokens"]


@pytest.mark.parametrize(
    "beams, groups, length, minimum", [(6, 4, 30, 5), (1, 1, 30, 5), (6, 3, 5, 5), (6, 3, 50, 5)]
)
def test_what_open_clip_refuses_is_refused(beams, groups, length, minimum):
    with pytest.raises(DecodingError):
        tokens([beams, groups, length, minimum], golden_images()[:1])

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
    options = {"beams": beams, "groups": groups, "length": length, "minimum": minimum}
    return open_clip_tokens(golden_network(), images, **options, sot=START, eos=END, pad=PAD).tolist()


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda recorded: str(recorded["case"]))
def test_the_same_tokens_as_open_clip(recorded):
    images = golden_images()[: len(recorded["tokens"])]
    assert tokens(recorded["case"], images) == recorded["tokens"]


def test_the_recorded_captions_are_worth_comparing():
    captions = RECORDED[0]["tokens"]
    assert len(captions) >= 64 and all(len(recorded["tokens"]) >= 16 for recorded in RECORDED)
    assert RECORDED[0]["case"] == [6, 3, 30, 5]
    assert len({tuple(caption) for caption in captions}) > 40, "they differ"
    assert any(END not in caption for caption in captions), "some are cut at the greatest length"
    lengths = {caption.index(END) for caption in captions if END in caption}
    assert min(lengths) < 8 and max(lengths) > 20, "they are of many lengths"
    inside = [caption[: caption.index(END)] if END in caption else caption for caption in captions]
    assert any(PAD in caption for caption in inside), "the padding's id stands inside some as a word"


def test_what_stands_beside_an_image_changes_nothing():
    case = [6, 3, 30, 5]
    alone = [tokens(case, golden_images()[at : at + 1])[0] for at in range(12)]
    for caption, other in zip(alone, tokens(case, golden_images()[:12]), strict=True):
        assert caption == other[: len(caption)] and set(other[len(caption) :]) <= {PAD}


@pytest.mark.parametrize("recorded", TIES, ids=lambda recorded: str(recorded["case"]))
def test_equal_scores_are_settled_as_open_clip_settles_them(recorded):
    beams, groups, length, minimum = recorded["case"]
    options = {"length": length, "minimum": minimum, "group": beams // groups}
    found = as_open_clip(scripted.Scripted(), **options, sot=scripted.START, eos=scripted.END, pad=scripted.PAD)
    assert found.tolist() == recorded["tokens"]


@pytest.mark.parametrize(
    "beams, groups, length, minimum", [(6, 4, 30, 5), (1, 1, 30, 5), (6, 3, 5, 5), (6, 3, 50, 5)]
)
def test_what_open_clip_refuses_is_refused(beams, groups, length, minimum):
    with pytest.raises(DecodingError):
        tokens([beams, groups, length, minimum], golden_images()[:1])

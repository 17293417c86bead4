"""Captions of our own decoder, held against open_clip's whole forward pass and against what its `generate` gives.

That was recorded by `tests/golden/make_golden.py`: open_clip 3.3.0 under transformers 4.56.2.
"""

import json
import operator
from dataclasses import replace

import numpy as np
import pytest
import torch

from sartext.errors import DecodingError
from sartext.models.decoding.beams import as_open_clip, open_clip_tokens
from sartext.models.decoding.captioning import generate, hypotheses, score
from sartext.models.decoding.kv_cache import Run, towers_of
from tests.golden import scripted
from tests.golden.scenes import END, PAD, START, WORDS
from tests.models.golden_model import GOLDEN, golden_images, golden_model, golden_network, random_model
from tests.training.toy import toy_model

LENGTH = 40


@pytest.fixture(scope="module")
def model():
    return golden_model()


@pytest.fixture(scope="module")
def images():
    return golden_images()[:24]


@pytest.fixture(scope="module")
def greedy(model, images):
    return generate(model, images, length=LENGTH)


def ids_of(captions):
    return [caption.ids for caption in captions]


def whole_logits(model, images, ids):
    """Logits after each of `ids` [n, tokens], by open_clip's own forward pass."""
    with torch.inference_mode():
        return model.network(images, ids, output_labels=False)["logits"]


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"text_cfg": {"layers": 3, "heads": 8}},
        {"text_cfg": {"ls_init_value": 0.5}},
        {"multimodal_cfg": {"layers": 1, "heads": 2}},
        {"vision_cfg": {"attn_pooler_queries": 3, "layers": 1}},
    ],
    ids=str,
)
@pytest.mark.parametrize("correct_mask", [False, True])
def test_a_cached_step_gives_the_logits_of_the_whole_forward_pass(changed, correct_mask):
    model = random_model(**changed)
    model.network.text.correct_cls_mask = correct_mask
    images = golden_images()[:3]
    ids = torch.randint(2, len(WORDS), (3, 12), generator=torch.Generator().manual_seed(1))
    ids[:, 0] = START
    ids[1, 4] = ids[2, 7] = ids[2, 8] = PAD  # a word of its own in CLIP's vocabulary, and masked as padding
    with torch.inference_mode():
        run = Run(towers_of(model.network), images, beams=1, length=12)
        steps = torch.stack([run.step(ids[:, at : at + 1].numpy())[:, 0] for at in range(12)], dim=1)
    torch.testing.assert_close(steps, whole_logits(model, images, ids), atol=2e-5, rtol=1e-4)


def test_beams_that_change_places_keep_their_own_history(model, images):
    rng = np.random.default_rng(4)
    picked, beams, length = images[:4], 3, 10
    ids = np.full((4, beams, 1), START)
    origin = None
    with torch.inference_mode():
        run = Run(towers_of(model.network), picked, beams=beams, length=length)
        for position in range(1, length):
            logits = run.step(ids[:, :, -1], origin)
            prefixes = torch.from_numpy(ids.reshape(-1, position))
            whole = whole_logits(model, picked.repeat_interleave(beams, 0), prefixes)
            torch.testing.assert_close(logits, whole[:, -1].view(logits.shape), atol=5e-5, rtol=1e-4)
            if position == 6:  # images leave the batch
                kept = np.array([0, 2, 3])
                run.keep(kept)
                ids, picked = ids[kept], picked[kept]
            rows = len(ids)
            origin = rng.integers(0, beams, (rows, beams))
            following = rng.integers(0, len(WORDS), (rows, beams, 1))  # the padding's id among them
            ids = np.concatenate([ids[np.arange(rows)[:, None], origin], following], axis=2)


def test_greedy_takes_the_likeliest_token_of_open_clips_forward_pass(model, images, greedy):
    ids = torch.full((len(images), 1), START)
    for _ in range(LENGTH - 1):
        ids = torch.cat([ids, whole_logits(model, images, ids)[:, -1].argmax(-1, keepdim=True)], dim=1)
    for row, caption in zip(ids[:, 1:].tolist(), greedy, strict=True):
        assert caption.finished
        assert list(caption.ids) == row[: row.index(END) + 1]


def test_one_beam_gives_the_greedy_caption(model, images, greedy):
    assert ids_of(generate(model, images, method="beam", beams=1, length=LENGTH)) == ids_of(greedy)


@pytest.mark.parametrize("minimum", [0, 15])
@pytest.mark.parametrize("method", ["greedy", "beam", "nucleus"])
def test_the_log_probability_is_what_teacher_forcing_gives(model, images, method, minimum):
    captions = generate(model, images, method=method, beams=4, length=LENGTH, minimum=minimum, top_p=0.95)
    logs = score(model, images, ids_of(captions))
    assert [caption.log_probability for caption in captions] == pytest.approx(logs.tolist(), abs=2e-4)
    assert all(caption.mean_log_probability == caption.log_probability / len(caption.ids) for caption in captions)
    assert all(len(caption.ids) >= minimum for caption in captions)


def test_score_takes_a_caption_for_every_image_and_any_prefix(model, images, greedy):
    ids = greedy[0].ids
    whole = torch.tensor([[START, *ids]])
    steps = whole_logits(model, images[:1], whole).log_softmax(-1)[0, :-1].gather(1, whole[0, 1:, None])[:, 0]
    for until in (1, 4, len(ids)):
        expected = pytest.approx(steps[:until].sum().item(), abs=1e-4)
        assert score(model, images[:1], [ids[:until]]).item() == expected
    many = score(model, images[:1].expand(70, -1, -1, -1), [ids[: 1 + at % len(ids)] for at in range(70)])
    assert many[len(ids) - 1].item() == expected
    with pytest.raises(DecodingError, match="captions for"):
        score(model, images[:2], [ids])
    with pytest.raises(DecodingError, match="tokens"):
        score(model, images[:1], [()])


def test_beams_find_at_least_as_likely_captions(model, images, greedy):
    wide = generate(model, images, method="beam", beams=5, length=LENGTH)
    for caption, other in zip(wide, greedy, strict=True):
        assert caption.mean_log_probability > other.mean_log_probability - 1e-5


def test_hypotheses_come_ranked_and_finished(model, images):
    for ranked in hypotheses(model, images, beams=4, length=LENGTH):
        assert 1 <= len(ranked) <= 4
        assert all(caption.finished and caption.ids.index(END) == len(caption.ids) - 1 for caption in ranked)
        means = [caption.mean_log_probability for caption in ranked]
        assert means == sorted(means, reverse=True)
        assert len({caption.ids for caption in ranked}) == len(ranked)


@pytest.mark.parametrize("method", ["greedy", "beam", "nucleus"])
def test_what_stands_beside_an_image_changes_nothing(model, images, method):
    options = {"method": method, "beams": 3, "length": LENGTH, "seed": 5}
    together = generate(model, images, **options)
    other_way = generate(model, images.flip(0), **options)[::-1]
    alone = [generate(model, images[at : at + 1], **options)[0] for at in range(6)]
    assert ids_of(together) == ids_of(other_way)
    assert ids_of(together[:6]) == ids_of(alone)


def test_draws_follow_seed_and_temperature(model, images):
    options = {"method": "nucleus", "length": LENGTH, "top_p": 1.0, "temperature": 1.5}
    first, again, other = (generate(model, images, seed=seed, **options) for seed in (1, 1, 2))
    assert first == again
    differing = sum(map(operator.ne, ids_of(first), ids_of(other)))
    assert differing > len(images) / 2


def test_a_narrow_or_cold_nucleus_is_greedy(model, images, greedy):
    for options in ({"top_p": 1e-6}, {"temperature": 1e-4}):
        drawn = generate(model, images, method="nucleus", length=LENGTH, **options)
        assert ids_of(drawn) == ids_of(greedy)


def test_draws_stay_inside_the_nucleus_and_follow_its_shares(model, images):
    """Of many seeds, the first token after the start comes as often as the model says."""
    image, top_p = images[:1], 0.8
    shares = whole_logits(model, image, torch.tensor([[START]]))[0, -1].softmax(-1)
    ranked, tokens = shares.sort(descending=True)
    inside = tokens[ranked.cumsum(0) - ranked < top_p].tolist()
    options = {"method": "nucleus", "length": 2, "top_p": top_p}
    drawn = [generate(model, image, seed=seed, **options)[0].ids[0] for seed in range(100)]
    assert set(drawn) <= set(inside)
    likely = shares[inside[0]] / shares[inside].sum()
    assert drawn.count(inside[0]) / 100 == pytest.approx(float(likely), abs=0.15)


@pytest.mark.parametrize("method", ["greedy", "beam", "nucleus"])
def test_a_caption_that_does_not_end_in_time_is_unfinished(model, images, greedy, method):
    short = generate(model, images, method=method, beams=2, length=8, top_p=1e-6)
    for caption, whole in zip(short, greedy, strict=True):
        assert caption.finished == (END in caption.ids)
        assert caption.finished or len(caption.ids) == 7
        if method != "beam":
            assert caption.ids == whole.ids[:7]
    assert {caption.finished for caption in short} == {True, False}


def test_the_greatest_length_is_the_models_context(model, images):
    assert generate(model, images[:2], length=48)[0].finished
    for length, minimum in ((49, 0), (1, 0), (10, 10)):
        with pytest.raises(DecodingError, match="length"):
            generate(model, images[:2], length=length, minimum=minimum)


def test_the_batch_shrinks_as_captions_finish(model, images, monkeypatch):
    sizes = []
    step = Run.step
    monkeypatch.setattr(Run, "step", lambda run, *options: sizes.append(run.images) or step(run, *options))
    generate(model, images, length=LENGTH)
    assert sizes[0] == len(images) and sizes[-1] < len(images) / 2
    assert len(sizes) < LENGTH - 1, "it ends with the last caption"


def test_the_network_is_left_in_the_mode_it_was_in(images):
    model = random_model()
    model.network.train()
    generate(model, images[:1], length=4)
    assert model.network.training


def test_no_images_are_no_captions_and_bfloat16_weights_decode_too(model, images):
    cast = random_model()
    cast = replace(cast, network=cast.network.to(torch.bfloat16))
    for method in ("greedy", "beam", "nucleus"):
        assert generate(model, images[:0], method=method, length=8) == []
        assert len(generate(cast, images[:3], method=method, beams=2, length=10)) == 3
    assert score(model, images[:0], []).tolist() == []


def test_what_cannot_be_decoded_says_why(model, images):
    with pytest.raises(DecodingError, match="CLIP writes no captions"):
        generate(toy_model("clip"), images, length=8)
    with pytest.raises(DecodingError, match="causal"):
        generate(random_model(text_cfg={"no_causal_mask": True}), images, length=8)
    for wrong in ({"method": "best"}, {"method": "beam", "beams": 0}, {"method": "nucleus", "top_p": 0}):
        with pytest.raises(DecodingError):
            generate(model, images, length=8, **wrong)


RECORDED = json.loads((GOLDEN / "tokens.json").read_text())["cases"]
TIES = json.loads((GOLDEN / "ties.json").read_text())["cases"]


def search(case: list[int], images: torch.Tensor) -> list[list[int]]:
    beams, groups, length, minimum = case
    options = {"beams": beams, "groups": groups, "length": length, "minimum": minimum}
    return open_clip_tokens(golden_network(), images, **options, sot=START, eos=END, pad=PAD).tolist()


@pytest.mark.parametrize("recorded", RECORDED, ids=lambda recorded: str(recorded["case"]))
def test_the_same_tokens_as_open_clip(recorded):
    images = golden_images()[: len(recorded["tokens"])]
    assert search(recorded["case"], images) == recorded["tokens"]


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


def test_what_stands_beside_an_image_changes_no_tokens():
    case = [6, 3, 30, 5]
    alone = [search(case, golden_images()[at : at + 1])[0] for at in range(12)]
    for caption, other in zip(alone, search(case, golden_images()[:12]), strict=True):
        assert caption == other[: len(caption)] and set(other[len(caption) :]) <= {PAD}


@pytest.mark.parametrize("recorded", TIES, ids=lambda recorded: str(recorded["case"]))
def test_equal_scores_are_settled_as_open_clip_settles_them(recorded):
    beams, groups, length, minimum = recorded["case"]
    options = {"length": length, "minimum": minimum, "group": beams // groups}
    searched = as_open_clip(scripted.Scripted(), **options, sot=START, eos=END, pad=PAD)
    assert searched.tolist() == recorded["tokens"]


@pytest.mark.parametrize(
    "beams, groups, length, minimum", [(6, 4, 30, 5), (1, 1, 30, 5), (6, 3, 5, 5), (6, 3, 50, 5)]
)
def test_what_open_clip_refuses_is_refused(beams, groups, length, minimum):
    with pytest.raises(DecodingError):
        search([beams, groups, length, minimum], golden_images()[:1])

"""Captions of our own decoder, held against open_clip's whole forward pass."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from sartext.errors import DecodingError
from sartext.models.compatibility import open_clip
from sartext.models.decoding.captioning import generate, hypotheses, score
from sartext.models.decoding.kv_cache import Run, towers_of
from tests.golden.scenes import END, PAD, START, WORDS
from tests.models.golden_model import golden_images, golden_model, random_model, words

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
            whole = whole_logits(
                model, picked.repeat_interleave(beams, 0), torch.from_numpy(ids.reshape(-1, position))
            )
            expected = whole[:, -1].view(logits.shape)
            torch.testing.assert_close(logits, expected, atol=5e-5, rtol=1e-4)
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


def test_captions_are_sentences_about_the_picture(model, images):
    caption = generate(model, images[:1], method="beam", beams=3, length=LENGTH)[0]
    assert words(caption.ids).endswith("<end>") and "<start>" not in words(caption.ids)


def test_one_beam_gives_the_greedy_caption(model, images, greedy):
    assert [caption.ids for caption in generate(model, images, method="beam", beams=1, length=LENGTH)] == [
        caption.ids for caption in greedy
    ]


@pytest.mark.parametrize("minimum", [0, 15])
@pytest.mark.parametrize("method", ["greedy", "beam", "nucleus"])
def test_the_log_probability_is_what_teacher_forcing_gives(model, images, method, minimum):
    captions = generate(model, images, method=method, beams=4, length=LENGTH, minimum=minimum, top_p=0.95)
    logs = score(model, images, [caption.ids for caption in captions])
    assert [caption.log_probability for caption in captions] == pytest.approx(logs.tolist(), abs=2e-4)
    assert all(caption.mean_log_probability == caption.log_probability / len(caption.ids) for caption in captions)
    assert all(len(caption.ids) >= minimum for caption in captions)


def test_score_takes_a_caption_for_every_image_and_any_prefix(model, images, greedy):
    ids = greedy[0].ids
    whole = torch.tensor([[START, *ids]])
    steps = whole_logits(model, images[:1], whole).log_softmax(-1)[0, :-1].gather(1, whole[0, 1:, None])[:, 0]
    for until in (1, 4, len(ids)):
        assert score(model, images[:1], [ids[:until]]).item() == pytest.approx(
            steps[:until].sum().item(), abs=1e-4
        )
    many = score(model, images[:1].expand(70, -1, -1, -1), [ids[: 1 + at % len(ids)] for at in range(70)])
    assert many[len(ids) - 1].item() == pytest.approx(steps.sum().item(), abs=1e-4)
    with pytest.raises(DecodingError, match="captions for"):
        score(model, images[:2], [ids])
    with pytest.raises(DecodingError, match="tokens"):
        score(model, images[:1], [()])


def test_beams_find_at_least_as_likely_captions(model, images, greedy):
    wide = generate(model, images, method="beam", beams=5, length=LENGTH)
    gained = [
        caption.mean_log_probability - other.mean_log_probability
        for caption, other in zip(wide, greedy, strict=True)
    ]
    assert min(gained) > -1e-5


def test_hypotheses_come_ranked_and_finished(model, images):
    for ranked in hypotheses(model, images, beams=4, length=LENGTH):
        assert 1 <= len(ranked) <= 4
        assert all(
            caption.finished and caption.ids[-1] == END and END not in caption.ids[:-1] for caption in ranked
        )
        means = [caption.mean_log_probability for caption in ranked]
        assert means == sorted(means, reverse=True)
        assert len({caption.ids for caption in ranked}) == len(ranked)


@pytest.mark.parametrize("method", ["greedy", "beam", "nucleus"])
def test_what_stands_beside_an_image_changes_nothing(model, images, method):
    options = {"method": method, "beams": 3, "length": LENGTH, "seed": 5}
    together = generate(model, images, **options)
    other_way = generate(model, images.flip(0), **options)[::-1]
    alone = [generate(model, images[at : at + 1], **options)[0] for at in range(6)]
    assert [caption.ids for caption in together] == [caption.ids for caption in other_way]
    assert [caption.ids for caption in together[:6]] == [caption.ids for caption in alone]


def test_draws_follow_seed_and_temperature(model, images):
    options = {"method": "nucleus", "length": LENGTH, "top_p": 1.0, "temperature": 1.5}
    first, again, other = (generate(model, images, seed=seed, **options) for seed in (1, 1, 2))
    assert first == again
    assert (
        sum(caption.ids != other_caption.ids for caption, other_caption in zip(first, other, strict=True))
        > len(images) / 2
    )


def test_a_narrow_or_cold_nucleus_is_greedy(model, images, greedy):
    for options in ({"top_p": 1e-6}, {"temperature": 1e-4}):
        drawn = generate(model, images, method="nucleus", length=LENGTH, **options)
        assert [caption.ids for caption in drawn] == [caption.ids for caption in greedy]


def test_draws_stay_inside_the_nucleus_and_follow_its_shares(model, images):
    """Of many seeds, the first token after the start comes as often as the model says."""
    image, top_p = images[:1], 0.8
    shares = whole_logits(model, image, torch.tensor([[START]]))[0, -1].softmax(-1)
    ranked, tokens = shares.sort(descending=True)
    inside = tokens[ranked.cumsum(0) - ranked < top_p].tolist()
    drawn = [
        generate(model, image, method="nucleus", length=2, top_p=top_p, seed=seed)[0].ids[0] for seed in range(100)
    ]
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


def test_no_images_no_captions(model, images):
    for method in ("greedy", "beam", "nucleus"):
        assert generate(model, images[:0], method=method, length=8) == []
    assert score(model, images[:0], []).tolist() == []


def test_bfloat16_weights_decode_too(images):
    model = random_model()
    cast = replace(model, network=model.network.to(torch.bfloat16))
    for method in ("greedy", "beam", "nucleus"):
        assert len(generate(cast, images[:3], method=method, beams=2, length=10)) == 3


def test_what_cannot_be_decoded_says_why(model, images):
    clip = open_clip.CLIP(
        8,
        {"image_size": 32, "layers": 1, "width": 64, "patch_size": 16},
        {"context_length": 8, "vocab_size": 16, "width": 16, "heads": 2, "layers": 1},
    )
    with pytest.raises(DecodingError, match="CLIP writes no captions"):
        generate(replace(model, network=clip, kind="clip"), images, length=8)
    with pytest.raises(DecodingError, match="causal"):
        generate(random_model(text_cfg={"no_causal_mask": True}), images, length=8)
    for wrong in ({"method": "best"}, {"method": "beam", "beams": 0}, {"method": "nucleus", "top_p": 0}):
        with pytest.raises(DecodingError):
            generate(model, images, length=8, **wrong)

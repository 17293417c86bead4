"""Batches follow from seed and step alone, say what is true of the picture that they show, and cut no caption."""

import threading
from collections.abc import Sequence
from itertools import islice
from typing import Any

import pytest
import torch

from sartext.catalogue.loading import find_entry
from sartext.config import CheckpointParameters, Project, TrainingParameters
from sartext.errors import TrainingError
from sartext.models.checkpoint import start
from sartext.models.squashing import three_channels
from sartext.models.tokenizer import Tokenizer, read_tokenizer
from sartext.narrator.facts import from_json, normalise, to_json
from sartext.narrator.faithfulness import contradictions
from sartext.narrator.realisation import canonical
from sartext.training.augmentation import TURNS, WORDINGS, turned_facts
from sartext.training.batches import Batch, Batches, validation_batches
from sartext.training.caption_views import CaptionViews
from sartext.training.image_text import batches_of_row, validation_of_row
from sartext.training.shards.reading import Pair, Shards


@pytest.fixture(scope="module")
def tokenizer(mini_project: Project) -> Tokenizer:
    return read_tokenizer(mini_project.tokenizer)


def equal(first: Batch, other: Batch) -> bool:
    named = ("step", "image_ids", "captions")
    tensors = all(torch.equal(getattr(first, name), getattr(other, name)) for name in ("images", "tokens", "keys"))
    return tensors and all(getattr(first, name) == getattr(other, name) for name in named)


def stored(shards: Shards, pair: Pair) -> torch.Tensor:
    """A picture of the shards as a model takes it."""
    return torch.from_numpy(three_channels(shards.picture(pair))).permute(2, 0, 1)


def test_a_batch_holds_what_a_step_takes(shards: Shards, tokenizer: Tokenizer) -> None:
    batch = Batches(shards, tokenizer, batch=32, seed=1).at(0)
    assert batch.images.dtype == torch.uint8
    assert tuple(batch.images.shape) == (32, 3, 64, 64)
    assert torch.equal(batch.tokens, tokenizer.encode(batch.captions))  # padded to the longest, none cut
    assert batch.tokens.shape[1] == max(tokenizer.lengths(batch.captions))
    assert batch.keys.dtype == torch.int64
    assert len(set(batch.image_ids)) == len(batch) == 32


def test_steps_repeat_whatever_the_threads_and_the_first_step(shards: Shards, tokenizer: Tokenizer) -> None:
    serial, threaded = (Batches(shards, tokenizer, batch=24, seed=5, workers=workers) for workers in (1, 4))
    first = list(islice(serial.from_step(0), 12))
    assert all(map(equal, first, islice(threaded.from_step(0), 12)))
    assert all(map(equal, first[7:], Batches(shards, tokenizer, batch=24, seed=5).from_step(7)))
    other = Batches(shards, tokenizer, batch=24, seed=6)
    assert not equal(first[0], other.at(0))


def test_processes_share_a_batch_between_them(shards: Shards, tokenizer: Tokenizer) -> None:
    whole = Batches(shards, tokenizer, batch=24, seed=5).at(3)
    parts = [Batches(shards, tokenizer, batch=24, seed=5, rank=rank, world=3).at(3) for rank in range(3)]
    assert torch.equal(torch.cat([part.images for part in parts]), whole.images)
    assert torch.equal(torch.cat([part.keys for part in parts]), whole.keys)
    assert sum((part.captions for part in parts), ()) == whole.captions
    with pytest.raises(TrainingError, match="5 processes do not divide a batch of 24"):
        Batches(shards, tokenizer, batch=24, seed=5, world=5)


def test_captions_are_true_of_the_turned_annotation(
    mini_project: Project, shards: Shards, tokenizer: Tokenizer
) -> None:
    captions = CaptionViews(shards.rows("train"), shards, tokenizer)
    seen = set()
    for index, pair in enumerate(captions.pairs):
        if not pair.annotated:
            continue
        entry = find_entry(mini_project, pair.corpus)
        for turn in range(TURNS):
            view = captions.view(index, turn, index + turn)
            facts = turned_facts(pair.objects, pair.regions, 64, view.turn, shards.namings[pair.corpus])
            assert contradictions(view.caption, to_json(facts), pair.method, entry) == []
            seen.add(view.turn)
    assert seen == set(range(TURNS))


def test_pairs_with_equal_facts_have_equal_keys_and_others_have_not(shards: Shards, tokenizer: Tokenizer) -> None:
    batches = validation_batches(shards, tokenizer, batch=16)
    pairs = {pair.image_id: pair for pair in shards.rows("validation")}
    said: dict[int, set[str]] = {}
    for batch in batches:
        for image_id, caption, key in zip(batch.image_ids, batch.captions, batch.keys.tolist(), strict=True):
            record = pairs[image_id].facts
            said.setdefault(key, set()).add(caption.casefold() if record is None else normalise(from_json(record)))
    assert all(len(texts) == 1 for texts in said.values())
    assert len(set.union(*said.values())) == len(said)


def test_paraphrases_and_turns_that_say_the_same_share_a_key(shards: Shards, tokenizer: Tokenizer) -> None:
    captions = CaptionViews(shards.rows("train"), shards, tokenizer)
    index = next(at for at, pair in enumerate(captions.pairs) if pair.corpus == "sim-ships")
    views = [captions.view(index, turn, wording) for turn in range(TURNS) for wording in range(WORDINGS)]
    assert len({view.caption for view in views}) > 1
    assert {view.key for view in views} == {captions.stored(index).key}


def test_validation_is_upright_unchanged_and_as_stored(shards: Shards, tokenizer: Tokenizer) -> None:
    batches = validation_batches(shards, tokenizer, batch=16)
    pairs = shards.rows("validation")
    assert [image_id for batch in batches for image_id in batch.image_ids] == [pair.image_id for pair in pairs]
    assert [text for batch in batches for text in batch.captions] == [pair.captions[0] for pair in pairs]
    shown = torch.cat([batch.images for batch in batches])
    assert all(torch.equal(image, stored(shards, pair)) for image, pair in zip(shown, pairs, strict=True))


def test_without_augmentation_pictures_stay_as_they_are(shards: Shards, tokenizer: Tokenizer) -> None:
    batch = Batches(shards, tokenizer, batch=16, seed=2, augment=False).at(4)
    pairs = {pair.image_id: pair for pair in shards.rows("train")}
    for image, image_id in zip(batch.images, batch.image_ids, strict=True):
        assert torch.equal(image, stored(shards, pairs[image_id]))


def test_with_it_a_pair_is_seen_in_many_views(shards: Shards, tokenizer: Tokenizer) -> None:
    batches = Batches(shards, tokenizer, batch=64, seed=2)
    views: dict[str, set[bytes]] = {}
    for step in range(20):
        batch = batches.at(step)
        for image, image_id in zip(batch.images, batch.image_ids, strict=True):
            views.setdefault(image_id, set()).add(image.numpy().tobytes())
    assert sum(map(len, views.values())) > 0.95 * 20 * 64


def test_shuffled_captions_are_other_images_captions_always_the_same(shards: Shards, tokenizer: Tokenizer) -> None:
    options = {"batch": 32, "seed": 9, "augment": False}
    shuffled = Batches(shards, tokenizer, shuffle_captions=True, **options)
    captions = CaptionViews(shards.rows("train"), shards, tokenizer, augment=False)
    owner: dict[str, set[str]] = {}
    for index, pair in enumerate(captions.pairs):
        for wording in range(WORDINGS):
            owner.setdefault(captions.view(index, 0, wording).caption, set()).add(pair.image_id)
    origin: dict[str, set[str]] = {}
    for step in range(30):
        batch = shuffled.at(step)
        for image_id, caption in zip(batch.image_ids, batch.captions, strict=True):
            origin[image_id] = origin.get(image_id, owner[caption]) & owner[caption]
    assert all(origin.values())  # one other image has all the captions that an image was shown with
    alone = {image_id: others for image_id, others in origin.items() if len(others) == 1}
    assert len(alone) > 50
    assert all({image_id} != others for image_id, others in alone.items())


def test_a_model_of_another_side_is_refused(shards: Shards, tokenizer: Tokenizer) -> None:
    with pytest.raises(TrainingError, match=r"takes 224 pixels, the shards hold 64; set shards\.side to 224"):
        Batches(shards, tokenizer, batch=8, seed=0, side=224)
    with pytest.raises(TrainingError, match="224"):
        validation_batches(shards, tokenizer, batch=8, side=224)


def test_captions_longer_than_the_context_are_an_error(mini_project: Project, shards: Shards) -> None:
    short = read_tokenizer(mini_project.tokenizer, context=12)
    message = r"context of 12 tokens holds; the longest is that of 'sim-\S+' with \d+"
    with pytest.raises(TrainingError, match=message):
        Batches(shards, short, batch=8, seed=0)


def test_a_few_of_them_are_left_out_and_no_other_is_ever_cut(mini_project: Project, shards: Shards) -> None:
    whole = read_tokenizer(mini_project.tokenizer)
    pairs = shards.rows("train")
    shortest = sorted(min(whole.lengths(pair.captions)) for pair in pairs)
    context = shortest[-4] - 1
    tokenizer = read_tokenizer(mini_project.tokenizer, context=context)
    batches = Batches(shards, tokenizer, batch=32, seed=0)
    assert batches.pairs + len(batches.left_out) == len(pairs)
    assert len(batches.left_out) <= 0.05 * len(pairs)
    texts = {text for step in range(20) for text in batches.at(step).captions}
    assert max(tokenizer.lengths(sorted(texts))) <= context


def test_one_long_caption_among_few_is_left_out_and_the_advice_can_be_followed(shards: Shards) -> None:
    class Lengthy:
        """Counts tokens as the test wants them."""

        pad, context = 0, 32

        def __init__(self, *longer: str) -> None:
            self.longer = longer

        def encode(self, texts: Sequence[str]) -> torch.Tensor:
            return torch.ones(len(texts), 2, dtype=torch.long)

        def lengths(self, texts: Sequence[str]) -> list[int]:
            return [90 if text in self.longer else 5 for text in texts]

    pairs = [pair for pair in shards.rows("train") if not pair.annotated][:5]
    assert len(pairs) == 5
    longest, *others = (pair.captions for pair in pairs)
    assert CaptionViews(pairs, shards, Lengthy(*longest)).left_out == [pairs[0].image_id]
    with pytest.raises(TrainingError, match="77 is the most: shorten them"):
        CaptionViews(pairs, shards, Lengthy(*longest, *(text for texts in others for text in texts)))


def test_an_error_is_raised_and_no_thread_stays(
    shards: Shards, tokenizer: Tokenizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sartext.training.batches.CACHE_BYTES", 0)
    batches = Batches(shards, tokenizer, batch=8, seed=0)
    running = batches.from_step(0)
    next(running)
    running.close()
    assert not any(thread.name.startswith("batches") for thread in threading.enumerate())
    batches._maker.shards = Shards([])
    with pytest.raises(Exception, match="out of range"):
        next(batches.from_step(0))
    assert not any(thread.name.startswith("batches") for thread in threading.enumerate())


def test_sar_pairs_are_chosen_by_how_their_captions_were_made(shards: Shards, tokenizer: Tokenizer) -> None:
    pairs = {pair.image_id: pair for pair in shards.rows("train")}
    chosen = Batches(shards, tokenizer, batch=8, seed=1, methods=("a2c", "sa2c"))
    wanted = [pair for pair in pairs.values() if pair.modality != "sar" or pair.method in {"a2c", "sa2c"}]
    assert chosen.pairs + len(chosen.left_out) == len(wanted) < len(pairs)
    for step in range(4):
        for image_id in chosen.at(step).image_ids:
            assert pairs[image_id].modality == "optical" or pairs[image_id].method in {"a2c", "sa2c"}


def test_plain_captions_are_the_grammars_canonical_ones(shards: Shards, tokenizer: Tokenizer) -> None:
    pairs = {pair.image_id: pair for pair in shards.rows("validation")}
    batches = validation_batches(shards, tokenizer, batch=16, paraphrase=False)
    captions: dict[str, str] = {}
    for batch in batches:
        captions |= zip(batch.image_ids, batch.captions, strict=True)
    annotated = [pair for pair in pairs.values() if pair.annotated]
    assert annotated
    for pair in annotated:
        words = shards.namings[pair.corpus]
        plain = canonical(turned_facts(pair.objects, pair.regions, shards.side, 0, words))
        fits = tokenizer.lengths([plain])[0] <= tokenizer.context
        assert captions[pair.image_id] == (plain if fits else pair.captions[0])


CHOICES: list[dict[str, Any]] = [{}, {"methods": ("sa2c",)}, {"paraphrase": False}, {"shuffle_captions": True}]


@pytest.mark.parametrize("choices", CHOICES, ids=lambda choices: next(iter(choices), "plain"))
@pytest.mark.parametrize("augment", [True, False])
def test_batches_of_a_row_are_as_described(
    mini_project: Project, shards: Shards, choices: dict[str, Any], augment: bool
) -> None:
    origin = next(iter(mini_project.parameters.checkpoints.values())).origin
    model = start(origin, mini_project.root, mini_project.tokenizer, seed=1, side=shards.side)
    row = CheckpointParameters(**{"from": "x.yaml"}, data="build/shards", samples=96, learning_rate=0.1, **choices)
    training = TrainingParameters.model_validate({"batch": 12, "seed": 5, "augment": augment})
    options: dict[str, Any] = {"fraction": 0.8, "rank": 1, "world": 2, "workers": 1}
    batches = batches_of_row(row, training, shards, model, **options)
    wanted = Batches(shards, model.tokenizer, batch=12, seed=5, augment=augment, **choices, **options)
    assert batches.pairs == wanted.pairs
    assert all(equal(batches.at(step), wanted.at(step)) for step in (0, 7))
    expected = validation_batches(shards, model.tokenizer, batch=12, seed=5, **choices)
    validated = validation_of_row(row, training, shards, model)
    assert all(equal(batch, other) for batch, other in zip(validated, expected, strict=True))

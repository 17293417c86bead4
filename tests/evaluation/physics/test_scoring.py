"""What perfect, blind and restless readers score, who get the pictures as a model does, is known beforehand."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from sartext.errors import EvaluationError
from sartext.evaluation.details import CONSTANT
from sartext.evaluation.physics import CHANGE, MEAN_RECALL, ORDINARY, POINTS
from sartext.evaluation.physics.rendering import NAME
from sartext.evaluation.physics.scoring import PARTS, SUBSET, score_physics, stated
from sartext.evaluation.registry import names_in
from sartext.evaluation.retrieval import retrieval
from sartext.evaluation.stages.physics import ModelReader, constant_reader, strips
from sartext.models.forward import forward
from sartext.models.model import normalise
from sartext.models.squashing import squash
from sartext.narrator.statements import OBJECT_CLASS, Statement
from tests.evaluation.generated import find
from tests.models.making import small_model

FAITHFULNESS = [f"{part}_{way}" for part in PARTS for way in ("precision", "recall")]
TRUTHFUL = "truthful"


class TruthfulReader:
    """It knows every picture of a set, and tells its facts; features are equal where captions are.

    With ``otherwise`` it knows the ordinary pictures alone, and tells that of every other one.
    """

    def __init__(self, physics, writes=True, otherwise=None):
        self.writes = writes
        self.known = {}
        for setting in physics.pictures:
            self.learn(physics.pictures[setting], physics.captions)
        self.learn(physics.redrawn, physics.captions)
        self.learn(
            [removal.picture for removal in physics.removals], [removal.caption for removal in physics.removals]
        )
        captions = [*self.known.values()]
        if otherwise:
            ordinary = {picture.tobytes() for picture in physics.pictures[ORDINARY]}
            self.known = {key: text if key in ordinary else otherwise for key, text in self.known.items()}
            captions.append(otherwise)
        self.numbers = {caption: number for number, caption in enumerate(dict.fromkeys(captions))}

    def learn(self, pictures, captions):
        self.known |= {picture.tobytes(): caption for picture, caption in zip(pictures, captions, strict=True)}

    def tell(self, pictures):
        return [self.known[picture.tobytes()] for picture in pictures]

    def see(self, pictures):
        return self.hear(self.tell(pictures))

    def hear(self, captions):
        return torch.eye(len(self.numbers))[[self.numbers[caption] for caption in captions]]


class HedgingReader(TruthfulReader):
    """It tells of one object where there are several, and with one of them gone that there is at least one."""

    def __init__(self, physics):
        super().__init__(physics)
        for removal in physics.removals:
            self.learn(
                physics.pictures[ORDINARY][[removal.place]], [f"There is one {removal.noun} in this SAR image."]
            )
            self.learn([removal.picture], [f"There is at least one {removal.noun} in this SAR image."])
        self.numbers = {caption: at for at, caption in enumerate({*self.numbers, *self.known.values()})}


def score(readers, physics, resamples=20, seed=1):
    """The figures of readers, and of the one that sees nothing."""
    readers = {**readers, CONSTANT: constant_reader(physics.captions)}
    return [
        figure
        for variant, reader in readers.items()
        for figure in score_physics(variant, reader, physics, resamples=resamples, seed=seed)
    ]


@pytest.fixture(scope="module")
def scored(physics):
    readers = {
        TRUTHFUL: TruthfulReader(physics),
        "compares": TruthfulReader(physics, writes=False),
        "ordinary": TruthfulReader(physics, otherwise=physics.captions[0]),
        "jumpy": TruthfulReader(physics, otherwise="There is one bridge."),
        "hedging": HedgingReader(physics),
        "silent": constant_reader([""]),
    }
    return score(readers, physics, resamples=200)


def value(scored, metric, variant, subset):
    return find(scored, metric, variant, benchmark=NAME, subset=subset).value


def test_a_reader_of_the_truth_scores_100_at_every_setting(scored):
    for subset in POINTS:
        for metric in (MEAN_RECALL, *FAITHFULNESS):
            figure = find(scored, metric, TRUTHFUL, subset=subset)
            assert (figure.value, figure.low, figure.high) == (100, 100, 100)
            assert figure.n == 12
            assert figure.task == "physics"
            assert figure.benchmark == NAME


def test_a_reader_of_the_truth_follows_every_removed_object_and_no_speckle(scored):
    expected = {
        "caption_changed": 100, "caption_changed_by_speckle": 0, "caption_changed_beyond_speckle": 100,
        "count_followed": 100, "count_followed_by_speckle": 0, "count_followed_beyond_speckle": 100,
        "similarity_fell": 100,
    }  # fmt: skip
    assert {metric: value(scored, metric, TRUTHFUL, SUBSET) for metric in names_in("physics", "pairs")} == expected


def test_a_blind_reader_is_at_chance(scored, physics):
    ones = torch.ones(12, 1)
    chance = retrieval(ones, ones, physics.labels).mean_recall
    assert 0 < chance < 60
    for subset in POINTS:
        assert value(scored, MEAN_RECALL, CONSTANT, subset) == pytest.approx(chance)
        assert value(scored, "fact_recall", CONSTANT, subset) < 50
    assert value(scored, "similarity_fell", CONSTANT, SUBSET) == 50
    assert value(scored, "caption_changed", CONSTANT, SUBSET) == 0
    assert value(scored, "count_followed", CONSTANT, SUBSET) == 0


def test_who_changes_with_every_pixel_changes_no_more_for_an_object(scored):
    assert value(scored, "caption_changed", "jumpy", SUBSET) == 100
    assert value(scored, "caption_changed_by_speckle", "jumpy", SUBSET) == 100
    assert value(scored, "caption_changed_beyond_speckle", "jumpy", SUBSET) == 0


def test_who_names_a_class_without_a_number_follows_no_count(scored):
    assert value(scored, "caption_changed", "hedging", SUBSET) == 100
    assert value(scored, "count_followed", "hedging", SUBSET) == 0


def test_the_fall_away_from_the_ordinary_setting_has_a_paired_interval(scored):
    fallen = find(scored, f"{MEAN_RECALL}{CHANGE}", "ordinary", subset="looks:1")
    assert value(scored, MEAN_RECALL, "ordinary", "looks:4") == 100
    assert fallen.value == pytest.approx(value(scored, MEAN_RECALL, "ordinary", "looks:1") - 100)
    assert fallen.low <= fallen.value <= fallen.high < 0
    for subset in POINTS:
        steady = find(scored, f"fact_recall{CHANGE}", TRUTHFUL, subset=subset)
        assert (steady is None) == (POINTS[subset] == ORDINARY)
        assert steady is None or (steady.value, steady.low, steady.high) == (0, 0, 0)


def test_a_reader_that_does_not_write_has_no_figures_of_captions(scored):
    metrics = {figure.metric for figure in scored if figure.variant == "compares"}
    assert metrics == {MEAN_RECALL, f"{MEAN_RECALL}{CHANGE}", "similarity_fell"}


def test_what_states_nothing_has_no_precision_and_says_so(scored):
    precision = find(scored, "fact_precision", "silent", subset="looks:4")
    assert precision.value is None
    assert "nothing was stated" in precision.reason
    assert value(scored, "fact_recall", "silent", "looks:4") == 0


def test_a_set_without_pairs_says_so_figures_of_one_have_no_bounds_and_equal_seeds_give_equal_ones(physics):
    none, alone, again = (score({}, replace(physics, removals=physics.removals[:count])) for count in (0, 1, 1))
    figure = find(none, "caption_changed", CONSTANT, subset=SUBSET)
    assert figure.value is None
    assert "number of scenes" in figure.reason
    figure = find(alone, "caption_changed", CONSTANT, subset=SUBSET)
    assert (figure.value, figure.low, figure.high) == (0, None, None)
    assert again == alone


def test_features_that_are_no_numbers_are_refused(physics):
    reader = TruthfulReader(physics)
    reader.see = lambda pictures: torch.full((len(pictures), len(reader.numbers)), torch.nan)
    with pytest.raises(EvaluationError):
        score({"broken": reader}, physics)


def test_the_constant_reader_tells_the_most_frequent_caption():
    assert constant_reader(["b.", "c.", "b.", "a."]).caption == "b."
    assert constant_reader(["b.", "a."]).caption == "a."


def test_captions_are_compared_by_what_they_state():
    one, other, fewer = stated(["There are two ships.", "Two ships can be seen.", "There is one ship."])
    assert one == other != fewer
    (some,) = stated(["There is at least one ship in this SAR image."])
    assert some == {Statement(OBJECT_CLASS, "ship")}


@pytest.mark.parametrize("kind", ["clip", "coca"])
def test_an_open_clip_model_is_a_reader(tmp_path, kind, physics):
    model = small_model(tmp_path, kind)
    model.network.eval()
    reader = ModelReader(model)
    pictures = physics.pictures[ORDINARY][:3]
    captions = ["There are two ships.", "Crops cover most of it.", "One bridge."]
    batch = torch.from_numpy(np.stack([squash(picture, model.side) for picture in pictures]))
    tokens = model.tokenizer.encode(captions, model.context)
    with torch.no_grad():
        expected = forward(model.network, normalise(batch, model), tokens)
    assert torch.allclose(reader.see(pictures), expected.image_features, atol=1e-5)
    assert torch.allclose(reader.hear(captions), expected.text_features, atol=1e-5)
    assert reader.writes == (kind == "coca")
    if reader.writes:
        assert len(reader.tell(pictures)) == 3


def test_strips_show_scenes_of_different_corpora_over_every_curve_and_the_pair(physics):
    found, pictures = strips(TRUTHFUL, TruthfulReader(physics), physics)
    assert len(found) == 8
    frames = [frame for strip in found for frame in strip.frames]
    assert {frame.picture for frame in frames} == pictures.keys()
    assert all(picture.shape == pictures[frames[0].picture].shape for picture in pictures.values())
    assert all(frame.caption for frame in frames)
    assert not any("." in name for name in pictures), "ids name files, and hold no dots"
    assert [len(strip.frames) for strip in found[:4]] == [5, 5, 5, 3]
    corpora = {name.removeprefix(f"{NAME}/").rsplit("-", 3)[0] for name in pictures}
    assert len({name.rstrip("0123456789-") for name in corpora}) >= 2
    pair = found[3]
    assert pair.frames[0].caption == pair.frames[1].caption != pair.frames[2].caption
    assert pair.frames[2].caption in pair.title

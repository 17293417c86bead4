"""Which pairs a step sees follows from its number; shares of the captions are nested; shuffled ones never fit."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sartext.errors import TrainingError
from sartext.training.sampler import batch_indices, check_batch, derangement, mixed, order, share
from sartext.training.shards.reading import Pair


def pair(number: int, group: str, modality: str = "sar") -> Pair:
    return Pair(
        f"c/{number}", "c", "train", group, modality, "a2c", ("x",), None, (), (), None, 0, "t.tar", (0,), (1,)
    )


@given(st.integers(0, 300), st.integers(0, 2**40), st.integers(0, 50))
def test_an_epoch_sees_every_pair_once(n: int, seed: int, epoch: int) -> None:
    assert sorted(order(n, seed, epoch)) == list(range(n))


def test_every_epoch_and_every_seed_has_its_own_order() -> None:
    orders = [tuple(order(50, seed, epoch)) for seed in range(5) for epoch in range(5)]
    assert len(set(orders)) == 25


def test_the_order_is_the_same_on_every_machine_and_with_every_numpy() -> None:
    assert mixed(0) == 0xE220A8397B1DCDAF  # the first output of SplitMix64 seeded with 0
    assert order(8, 7, 0).tolist() == [4, 2, 7, 5, 1, 0, 6, 3]


def test_places_of_the_order_are_equally_likely() -> None:
    first = np.array([order(10, 3, epoch)[0] for epoch in range(2000)])
    counts = np.bincount(first, minlength=10)
    assert counts.min() > 140
    assert counts.max() < 260


@pytest.mark.parametrize(
    ("n", "way_out"), [(0, "needs two pairs"), (1, "needs two pairs"), (7, "7 pairs; set training.batch to 7 or")]
)
def test_a_batch_larger_than_the_pairs_is_refused(n: int, way_out: str) -> None:
    with pytest.raises(TrainingError, match=f"a batch of 8 .*{way_out}"):
        check_batch(n, 8)


@given(st.integers(2, 60), st.integers(2, 60), st.integers(0, 400))
def test_a_batch_holds_different_pairs_and_an_epoch_none_twice(n: int, batch: int, step: int) -> None:
    batch = min(n, batch)
    steps = n // batch
    first = step - step % steps
    epoch = np.concatenate([batch_indices(n, batch, each, 1) for each in range(first, first + steps)])
    assert len(set(epoch.tolist())) == steps * batch
    assert set(epoch.tolist()) <= set(range(n))


@given(st.integers(2, 100), st.integers(0, 99))
def test_shuffled_captions_are_each_used_once_and_never_with_their_image(n: int, seed: int) -> None:
    other = derangement(n, seed)
    assert sorted(other) == list(range(n))
    assert (other != np.arange(n)).all()
    assert (other == derangement(n, seed)).all()


def test_a_smaller_share_is_part_of_a_larger_one_and_groups_stay_whole() -> None:
    pairs = [pair(number, f"g{number // 3}") for number in range(90)]
    pairs += [pair(1000 + number, f"o{number}", "optical") for number in range(10)]
    before: set[str] = set()
    for fraction in (0.05, 0.1, 0.25, 0.5, 1.0):
        kept = share(pairs, fraction)
        ids = {member.image_id for member in kept if member.modality == "sar"}
        assert before <= ids
        assert fraction * 90 <= len(ids) < fraction * 90 + 3
        assert sum(member.modality == "optical" for member in kept) == 10
        assert set(Counter(member.group_id for member in kept).values()) <= {1, 3}
        before = ids

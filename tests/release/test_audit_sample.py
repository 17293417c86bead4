"""What people are asked to rate: every stratum, the rest in proportion, shuffled by the seed, some of it twice."""

from collections import Counter

import pytest

from sartext.errors import AuditError
from sartext.release.audit.sample import SampleParameters, draw, stratum

SIZES = {("ships", "a2c", "train"): 700, ("ships", "a2c", "test"): 280, ("cover", "sa2c", "train"): 18,
         ("pairs", "optical-rules", "test"): 2}  # fmt: skip

PAIRS = [
    {"image_id": f"{corpus}/{split}-{number:04d}", "corpus": corpus, "method": method, "split": split}
    for (corpus, method, split), size in SIZES.items()
    for number in range(size)
]


def firsts(parameters: SampleParameters) -> list[str]:
    return [showing.image_id for showing in draw(PAIRS, parameters) if showing.showing == 1]


def test_every_stratum_has_its_floor_and_the_rest_is_in_proportion() -> None:
    drawn = set(firsts(SampleParameters(size=100, floor=5)))
    counts = Counter(tuple(stratum(pair)) for pair in PAIRS if pair["image_id"] in drawn)
    rest = 100 - (5 + 5 + 5 + 2)
    remaining = {"train": 695, "test": 275, "cover": 13}
    shares = [round(rest * size / sum(remaining.values())) for size in remaining.values()]
    assert [counts[name] for name in SIZES] == [5 + shares[0], 5 + shares[1], 5 + shares[2], 2]
    assert counts.total() == 100


def test_the_seed_decides_what_is_drawn_and_in_which_order() -> None:
    parameters = SampleParameters(size=50, seed=1)
    assert draw(PAIRS, parameters) == draw(PAIRS[::-1], parameters), "whatever the order of the rows"
    assert set(firsts(parameters)) != set(firsts(SampleParameters(size=50, seed=2)))
    corpora = [name.split("/")[0] for name in firsts(parameters)]
    assert corpora != sorted(corpora), "shuffled"


def test_some_come_again_later_and_no_image_a_third_time() -> None:
    showings = draw(PAIRS, SampleParameters(size=60, repeats=8))
    assert len(showings) == len(set(showings)) == 68
    twice = [showing.image_id for showing in showings if showing.showing == 2]
    assert len(twice) == 8
    places = {showing: place for place, showing in enumerate(showings)}
    for name in twice:
        first, second = (place for showing, place in places.items() if showing.image_id == name)
        assert first < 30 <= second


def test_a_small_candidate_is_drawn_as_a_whole() -> None:
    few = PAIRS[-5:]
    assert {showing.image_id for showing in draw(few, SampleParameters(size=200))} == {
        pair["image_id"] for pair in few
    }


def test_a_floor_that_asks_for_more_than_the_size_is_refused_with_the_size_that_it_takes() -> None:
    with pytest.raises(AuditError, match="--size 32"):
        draw(PAIRS, SampleParameters(size=20, floor=10))

"""Knowing the question alone earns no more than chance."""

from collections import Counter, defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sartext.vqa.making import OPEN_FORMS, Candidate, balanced, cap_of


def candidates(*counts: tuple[str, str, str, int], images: int = 10_000) -> list[Candidate]:
    """Type, form and answer of so many candidates, of one class, on images in turn."""
    rows = [(type_, form, answer) for type_, form, answer, count in counts for _ in range(count)]
    return [
        Candidate(number, f"c/{number % images}", type_, form, ("ship",), answer, (number * 7919) % 10_007)
        for number, (type_, form, answer) in enumerate(rows)
    ]


def tally(chosen: list[Candidate]) -> dict[str, int]:
    return dict(Counter(candidate.answer for candidate in chosen))


def test_no_number_is_asked_more_often_than_the_median_one() -> None:
    counts = {"one": 150, "two": 80, "three": 60, "four": 40, "five": 20, "six": 3}
    chosen = balanced(candidates(*(("count", "how-many", word, count) for word, count in counts.items())), 6)
    assert tally(chosen) == {"one": 60, "two": 60, "three": 60, "four": 40, "five": 20, "six": 3}


@pytest.mark.parametrize(
    ("counts", "closed", "cap"),
    [
        ([5, 9], True, 5),
        ([9], True, 0),
        ([9], False, 0),
        ([], False, 0),
        ([100, 100, 3, 2], False, 100),
        ([100, 3], False, 3),
        ([150, 80, 60, 40, 20], False, 60),
    ],
)
def test_the_cap_of_an_answer(counts: list[int], closed: bool, cap: int) -> None:
    assert cap_of(counts, closed=closed) == cap


def test_types_are_brought_to_similar_sizes() -> None:
    rows = [("presence", "exists", answer, 300) for answer in ("yes", "no")]
    rows += [("position", "where-one", answer, 20) for answer in ("in", "out")]
    rows += [("scene", "shown", answer, 30) for answer in ("a", "b")]
    sizes = Counter(candidate.type for candidate in balanced(candidates(*rows), 6))
    assert sizes == {"presence": 60, "position": 40, "scene": 60}


CANDIDATES = st.lists(
    st.tuples(
        st.integers(0, 30),
        st.sampled_from([("presence", "exists"), ("count", "how-many"), ("scene", "shown")]),
        st.sampled_from(["ship", "bridge"]),
        st.sampled_from(["a", "b", "c"]),
        st.integers(0, 2**40),
    ),
    max_size=80,
    unique_by=lambda row: (row[0], row[1], row[2]),
)


@settings(deadline=None)
@given(CANDIDATES, st.integers(1, 4))
def test_closed_questions_are_balanced_exactly_whatever_there_is(rows, per_image: int) -> None:
    asked = [
        Candidate(number, f"c/{image}", *form, (noun,), answer, rank)
        for number, (image, form, noun, answer, rank) in enumerate(rows)
        if form[1] in OPEN_FORMS or answer != "c"
    ]
    chosen = balanced(asked, per_image)
    assert len({candidate.key for candidate in chosen}) == len(chosen)
    strata = defaultdict(Counter)
    for candidate in chosen:
        strata[candidate.stratum][candidate.answer] += 1
    for (form, _), counts in strata.items():
        assert len(counts) >= 2
        if form not in OPEN_FORMS:
            assert len(set(counts.values())) == 1
    assert all(count <= per_image for count in Counter(candidate.image_id for candidate in chosen).values())


@settings(deadline=None)
@given(CANDIDATES, st.randoms(use_true_random=False))
def test_the_order_of_the_candidates_decides_nothing(rows, random) -> None:
    asked = [Candidate(0, f"c/{image}", *form, (noun,), answer, rank) for image, form, noun, answer, rank in rows]
    ranked = {candidate.rank: candidate for candidate in asked}
    shuffled = list(ranked.values())
    random.shuffle(shuffled)
    assert {candidate.rank for candidate in balanced(ranked.values(), 2)} == {
        candidate.rank for candidate in balanced(shuffled, 2)
    }

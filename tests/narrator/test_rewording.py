"""A caption in a language model's words says only what the caption that it quotes says and SAR shows."""

import pytest

from sartext.narrator.rewording import REPEATS, repeated, rewording_problems, things

SOURCE = (
    "two long white bridges span a green river, not far from many houses and a lawn. three ships are away from "
    "the port, and a village without a factory is on the coast"
)


@pytest.mark.parametrize(
    "caption",
    [
        "Two long bridges span a river, not far from many houses.",
        "There is a river with two bridges.",
        "Two bridges and many houses are there, and a village lies on the coast.",
        "This SAR image shows a village on the coast.",
    ],
)
def test_other_words_for_the_same_pass(caption):
    assert rewording_problems(caption, SOURCE, 3.0) == []


@pytest.mark.parametrize(
    ("caption", "problem"),
    [
        ("There is a lake.", "a word that the source does not say: 'lake'"),
        ("There are rivers.", "a word that the source does not say: 'rivers'"),
        ("There is a bridge.", "a word that the source does not say: 'bridge'"),
        ("Two bridges are behind a river.", "a word that the source does not say: 'behind'"),
        ("The white bridges span a river.", "colour: 'white'"),
        ("A lawn is on the coast.", "not shown by SAR: 'lawn'"),
        ("Three ships are on the coast.", "moves, and may have gone between the two images: 'ships'"),
        ("Many bridges span a river.", "another number: 'many bridge'"),
        ("Two houses are on the coast.", "another number: 'two house'"),
        ("Three long bridges span a river.", "another number: 'three bridge'"),
        ("There is a factory on the coast.", "denies something: 'factory'"),
        ("There is a port on the coast.", "denies something: 'port'"),
        ("There is no lawn near the river.", "denies something: 'no'"),
    ],
)
def test_what_is_not_borne_out_is_told(caption, problem):
    assert problem in map(str, rewording_problems(caption, SOURCE, 3.0))


@pytest.mark.parametrize(
    ("source", "caption", "problem"),
    [
        ("instead of a road there is a lake", "There is a road.", "denies something: 'road'"),
        ("a plain devoid of farmland", "There is farmland.", "denies something: 'farmland'"),
        ("an island that lacks a pier", "There is a pier.", "denies something: 'pier'"),
        ("hundreds of trees and few houses", "There are hundreds of houses.", "another number: 'hundreds house'"),
        ("a lot of tall trees and a house", "There is a lot of house.", "another number: 'lot house'"),
    ],
)
def test_what_is_denied_or_counted_in_other_words_is_told(source, caption, problem):
    assert problem in map(str, rewording_problems(caption, source, 1.0))
    assert rewording_problems("There are hundreds of trees.", "hundreds of green trees are here", 1.0) == []


def test_the_resolution_decides_what_sar_shows():
    caption, source = "Many houses are on the coast.", "many houses are on the coast"
    assert rewording_problems(caption, source, 1.0) == []
    assert list(map(str, rewording_problems(caption, source, 10.0))) == ["not shown by SAR: 'houses'"]


def test_things_are_what_the_caption_says_is_there():
    assert things(SOURCE, 3.0) == {"bridge", "river", "house", "village", "coast"}
    assert things("an ocean and a sea", 3.0) == {"sea"}
    assert things("a large area with land", 3.0) == frozenset()


def test_a_caption_repeats_where_it_stands_for_more_different_facts_than_one_may():
    facts = [frozenset({"river", str(number)}) for number in range(REPEATS + 1)]
    assert repeated(("There is a river.", of) for of in facts) == {"there is a river."}
    assert repeated(("There is a river.", of) for of in facts[1:]) == frozenset()
    assert repeated(("There is a river.", facts[0]) for _ in range(99)) == frozenset()

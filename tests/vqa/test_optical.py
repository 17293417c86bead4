"""Question-answer pairs from optical captions."""

import random
from collections import Counter

import pytest

from sartext.vqa.optical import CONTRASTS, DESCRIPTIONS, THEMES, head_nouns, optical_questions

CAPTIONS = {
    "sea": ["the blue sea fills the whole picture.", "a few boats are on the ocean."],
    "wood": ["a thick green wood is spread out.", "many trees stand close together in the forest."],
    "town": ["a white town next to a grey street.", "rows of houses near a factory."],
    "airport": ["two planes are parked at the airport.", "a wide airfield with some jets."],
    "desert": ["dry yellow sandland.", "this aerial photo shows a wasteland."],
}


def images(count: int = 200) -> list[tuple[str, list[str]]]:
    rng = random.Random(5)
    return [(f"optical/{number:04d}", CAPTIONS[rng.choice(sorted(CAPTIONS))]) for number in range(count)]


def nouns_asked(text: str) -> tuple[str, str]:
    first, second = text.rstrip("?").rsplit(" or ", 1)
    return first.split()[-1], second


def test_the_heads_of_noun_phrases_in_the_singular() -> None:
    captions = ["two Planes on a runway near oil tanks .", "many pieces of farmland"]
    assert head_nouns(captions) == ("farmland", "plane", "runway", "tank")
    assert head_nouns(["a forest road"]) == ("road",)
    assert head_nouns(["", "?", "on the left side of the picture"]) == ()


def test_a_description_is_one_of_the_captions() -> None:
    captioned = dict(images())
    found = [question for question in optical_questions(images(), 1) if question.type == "description"]
    assert [question.image_id for question in found] == sorted(captioned)
    assert all(question.answer in captioned[question.image_id] for question in found)
    assert {question.text for question in found} == set(DESCRIPTIONS)


def test_of_several_descriptions_none_is_told_twice() -> None:
    found = optical_questions([("a/1", ["a sea.", "a sea.", "an ocean."])], 1, descriptions=3, contrasts=0)
    assert sorted(question.answer for question in found) == ["a sea.", "an ocean."]


def test_a_contrast_offers_a_noun_of_the_captions_and_one_of_a_theme_that_they_do_not_touch() -> None:
    captioned = dict(images())
    found = [question for question in optical_questions(images(), 1, contrasts=2) if question.type == "contrast"]
    assert len(found) > 150
    for question in found:
        heads = head_nouns(captioned[question.image_id])
        offered = nouns_asked(question.text)
        (other,) = set(offered) - {question.answer}
        assert question.answer in heads
        assert other not in heads
        assert not [theme for theme in THEMES if other in theme and theme & set(heads)]


def test_each_of_two_nouns_is_right_equally_often_and_stands_first_as_often() -> None:
    found = [question for question in optical_questions(images(400), 1) if question.type == "contrast"]
    counts: dict[tuple[str, ...], Counter[str]] = {}
    for question in found:
        counts.setdefault(tuple(sorted(nouns_asked(question.text))), Counter())[question.answer] += 1
    assert counts
    assert all(len(set(right.values())) == 1 and len(right) == 2 for right in counts.values())
    first = sum(nouns_asked(question.text)[0] == question.answer for question in found) / len(found)
    assert 0.35 < first < 0.65


def test_only_seed_and_images_decide() -> None:
    shuffled = random.Random(2).sample(images(), 200)
    assert optical_questions(shuffled, 1) == optical_questions(images(), 1)
    assert optical_questions(images(), 2) != optical_questions(images(), 1)


def test_what_has_no_captions_or_no_contrast_is_passed_over() -> None:
    assert optical_questions([("a/1", [])], 1) == optical_questions([], 1) == []
    found = optical_questions([("a/1", ["a sea."]), ("a/2", ["an ocean."])], 1)
    assert [question.type for question in found] == ["description", "description"]


@pytest.mark.parametrize("text", CONTRASTS)
def test_every_contrast_names_both(text: str) -> None:
    assert nouns_asked(text.format(a="sea", b="town")) == ("sea", "town")

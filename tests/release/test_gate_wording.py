"""What the gate reads from the words of a caption."""

import pytest

from sartext.release.gate.suites.captions import (
    forbidden,
    noun_mask,
    pattern,
    sentences,
    unfinished,
    untidy,
    words,
)


def test_sentences_end_at_their_marks_and_a_hyphenated_word_counts_once() -> None:
    assert sentences("There is one ship. It is in the center.") == ["There is one ship.", "It is in the center."]
    assert words("An oil-spill, upper-left.") == ["an", "oil-spill", "upper-left"]


@pytest.mark.parametrize(
    ("text", "banned"),
    [
        ("A white ship.", "white"),
        ("A White ship.", "white"),
        ("A blue-green field.", "blue, green"),
        ("A greenhouse near whitewater.", ""),
    ],
)
def test_forbidden_words_are_found_whole_and_in_hyphens(text: str, banned: str) -> None:
    assert forbidden(text, frozenset({"white", "green", "blue"})) == banned


@pytest.mark.parametrize(
    "text",
    [
        "There is one ship in this SAR image.",
        "Two ships are in the center; one is outside it.",
        "A220 aircraft stand on the apron.",
    ],
)
def test_finished_captions_pass(text: str) -> None:
    assert unfinished(text) == ""
    assert untidy(text) == "" or "function word" not in untidy(text)


@pytest.mark.parametrize(
    "text",
    ["", "There is one ship", "There is one ship and.", "There is one...", "it is in the center.", "One ship,."],
)
def test_unfinished_captions_are_told(text: str) -> None:
    assert unfinished(text)


@pytest.mark.parametrize(
    "text",
    [
        "There is one ship [sic] in this image.",
        "There is  one ship.",
        "There is one ship. ",
        "There is one\tship.",
        "Il y a un navire à voir.",
        "Schiffe liegen hier.",
        "There is one ship at 5 % of the image.",
    ],
)
def test_untidy_captions_are_told(text: str) -> None:
    assert untidy(text)


def test_numbers_nouns_and_plurals_do_not_make_a_pattern() -> None:
    nouns = noun_mask(["ship", "ships", "oil tank", "oil tanks"])
    ship = pattern("There is one ship in this SAR image.", nouns)
    assert pattern("There are more than twenty oil tanks in this SAR image.", nouns) == ship
    assert pattern("There are 12 ships in this SAR image.", nouns) == ship
    assert pattern("This SAR image shows one ship.", nouns) != ship

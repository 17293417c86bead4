"""What the gate reads from the words of a caption."""

from collections.abc import Callable

import pytest

from sartext.narrator.plain_english import forbidden, sentences, unfinished, untidy, words
from sartext.release.gate.suites.diversity import distinct, noun_mask, pattern, self_bleu


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


FINISHED = ["One ship in this image.", "Two ships are in it; one is outside.", "A220 aircraft stand on the apron."]
UNFINISHED = ["", "One ship", "There is one ship and.", "There is one...", "it is in the center.", "One ship,."]
SPACED = ["There is  one ship.", "There is one ship. ", "There is one\tship."]
FOREIGN = ["Il y a un navire à voir.", "Schiffe liegen hier."]
MARKED = ["There is one ship [sic] in this image.", "There is one ship at 5 % of the image."]


@pytest.mark.parametrize(
    ("texts", "faults_of", "faulty"),
    [
        (FINISHED, unfinished, False),
        (FINISHED, untidy, False),
        (UNFINISHED, unfinished, True),
        ([*SPACED, *FOREIGN, *MARKED], untidy, True),
    ],
    ids=["finished", "tidy", "unfinished", "untidy"],
)
def test_unfinished_and_untidy_captions_are_told(
    texts: list[str], faults_of: Callable[[str], str], faulty: bool
) -> None:
    assert {text: bool(faults_of(text)) for text in texts} == dict.fromkeys(texts, faulty)


def test_numbers_nouns_and_plurals_do_not_make_a_pattern() -> None:
    nouns = noun_mask(["ship", "ships", "oil tank", "oil tanks"])
    ship = pattern("There is one ship in this SAR image.", nouns)
    assert pattern("There are more than twenty oil tanks in this SAR image.", nouns) == ship
    assert pattern("There are 12 ships in this SAR image.", nouns) == ship
    assert pattern("This SAR image shows one ship.", nouns) != ship


def test_zones_and_shares_do_not_make_a_pattern() -> None:
    nouns = noun_mask(["ship", "ships", "crops", "water"])
    assert pattern("One ship lies in the center.", nouns) == pattern(
        "One ship lies outside the central part.", nouns
    )
    some = pattern("Crops cover a small part of it, mostly in the upper left.", nouns)
    assert pattern("Crops cover over a third of it, mostly in the middle.", nouns) == some
    assert pattern("Small parts of it are crops and water.", nouns) != some


def test_distinct_n_and_self_bleu_by_hand() -> None:
    captions = ["one ship lies here.", "two ships lie here.", "one ship lies there."]
    assert distinct(captions, 1) == 8 / 12
    assert distinct(captions, 3) == 5 / 6
    assert self_bleu(["one ship lies in the center."] * 3) == pytest.approx(1.0)
    assert self_bleu(["one ship lies in the center.", "water covers most of this image."]) < 0.05

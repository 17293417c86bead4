import pytest

from sartext.evaluation.metrics.diversity import copied, diversity, lengths


def test_distinct_captions_words_and_pairs_of_words():
    told = diversity(["one ship here", "one ship here", "two ships", ""])
    assert told == {
        "distinct_captions": 75,
        "distinct_unigrams": pytest.approx(100 * 5 / 8),
        "distinct_bigrams": pytest.approx(100 * 3 / 5),
        "vocabulary": 5,
        "empty_captions": 1,
    }


def test_a_percentage_of_nothing_is_left_out():
    assert diversity([""]) == {"distinct_captions": 100, "vocabulary": 0, "empty_captions": 1}
    assert "distinct_bigrams" not in diversity(["ship"])


def test_lengths_and_copies():
    assert lengths(["one ship here", ""]).tolist() == [3, 0]
    assert copied(["one ship", "two"], ["two", "three"]).tolist() == [0, 1]

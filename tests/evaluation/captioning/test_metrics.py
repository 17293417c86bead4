"""The metrics: equality with pycocoevalcap, and what it does not have, worked out by hand."""

from concurrent.futures import ThreadPoolExecutor
from math import exp, hypot, log

import numpy as np
import pytest

from sartext.errors import EvaluationError
from sartext.evaluation.metrics.cider import Frequencies, cider_d, document_frequencies, informative, pair_up
from sartext.evaluation.metrics.coco import (
    bleu,
    bleu_counts,
    common_subsequence,
    meteor,
    meteor_counts,
    read_counts,
    rouge_l,
)
from sartext.evaluation.metrics.java import tokenise
from sartext.evaluation.metrics.reference_free import copied, diversity, lengths


def test_bleu_counts_each_word_as_often_as_a_reference_has_it_and_short_captions_by_the_closest():
    counts = bleu_counts(["the the the"], [["the ship", "a the ship the"]])
    assert counts.tolist() == [[3, 2, 3, 2, 1, 0, 2, 0, 0, 0]]
    assert bleu(counts)[0, 0] == pytest.approx(2 / 3)
    counts = bleu_counts(["one two three"], [["one two three four", "one two three four five six"]])
    assert bleu(counts)[0, :3] == pytest.approx([exp(1 - 4 / 3)] * 3)
    assert bleu_counts(["a b c"], [["a b c d", "a b"]])[0, 1] == 2, "the shorter of two that are equally close"


def test_the_common_subsequence_is_that_of_pycocoevalcap():
    theirs = pytest.importorskip("pycocoevalcap.rouge.rouge").my_lcs
    rng = np.random.default_rng(3)
    for _ in range(200):
        left, right = (list(map(int, rng.integers(0, 4, rng.integers(0, 90)))) for _ in range(2))
        assert common_subsequence(left, right) == theirs(left, right)


REFERENCES = [["red ship"], ["blue ship"]]


def test_cider_d_by_the_references_of_the_train_split():
    train = document_frequencies([["red ship", "red vessel"], ["red sea"], ["a ship"]])
    assert train.documents == 3
    assert (train.counts["red",], train.counts["ship",], train.counts["red", "ship"]) == (2, 2, 1)
    red, ship, boat = log(3 / 2), log(3 / 2), log(3)
    scores = cider_d(pair_up(["red boat", "blue ship"], REFERENCES), train)
    assert scores[0] == pytest.approx(10 / 4 * red**2 / (hypot(red, boat) * hypot(red, ship)))
    assert scores[0] != pytest.approx(10 / 4 * log(2) ** 2 / (hypot(log(2), log(2)) * log(2)))


def test_references_that_are_all_equal_tell_nothing():
    equal = [["one ship"], ["one ship"]]
    assert not informative(equal, document_frequencies(equal))
    assert not informative(equal[:1], document_frequencies(equal[:1]))
    assert not informative(equal, Frequencies(0, {}))
    assert informative(REFERENCES, document_frequencies(REFERENCES))


def answer(*numbers, stages="0 0 0 0 0 0 0 0 0 0 0 0"):
    *before, chunks, words, wanted = numbers
    return f"{' '.join(map(str, before))} {stages} {chunks} {words} {wanted}"


WHOLE = answer(4, 4, 2, 2, 2, 2, 2, 2, 1, 4, 4)
SHUFFLED = answer(4, 4, 2, 2, 2, 2, 2, 2, 3, 4, 4)
PART = answer(9, 8, 4, 4, 4, 4, 2, 2, 2, 6, 6)
FIRST = answer(4, 5, 2, 2, 2, 2, 2, 2, 1, 4, 4)
STAGES = answer(9, 8, 4, 4, 2, 3, 1, 0, 2, 6, 5, stages="1 0 0 1 1 1 1 0 0 0 1 1")


@pytest.mark.parametrize(
    ("lines", "score"),
    [
        ([WHOLE], 1.0),
        ([SHUFFLED], 0.43354749322305886),
        ([PART], 0.4411532450586056),
        ([FIRST], 0.413486278708535),
        ([STAGES], 0.39056169425750703),
        ([answer(0, 4, 0, 2, 0, 0, 0, 0, 0, 0, 0)], 0.0),
        ([answer(1, 4, 0, 2, 0, 0, 0, 0, 0, 0, 0)], 0.0),
        ([WHOLE, WHOLE], 1.0),
        ([WHOLE, SHUFFLED], 0.5068744511448323),
        ([FIRST, WHOLE], 0.521097683465774),
        ([STAGES, PART], 0.4157667646603782),
    ],
)
def test_meteor_scores_what_matched_as_the_jar_does(lines, score):
    """The scores are what version 1.5 answers to EVAL with these statistics."""
    counts = np.array([read_counts(line) for line in lines])
    assert meteor(counts.sum(axis=0)) == pytest.approx(score, abs=1e-12)


@pytest.mark.parametrize("line", ["Error: specify SCORE or EVAL or SING", "1 2 3", ""])
def test_meteor_answers_that_are_none_are_refused(line):
    with pytest.raises(EvaluationError, match="METEOR said"):
        read_counts(line)


def test_distinct_captions_words_and_pairs_of_words():
    counted = diversity(["one ship here", "one ship here", "two ships", ""])
    assert counted == {
        "distinct_captions": 75,
        "distinct_unigrams": pytest.approx(100 * 5 / 8),
        "distinct_bigrams": pytest.approx(100 * 3 / 5),
        "vocabulary": 5,
        "empty_captions": 1,
    }
    assert diversity([""]) == {"distinct_captions": 100, "vocabulary": 0, "empty_captions": 1}
    assert "distinct_bigrams" not in diversity(["ship"]), "a percentage of nothing"
    assert lengths(["one ship here", ""]).tolist() == [3, 0]
    assert copied(["one ship", "two"], ["two", "three"]).tolist() == [0, 1]


def near(value):
    return pytest.approx(value, abs=1e-6)


def test_tokens(tokenised):
    assert len({caption for (caption,) in tokenised.said.values()}) > 150, "they differ"
    written = [*tokenised.said.values(), *tokenised.references.values()]
    ours = tokenise([text for texts in written for text in texts])
    theirs = [*tokenised.tokens.values(), *tokenised.reference_tokens.values()]
    assert [[ours[text] for text in texts] for texts in written] == theirs


def test_bleu(tokenised):
    from pycocoevalcap.bleu.bleu import Bleu

    total, scores = Bleu(4).compute_score(tokenised.reference_tokens, tokenised.tokens, verbose=0)
    counts = bleu_counts(tokenised.captions, tokenised.reference_lists)
    assert bleu(counts.sum(axis=0)) == near(total)
    assert near(np.array(scores)) == bleu(counts).T
    assert 0.1 < total[3] < 0.9


def test_rouge_l(tokenised):
    from pycocoevalcap.rouge.rouge import Rouge

    total, scores = Rouge().compute_score(tokenised.reference_tokens, tokenised.tokens)
    ours = rouge_l(tokenised.captions, tokenised.reference_lists)
    assert ours == near(scores)
    assert ours.mean() == near(total)


def test_cider_d(tokenised):
    from pycocoevalcap.cider.cider import Cider

    total, scores = Cider().compute_score(tokenised.reference_tokens, tokenised.tokens)
    ours = cider_d(
        pair_up(tokenised.captions, tokenised.reference_lists), document_frequencies(tokenised.reference_lists)
    )
    assert ours == near(scores)
    assert ours.mean() == near(total)
    assert total > 0.5


@pytest.mark.slow
def test_meteor(tokenised):
    """Both jars load for over ten seconds, and so at once."""
    from pycocoevalcap.meteor.meteor import Meteor

    with ThreadPoolExecutor(1) as pool:
        theirs = pool.submit(lambda: Meteor().compute_score(tokenised.reference_tokens, tokenised.tokens))
        counts = meteor_counts(tokenised.captions, tokenised.reference_lists)
        total, scores = theirs.result()
    assert meteor(counts) == near(np.array(scores))
    assert meteor(counts.sum(axis=0)) == near(total)
    assert 0.1 < total < 0.9
    assert len(set(scores)) > 100

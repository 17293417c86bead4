"""The field's metrics are those of pycocoevalcap, per image and in total, on 240 captions with five references."""

import numpy as np
import pytest

from sartext.evaluation.metrics.cider import cider_d, document_frequencies, pair_up
from sartext.evaluation.metrics.coco import bleu, bleu_counts, meteor, rouge_l
from sartext.evaluation.metrics.java import tokenise


def near(value):
    return pytest.approx(value, abs=1e-6)


def test_there_are_enough_captions_and_they_differ(tokenised):
    assert len(tokenised.said) >= 240
    assert all(len(one) == 5 for one in tokenised.references.values())
    assert len({one[0] for one in tokenised.said.values()}) > 150


def test_tokens(tokenised):
    written = [one for some in (tokenised.said, tokenised.references) for told in some.values() for one in told]
    ours = tokenise(written)
    for texts, tokens in ((tokenised.said, tokenised.tokens), (tokenised.references, tokenised.reference_tokens)):
        for number, told in texts.items():
            assert [ours[one] for one in told] == tokens[number]


def test_bleu(tokenised):
    from pycocoevalcap.bleu.bleu import Bleu

    total, scores = Bleu(4).compute_score(tokenised.reference_tokens, tokenised.tokens, verbose=0)
    counts = bleu_counts(tokenised.captions, tokenised.told)
    assert bleu(counts.sum(axis=0)) == near(total)
    assert near(np.array(scores)) == bleu(counts).T
    assert 0.1 < total[3] < 0.9


def test_rouge_l(tokenised):
    from pycocoevalcap.rouge.rouge import Rouge

    total, scores = Rouge().compute_score(tokenised.reference_tokens, tokenised.tokens)
    ours = rouge_l(tokenised.captions, tokenised.told)
    assert ours == near(scores)
    assert ours.mean() == near(total)


def test_cider_d(tokenised):
    from pycocoevalcap.cider.cider import Cider

    total, scores = Cider().compute_score(tokenised.reference_tokens, tokenised.tokens)
    ours = cider_d(pair_up(tokenised.captions, tokenised.told), document_frequencies(tokenised.told))
    assert ours == near(scores)
    assert ours.mean() == near(total)
    assert total > 0.5


@pytest.mark.slow
def test_meteor(meteors):
    assert meteor(meteors.counts) == near(np.array(meteors.scores))
    assert meteor(meteors.counts.sum(axis=0)) == near(meteors.total)
    assert 0.1 < meteors.total < 0.9
    assert len(set(meteors.scores)) > 100

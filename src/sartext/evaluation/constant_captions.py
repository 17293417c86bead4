"""The best captions that never see an image: those of the train split that would score best if said of all of it.

What an annotation decides differs by corpus, so that a caption which says little, and that where it is nearly
always true, is precise without looking, and one that says much has recall; only together they are hard to have.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np
from scipy import sparse

from sartext.bootstrap import Floats
from sartext.evaluation.benchmarks import Example
from sartext.evaluation.details import CONSTANT_CIDER, CONSTANT_F1, CONSTANT_PRECISION, CONSTANT_RECALL
from sartext.evaluation.metrics.cider import SIGMA
from sartext.evaluation.metrics.coco import ORDERS, ngrams
from sartext.evaluation.metrics.reference_free import RIGHT, STATED, TRUE, CheckableClasses
from sartext.narrator.statements import Statement, statements_of

OBJECTIVES: Mapping[str, Callable[[Floats], Floats]] = {
    CONSTANT_PRECISION: lambda sums: sums[:, RIGHT] / np.maximum(sums[:, STATED], 1),
    CONSTANT_RECALL: lambda sums: sums[:, RIGHT] / np.maximum(sums[:, TRUE], 1),
    CONSTANT_F1: lambda sums: 2 * sums[:, RIGHT] / np.maximum(sums[:, STATED] + sums[:, TRUE], 1),
}
"""From right, stated and true statements, [captions, 3], to what a variant's caption is the best of."""


def constant_captions(train: Iterable[Example], checkable: CheckableClasses) -> dict[str, str]:
    """Return, by variant, that caption of some train rows which scores best on all; of equals the most frequent.

    CIDEr-D is taken against each row's own caption. Rows whose facts no statement can be held against, or of a
    corpus that ``checkable`` lacks, decide nothing on facts.
    """
    rows = list(train)
    if not rows:
        return {}
    counts = Counter(row.caption for row in rows)
    captions = sorted(counts, key=lambda caption: (-counts[caption], caption))
    sums = _statement_sums(captions, rows, checkable)
    scores = {variant: objective(sums) for variant, objective in OBJECTIVES.items() if sums[:, TRUE].any()}
    scores[CONSTANT_CIDER] = _consensus(captions, np.array([counts[caption] for caption in captions]))
    return {variant: captions[int(values.argmax())] for variant, values in scores.items()}


def _statement_sums(captions: Sequence[str], rows: Iterable[Example], checkable: CheckableClasses) -> Floats:
    """Right, stated and true statements if each caption is said of all rows, [captions, 3]."""
    true: Counter[Statement] = Counter()
    decided: Counter[str] = Counter()
    for row in rows:
        if row.corpus in checkable.decided and not row.facts.statements:
            truth = set(statements_of(row.facts))
            true.update(truth)
            decided.update({*checkable.decided[row.corpus], *(statement.label for statement in truth)})
    sums = np.zeros((len(captions), 3))
    for place, caption in enumerate(captions):
        stated = checkable.read(caption).statements
        sums[place, RIGHT] = sum(true[statement] for statement in stated)
        sums[place, STATED] = sum(decided[statement.label] for statement in stated)
        sums[place, TRUE] = true.total()
    return sums


def _consensus(captions: Sequence[str], counts: Floats) -> Floats:
    """CIDEr-D of each caption against all, ``counts`` being how often each is there; n-grams are not clipped.

    References of one length share the penalty on a difference in length, so their sum is compared with at once.
    """
    grams = [ngrams(" ".join(re.findall(r"\w+", caption.casefold()))) for caption in captions]
    lengths = np.array([sum(n for gram, n in of.items() if len(gram) == 1) for of in grams], dtype=np.float64)
    distinct, of_length = np.unique(lengths, return_inverse=True)
    penalty = np.exp(-((lengths[:, None] - distinct[None, :]) ** 2) / (2 * SIGMA**2))
    by_length = sparse.csr_matrix((counts, (of_length, np.arange(len(captions)))))
    scores = np.zeros(len(captions))
    for order in range(1, ORDERS + 1):
        numbers: dict[tuple[str, ...], int] = {}
        places = [
            (row, numbers.setdefault(gram, len(numbers)), n)
            for row, of in enumerate(grams)
            for gram, n in of.items()
            if len(gram) == order
        ]
        if not places:
            continue
        at, column, n = map(np.array, zip(*places, strict=True))
        seen = np.bincount(column, weights=counts[at])
        weights = n * np.log(counts.sum() / seen)[column]
        norms = np.sqrt(np.bincount(at, weights=weights**2, minlength=len(captions)))
        unit = sparse.csr_matrix(
            (weights / np.maximum(norms[at], 1e-12), (at, column)), shape=(len(captions), len(numbers))
        )
        scores += ((unit @ (by_length @ unit).T).toarray() * penalty).sum(axis=1)
    return np.asarray(scores)

"""Suite ``diversity``: captions are told in many ways, and not one sentence again and again.

A sentence pattern is a sentence whose numbers, nouns of classes, shares and zones are masked. Distinct-n (Li et
al. 2016) is the number of different n-grams over that of all; self-BLEU (Zhu et al. 2018) the mean BLEU-4 of a
caption against the others. Both depend on how many captions there are, so they are of `SAMPLE` captions, chosen by
the hash of their image ids.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from hashlib import blake2b
from itertools import chain
from typing import Any

from sartext.narrator.facts import from_json
from sartext.narrator.methods import ANNOTATED
from sartext.narrator.plain_english import sentences, words
from sartext.narrator.reading import PLACES, PLURAL_SHARES
from sartext.narrator.vocabulary import NUMBER_WORDS, SHARES, ZONES, bare
from sartext.release.gate.suite import Check, Frame, Inputs, Measure, Suite, extreme

ENOUGH = 200
"""Captions below which the share of one pattern says nothing: of even chances one comes up often."""

SAMPLE = 100
"""Captions of a corpus by a method that distinct-n and self-BLEU are of; below as many nothing is judged."""


def _mask(phrases: Iterable[str]) -> re.Pattern[str]:
    ordered = sorted({phrase.lower() for phrase in phrases}, key=lambda phrase: (-len(phrase), phrase))
    return re.compile(r"(?<![\w-])(?:" + "|".join(map(re.escape, ordered)) + r")(?![\w-])" if ordered else r"(?!)")


_NUMBER = re.compile(r"\bmore than twenty\b|\b(?:" + "|".join(NUMBER_WORDS) + r"|\d+)\b")
_SHARE = _mask([*(words for _, words in SHARES), *PLURAL_SHARES])
_ZONE = _mask([*PLACES, *(f"{lead} {zone}" for zone in ZONES.values() for lead in ("in the", "at"))])
_VERB = re.compile(r"\b(?:is|are)\b")
_ARTICLE = re.compile(r"\b(?:an|a)\b")


def noun_mask(nouns: Iterable[str]) -> re.Pattern[str]:
    """Return the expression that finds any of some nouns, in lower case, the longest first."""
    return _mask(nouns)


def pattern(sentence: str, nouns: re.Pattern[str]) -> str:
    """Return a sentence with numbers, nouns, shares and zones masked, and singular and plural made alike."""
    masked = _NUMBER.sub("#", nouns.sub("@", sentence.lower()))
    return _ARTICLE.sub("a", _VERB.sub("is", _ZONE.sub("&", _SHARE.sub("%", masked))))


def distinct(captions: Sequence[str], n: int) -> float:
    """Return the number of different runs of ``n`` words over that of all runs, from 0 to 1."""
    tokens = [words(caption) for caption in captions]
    runs = list(chain.from_iterable(zip(*(text[start:] for start in range(n)), strict=False) for text in tokens))
    return len(set(runs)) / len(runs) if runs else 0.0


def self_bleu(captions: Sequence[str]) -> float:
    """Return the mean BLEU-4 of each caption with all others as references, by pycocoevalcap, from 0 to 1."""
    from pycocoevalcap.bleu.bleu_scorer import BleuScorer

    texts = [" ".join(words(caption)) for caption in captions]
    scorer = BleuScorer(n=4)
    for place, text in enumerate(texts):
        scorer += (text, texts[:place] + texts[place + 1 :])
    _, by_caption = scorer.compute_score(option="closest", verbose=0)
    return float(sum(by_caption[3])) / len(texts)


def _pattern_share(*, annotated: bool) -> Measure:
    """Share of a corpus's captions, from annotations or not, that hold its most frequent sentence pattern."""
    return lambda inputs: [_largest(_patterns(inputs, corpus, annotated)) for corpus in inputs.released_corpora]


def _patterns(inputs: Inputs, corpus: str, annotated: bool) -> list[frozenset[str]]:
    rows = [row for row in inputs.pairs if row["corpus"] == corpus and _is_annotated(row) is annotated]
    entry = inputs.catalogue[corpus]
    nouns = {noun for kind in entry.classes for noun in (kind.noun, kind.plural, kind.hypernym)}
    # an unlabelled corpus has no classes: the nouns of its captions are those of their facts
    nouns |= {noun for row in rows for noun in _fact_nouns(row["facts"])}
    mask = noun_mask([*nouns, *map(bare, nouns), *([entry.background] if entry.background else [])])
    return [frozenset(pattern(sentence, mask) for sentence in sentences(row["caption"])) for row in rows]


def _largest(held: Sequence[frozenset[str]]) -> float:
    """The share of captions that hold the pattern that most of them hold; 0 where there are too few."""
    counts = Counter(found for patterns in held for found in patterns)
    return max(counts.values()) / len(held) if len(held) >= ENOUGH and counts else 0.0


def _is_annotated(row: Mapping[str, Any]) -> bool:
    return row["method"] in ANNOTATED


def _fact_nouns(facts_json: str) -> list[str]:
    facts = from_json(facts_json)
    counted = [noun for fact in facts.objects for noun in (fact.noun, fact.plural)]
    named = [*(fact.noun for fact in facts.present), *(fact.noun for fact in facts.cover)]
    return [*counted, *named, *([facts.scene_class] if facts.scene_class else [])]


def _pattern_check(name: str, column: str, *, annotated: bool) -> Check:
    def unjudged(inputs: Inputs) -> tuple[list[str], str]:
        counts = Counter(row["corpus"] for row in inputs.pairs if _is_annotated(row) is annotated)
        few = [corpus for corpus in inputs.released_corpora if counts[corpus] < ENOUGH]
        return few, f"fewer than {ENOUGH} captions {'from annotations' if annotated else 'by models or quoted'}"

    # what a model or an optical caption says most the reader must know, and no rule can be corrected
    return extreme(
        name,
        "corpora",
        column,
        "share of a corpus",
        side="Max",
        limit=lambda parameters: parameters.gate.sentence_pattern_share,
        severity="critical" if annotated else "warning",
        unjudged=unjudged,
    )


def _sources(inputs: Inputs) -> list[str]:
    """Corpus and method of the captions, joined by a slash, sorted."""
    return sorted({f"{row['corpus']}/{row['method']}" for row in inputs.pairs})


def _captions(inputs: Inputs, source: str) -> list[str]:
    """Captions of a corpus by a method, in the order of the hashes of their image ids."""
    rows = [row for row in inputs.pairs if f"{row['corpus']}/{row['method']}" == source]
    rows.sort(key=lambda row: blake2b(row["image_id"].encode(), digest_size=8).digest())
    return [row["caption"] for row in rows]


def _of_sample(measure: Callable[[Sequence[str]], float], otherwise: float) -> Measure:
    def measured(inputs: Inputs) -> list[float]:
        found = (_captions(inputs, source) for source in _sources(inputs))
        return [round(measure(texts[:SAMPLE]), 4) if len(texts) >= SAMPLE else otherwise for texts in found]

    return measured


def _few_of_source(inputs: Inputs) -> tuple[list[str], str]:
    few = [source for source in _sources(inputs) if len(_captions(inputs, source)) < SAMPLE]
    return few, f"fewer than {SAMPLE} captions by a method"


def _distinct_check(n: int) -> Check:
    return extreme(
        f"distinct-{n}",
        "sources",
        f"distinct_{n}",
        "share of the n-grams",
        side="Min",
        limit=lambda parameters: parameters.gate.distinct_ngrams[n - 1],
        unjudged=_few_of_source,
    )


SUITE = Suite(
    "diversity",
    "Captions are told in many ways, and not one sentence again and again",
    frames=(
        Frame(
            "corpora",
            "corpora",
            lambda inputs: inputs.released_corpora,
            {
                "pattern_share": _pattern_share(annotated=True),
                "other_pattern_share": _pattern_share(annotated=False),
            },
        ),
        Frame(
            "sources",
            "corpora by method",
            _sources,
            {
                **{f"distinct_{n}": _of_sample(partial(distinct, n=n), 1.0) for n in (1, 2, 3)},
                "self_bleu": _of_sample(self_bleu, 0.0),
            },
        ),
    ),
    checks=(
        _pattern_check("share of one sentence pattern", "pattern_share", annotated=True),
        _pattern_check(
            "share of one sentence pattern, quoted and model captions", "other_pattern_share", annotated=False
        ),
        *map(_distinct_check, (1, 2, 3)),
        extreme(
            "self-BLEU",
            "sources",
            "self_bleu",
            "BLEU-4",
            side="Max",
            limit=lambda parameters: parameters.gate.self_bleu,
            unjudged=_few_of_source,
        ),
    ),
)

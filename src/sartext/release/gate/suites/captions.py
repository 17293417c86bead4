"""Suite ``captions``: captions read as finished English that a SAR image can bear out."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

from sartext.narrator.facts import from_json
from sartext.narrator.methods import BY_MODEL
from sartext.narrator.plain_english import forbidden, sentences, unfinished, untidy, words
from sartext.narrator.vocabulary import COLOUR_WORDS, FORBIDDEN_WORDS, NUMBER_WORDS, WEATHER_WORDS
from sartext.release.gate.suite import (
    Check,
    Frame,
    Inputs,
    Measure,
    Suite,
    Unjudged,
    extreme,
    of_column,
    within,
    without,
)

ENOUGH = 100
"""Captions of a corpus below which a share of them says nothing."""

_NUMBER = re.compile(r"\bmore than twenty\b|\b(?:" + "|".join(NUMBER_WORDS) + r"|\d+)\b")
_VERB = re.compile(r"\b(?:is|are)\b")
_ARTICLE = re.compile(r"\b(?:an|a)\b")


def noun_mask(nouns: Iterable[str]) -> re.Pattern[str]:
    """Return the expression that finds any of some nouns, in lower case, the longest first."""
    ordered = sorted({noun.lower() for noun in nouns}, key=lambda noun: (-len(noun), noun))
    return re.compile(r"\b(?:" + "|".join(map(re.escape, ordered)) + r")\b" if ordered else r"(?!)")


def pattern(sentence: str, nouns: re.Pattern[str]) -> str:
    """Return a sentence with its numbers and nouns masked, and singular and plural made alike."""
    masked = _NUMBER.sub("#", nouns.sub("@", sentence.lower()))
    return _ARTICLE.sub("a", _VERB.sub("is", masked))


def _pattern_share(*, by_model: bool) -> Measure:
    """Share of a corpus's captions, by rules or by models, that hold its most frequent sentence pattern."""
    return lambda inputs: [_share(_patterns(inputs, corpus, by_model)) for corpus in inputs.released_corpora]


def _patterns(inputs: Inputs, corpus: str, by_model: bool) -> list[frozenset[str]]:
    rows = [row for row in inputs.pairs if row["corpus"] == corpus and _by_model(row) is by_model]
    entry = inputs.catalogue[corpus]
    nouns = {noun for kind in entry.classes for noun in (kind.noun, kind.plural, kind.hypernym)}
    # an unlabelled corpus has no classes: the nouns of its captions are those of their facts
    nouns |= {noun for row in rows if by_model for noun in _fact_nouns(row["facts"])}
    mask = noun_mask([*nouns, *([entry.background] if entry.background else [])])
    return [frozenset(pattern(sentence, mask) for sentence in sentences(row["caption"])) for row in rows]


def _by_model(row: Mapping[str, Any]) -> bool:
    return row["method"] in BY_MODEL


def _fact_nouns(facts_json: str) -> list[str]:
    facts = from_json(facts_json)
    counted = [noun for fact in facts.objects for noun in (fact.noun, fact.plural)]
    named = [*(fact.noun for fact in facts.present), *(fact.noun for fact in facts.cover)]
    return [*counted, *named, *([facts.scene_class] if facts.scene_class else [])]


def _objectless_share(inputs: Inputs) -> list[float]:
    """Share of a corpus's captions that are its most frequent caption of no objects."""
    captions = [(row["corpus"], {row["caption"]} if _objectless(row["facts"]) else ()) for row in inputs.pairs]
    return [_share([held for of, held in captions if of == corpus]) for corpus in inputs.released_corpora]


def _objectless(facts_json: str) -> bool:
    facts = from_json(facts_json)
    return not (facts.objects or facts.cover or facts.present or facts.statements or facts.scene_class)


def _share(held: Sequence[Collection[str]]) -> float:
    """The share of captions that hold the pattern or text that most of them hold; 0 where there are too few."""
    counts = Counter(text for texts in held for text in texts)
    return max(counts.values()) / len(held) if len(held) >= ENOUGH and counts else 0.0


def _too_few(by: str, counted: Callable[[Mapping[str, Any]], bool]) -> Unjudged:
    """The corpora of which too few captions are counted, and that they are."""

    def unjudged(inputs: Inputs) -> tuple[list[str], str]:
        counts = Counter(row["corpus"] for row in inputs.pairs if counted(row))
        few = [corpus for corpus in inputs.released_corpora if counts[corpus] < ENOUGH]
        return few, f"fewer than {ENOUGH} captions{by}"

    return unjudged


def _pattern_check(name: str, column: str, *, by_model: bool) -> Check:
    # a model says what most of its teachers said; the reader must know, and no rule can be corrected
    return extreme(
        name,
        "corpora",
        column,
        "share of a corpus",
        side="Max",
        limit=lambda parameters: parameters.gate.sentence_pattern_share,
        severity="warning" if by_model else "critical",
        unjudged=_too_few(f" by {'a model' if by_model else 'rules'}", lambda row: _by_model(row) is by_model),
    )


SUITE = Suite(
    "captions",
    "Captions read as finished English that a SAR image can bear out",
    frames=(
        Frame(
            "candidate",
            "captions",
            of_column("image_id"),
            {
                "words": of_column("caption", lambda caption: len(words(caption))),
                "untidy": of_column("caption", untidy),
                "unfinished": of_column("caption", unfinished),
                "colour": of_column("caption", lambda caption: forbidden(caption, COLOUR_WORDS)),
                "weather": of_column("caption", lambda caption: forbidden(caption, WEATHER_WORDS)),
                "unprovable": of_column("caption", lambda caption: forbidden(caption, FORBIDDEN_WORDS)),
            },
        ),
        Frame(
            "corpora",
            "corpora",
            lambda inputs: inputs.released_corpora,
            {
                "pattern_share": _pattern_share(by_model=False),
                "model_pattern_share": _pattern_share(by_model=True),
                "objectless_share": _objectless_share,
            },
        ),
    ),
    checks=(
        within(
            "length in words", "candidate", "words", "captions", lambda parameters: parameters.gate.caption_words
        ),
        without("plain English", "candidate", "untidy", "captions"),
        without("finished sentences", "candidate", "unfinished", "captions"),
        without("no colour words", "candidate", "colour", "captions"),
        without("no weather words", "candidate", "weather", "captions"),
        without("no words that no mask proves", "candidate", "unprovable", "captions"),
        _pattern_check("share of one sentence pattern", "pattern_share", by_model=False),
        _pattern_check("share of one sentence pattern, model captions", "model_pattern_share", by_model=True),
        extreme(
            "share of one caption of no objects",
            "corpora",
            "objectless_share",
            "share of a corpus",
            side="Max",
            limit=lambda parameters: parameters.gate.no_object_share,
            unjudged=_too_few("", lambda row: True),
        ),
    ),
)

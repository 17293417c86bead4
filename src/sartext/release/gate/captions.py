"""Suite ``captions``: captions read as finished English that a SAR image can bear out."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sartext.catalogue.entry import Entry
from sartext.narrator.facts import from_json
from sartext.narrator.methods import BY_MODEL
from sartext.narrator.vocabulary import COLOUR_WORDS, FORBIDDEN_WORDS, WEATHER_WORDS
from sartext.release.gate import wording
from sartext.release.gate.checks import Check, Frame, Measure, Suite, Unjudged, most, without
from sartext.release.gate.inputs import Inputs

ENOUGH = 100
"""Captions of a corpus below which a share of them says nothing."""


def _words(inputs: Inputs) -> list[int]:
    return [len(wording.words(caption)) for caption in inputs.column("caption")]


def _holding(banned: frozenset[str]) -> Measure:
    return lambda inputs: [wording.forbidden(caption, banned) for caption in inputs.column("caption")]


def _unfinished(inputs: Inputs) -> list[str]:
    return [wording.unfinished(caption) for caption in inputs.column("caption")]


def _untidy(inputs: Inputs) -> list[str]:
    return [wording.untidy(caption) for caption in inputs.column("caption")]


def _corpora(inputs: Inputs) -> list[str]:
    return sorted(set(inputs.column("corpus")))


def _pattern_share(*, by_model: bool) -> Measure:
    """Share of a corpus's captions, by rules or by models, that hold its most frequent sentence pattern."""
    return lambda inputs: [_share(_patterns(inputs, corpus, by_model)) for corpus in _corpora(inputs)]


def _patterns(inputs: Inputs, corpus: str, by_model: bool) -> list[frozenset[str]]:
    rows = [row for row in inputs.pairs if row["corpus"] == corpus and _by_model(row) is by_model]
    # an unlabelled corpus has no classes: the nouns of its captions are those of their facts
    spoken = {noun for row in rows if by_model for noun in _spoken(row["facts"])}
    nouns = wording.noun_mask([*_nouns(inputs.catalogue[corpus]), *spoken])
    return [
        frozenset(wording.pattern(sentence, nouns) for sentence in wording.sentences(row["caption"]))
        for row in rows
    ]


def _by_model(row: Mapping[str, Any]) -> bool:
    return row["method"] in BY_MODEL


def _nouns(entry: Entry) -> list[str]:
    found = [noun for one in entry.classes for noun in (one.noun, one.plural, one.hypernym)]
    return [*found, *([entry.background] if entry.background else [])]


def _spoken(facts_json: str) -> list[str]:
    facts = from_json(facts_json)
    return [
        *(noun for one in facts.objects for noun in (one.noun, one.plural)),
        *(one.noun for one in facts.present),
        *(one.noun for one in facts.cover),
    ]


def _objectless_share(inputs: Inputs) -> list[float]:
    """Share of a corpus's captions that are its most frequent caption of no objects."""
    found = []
    for corpus in _corpora(inputs):
        rows = [row for row in inputs.pairs if row["corpus"] == corpus]
        found.append(_share([{row["caption"]} if _objectless(row["facts"]) else () for row in rows]))
    return found


def _objectless(facts_json: str) -> bool:
    facts = from_json(facts_json)
    return not (facts.objects or facts.cover or facts.present or facts.statements)


def _share(held: Sequence[Collection[str]]) -> float:
    counted = Counter(one for each in held for one in each)
    if len(held) < ENOUGH or not counted:
        return 0.0
    return max(counted.values()) / len(held)


def _too_few(inputs: Inputs) -> tuple[list[str], str]:
    counted = Counter(inputs.column("corpus"))
    return sorted(name for name, count in counted.items() if count < ENOUGH), f"fewer than {ENOUGH} captions"


def _too_few_by(*, model: bool) -> Unjudged:
    def told(inputs: Inputs) -> tuple[list[str], str]:
        counted = Counter(row["corpus"] for row in inputs.pairs if _by_model(row) is model)
        few = [corpus for corpus in _corpora(inputs) if counted[corpus] < ENOUGH]
        return few, f"fewer than {ENOUGH} captions by {'a model' if model else 'rules'}"

    return told


SUITE = Suite(
    "captions",
    frames=(
        Frame(
            "candidate",
            "captions",
            lambda inputs: inputs.column("image_id"),
            {
                "words": _words,
                "untidy": _untidy,
                "unfinished": _unfinished,
                "colour": _holding(COLOUR_WORDS),
                "weather": _holding(WEATHER_WORDS),
                "unprovable": _holding(FORBIDDEN_WORDS),
            },
        ),
        Frame(
            "corpora",
            "corpora",
            _corpora,
            {
                "pattern_share": _pattern_share(by_model=False),
                "model_pattern_share": _pattern_share(by_model=True),
                "objectless_share": _objectless_share,
            },
        ),
    ),
    checks=(
        Check(
            "length in words",
            "candidate",
            "ExpectColumnValuesToBeBetween",
            lambda parameters: {
                "column": "words",
                "min_value": parameters.gate.caption_words[0],
                "max_value": parameters.gate.caption_words[1],
            },
            "captions",
        ),
        without("plain English", "candidate", "untidy", "captions"),
        without("finished sentences", "candidate", "unfinished", "captions"),
        without("no colour words", "candidate", "colour", "captions"),
        without("no weather words", "candidate", "weather", "captions"),
        without("no words that no mask proves", "candidate", "unprovable", "captions"),
        most(
            "share of one sentence pattern",
            "corpora",
            "pattern_share",
            "share of a corpus",
            lambda parameters: parameters.gate.sentence_pattern_share,
            unjudged=_too_few_by(model=False),
        ),
        # a model says what most of its teachers said; the reader must know, and no rule can be corrected
        most(
            "share of one sentence pattern, model captions",
            "corpora",
            "model_pattern_share",
            "share of a corpus",
            lambda parameters: parameters.gate.sentence_pattern_share,
            severity="warning",
            unjudged=_too_few_by(model=True),
        ),
        most(
            "share of one caption of no objects",
            "corpora",
            "objectless_share",
            "share of a corpus",
            lambda parameters: parameters.gate.no_object_share,
            unjudged=_too_few,
        ),
    ),
)

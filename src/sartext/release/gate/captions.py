"""Suite ``captions``: captions read as finished English that a SAR image can bear out."""

from collections import Counter
from collections.abc import Collection, Sequence

from sartext.catalogue.entry import Entry
from sartext.narrator.facts import from_json
from sartext.narrator.vocabulary import COLOUR_WORDS, FORBIDDEN_WORDS, WEATHER_WORDS
from sartext.release.gate import wording
from sartext.release.gate.checks import Check, Frame, Measure, Suite, most, without
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


def _pattern_share(inputs: Inputs) -> list[float]:
    """Share of a corpus's captions that hold its most frequent sentence pattern."""
    return [_share(_patterns(inputs, corpus)) for corpus in _corpora(inputs)]


def _patterns(inputs: Inputs, corpus: str) -> list[frozenset[str]]:
    nouns = wording.noun_mask(_nouns(inputs.catalogue[corpus]))
    return [
        frozenset(wording.pattern(sentence, nouns) for sentence in wording.sentences(row["caption"]))
        for row in inputs.pairs
        if row["corpus"] == corpus
    ]


def _nouns(entry: Entry) -> list[str]:
    found = [noun for one in entry.classes for noun in (one.noun, one.plural, one.hypernym)]
    return [*found, *([entry.background] if entry.background else [])]


def _objectless_share(inputs: Inputs) -> list[float]:
    """Share of a corpus's captions that are its most frequent caption of no objects."""
    found = []
    for corpus in _corpora(inputs):
        rows = [row for row in inputs.pairs if row["corpus"] == corpus]
        found.append(_share([{row["caption"]} if _objectless(row["facts"]) else () for row in rows]))
    return found


def _objectless(facts_json: str) -> bool:
    facts = from_json(facts_json)
    return not (facts.objects or facts.cover or facts.statements)


def _share(held: Sequence[Collection[str]]) -> float:
    counted = Counter(one for each in held for one in each)
    if len(held) < ENOUGH or not counted:
        return 0.0
    return max(counted.values()) / len(held)


def _too_few(inputs: Inputs) -> tuple[list[str], str]:
    counted = Counter(inputs.column("corpus"))
    return sorted(name for name, count in counted.items() if count < ENOUGH), f"fewer than {ENOUGH} captions"


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
            {"pattern_share": _pattern_share, "objectless_share": _objectless_share},
        ),
    ),
    checks=(
        Check(
            "length in words",
            "candidate",
            "ExpectColumnValuesToBeBetween",
            lambda gate: {
                "column": "words",
                "min_value": gate.caption_words[0],
                "max_value": gate.caption_words[1],
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
            lambda gate: gate.sentence_pattern_share,
            unjudged=_too_few,
        ),
        most(
            "share of one caption of no objects",
            "corpora",
            "objectless_share",
            "share of a corpus",
            lambda gate: gate.no_object_share,
            unjudged=_too_few,
        ),
    ),
)

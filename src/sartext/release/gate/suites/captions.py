"""Suite ``captions``: captions read as finished English that a SAR image can bear out."""

from collections import Counter
from collections.abc import Collection, Sequence

from sartext.narrator.facts import from_json
from sartext.narrator.plain_english import forbidden, unfinished, untidy, words
from sartext.narrator.vocabulary import COLOUR_WORDS, FORBIDDEN_WORDS, WEATHER_WORDS
from sartext.release.gate.suite import (
    Frame,
    Inputs,
    Suite,
    extreme,
    of_column,
    within,
    without,
)

ENOUGH = 100
"""Captions of a corpus below which a share of them says nothing."""


def _unfit(text: str) -> str:
    """What a detailed caption may not hold, of all that the other expectations look for."""
    banned = COLOUR_WORDS | WEATHER_WORDS | FORBIDDEN_WORDS
    return "; ".join(filter(None, (untidy(text), unfinished(text), forbidden(text, banned))))


def _objectless_share(inputs: Inputs) -> list[float]:
    """Share of a corpus's captions that are its most frequent caption of no objects."""
    captions = [(row["corpus"], {row["caption"]} if _objectless(row["facts"]) else ()) for row in inputs.pairs]
    return [_share([held for of, held in captions if of == corpus]) for corpus in inputs.released_corpora]


def _objectless(facts_json: str) -> bool:
    facts = from_json(facts_json)
    return not (facts.objects or facts.cover or facts.present or facts.statements or facts.scene_class)


def _share(held: Sequence[Collection[str]]) -> float:
    """The share of captions that hold the text that most of them hold; 0 where there are too few."""
    counts = Counter(text for texts in held for text in texts)
    return max(counts.values()) / len(held) if len(held) >= ENOUGH and counts else 0.0


def _too_few(inputs: Inputs) -> tuple[list[str], str]:
    """The corpora of which there are too few captions."""
    counts = Counter(inputs.column("corpus"))
    few = [corpus for corpus in inputs.released_corpora if counts[corpus] < ENOUGH]
    return few, f"fewer than {ENOUGH} captions"


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
                "detailed": of_column("caption_detailed", _unfit),
                "unprovable": of_column("caption", lambda caption: forbidden(caption, FORBIDDEN_WORDS)),
            },
        ),
        Frame(
            "corpora",
            "corpora",
            lambda inputs: inputs.released_corpora,
            {
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
        without("detailed captions: plain, finished, of what SAR shows", "candidate", "detailed", "captions"),
        extreme(
            "share of one caption of no objects",
            "corpora",
            "objectless_share",
            "share of a corpus",
            side="Max",
            limit=lambda parameters: parameters.gate.no_object_share,
            unjudged=_too_few,
        ),
    ),
)

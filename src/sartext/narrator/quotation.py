"""Whether a rewritten optical caption says only what its source says."""

import re

from sartext.narrator.facts import Facts
from sartext.narrator.vocabulary import BRIGHTNESS_WORDS, COLOUR_WORDS, FORBIDDEN_WORDS, WEATHER_WORDS, word_set

STRUCTURE_WORDS = word_set("a an the there is are this it they and some sar image shows")
"""Words that the rewriting may add to make a sentence."""

REPLACEMENTS = {
    "images": ("photos", "images", "pictures", "photographs"),
    "bare": ("bareland", "barelands", "bare-land"),
    "land": ("bareland", "barelands", "bare-land"),
    "built-up": ("built",),
    "on": ("in",),
    "have": ("has",),
    "has": ("have",),
}
"""Words that may stand for another word of the source."""

_WORD = re.compile(r"[a-z0-9]+(?:['-][a-z0-9]+)*")
_FORBIDDEN = (
    (COLOUR_WORDS, "a colour"),
    (WEATHER_WORDS, "the weather"),
    (BRIGHTNESS_WORDS, "a brightness"),
    (FORBIDDEN_WORDS, "a flood"),
)


def quotation_errors(caption: str, facts: Facts) -> list[str]:
    """Return every word that the source caption does not bear out, and every statement that is missing."""
    if facts.source_caption is None:
        return ["the facts hold no source caption"]
    source = set(_WORD.findall(facts.source_caption.casefold().replace("\u2019", "'")))
    problems = []
    for word in _WORD.findall(caption.casefold()):
        if word not in STRUCTURE_WORDS and not _borne_out(word, source):
            problems.append(f"says '{word}', which the source caption does not")
        for words, what in _FORBIDDEN:
            if any(part in words for part in word.split("-")):
                problems.append(f"names {what} ('{word}')")
    said = [one.strip() for one in re.findall(r"[^.]+\.", caption)]
    problems += [f"does not say '{one}'" for one in facts.statements if one not in said]
    problems += [
        f"says '{one}', which is no statement of the facts" for one in said if one not in facts.statements
    ]
    if "".join(f"{one} " for one in said).strip() != caption:
        problems.append("does not end as a sentence")
    return problems


def _borne_out(word: str, source: set[str]) -> bool:
    if word in source or any(one in source for one in REPLACEMENTS.get(word, ())):
        return True
    # a verb may change its number with its subject: "surrounds" and "surround", "crosses" and "cross"
    return bool({f"{word}s", f"{word}es", word.removesuffix("s"), word.removesuffix("es")} & source)

"""Why a word of an optical caption goes."""

from sartext.narrator import lexicon
from sartext.narrator.vocabulary import BRIGHTNESS_WORDS, COLOUR_WORDS, FORBIDDEN_WORDS, WEATHER_WORDS

COLOUR, BRIGHTNESS, WEATHER = "colour", "brightness", "weather"
UNSEEN, UNREADABLE = "not shown by SAR", "not a clause that the rules can read"


def kind_of(word: str) -> str:
    """Return the reason why a descriptive word goes, or nothing."""
    if word in lexicon.UNSEEN_ADJECTIVES:
        return UNSEEN
    parts = word.split("-")
    for words, reason in (
        (COLOUR_WORDS, COLOUR),
        (WEATHER_WORDS, WEATHER),
        (BRIGHTNESS_WORDS, BRIGHTNESS),
        (FORBIDDEN_WORDS, UNSEEN),
    ):
        if any(part in words for part in parts):
            return reason
    return ""


def describes(word: str) -> bool:
    """Whether a word is one of form, size, place or use, or one that goes."""
    return bool(kind_of(word)) or word in lexicon.ADJECTIVES

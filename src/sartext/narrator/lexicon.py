"""The words that the rewriting of optical captions knows.

`VISIBLE` is the resolution-dependent list of nouns that SAR shows. A noun that is in no list, or only in one for
finer resolutions, takes its clause with it: lawns, pools, people, markings, and every word not known here. So does
what moves, at any resolution: the SAR image was not taken at the same time.
The lists are in ``words.toml``.
"""

from sartext.narrator.vocabulary import (
    BRIGHTNESS_WORDS,
    COLOUR_WORDS,
    FORBIDDEN_WORDS,
    LISTS,
    NUMBER_WORDS,
    WEATHER_WORDS,
    word_set,
)

COLOUR, BRIGHTNESS, WEATHER = "colour", "brightness", "weather"
UNSEEN, UNREADABLE = "not shown by SAR", "not a clause that the rules can read"
MOVES = "moves, and may have gone between the two images"
"""Why a word of an optical caption goes."""

PLACES = word_set(LISTS["places"])
"""Nouns of place: shown where what they belong to is shown."""

VISIBLE: dict[str, float] = {}
"""Noun, singular or plural: the coarsest resolution in metres at which SAR shows it."""
SINGULAR: dict[str, str] = {}
"""Plural noun to its singular; nouns equal in both are not in it."""
for _resolution, _pairs in LISTS["shown_from"].items():
    for _pair in _pairs.split():
        _singular, _plural = _pair.split("/")
        VISIBLE[_singular] = VISIBLE[_plural] = float(_resolution)
        if _singular != _plural:
            SINGULAR[_plural] = _singular

NAMED_CLASSES: dict[str, tuple[str, ...]] = {}
"""Noun in the singular, with the adjective that it needs: keys of the class that it names."""
SYNONYMS: dict[str, str] = {}
"""Noun in the singular: the first of the nouns that mean the same."""
for _row in LISTS["optical_classes"]:
    for _line in _row["nouns"]:
        for _noun in (_nouns := _line.split(", ")):
            NAMED_CLASSES[_noun], SYNONYMS[_noun] = tuple(_row["keys"]), _nouns[0]

MOVING = word_set(LISTS["moving"])
"""Nouns, singular and plural, of what may have gone when the SAR image was taken: ships, aircraft, vehicles."""

ABSENT = ("without", "far from", "away from", "out of", "outside")
"""Ends of prepositions behind which stands what need not be there."""

DENIALS = word_set(LISTS["denials"])
"""Words that deny what stands behind them."""

MASS = word_set(LISTS["mass"])
"""Nouns that may stand without an article."""

GENERIC = word_set(LISTS["generic"])
"""Nouns that say little without a word before them."""

SIZES = word_set(LISTS["sizes"])
"""Words of size, with which a generic noun still says little."""

ALIKE = frozenset({"aircraft", "crossroads"})
"""Countable nouns whose plural is like their singular."""

COUNTS = word_set(LISTS["counts"])
"""Measures that count: they take the noun's own number."""

EXTENTS = word_set(LISTS["extents"])
"""Measures of a surface: the noun behind them may be singular."""

UNIQUE = word_set(LISTS["unique"])
"""Nouns of which a place has one."""

MEASURES = word_set(LISTS["measures"])
"""Words that with "of" count or measure the noun behind them."""

QUANTIFIERS = word_set(LISTS["quantifiers"])
DETERMINERS = word_set(LISTS["determiners"])
NUMBERS = frozenset(NUMBER_WORDS[2:])
PLURAL_DETERMINERS = QUANTIFIERS | NUMBERS | {"these", "those"}

ADJECTIVES = word_set(LISTS["adjectives"])
"""Words of form, size, place and use that stay with a noun."""

UNSEEN_ADJECTIVES = word_set(LISTS["unseen_adjectives"])
"""Words that a SAR image does not bear out: they go and their noun stays."""

ADVERBS = word_set(LISTS["adverbs"])
"""Adverbs that stand before a participle and its preposition."""

PREPOSITIONS = word_set(LISTS["prepositions"])
COMPOUND_PREPOSITIONS = tuple(tuple(words.split()) for words in LISTS["compound_prepositions"].split("|"))
PARTICIPLES = word_set(LISTS["participles"])

STANDING_ALONE = word_set(LISTS["standing_alone"])
"""Participles that say something without a phrase behind them."""

VERBS = dict(pair.split("/") for pair in LISTS["verbs"].split())
"""Finite verbs: singular to plural."""
FILL = frozenset({"fills", "covers", "occupies"})
"""Verbs by which a thing that has the image for object is all there is."""
PLURAL_VERBS = {plural: singular for singular, plural in VERBS.items()}
CLAUSE_WORDS = word_set(LISTS["clause_words"])
RELATIVES = word_set(LISTS["relatives"])
BE = word_set(LISTS["be"])

SAR_IMAGE = "SAR image"
SAR_IMAGES = "SAR images"
IMAGE_WORDS = word_set(LISTS["image_words"])
IMAGE_ADJECTIVES = word_set(LISTS["image_adjectives"])


def kind_of(word: str) -> str:
    """Return the reason why a descriptive word goes, or nothing."""
    if word in UNSEEN_ADJECTIVES:
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
    return bool(kind_of(word)) or word in ADJECTIVES

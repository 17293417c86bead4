"""Words that captions use, and words that they never use."""

from types import MappingProxyType


def word_set(text: str) -> frozenset[str]:
    """Return the words of a text, as a set."""
    return frozenset(text.split())


_NUMBERS = """
    zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen
    eighteen nineteen twenty
"""
NUMBER_WORDS = tuple(_NUMBERS.split())
LARGEST_COUNT = 20
MANY = "more than twenty"
SOME = "at least one"

SHARES = (
    (0.80, "nearly all"),
    (0.55, "most"),
    (0.45, "about half"),
    (0.35, "over a third"),
    (0.20, "about a quarter"),
    (0.10, "a part"),
    (0.0, "a small part"),
)
"""Lower bound (inclusive) of a class's share of the valid pixels, and how a caption says it; largest first."""

ZONES = MappingProxyType(
    {
        "upper-left": "upper left",
        "upper-right": "upper right",
        "lower-left": "lower left",
        "lower-right": "lower right",
        "middle": "middle",
    }
)
"""Zones of land cover: as the index names them, and as a caption says them."""

COLOUR_WORDS = word_set(
    """
    amber aqua azure beige black blackish blonde blue blueish bluish bronze brown brownish burgundy color
    colored colorful colorless colors colour coloured colourful colourless colours crimson cyan emerald
    fuchsia gold golden gray grayish green greenish grey greyish indigo ivory khaki lavender lilac lime
    magenta maroon mauve multicolored multicoloured ochre olive orange pink pinkish purple purplish red
    reddish russet scarlet sepia silver silvery tan tawny teal turquoise vermilion violet white whitish yellow
    yellowish
    """
)

WEATHER_WORDS = word_set(
    """
    cloud cloudless clouds cloudy daylight daytime fog foggy frosty haze hazy mist misty overcast rain rainbow
    rainy shower sky skies smog snowy storm stormy sun sunlight sunlit sunny sunrise sunset sunshine weather
    windy
    """
)

BRIGHTNESS_WORDS = word_set(
    """
    bright brighter brightest brightly dark darker darkest darkish dim faint gleaming glittering gloomy glossy
    light lighter lightest luminous pale paler shimmering shining shiny sparkling vivid
    """
)
"""Removed from optical captions: what is bright in an optical image need not be bright in a SAR image."""

FORBIDDEN_WORDS = frozenset({"flood", "flooded", "flooding", "floods", "floodwater"})
"""A mask of water does not tell a flood from a lake."""


def number_word(count: int) -> str:
    """Return a count as a caption says it: ``one`` to ``twenty``, then ``more than twenty``."""
    return NUMBER_WORDS[count] if count <= LARGEST_COUNT else MANY


def share_word(fraction: float) -> str:
    """Return how a caption says a share of the valid pixels, from 0 to 1."""
    return next(word for bound, word in SHARES if fraction >= bound)

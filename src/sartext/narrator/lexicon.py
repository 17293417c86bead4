"""The words that the rewriting of optical captions knows.

`VISIBLE` is the resolution-dependent list of nouns that SAR shows. A noun that is in no list, or only in one for
finer resolutions, takes its clause with it: cars, lawns, pools, people, markings, and every word not known here.
"""

from sartext.narrator.vocabulary import (
    BRIGHTNESS_WORDS,
    COLOUR_WORDS,
    FORBIDDEN_WORDS,
    NUMBER_WORDS,
    WEATHER_WORDS,
    word_set,
)

COLOUR, BRIGHTNESS, WEATHER = "colour", "brightness", "weather"
UNSEEN, UNREADABLE = "not shown by SAR", "not a clause that the rules can read"
"""Why a word of an optical caption goes."""

_SHOWN_FROM: dict[float, str] = {
    1.0: "tree/trees truck/trucks vehicle/vehicles",
    3.0: (
        "aircraft/aircraft airplane/airplanes aeroplane/aeroplanes plane/planes jet/jets house/houses "
        "container/containers tower/towers street/streets villa/villas lane/lanes grove/groves crane/cranes"
    ),
    5.0: (
        "building/buildings road/roads railway/railways railroad/railroads apron/aprons tarmac/tarmacs pier/piers "
        "wharf/wharves dock/docks jetty/jetties tank/tanks overpass/overpasses viaduct/viaducts "
        "roundabout/roundabouts intersection/intersections crossroads/crossroads beach/beaches stream/streams "
        "boat/boats block/blocks rock/rocks terminal/terminals greenhouse/greenhouses breakwater/breakwaters"
    ),
    15.0: (
        "ship/ships vessel/vessels bridge/bridges highway/highways freeway/freeways expressway/expressways "
        "motorway/motorways runway/runways pond/ponds canal/canals factory/factories warehouse/warehouses "
        "stadium/stadiums dam/dams cliff/cliffs bank/banks riverbank/riverbanks turbine/turbines track/tracks "
        "neighbourhood/neighbourhoods neighborhood/neighborhoods structure/structures settlement/settlements"
    ),
    30.0: (
        "airport/airports airfield/airfields harbor/harbors harbour/harbours port/ports river/rivers lake/lakes "
        "reservoir/reservoirs bay/bays strait/straits estuary/estuaries delta/deltas wetland/wetlands "
        "marsh/marshes swamp/swamps hill/hills ridge/ridges valley/valleys village/villages suburb/suburbs "
        "town/towns farmland/farmlands cropland/croplands field/fields crop/crops farm/farms orchard/orchards "
        "coast/coasts coastline/coastlines shore/shores shoreline/shorelines soil/soils "
        "vegetation/vegetation earth/earths wasteland/wastelands sandland/sandlands "
        "plantation/plantations peninsula/peninsulas"
    ),
    100.0: (
        "water/waters sea/seas ocean/oceans island/islands mountain/mountains forest/forests wood/woods "
        "woodland/woodlands jungle/jungles rainforest/rainforests city/cities desert/deserts land/lands "
        "ground/grounds area/areas region/regions zone/zones district/districts terrain/terrains plain/plains"
    ),
}

PLACES = word_set(
    """
    side sides middle center centre corner corners edge edges part parts end ends top bottom left right north
    south east west surroundings
    """
)
"""Nouns of place: shown where what they belong to is shown."""

VISIBLE: dict[str, float] = {}
"""Noun, singular or plural: the coarsest resolution in metres at which SAR shows it."""
SINGULAR: dict[str, str] = {}
"""Plural noun to its singular; nouns equal in both are not in it."""
for _resolution, _pairs in _SHOWN_FROM.items():
    for _pair in _pairs.split():
        _singular, _plural = _pair.split("/")
        VISIBLE[_singular] = VISIBLE[_plural] = _resolution
        if _singular != _plural:
            SINGULAR[_plural] = _singular

MASS = word_set(
    """
    water farmland cropland earth wasteland sandland land soil vegetation ground terrain tarmac forest woodland
    """
)
"""Nouns that may stand without an article."""

GENERIC = word_set("area areas region regions zone zones district districts land lands ground part parts")
"""Nouns that say little without a word before them."""

ALIKE = frozenset({"aircraft", "crossroads"})
"""Countable nouns whose plural is like their singular."""

COUNTS = word_set("number lot lots dozens hundreds plenty couple pair")
"""Measures that count: they take the noun's own number."""

EXTENTS = word_set("stretch stretches strip strips patch patches expanse belt mass")
"""Measures of a surface: the noun behind them may be singular."""

UNIQUE = word_set("sea ocean coast shore")
"""Nouns of which a place has one."""

MEASURES = word_set(
    """
    piece pieces row rows line lines group groups stretch stretches strip strips patch patches cluster
    clusters number lot lots expanse belt mass pair dozens hundreds plenty couple array
    """
)
"""Words that with "of" count or measure the noun behind them."""

QUANTIFIERS = word_set("some many several few numerous various all both two-three multiple most")
DETERMINERS = word_set("a an the this that these those another one each its their")
NUMBERS = frozenset(NUMBER_WORDS[2:])
PLURAL_DETERMINERS = QUANTIFIERS | NUMBERS | {"these", "those"}

ADJECTIVES = word_set(
    """
    large big huge small little tiny long longer short wide broad narrow straight curved winding curving
    bending round cylindrical circular rectangular square oval triangular elliptical irregular regular dense
    sparse crowded scattered parallel tall high low steep mountainous flat open main residential industrial
    commercial urban rural coastal built-up storage oil cargo fishing agricultural bare barren densely
    sparsely neatly closely regularly largely mostly partly directly almost very quite rather completely
    different other same single double multiple adjacent nearby neighboring neighbouring surrounding populated
    inhabited built arranged packed lined dispersed cultivated rugged hilly massive enormous extensive vast
    calm rough smooth wooded forested paved terraced river road railway side lower upper northern southern
    eastern western central whole entire wind power
    """
)
"""Words of form, size, place and use that stay with a noun."""

UNSEEN_ADJECTIVES = word_set(
    """
    beautiful pretty nice clean clear lush old new modern ancient busy quiet peaceful tranquil deserted empty
    prosperous luxurious luxuriant exuberant messy neat tidy dirty turbid muddy clearly dry wet wild natural
    artificial famous typical magnificent bustling abandoned verdant leafy grassy sandy dusty withered
    transparent deep shallow colored-roofed thriving flourishing fresh lovely attractive spectacular grand
    thick orderly tropical fertile
    """
)
"""Words that a SAR image does not bear out: they go and their noun stays."""

ADVERBS = word_set("densely closely neatly partly directly mostly tightly")
"""Adverbs that stand before a participle and its preposition."""

PREPOSITIONS = word_set(
    """
    in on at near beside by along alongside around across over above through between among with within inside
    outside behind below under beneath against beyond towards toward into from to opposite besides throughout
    without surrounding crossing containing overlooking following connecting
    """
)
_COMPOUNDS = (
    "next to|close to|adjacent to|in front of|on top of|not far from|far from|away from|parallel to|out of|up to"
)
COMPOUND_PREPOSITIONS = tuple(tuple(words.split()) for words in _COMPOUNDS.split("|"))
PARTICIPLES = word_set(
    """
    surrounded located situated built planted waiting parked docked moored arranged distributed scattered
    connected divided separated covered crossed lined placed constructed anchored grouped clustered bordered
    enclosed flanked linked spread set found encircled crisscrossed dotted filled bounded stationed visible
    seen lying standing running sitting passing leading stretching winding flowing extending sailing berthed
    traversed occupied fringed
    """
)

STANDING_ALONE = word_set(
    """
    parked docked moored arranged distributed scattered anchored grouped clustered visible sailing berthed
    """
)
"""Participles that say something without a phrase behind them."""

_VERBS = """
    has/have contains/contain covers/cover crosses/cross surrounds/surround connects/connect includes/include
    runs/run passes/pass flows/flow goes/go lies/lie stands/stand sits/sit leads/lead extends/extend
    stretches/stretch borders/border separates/separate divides/divide shows/show winds/wind spans/span
    occupies/occupy traverses/traverse follows/follow joins/join encloses/enclose bounds/bound meets/meet
    cuts/cut reaches/reach fills/fill flanks/flank depicts/depict features/feature consists/consist
    appears/appear opens/open overlooks/overlook dominates/dominate edges/edge
"""
VERBS = dict(pair.split("/") for pair in _VERBS.split())
"""Finite verbs: singular to plural."""
PLURAL_VERBS = {plural: singular for singular, plural in VERBS.items()}

CLAUSE_WORDS = word_set("while whereas but")
RELATIVES = word_set("which that who where whose")

BE = word_set("is are was were")

SAR_IMAGE = "SAR image"
SAR_IMAGES = "SAR images"
IMAGE_WORDS = word_set("photo photograph image picture imagery photos photographs images pictures")
IMAGE_ADJECTIVES = word_set("aerial satellite optical overhead remote sensing airborne color colour")


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

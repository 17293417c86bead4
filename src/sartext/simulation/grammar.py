"""Optical captions, as people write them: colours, loose numbers, weather, things that SAR does not show.

The words and the sentences differ from those of the SAR captions on purpose: what a model learns from optical
images is then a transfer and not a copy.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np

from sartext.simulation.optical import PAINTS, Sky
from sartext.simulation.truth import Cover, Scene

SENTENCES: Final = 5
MENTIONED: Final = 0.06
"""Share of the image from which on a caption mentions a cover."""


@dataclass(frozen=True)
class Phrase:
    """A noun phrase and whether it takes a plural verb."""

    text: str
    plural: bool

    @property
    def be(self) -> str:
        """The form of "to be" that goes with it."""
        return "are" if self.plural else "is"

    @property
    def s(self) -> str:
        """The ending of other verbs that goes with it."""
        return "" if self.plural else "s"


@dataclass(frozen=True)
class View:
    """What a person sees in one image: covers by falling share, objects, where they are, and the weather."""

    covers: tuple[tuple[Cover, float], ...]
    water: str
    things: tuple[tuple[str, int, tuple[str, ...]], ...]
    sky: Sky
    rng: np.random.Generator

    def pick(self, options: tuple[str, ...]) -> str:
        """Choose one of several wordings."""
        return options[int(self.rng.integers(len(options)))]


WATERS: Final = {
    "sea": ("the {c} sea", "the {c} ocean", "a stretch of {c} sea"),
    "river": ("a {c} river", "a winding {c} river", "a {c} stream"),
    "lake": ("a {c} lake", "a {c} pond", "a round {c} lake"),
}
GROUNDS: Final = {
    Cover.FOREST: ("a big {c} wood", "{c} woods*", "many {c} trees*", "a thick {c} wood"),
    Cover.CROPS: ("{c} fields*", "{c} farmland", "pieces of {c} farmland*", "wide {c} meadows*"),
    Cover.BARE: ("{c} earth", "{c} wasteland", "dry {c} earth", "empty {c} sandland"),
    Cover.BUILT: ("a {c} town", "rows of {c} houses*", "many {c} houses*", "a neighbourhood with {c} roofs"),
    Cover.ROAD: ("a {c} street", "a straight {c} street", "a {c} lane"),
    Cover.APRON: ("a {c} airfield", "a {c} airport", "a wide {c} airfield"),
}
SMALL_GROUNDS: Final = {
    Cover.FOREST: ("some {c} trees*", "a small {c} grove", "a few {c} trees*"),
    Cover.CROPS: ("a small {c} field", "a piece of {c} farmland", "some {c} grass"),
    Cover.BARE: ("a patch of {c} earth", "some {c} earth"),
    Cover.BUILT: ("some {c} houses*", "a few {c} houses*", "a small {c} village"),
}
"""Wordings; an asterisk marks those that take a plural verb."""

NOUNS: Final = {
    "ship": (("boat", "boats"), ("vessel", "vessels")),
    "aircraft": (("plane", "planes"), ("airplane", "airplanes"), ("jet", "jets")),
    "vehicle": (("car", "cars"), ("truck", "trucks")),
    "tank": (("round oil tank", "round oil tanks"), ("cylindrical tank", "cylindrical tanks")),
    "bridge": (("bridge", "bridges"),),
}


def optical_captions(scene: Scene, sky: Sky, rng: np.random.Generator) -> list[str]:
    """Return five different sentences about an optical image, in lower case, each ending with " ."."""
    view = _look(scene, sky, rng)
    patterns = _CALM if len(view.covers) == 1 else _rich(view)
    sentences: list[str] = []
    for attempt in range(60):
        if attempt % len(patterns) == 0:
            order = rng.permutation(len(patterns))
        parts, text = patterns[int(order[attempt % len(patterns)])]
        sentence = text.format(**{part: _PARTS[part](view) for part in parts.split()}) + " ."
        sentence = sentence.replace("s fills", "s fill")
        if sentence not in sentences:
            sentences.append(sentence)
        if len(sentences) == SENTENCES:
            break
    return sentences


def _look(scene: Scene, sky: Sky, rng: np.random.Generator) -> View:
    shares = scene.shares()
    if scene.theme == "airport":
        shares[Cover.APRON] = shares.pop(Cover.ROAD)
    ranked = sorted(shares.items(), key=lambda item: (-item[1], int(item[0])))
    covers = tuple((cover, share) for cover, share in ranked if share >= MENTIONED) or (ranked[0],)
    paints = {(thing.label, PAINTS[thing.label][thing.variant][0]) for thing in scene.things}
    things = (
        (label, count, tuple(sorted(paint for painted, paint in paints if painted == label)))
        for label, count in scene.counts().items()
    )
    return View(covers, scene.water, tuple(sorted(things, key=lambda item: (-item[1], item[0]))), sky, rng)


def _ground(view: View, index: int) -> Phrase:
    """The noun phrase of the cover of that rank."""
    cover, share = view.covers[index]
    options: tuple[str, ...]
    if cover is Cover.WATER:
        options = WATERS[view.water]
    elif share < 0.2 and cover in SMALL_GROUNDS:
        options = SMALL_GROUNDS[cover]
    else:
        options = GROUNDS[cover]
    wording = view.pick(options)
    text = wording.rstrip("*").replace("{c}", view.sky.word(cover))
    return Phrase(_with_article(text), wording.endswith("*"))


def _with_article(text: str) -> str:
    return f"an {text[2:]}" if text.startswith("a ") and text[2] in "aeio" else text


def _number(view: View, count: int) -> str:
    if count == 1:
        return "a"
    if count == 2:
        return view.pick(("two", "a pair of"))
    if count == 3:
        return view.pick(("three", "a few"))
    return view.pick(("several", "some")) if count < 6 else view.pick(("many", "a lot of"))


def _objects(view: View, index: int) -> Phrase:
    """The noun phrase of one kind of object."""
    label, count, paints = view.things[index]
    singular, plural = NOUNS[label][int(view.rng.integers(len(NOUNS[label])))]
    mixed = " and ".join(paints) if len(paints) == 2 else "colourful"
    colour = paints[0] if len(paints) == 1 else view.pick((mixed, ""))
    words = [_number(view, count), colour, singular if count == 1 else plural]
    return Phrase(_with_article(" ".join(word for word in words if word)), count > 1)


def _all_objects(view: View) -> str:
    return " and ".join(_objects(view, index).text for index in range(min(2, len(view.things))))


def _whereabouts(view: View) -> str:
    """A clause about the most frequent kind of object, or about a detail where there is none."""
    if not view.things:
        return _detail(view)
    label = view.things[0][0]
    some = _objects(view, 0)
    water = {"sea": "on the sea", "river": "on the river", "lake": "on the lake"}.get(view.water, "on the waves")
    if label == "bridge":
        return f"{some.text} lead{some.s} to the other bank of the river"
    place = {
        "ship": water,
        "aircraft": view.pick(("parked at the airport", "waiting on the airfield")),
        "vehicle": view.pick(("driving along the street", "running on the street")),
        "tank": view.pick(("standing in a yard", "in a factory yard among the houses")),
    }[label]
    return f"{some.text} {some.be} {place}"


def _detail(view: View) -> str:
    cover = view.covers[0][0]
    details = {
        Cover.WATER: ("there are some small waves", "the surface is calm and clear"),
        Cover.FOREST: ("the crowns of the trees are lush", "the trees stand close together"),
        Cover.CROPS: ("the rows of the plants can be seen", "tractors have left their tracks there"),
        Cover.BARE: ("hardly any grass grows there", "the ground is dry and dusty"),
        Cover.BUILT: ("there are lawns between the houses", "the roofs throw short shadows"),
        Cover.ROAD: ("no people walk there", "the markings are hard to see"),
        Cover.APRON: ("no plane has landed yet", "the markings of the runway are hard to see"),
    }
    return view.pick(details[cover])


def _weather(view: View) -> str:
    if view.sky.haze > 0.1:
        return view.pick(("on a hazy day", "under thin mist"))
    return view.pick(("on a sunny day", "under a clear sky", "in bright sunshine"))


_PARTS: Final[dict[str, Callable[[View], Phrase | str]]] = {
    "first": lambda view: _ground(view, 0),
    "second": lambda view: _ground(view, 1),
    "third": lambda view: f" , and {_ground(view, 2).text}" if len(view.covers) > 2 else "",
    "rarer": lambda view: _ground(view, min(1, len(view.covers) - 1)),
    "with": lambda view: f" with {_all_objects(view)}" if view.things else "",
    "and": lambda view: f" and {_all_objects(view)}" if view.things else "",
    "weather": _weather,
    "where": _whereabouts,
}

_BESIDE: Final = ("first second weather", "{first.text} can be seen beside {second.text} {weather}")
_SURROUNDED: Final = (
    "second first weather",
    "{second.text} {second.be} surrounded by {first.text} {weather}",
)
_CALM: Final = (
    ("first", "{first.text} fills the whole picture"),
    ("and first", "there is nothing but {first.text}{and} here"),
    ("first weather", "{first.text} {first.be} spread out {weather}"),
    ("first where", "an aerial photo of {first.text} , {where}"),
    ("with first", "from above we see {first.text}{with}"),
)
"""Parts in the order in which they are drawn, and the sentence, of images of one cover."""


def _rich(view: View) -> tuple[tuple[str, str], ...]:
    """The same of images of several covers."""
    return (
        ("with first second", "{first.text} next to {second.text}{with}"),
        _BESIDE if view.water in ("sea", "river") or view.covers[1][1] > 0.3 else _SURROUNDED,
        ("third first second", "from above we see {first.text} beside {second.text}{third}"),
        ("first second where", "this aerial photo shows {first.text} and {second.text} , {where}"),
        ("first second where", "{first.text} border{first.s} on {second.text} while {where}"),
        ("where rarer", "{where} , not far from {rarer.text}"),
    )

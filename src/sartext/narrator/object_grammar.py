"""The paraphrase grammar of objects: how many of each class there are, and which of them lie in the center.

Number and place stand in one clause, in a clause and what hangs on it, or in two sentences. Where a single class
lies in both zones, its noun is said once.
"""

from functools import lru_cache

from sartext.narrator.choices import Choices
from sartext.narrator.facts import Item
from sartext.narrator.presence_grammar import presence, presence_last
from sartext.narrator.vocabulary import CACHED, LARGEST_COUNT, number_word
from sartext.narrator.wording import (
    FOUND,
    IMAGES,
    IS,
    LIES,
    LOCATED,
    POSITIONS,
    SHOWS,
    Group,
    Verb,
    group,
    sentences,
)

CENTER = ("in the center", "in the central part")
OUTSIDE = ("outside the center", "outside the central part")
_PARTS = tuple(
    (center, rest)
    for center, name in zip(CENTER, OUTSIDE, strict=True)
    for rest in ("outside it", name, "elsewhere")
)
"""The center, and where the rest is."""

_LINKS = ("located", "situated", "positioned", "lying")
_RELATIVES: tuple[Verb, ...] = (IS, LIES, ("is located", "are located"), ("is situated", "are situated"))
_JOINTS = (", and ", ", while ", "; ", ", whereas ")


def objects_text(items: tuple[Item, ...], choices: Choices) -> str:
    """Return one paraphrase of the objects of an image of which nothing has been said."""
    if zones := _only_zone(items):
        return _in_one_zone(items, choices.pick(zones), choices)
    if len(items) == 1:
        return _one_class_in_both(items, choices)
    if sum(item[2] for item in items) <= LARGEST_COUNT and len(items) == 2 and not choices.pick(range(3)):
        return sentences(_apart(*_parted(items), choices, choices.pick(IMAGES)))
    return sentences(presence(group(items, 2), choices), _apart(*_parted(items), choices, ""))


def further_objects(items: tuple[Item, ...], choices: Choices) -> str:
    """Return one paraphrase that follows sentences on the same image: a single short sentence."""
    if not (zones := _only_zone(items)):
        return sentences(_apart(*_parted(items), choices, "", swap=len(items) > 1))
    objects, zone = group(items, 2), choices.pick(zones)
    frame = choices.pick(("there", *["verb"] * 10, "zone there", *["zone"] * 5, *["image"] * 3))
    place = f"{zone}{choices.pick(('', ' of the image'))}"
    if frame == "there":
        text = f"{objects.there} {place}"
    elif frame == "verb":
        text = f"{objects.text} {objects.agrees(choices.pick(LOCATED))} {place}"
    elif frame == "zone there":
        text = f"{place}, {objects.there}"
    elif frame == "zone":
        text = f"{place}, {objects.text} {objects.agrees(choices.pick(FOUND))}"
    else:
        text = f"the image also {choices.pick(SHOWS)} {objects.text} {zone}"
    return sentences(text)


def shortest_objects(items: tuple[Item, ...]) -> str:
    """Return the shortest sentence that follows a long text on the same image."""
    if zones := _only_zone(items):
        objects = group(items, 2)
        return sentences(f"{objects.text} {objects.agrees(LIES)} {zones[0]}")
    inner, outer = _parted(items)
    return sentences(f"{inner.text} {inner.agrees(IS)} in the center and {outer.text} outside it")


def canonical_objects(items: tuple[Item, ...]) -> str:
    """Return the two published sentences: the first counts every class, the second places them."""
    return sentences(f"{group(items, 2).there} in this SAR image", _canonical_places(items))


def _canonical_places(items: tuple[Item, ...]) -> str:
    if sum(item[2] for item in items) == 1:
        return f"it is {'in' if items[0][3] else 'outside'} the center"
    inside = (group(items, 3), CENTER) if any(item[3] for item in items) else None
    outside = (group(items, 4), OUTSIDE) if any(item[4] for item in items) else None
    parts = (f"{placed.text} {placed.agrees(IS)} {zone[0]}" for placed, zone in filter(None, (inside, outside)))
    return "; ".join(parts)


def _only_zone(items: tuple[Item, ...]) -> tuple[str, ...]:
    """Names of the zone that holds everything; sums of counts over twenty tell nothing: these are all alike."""
    if not any(item[4] for item in items):
        return CENTER
    return () if any(item[3] for item in items) else OUTSIDE


def _in_one_zone(items: tuple[Item, ...], zone: str, choices: Choices) -> str:
    objects = group(items, 2)
    form = choices.pick(("one clause", "linked", "joined", "two sentences"))
    if form == "one clause":
        return sentences(_placed(objects, zone, choices))
    if form == "linked":
        return sentences(_linked(objects, zone, choices))
    subject, verb = _again(items, objects.total, choices, noun=form != "joined"), choices.pick(POSITIONS)
    place = f"{subject} {objects.agrees(verb)} {zone}{choices.pick(('', ' of the image'))}"
    counted = presence(objects, choices)
    return sentences(f"{counted}, and {place}") if form == "joined" else sentences(counted, place)


def _placed(objects: Group, zone: str, choices: Choices) -> str:
    """A clause that counts and places."""
    image = choices.pick(IMAGES)
    frame = choices.pick(("there", *["verb"] * 6, *["shows"] * 4, *["zone"] * 5, *["image"] * 6))
    if frame == "there":
        return f"{objects.there} {zone} of {image}"
    if frame == "shows":
        return f"{image} {choices.pick(SHOWS)} {objects.text} {zone}"
    if frame == "zone":
        verb = choices.pick((*FOUND, *FOUND, IS, LIES))
        if verb == IS:
            return f"{zone} of {image}, {objects.there}"
        if verb == LIES:
            return f"{zone} of {image} {objects.agrees(LIES)} {objects.text}"
        return f"{zone} of {image}, {objects.text} {objects.agrees(verb)}"
    placed = f"{objects.text} {objects.agrees(choices.pick(LOCATED))} {zone}"
    return f"in {image}, {placed}" if frame == "image" else f"{placed} of {image}"


def _linked(objects: Group, zone: str, choices: Choices) -> str:
    """A clause that counts, and a place that hangs on it; "which" and "located" follow what they are said of."""
    relative = choices.pick((True, False))
    link = objects.agrees(choices.pick(_RELATIVES)) if relative else choices.pick(_LINKS)
    if objects.total == 1:
        return f"{presence_last(objects, choices)}, {f'which {link}' if relative else link} {zone}"
    each = "both" if objects.total == 2 else "all"
    counted = presence_last(objects, choices) if relative else presence(objects, choices)
    return f"{counted}, {each} of {'which' if relative else 'them'} {link} {zone}"


def _again(items: tuple[Item, ...], total: int, choices: Choices, *, noun: bool) -> str:
    """What stands for objects that have just been counted; with ``noun`` also that of their class."""
    one, many = items[0][:2]
    if total == 1:
        return choices.pick(("it", f"the {one}")) if noun else "it"
    names = []
    if noun and len(items) == 1:
        names = [f"both {many}" if total == 2 else f"the {many}"]
        if 2 < total <= LARGEST_COUNT:
            names.append(f"all {number_word(total)} {many}")
    return choices.pick(("both", "both of them", *names) if total == 2 else ("they", "all of them", *names))


def _one_class_in_both(items: tuple[Item, ...], choices: Choices) -> str:
    objects, (inner, outer) = group(items, 2), _parted(items)
    first, rest = number_word(inner.total), outer.text
    forms = ("two sentences", "two sentences", "linked", "linked", "apart", "of")
    form = choices.pick(forms if objects.total <= LARGEST_COUNT else forms[:4])
    if form == "apart":
        return sentences(_apart(inner, outer, choices, choices.pick(IMAGES), swap=False))
    if form == "two sentences":
        numbers = Group(first, *inner[1:]), outer
        return sentences(presence(objects, choices), _apart(*numbers, choices, ""))
    places, verb = choices.pick(_PARTS), inner.agrees(choices.pick(POSITIONS))
    if form == "of":
        image, second = choices.pick(IMAGES), outer.agrees(choices.pick((IS, LIES)))
        return sentences(
            f"of the {objects.text} in {image}, {first} {verb} {places[0]} and {rest} {second} {places[1]}"
        )
    if choices.pick((True, False)):
        counted, parted = presence_last(objects, choices), f"of which {first} {verb} {places[0]}"
    else:
        counted, parted = presence(objects, choices), f"{first} of them {places[0]}"
    return sentences(f"{counted}, {parted} and {rest} {places[1]}")


def _apart(inner: Group, outer: Group, choices: Choices, image: str, *, swap: bool = True) -> str:
    """Return a clause that says what is in the center and what is not; with ``swap`` also the other way round.

    The clause is the first on the image where that is named.
    """
    center, elsewhere = choices.pick(_PARTS)
    of_image = f" of {image}" if image else choices.pick(("", " of the image"))
    joint, verb = choices.pick(_JOINTS), choices.pick(LOCATED if image else POSITIONS)
    frames = (*["gap"] * 4, *["clauses"] * 12, "zone", "there")
    frame = choices.pick((*frames, *["shows"] * bool(image), *["swapped"] * (8 * swap)))
    if frame == "gap" and inner.agrees(verb) == outer.agrees(verb):
        comma = "," if " and " in f"{inner.text} {outer.text}" else ""  # lists and an "and" between them
        return f"{inner.text} {inner.agrees(verb)} {center}{of_image}{comma} and {outer.text} {elsewhere}"
    if frame in {"gap", "clauses"}:
        placed = f"{inner.text} {inner.agrees(verb)} {center}{of_image}"
        return f"{placed}{joint}{outer.text} {outer.agrees(verb)} {elsewhere}"
    if frame == "swapped":
        placed = f"{outer.text} {outer.agrees(verb)} {choices.pick(OUTSIDE)}{of_image}"
        return f"{placed}{joint}{inner.text} {inner.agrees(verb)} inside it"
    if frame == "zone":
        return f"{center}{of_image}, {inner.there}; {elsewhere}, {outer.there}"
    if frame == "there":
        return f"{inner.there} {center}{of_image} and {outer.text} {elsewhere}"
    return f"{image} {choices.pick(SHOWS)} {inner.text} {center} and {outer.text} {elsewhere}"


@lru_cache(maxsize=CACHED)
def _parted(items: tuple[Item, ...]) -> tuple[Group, Group]:
    """Objects in and outside the center; a single class was named before and needs no noun the second time."""
    inner, outer = group(items, 3), group(items, 4)
    return inner, Group(number_word(items[0][4]), *outer[1:]) if len(items) == 1 else outer

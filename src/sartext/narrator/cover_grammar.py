"""The paraphrase grammar of land cover: the dominant class in a sentence of its own, then the others by share.

Classes of one share are stated together, and those of one zone within them ("Small parts are forest and roads in
the upper left, crops in the middle and water"). A long text has shorter clauses: a text encoder reads 77 tokens.
"""

from collections.abc import Sequence
from typing import Literal

from sartext.narrator.choices import Choices
from sartext.narrator.vocabulary import ZONES, enumerate_phrases
from sartext.narrator.wording import ARTICLES, IMAGES, IS, Verb, is_plural, sentences

Cover = tuple[str, str, str | None]
"""Noun as it is said, share in words, zone as the index names it."""

Brevity = Literal[0, 1, 2]
"""1: clauses without "mostly" and "of it"; 2: the shortest names of zones too."""

WORDS = 50
"""Words that a caption has at most, wherever the grammar can say it so."""

EASY = 18
"""A text that stays this many words below its limit need not be brief."""

_PLURAL_SHARES = {"a small part": "small parts", "a part": "parts"}

_ADVERBS = ("mostly", "mainly", "largely", "chiefly", "predominantly")
_JOINTS = (", and ", "; ", ", while ", ", whereas ")

_ACTIVE: tuple[Verb, ...] = (
    ("covers", "cover"),
    ("takes up", "take up"),
    ("occupies", "occupy"),
    ("makes up", "make up"),
    ("accounts for", "account for"),
    ("extends over", "extend over"),
    ("stretches over", "stretch over"),
)
"""What land cover does to its share; the short ones stand first."""

_PASSIVE = ("is", "is covered by", "is occupied by", "is taken up by", "shows", "is made up of", "consists of")
"""What a share is said to be; "is" and the last two fit nouns without article alone, and "is" no plural."""

_SHORT: tuple[tuple[int, int], ...] = ((len(_ACTIVE), len(_PASSIVE)), (len(_ACTIVE), 5), (1, 1))
"""How many of the active and of the passive forms there are, by brevity."""

_SEEN = ("can be seen", "can be found", "can be observed")


def canonical_cover(items: Sequence[Cover], room: int = WORDS) -> str:
    """Return the sentences of land cover without paraphrase; ``room`` is how many words they should have."""
    return _fitting(tuple(items), 0, room)


def cover_text(items: tuple[Cover, ...], choices: Choices, room: int = WORDS) -> str:
    """Return one paraphrase; ``room`` is how many words it should have."""
    return _fitting(items, choices.number(), room)


def _fitting(items: tuple[Cover, ...], number: int, room: int) -> str:
    """The longest of three texts that fits; the first option of every choice is the plain one, as 0 chooses."""
    text = _sentences(items, Choices(number), 0)
    if text.count(" ") >= room - EASY and len(items) > 1:
        text = _sentences(items, Choices(number), 1)
        if text.count(" ") >= room:
            return _sentences(items, Choices(number), 2)
    return text


def _sentences(items: tuple[Cover, ...], choices: Choices, brevity: Brevity) -> str:
    adverb, image = choices.pick(_ADVERBS), choices.pick(IMAGES)
    opening_count = _equals(items) if brevity else 1
    if opening_count > 1:
        opening = _several(items[:opening_count], choices, adverb, brevity, f" of {image}", start=2)
    else:
        opening = _dominant(items[0], choices, adverb, brevity, image)
    joint, together = choices.pick(_JOINTS), choices.pick((2, 2, 1))
    of_it = choices.pick((" of it", " of the image"))
    clauses = [
        _clause(found, choices, adverb, brevity, of_it, second=place % together == 1)
        for place, found in enumerate(_alike(items[opening_count:]))
    ]
    if joint == ", and " and " each " in "".join(clauses[1:2]):
        joint = "; "  # two lists and an "and" between them are hard to tell apart
    pairs = [joint.join(clauses[place : place + together]) for place in range(0, len(clauses), together)]
    return sentences(opening, *pairs)


def _equals(items: tuple[Cover, ...]) -> int:
    """How many classes have the share of the dominant one and can be stated with it."""
    share, zone = items[0][1:]
    equal = sum(item[1] == share for item in items)
    alone = zone is None and any(item[2] for item in items[:equal])
    return 1 if alone or any(item[0].startswith(ARTICLES) for item in items[:equal]) else equal


def _dominant(item: Cover, choices: Choices, adverb: str, brevity: Brevity, image: str) -> str:
    noun, share, zone = item
    where = "" if not zone else f" {_zone(zone, 2)}" if brevity == 2 else f", {adverb} {_zone(zone, 0)}"
    frames = ("active", "active", "passive", "active in it", "passive in it", "shows", "seen", "on")
    frame = choices.pick(frames[::2][:2] if brevity == 2 else frames)
    if frame == "shows":
        text = f"{image} {choices.pick(('shows', 'contains', 'depicts'))} {noun} on {share} of its area"
    elif frame == "seen":
        text = f"{noun} {choices.pick(_SEEN)} on {share} of {image}"
    elif frame == "on":
        text = _on(noun, f"{share} of {image}", choices)
    else:
        of_image = " of the area" if frame.endswith("in it") else f" of {image}"
        tell = _active if frame.startswith("active") else _passive
        text = f"in {image}, " * frame.endswith("in it") + tell(noun, f"{share}{of_image}", choices, brevity)
    return f"{text}{where}"


def _clause(
    found: tuple[Cover, ...], choices: Choices, adverb: str, brevity: Brevity, of_it: str, *, second: bool
) -> str:
    """What the classes of one share cover; ``second`` in its sentence, a clause needs no "of it"."""
    noun, share, zone = found[0]
    of_it = "" if second or brevity else of_it
    if len(found) > 1:
        return _several(found, choices, adverb, brevity, of_it, start=int(second))
    frames = ("active", "active", "passive", "passive", "seen", "on")
    frame = choices.pick(
        (frames[2:] + frames[:2] if second else frames) if not brevity else frames[second * 2 :][:2]
    )
    if frame == "seen":
        text = f"{noun} {choices.pick(_SEEN)} on {share}{of_it}"
    elif frame == "on":
        text = _on(noun, f"{share}{of_it}", choices)
    else:
        text = (_active if frame == "active" else _passive)(noun, f"{share}{of_it}", choices, brevity)
    return f"{text}{_where(zone, adverb, brevity)}"


def _active(noun: str, share: str, choices: Choices, brevity: Brevity) -> str:
    return f"{noun} {choices.pick(_verbs(share, brevity))[is_plural(noun)]} {share}"


def _verbs(share: str, brevity: Brevity) -> tuple[Verb, ...]:
    """The active forms before a share: not "extends over over a third"."""
    verbs = _ACTIVE[: _SHORT[brevity][0]]
    return tuple(verb for verb in verbs if not verb[0].endswith("over")) if share.startswith("over ") else verbs


def _passive(noun: str, share: str, choices: Choices, brevity: Brevity) -> str:
    verb = choices.pick(_PASSIVE[: _SHORT[brevity][1]])
    if verb == "is":
        verb = _is(noun, brevity)
    elif noun.startswith(ARTICLES) and verb in _PASSIVE[5:]:
        verb = "shows"
    return f"{share} {verb} {noun}"


def _on(noun: str, share: str, choices: Choices) -> str:
    verb = choices.pick((*_SEEN, ""))
    return f"on {share}, {noun} {verb}" if verb else f"on {share}, there {IS[is_plural(noun)]} {noun}"


def _several(
    found: tuple[Cover, ...], choices: Choices, adverb: str, brevity: Brevity, of: str, *, start: int
) -> str:
    """What several classes of one share cover, each in its zone or all in one; ``of`` what.

    ``start`` is the plain form: 0 that each covers its share, 1 that parts are they, 2 that each takes it up.
    """
    share, zone = found[0][1:]
    placed = any(item[2] != zone for item in found)
    nouns = _placed(found, brevity) if placed else enumerate_phrases([item[0] for item in found])
    where = "" if placed else _where(zone, adverb, brevity)
    each = [f"{nouns} each {verb} {share}{of}{where}" for _, verb in _verbs(share, min(brevity, 1))]
    parts = []
    if plural := _PLURAL_SHARES.get(share):
        verbs = ("are", "show") if brevity else ("are", "show", "are covered by", "are occupied by")
        parts = [f"{plural}{of} {verb} {nouns}{where}" for verb in verbs]
    if placed and len(found) > 2 and parts:  # a verb behind so many comes late
        return choices.pick(parts[start // 2 :] + parts[: start // 2])
    forms = each + parts
    plain = (0, len(each) if parts else 0, 1)[start]
    return choices.pick(forms[plain:] + forms[:plain])


def _where(zone: str | None, adverb: str, brevity: Brevity) -> str:
    return f"{'' if brevity else f', {adverb}'} {_zone(zone, brevity)}" if zone else ""


def _placed(group: tuple[Cover, ...], brevity: Brevity) -> str:
    """Nouns with their zones; a zone is that of all nouns since the one before, so the others stand last."""
    zones: dict[str | None, list[str]] = {}
    for noun, _, zone in group:
        zones.setdefault(zone, []).append(noun)
    elsewhere = zones.pop(None, [])
    placed = [f"{enumerate_phrases(nouns)} {_zone(zone, brevity)}" for zone, nouns in zones.items()]
    return enumerate_phrases([*placed, *elsewhere])


def _alike(items: Sequence[Cover]) -> list[tuple[Cover, ...]]:
    """Classes of one share are stated together, at the place of the first; a countable one alone."""
    groups: dict[tuple[str, str], tuple[Cover, ...]] = {}
    for item in items:
        noun, share, _ = item
        key = (noun if noun.startswith(ARTICLES) else "", share)
        groups[key] = (*groups[key], item) if key in groups else (item,)
    return list(groups.values())


def _zone(zone: str | None, brevity: Brevity) -> str:
    name = ZONES[zone or "middle"]
    return f"in the {name}" if brevity < 2 or " " not in name else f"at {name}"


def _is(noun: str, brevity: Brevity = 0) -> str:
    if is_plural(noun) or noun.startswith(ARTICLES):
        return "shows" if brevity else "is covered by"
    return "is"

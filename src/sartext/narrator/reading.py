"""Text back to statements: which objects and which land cover a caption names, how many or how much, and where."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sartext.narrator.vocabulary import LARGEST_COUNT, LISTS, MANY, NUMBER_WORDS, SHARES, SOME, ZONES, word_set

COUNTS = {word: number for number, word in enumerate(NUMBER_WORDS)} | {MANY: LARGEST_COUNT + 1, "no": 0}

FUNCTION_WORDS = word_set(LISTS["function_words"])
"""Words that state nothing by themselves."""

PLACES = {
    "in the center": "center",
    "in the central part": "center",
    "inside it": "center",
    "are in it": "center",
    "is in it": "center",
    "outside the center": "outside",
    "outside the central part": "outside",
    "outside it": "outside",
    "elsewhere": "outside",
}
"""How a caption places objects."""

PLURAL_SHARES = {"parts": "a part", "small parts": "a small part"}
"""How a caption says the share of each of several classes."""

_JOINTS = frozenset({"and", "while", "whereas"})
"""Words that begin another clause behind a comma."""

EVERYTHING = frozenset({"it", "both", "they", "all"})


@dataclass
class Stated:
    """What a caption says of one class of objects; ``LARGEST_COUNT + 1`` stands for "more than twenty"."""

    total: int | None = None
    center: int | None = None
    outside: int | None = None


@dataclass
class Reading:
    """What a caption says. ``cover`` is share and zone by label, in the order of the text.

    ``present`` are the labels of which there is "at least one", ``seen`` those of land cover that is named without
    a share; ``problems`` are all faults, ``unknown`` the words among them that no fact supports.
    """

    objects: dict[str, Stated] = field(default_factory=dict)
    cover: dict[str, tuple[str, str | None]] = field(default_factory=dict)
    problems: list[str] = field(default_factory=list)
    unknown: list[str] = field(default_factory=list)
    present: list[str] = field(default_factory=list)
    seen: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Token:
    """A piece of text: ``kind`` is count, thing, stuff, scene, share, zone, place, word or mark."""

    kind: str
    text: str
    value: str = ""
    label: str = ""
    form: str = ""


def read_caption(caption: str, nouns: Mapping[str, tuple[str, str]], scene: str | None) -> Reading:
    """Return what a caption states.

    ``nouns`` are all that are recognised, in lower case: label and form (one, many, any, cover) of each. ``scene``
    is a background that may be named.
    """
    reading = Reading()
    if not caption.endswith("."):
        reading.problems.append("does not end as a sentence")
    matcher = _Matcher(nouns, scene)
    for sentence in re.split(r"(?<=\.)\s+", caption.strip()):
        if sentence[:1] != sentence[:1].upper():
            reading.problems.append(f"a sentence begins in lower case: '{sentence}'")
        tokens = matcher.tokens(sentence.rstrip("."))
        unknown = [token.text for token in tokens if token.kind == "word" and token.text not in FUNCTION_WORDS]
        reading.unknown += unknown
        reading.problems += [f"says '{text}', which no fact supports" for text in unknown]
        if any(token.kind in {"share", "stuff"} for token in tokens):
            _read_cover(tokens, reading)
        else:
            _read_objects(tokens, reading)
    return reading


def tokens_of(sentence: str, nouns: Mapping[str, tuple[str, str]]) -> list[Token]:
    """Return the tokens of a sentence, in lower case; for ``nouns`` see `read_caption`."""
    return _Matcher(nouns, None).tokens(sentence)


class _Matcher:
    """Cuts text into tokens; the longest known phrase wins."""

    def __init__(self, nouns: Mapping[str, tuple[str, str]], scene: str | None) -> None:
        known = [Token("count", word) for word in COUNTS] + [Token("some", SOME)]
        known += [Token("share", word, word) for _, word in SHARES]
        known += [Token("share", word, share, form="many") for word, share in PLURAL_SHARES.items()]
        known += [Token("zone", f"{lead} {word}", word) for word in ZONES.values() for lead in ("in the", "at")]
        known += [Token("place", text, place) for text, place in PLACES.items()]
        for noun, (label, form) in nouns.items():
            known.append(Token("stuff" if form == "cover" else "thing", noun, label=label, form=form))
        if scene:
            known.append(Token("scene", scene.casefold()))
        self.known = {token.text: token for token in known}
        longest_first = sorted(self.known, key=lambda phrase: (-len(phrase), phrase))
        phrases = "|".join(re.escape(phrase) for phrase in longest_first)
        self.pattern = re.compile(rf"(?<![\w/-])(?:{phrases})(?![\w/-])|[\w'/-]+|[^\w\s]")

    def tokens(self, sentence: str) -> list[Token]:
        """Return the tokens of a sentence."""
        texts = self.pattern.findall(sentence.casefold())
        return [self.known.get(text) or Token("mark" if text in {",", ";"} else "word", text) for text in texts]


def _read_objects(tokens: Sequence[Token], reading: Reading) -> None:
    """A zone places what stands before it since the last zone, or, in a sentence that opens with one, after it.

    Of two numbers of a class before one zone the first is its total: "three ships, two of them in the center".
    """
    named, problems = _named(tokens, reading)
    reading.problems += problems
    total = sum(count for _, _, count in named)
    if named and total != 2 and any(token.text == "both" for token in tokens):
        reading.problems.append(f"says 'both' of {total} objects")
    places = [index for index, token in enumerate(tokens) if token.kind == "place"]
    if not places:
        reading.problems += _repeated(named, tokens)
        for _, label, count in named:
            _state(reading, label, "total", count)
        if any(token.text in EVERYTHING for token in tokens) and not named and tokens:
            reading.problems.append("a sentence places something nowhere")
        return
    opens = not any(index < places[0] for index, _, _ in named) and tokens[0].kind == "place"
    for number, start in enumerate(places):
        if opens:
            span = (start, places[number + 1] if number + 1 < len(places) else len(tokens))
        else:
            span = (places[number - 1] if number else -1, start)
        inside = [item for item in named if span[0] < item[0] < span[1]]
        reading.problems += _repeated(inside, tokens)
        for place, (_, label, count) in enumerate(inside):
            parted = any(other == label and _is_bare(tokens, index) for index, other, _ in inside[place + 1 :])
            _state(reading, label, "total" if parted else tokens[start].value, count)
        if not inside:
            _place_everything(tokens, tokens[start].value, reading)
    if not opens:
        for index, label, count in named:
            if index > places[-1]:
                _state(reading, label, "total", count)


def _named(tokens: Sequence[Token], reading: Reading) -> tuple[list[tuple[int, str, int]], list[str]]:
    """Position, label and count of everything that is counted.

    A number alone counts the only class named; "the ships" and "both ships" are those counted a sentence before.
    """
    counted: list[tuple[int, str, int]] = []
    problems = []
    only = list(reading.objects)
    for index, token in enumerate(tokens):
        following = tokens[index + 1] if index + 1 < len(tokens) else None
        before = tokens[index - 1] if index else None
        if token.kind == "count":
            count = COUNTS[token.text]
            if following is not None and following.kind == "thing":
                label, form = following.label, following.form
                if form not in {"any", "one" if count == 1 else "many"}:
                    problems.append(f"'{token.text} {following.text}' do not agree")
                counted.append((index, label, count))
            elif len(only) == 1 or counted:
                counted.append((index, only[0] if len(only) == 1 else counted[-1][1], count))
            else:
                problems.append(f"counts '{token.text}' of nothing")
        elif token.kind == "some":
            problems += _state_presence(following, reading)
        elif token.kind == "thing" and (before is None or before.kind not in {"count", "some"}):
            recalled = _recalled(token, before, reading)
            if recalled is None:
                problems.append(f"names '{token.text}' without a number")
            else:
                counted.append((index, token.label, recalled))
    return counted, problems


def _state_presence(thing: Token | None, reading: Reading) -> list[str]:
    """Note that there is at least one of a class; return what is wrong with it."""
    if thing is None or thing.kind != "thing" or thing.form == "many":
        return [f"'{SOME}' is of nothing"]
    if thing.label in {*reading.present, *reading.objects}:
        return [f"says two numbers of '{thing.label}'"]
    reading.present.append(thing.label)
    return []


def _recalled(thing: Token, before: Token | None, reading: Reading) -> int | None:
    """The number of the class that "the ship", "the ships" or "both ships" stands for, if they were counted."""
    stated = reading.objects.get(thing.label)
    count = stated.total if stated and before and before.text in {"the", "both"} else None
    return count if thing.form in {"any", "one" if count == 1 else "many"} else None


def _repeated(named: Sequence[tuple[int, str, int]], tokens: Sequence[Token]) -> list[str]:
    """The classes that a list counts twice with their nouns."""
    labels = [label for index, label, _ in named if not _is_bare(tokens, index)]
    return [f"counts '{label}' twice" for label in sorted({label for label in labels if labels.count(label) > 1})]


def _is_bare(tokens: Sequence[Token], index: int) -> bool:
    """Whether a number stands without its noun."""
    return index + 1 == len(tokens) or tokens[index + 1].kind != "thing"


def _place_everything(tokens: Sequence[Token], zone: str, reading: Reading) -> None:
    words = {token.text for token in tokens}
    if not words & EVERYTHING or not reading.objects:
        reading.problems.append(f"places nothing in zone {zone}")
        return
    total = sum(stated.total or 0 for stated in reading.objects.values())
    for word, wanted in (("it", 1), ("both", 2)):
        if word in words and total != wanted and not (word == "it" and words & (EVERYTHING - {"it"})):
            reading.problems.append(f"says '{word}' of {total} objects")
    for label, stated in reading.objects.items():
        if stated.total is not None:
            _state(reading, label, zone, stated.total)


def _state(reading: Reading, label: str, what: str, count: int) -> None:
    stated = reading.objects.setdefault(label, Stated())
    before = getattr(stated, what)
    if (before is not None and before != count) or label in reading.present:
        reading.problems.append(f"says two numbers of '{label}'")
    setattr(stated, what, count)


def _read_cover(tokens: Sequence[Token], reading: Reading) -> None:
    """A clause has one share and one or more nouns with their zones, or nouns alone, of what is there."""
    clause: list[Token] = []
    for index, token in enumerate(tokens):
        following = tokens[index + 1].text if index + 1 < len(tokens) else ""
        if token.text == ";" or (token.text == "," and following in _JOINTS):
            _read_clause(clause, reading)
            clause = []
        else:
            clause.append(token)
    _read_clause(clause, reading)


def _read_clause(tokens: Sequence[Token], reading: Reading) -> None:
    """A zone places the classes that were named since the zone before."""
    shares = [token for token in tokens if token.kind == "share"]
    labels = [token.label for token in tokens if token.kind == "stuff"]
    odd = [token.text for token in tokens if token.kind in {"count", "some", "thing", "place"}]
    several = any(token.text == "each" for token in tokens) or any(share.form == "many" for share in shares)
    if labels and not shares and not odd and not any(token.kind == "zone" for token in tokens):
        twice = sorted(
            {label for label in labels if labels.count(label) > 1 or label in {*reading.seen, *reading.cover}}
        )
        reading.problems += [f"names '{label}' twice" for label in twice]
        reading.seen += [label for label in dict.fromkeys(labels) if label not in twice]
        return
    if len(shares) != 1 or not labels or odd or several != (len(labels) > 1):
        reading.problems.append(f"'{_words(tokens)}' is no statement on land cover")
        return
    waiting: list[str] = []
    for token in tokens:
        if token.kind == "stuff":
            if token.label in reading.cover or token.label in reading.seen:
                reading.problems.append(f"names '{token.label}' twice")
            reading.cover[token.label] = (shares[0].value, None)
            waiting.append(token.label)
        elif token.kind == "zone":
            if not waiting:
                reading.problems.append(f"'{_words(tokens)}' places nothing {token.text}")
            reading.cover.update(dict.fromkeys(waiting, (shares[0].value, token.value)))
            waiting = []


def _words(tokens: Sequence[Token]) -> str:
    return " ".join(token.text for token in tokens)

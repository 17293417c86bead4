"""Noun phrases and prepositional phrases of an optical caption, and why one must go."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from sartext.narrator import lexicon
from sartext.narrator.lexicon import (
    BE,
    MOVES,
    SAR_IMAGE,
    SAR_IMAGES,
    UNREADABLE,
    UNSEEN,
    WEATHER,
    describes,
    kind_of,
)


@dataclass(frozen=True)
class Noun:
    """A noun phrase: its words before the head, the head, and a phrase that belongs to it with "of".

    ``reason`` says why it must go; empty where it may stay. ``removed`` are the reasons of words left out of it.
    """

    determiner: str
    words: tuple[str, ...]
    head: str
    plural: bool
    of: "Noun | None" = None
    reason: str = ""
    removed: tuple[str, ...] = ()


@dataclass(frozen=True)
class Phrase:
    """A preposition, with the words that belong to it, and its noun phrases."""

    preposition: str
    nouns: tuple[Noun, ...]


@dataclass
class Cursor:
    """A place in the tokens of a clause; ``resolution`` in metres decides which nouns SAR shows."""

    tokens: Sequence[str]
    resolution: float
    place: int = 0

    def peek(self, ahead: int = 0) -> str:
        """The word at the cursor, or nothing at the end."""
        place = self.place + ahead
        return self.tokens[place] if place < len(self.tokens) else ""

    def take(self) -> str:
        """The word at the cursor, which moves on."""
        word = self.peek()
        self.place += 1
        return word

    def rest(self) -> Sequence[str]:
        """The words from the cursor on."""
        return self.tokens[self.place :]


def read_nouns(cursor: Cursor) -> tuple[Noun, ...]:
    """Read a list of noun phrases."""
    nouns: list[Noun] = []
    end = cursor.place
    while (noun := _read_noun(cursor)) is not None:
        nouns.append(noun)
        end = cursor.place
        while cursor.peek() in {",", "and"}:
            cursor.place += 1
        if cursor.place == end:
            break
    cursor.place = end
    return tuple(nouns)


def read_phrases(cursor: Cursor) -> tuple[Phrase, ...]:
    """Read prepositional phrases one after the other; "which is" before one is passed over."""
    phrases: list[Phrase] = []
    while True:
        before = cursor.place
        if cursor.peek() in {",", "and"} and phrases:
            cursor.place += 1
        if cursor.peek() in {"which", "that"} and cursor.peek(1) in BE:
            cursor.place += 2
        preposition = read_preposition(cursor)
        nouns = read_nouns(cursor) if preposition else ()
        if not nouns:
            cursor.place = before
            return tuple(phrases)
        phrases.append(Phrase(preposition, nouns))


def read_preposition(cursor: Cursor) -> str:
    """Read a preposition with the adverbs and the participle before it, or nothing."""
    ahead = 0
    while cursor.peek(ahead) in lexicon.ADVERBS:
        ahead += 1
    if cursor.peek(ahead) in lexicon.PARTICIPLES:
        ahead += 1
    rest = tuple(cursor.rest()[ahead : ahead + 3])
    compound = next((words for words in lexicon.COMPOUND_PREPOSITIONS if rest[: len(words)] == words), None)
    if compound:
        ahead += len(compound)
    elif rest and rest[0] in lexicon.PREPOSITIONS:
        ahead += 1
    else:
        return ""
    words = cursor.rest()[:ahead]
    cursor.place += ahead
    return " ".join(words)


def at_preposition(cursor: Cursor) -> bool:
    """Whether a preposition follows; the cursor stays."""
    return bool(read_preposition(Cursor(cursor.rest(), cursor.resolution)))


def _read_noun(cursor: Cursor) -> Noun | None:
    determiner, measured = _read_determiner(cursor)
    words: list[str] = []
    removed: list[str] = []
    heads: list[str] = []
    while (word := cursor.peek()) and not _ends_noun(cursor, bool(heads)):
        if kind_of(word):
            if cursor.peek(1) == "and" and kind_of(cursor.peek(2)):
                cursor.place += 1  # "red and white boats"
            removed.append(kind_of(word))
        elif not heads and describes(word) and not _is_head(cursor):
            words.append(word)
        else:
            heads.append(word)
        cursor.place += 1
    if not heads:
        weather = WEATHER in removed
        return Noun("", (), "weather", False, reason=WEATHER, removed=()) if weather else None
    determiner, plural, reason = _agree(determiner, heads[-1], measured)
    noun = Noun(determiner, (*words, *heads[:-1]), heads[-1], plural, None, reason, tuple(removed))
    return _judged(cursor, noun, heads[:-1])


def _judged(cursor: Cursor, noun: Noun, before: Sequence[str]) -> Noun:
    """Read what belongs to a noun and decide whether it may stay; ``before`` are the nouns before its head."""
    reason, removed, head = noun.reason, noun.removed, noun.head
    shown = _named(head, cursor.resolution) and all(
        word in lexicon.ADJECTIVES or _named(word, cursor.resolution) for word in before
    )
    if not shown:
        reason = WEATHER if WEATHER in removed else UNSEEN
    elif head in lexicon.MOVING:
        reason = reason or MOVES
    of = None
    if cursor.peek() == "of":
        cursor.place += 1
        of = _read_noun(cursor) or Noun("", (), "of", False, reason=UNREADABLE)
    if removed and head in lexicon.GENERIC and not (noun.words or of):
        reason = reason or removed[0]  # "a green area" without its colour says nothing
    reason = reason or (of.reason if of else "")
    return replace(noun, of=of, reason=reason)


def _ends_noun(cursor: Cursor, headed: bool) -> bool:
    word = cursor.peek()
    if word in {",", "and", "of", "can"} or word in BE or word in lexicon.RELATIVES:
        return True
    if at_preposition(cursor):
        return headed or word not in lexicon.ADJECTIVES
    if not headed:
        return False
    if word in lexicon.VERBS or word in lexicon.PLURAL_VERBS or word in lexicon.PARTICIPLES:
        return True
    return word in lexicon.DETERMINERS or word in lexicon.QUANTIFIERS or word in lexicon.NUMBERS


def _is_head(cursor: Cursor) -> bool:
    """Whether a word that can be an adjective or a noun (a square, a river) ends the noun phrase here."""
    after = Cursor(cursor.rest()[1:], cursor.resolution)
    following = after.peek()
    if not following or following in {",", "and", "of"} or following in BE or at_preposition(after):
        noun_after_and = cursor.peek(1) in {"and", ","} and describes(cursor.peek(2))
        return cursor.peek() in lexicon.VISIBLE or not noun_after_and
    return following in lexicon.VERBS or following in lexicon.PLURAL_VERBS or following in lexicon.PARTICIPLES


def _read_determiner(cursor: Cursor) -> tuple[str, bool]:
    """Read articles, numbers and measures ("a large piece of"); tell whether there is a measure."""
    known = lexicon.DETERMINERS | lexicon.QUANTIFIERS | lexicon.NUMBERS
    words: list[str] = []
    while cursor.peek() in known:
        words.append(cursor.take())
    ahead = 0
    while cursor.peek(ahead) in lexicon.ADJECTIVES:
        ahead += 1
    if cursor.peek(ahead) not in lexicon.MEASURES or cursor.peek(ahead + 1) != "of":
        return " ".join(words), False
    words.extend(cursor.rest()[: ahead + 2])
    cursor.place += ahead + 2
    while cursor.peek() in known:
        words.append(cursor.take())
    return " ".join(words), True


def _named(word: str, resolution: float) -> bool:
    if word in {SAR_IMAGE, SAR_IMAGES} or word in lexicon.PLACES:
        return True
    return resolution <= lexicon.VISIBLE.get(word, 0.0)


def _agree(determiner: str, head: str, measured: bool) -> tuple[str, bool, str]:
    """Return a determiner that fits the noun, whether the whole is plural, and why it cannot stay, if so."""
    words = determiner.split()
    many = head in lexicon.SINGULAR or head == SAR_IMAGES or (head in lexicon.PLACES and head.endswith("s"))
    if measured:
        return _agree_measure(words, head, many)
    if any(word in lexicon.PLURAL_DETERMINERS for word in words):
        if head in lexicon.MASS:
            return ("some" if words[-1] in lexicon.QUANTIFIERS else determiner), False, ""
        return determiner, True, "" if many or head in lexicon.ALIKE else UNREADABLE
    single = bool({"a", "an", "one", "another", "each", "this", "that"} & set(words))
    return determiner, many, UNREADABLE if single and many else ""


def _agree_measure(words: list[str], head: str, many: bool) -> tuple[str, bool, str]:
    measure = next(word for word in words if word in lexicon.MEASURES)
    before = words[: words.index(measure)]
    if lexicon.PLURAL_DETERMINERS.intersection(before) and not measure.endswith("s"):
        return " ".join(words), many, UNREADABLE  # "two piece of"
    if measure in {"piece", "pieces"} and head not in lexicon.MASS:
        return ("some" if many else "a"), many, ""  # "a piece of ocean" is "an ocean"
    if measure in lexicon.COUNTS:
        plural, fits = many or head in lexicon.ALIKE, many or head in lexicon.ALIKE | lexicon.MASS
    else:
        plural, fits = measure.endswith("s"), many or head in lexicon.MASS or measure in lexicon.EXTENTS
    return " ".join(words), plural, "" if fits else UNREADABLE

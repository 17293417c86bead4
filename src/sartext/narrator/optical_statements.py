"""What a caption by the rules of rewriting states, in the statements that captions from annotations consist of.

Read are the objects and the land cover that it names, numbers, and that a land cover is all there is. How things
lie to one another, their form, and on what kind of water a ship is, remain unread.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from sartext.narrator import lexicon
from sartext.narrator.clauses import Clause, read_clauses, words_of
from sartext.narrator.lexicon import SAR_IMAGE
from sartext.narrator.noun_phrases import Noun
from sartext.narrator.statements import COVER_CLASS, COVER_SHARE, OBJECT_CLASS, OBJECT_COUNT, Statement
from sartext.narrator.vocabulary import NUMBER_WORDS, Vocabulary

ALL: Final = "all"
"""Value of a land cover's share where a caption says that it fills the image: no object is there, and no other."""

FINEST: Final = 1.0
"""Metres; the rules left only what the image shows, so all of it is read."""

_PAIRS = frozenset({"pair", "couple"})


@dataclass(frozen=True)
class OpticalReading:
    """The statements of a caption, and its sentences of which something was not read: no class stands for it."""

    statements: tuple[Statement, ...]
    unread: tuple[str, ...] = ()


def optical_statements(caption: str, vocabulary: Vocabulary) -> OpticalReading:
    """Return what a caption states of the classes of a vocabulary, each thing once, in the order of the text.

    "A boat" and "several boats" state the class alone, "two boats" its number too.
    """
    statements: dict[Statement, None] = {}
    unread = []
    for sentence in filter(None, (part.strip() for part in caption.split("."))):
        whole = True
        for tokens in words_of(sentence.replace(SAR_IMAGE, "image")):
            for clause in read_clauses(tokens, FINEST):
                of_clause = _of_clause(clause, vocabulary)
                statements |= dict.fromkeys(item for item in of_clause if item is not None)
                whole &= None not in of_clause
        if not whole:
            unread.append(f"{sentence}.")
    return OpticalReading(tuple(statements), tuple(unread))


def _of_clause(clause: Clause, vocabulary: Vocabulary) -> list[Statement | None]:
    """What a clause states; None stands for what is not read."""
    if clause.reason:
        return [None]
    stated = [item for noun in (*clause.subject, *clause.objects) for item in _of_noun(noun, vocabulary)]
    for phrase in (*clause.subject_phrases, *clause.phrases):
        if phrase.preposition.endswith(lexicon.ABSENT) and not phrase.preposition.startswith("not"):
            stated.append(None)
        else:
            stated += [item for noun in phrase.nouns for item in _of_noun(noun, vocabulary)]
    if clause.verb in lexicon.FILL and any(noun.head == SAR_IMAGE for noun in clause.objects):
        covers = [item.label for item in stated if item and item.kind == COVER_CLASS]
        stated.append(Statement(COVER_SHARE, covers[0], ALL) if len(covers) == 1 else None)
    return stated


def _of_noun(noun: Noun, vocabulary: Vocabulary) -> Iterator[Statement | None]:
    if noun.reason not in {"", lexicon.MOVES}:
        yield None
        return
    if noun.of:  # "the other bank of the river"
        yield from _of_noun(noun.of, vocabulary)
    if noun.head in lexicon.PLACES or noun.head == SAR_IMAGE:
        return
    label = _class_of(noun, vocabulary)
    if label in vocabulary.things:
        yield Statement(OBJECT_CLASS, label)
        if count := _count(noun):
            yield Statement(OBJECT_COUNT, label, str(count))
    elif label:
        yield Statement(COVER_CLASS, label)
    elif not noun.of:
        yield None


def _class_of(noun: Noun, vocabulary: Vocabulary) -> str:
    """The key of the class that a noun names, or nothing."""
    head = lexicon.SINGULAR.get(noun.head, noun.head)
    names = [head, *(f"{word} {head}" for word in noun.words)]
    keys = next((lexicon.NAMED_CLASSES[name] for name in names if name in lexicon.NAMED_CLASSES), ())
    return next((key for key in keys if key in vocabulary.things or key in vocabulary.stuff), "")


def _count(noun: Noun) -> int:
    """The number that is said of a noun, or nothing; "two rows of" houses is no number of houses."""
    words = noun.determiner.split()
    if _PAIRS & set(words):
        return 2
    if lexicon.MEASURES & set(words) or "another" in words:
        return 0
    return next((NUMBER_WORDS.index(word) for word in words if word in NUMBER_WORDS), 0)

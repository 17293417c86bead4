"""Rewriting of optical captions by rules: what a SAR image bears out stays, clause by clause.

A clause about something that SAR does not show goes whole, a colour adjective goes, a clause whose head is a
colour goes, weather, brightness and words of taste go, and a photo becomes a SAR image. What is left is told in
whole sentences; what was left out is counted by reason.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from sartext.narrator import lexicon
from sartext.narrator.clauses import ELIDED, THERE, Clause, read_clauses
from sartext.narrator.noun_phrases import Noun, Phrase
from sartext.narrator.removal import UNREADABLE
from sartext.narrator.sentences import SAR_IMAGE, words_of


@dataclass(frozen=True)
class Rewritten:
    """What is left of an optical caption.

    ``statements`` are whole sentences, none where nothing is left; ``source`` is the caption they come from;
    ``dropped`` counts what was left out, by reason.
    """

    statements: tuple[str, ...]
    source: str
    dropped: tuple[tuple[str, int], ...]

    @property
    def main_reason(self) -> str:
        """The most frequent reason for leaving something out."""
        return max(self.dropped, key=lambda one: one[1])[0] if self.dropped else UNREADABLE


def rewrite(captions: Sequence[str], resolution: float) -> Rewritten:
    """Return what is left of that caption which keeps most; of equals, the first.

    Args:
        captions: of one optical image; at least one.
        resolution: of the SAR image in metres: decides which nouns it shows.
    """
    return max((_rewritten(caption, resolution) for caption in captions), key=lambda one: one[0])[1]


def _rewritten(caption: str, resolution: float) -> tuple[int, Rewritten]:
    dropped: Counter[str] = Counter()
    statements: dict[str, None] = {}
    kept = 0
    for tokens in words_of(caption):
        antecedent = False
        for clause in read_clauses(tokens, resolution):
            left = _filter(clause, dropped, antecedent)
            antecedent = left is not None
            if left is not None and (sentence := _sentence(left)) not in statements:
                statements[sentence] = None
                kept += _size(left)
    return kept, Rewritten(tuple(statements), caption, tuple(sorted(dropped.items())))


def _size(clause: Clause) -> int:
    """The number of things that a clause tells."""
    phrases = (*clause.subject_phrases, *clause.phrases)
    nouns = len(clause.subject) + len(clause.objects) + sum(len(phrase.nouns) for phrase in phrases)
    return nouns + bool(clause.complement)


def _filter(clause: Clause, dropped: Counter[str], antecedent: bool) -> Clause | None:
    """Return the part of a clause that may stay, or nothing; count what goes.

    ``antecedent`` tells whether the clause before stays, so that a pronoun has something to stand for.
    """
    reason = clause.reason
    if clause.pronoun and not antecedent:
        reason = reason or ("" if clause.pronoun == ELIDED else UNREADABLE)
        clause = replace(clause, pronoun="")
    if reason:
        unseen = next((noun.reason for noun in clause.subject if noun.reason), reason)
        dropped[unseen if reason == UNREADABLE else reason] += 1
        return None
    subject = _keep(clause.subject, dropped)
    if (clause.subject or clause.pronoun == ELIDED) and not subject:
        return None
    told = replace(
        clause,
        subject=subject,
        subject_phrases=_keep_phrases(clause.subject_phrases, dropped),
        objects=_keep(clause.objects, dropped),
        phrases=_keep_phrases(clause.phrases, dropped),
    )
    dropped.update(clause.removed)
    return told if _is_complete(clause, told) else _existence(told)


def _is_complete(clause: Clause, told: Clause) -> bool:
    """Whether the predicate still says something without what was taken out of it."""
    if clause.objects:
        return bool(told.objects)
    if clause.complement:
        return bool(told.phrases) or not set(clause.complement) & (lexicon.PARTICIPLES - lexicon.STANDING_ALONE)
    return bool(told.phrases) or not clause.phrases


def _existence(told: Clause) -> Clause | None:
    """What is left of a clause whose predicate went: its subject exists."""
    if told.pronoun or not told.subject or any(noun.head == SAR_IMAGE for noun in told.subject):
        return None
    return Clause((), THERE, objects=told.subject, phrases=told.subject_phrases)


def _keep(nouns: Iterable[Noun], dropped: Counter[str]) -> tuple[Noun, ...]:
    kept = []
    for noun in nouns:
        if noun.reason:
            dropped[noun.reason] += 1
        else:
            dropped.update(noun.removed)
            dropped.update(noun.of.removed if noun.of else ())
            kept.append(noun)
    return tuple(kept)


def _keep_phrases(phrases: Sequence[Phrase], dropped: Counter[str]) -> tuple[Phrase, ...]:
    """Keep phrases up to the first that says nothing: what follows it may belong to it."""
    kept = []
    for phrase in phrases:
        nouns = _keep(phrase.nouns, dropped)
        if not nouns or (phrase.preposition.endswith("between") and not _are_two(phrase.nouns, nouns)):
            break
        kept.append(Phrase(phrase.preposition, nouns))
    return tuple(kept)


def _are_two(nouns: Sequence[Noun], kept: Sequence[Noun]) -> bool:
    return len(kept) == len(nouns) and (len(kept) > 1 or kept[0].plural)


def _sentence(clause: Clause) -> str:
    text = " ".join(word for word in _parts(clause) if word).replace(" not far from", ", not far from")
    return f"{text[0].upper()}{text[1:]}."


def _parts(clause: Clause) -> list[str]:
    if clause.verb == THERE:
        if _shows_an_image(clause.objects):
            return ["this is", _list(clause.objects), *_tell(clause.phrases)]
        if any(noun.head in lexicon.UNIQUE and noun.determiner == "the" for noun in clause.objects):
            return [f"this {SAR_IMAGE} shows", _list(clause.objects), *_tell(clause.phrases)]
        things = [_indefinite(noun) for noun in clause.objects]
        return ["there", "are" if things[0].plural else "is", _list(things), *_tell(clause.phrases)]
    many = len(clause.subject) > 1 or any(noun.plural for noun in clause.subject) or clause.pronoun == "they"
    subject = _list(clause.subject) if not clause.pronoun else "they" if many else "it"
    verb = clause.verb
    if verb == "is":
        verb = "are" if many else "is"
    elif many:
        verb = lexicon.VERBS.get(verb, verb)
    phrases = _tell(clause.subject_phrases)
    return [subject, *phrases, verb, *clause.complement, _list(clause.objects), *_tell(clause.phrases)]


def _shows_an_image(nouns: Sequence[Noun]) -> bool:
    return len(nouns) == 1 and nouns[0].head == SAR_IMAGE


def _indefinite(noun: Noun) -> Noun:
    """What is said to exist is not known yet: "there is a bridge", not "there is the bridge"."""
    known = noun.determiner in {"the", "this", "that", "these", "those", "its", "their"}
    return replace(noun, determiner="") if known else noun


def _tell(phrases: Sequence[Phrase]) -> list[str]:
    return [f"{phrase.preposition} {_list(phrase.nouns)}" for phrase in phrases]


def _list(nouns: Sequence[Noun]) -> str:
    told = [_noun(noun) for noun in nouns]
    return told[0] if len(told) == 1 else f"{', '.join(told[:-1])} and {told[-1]}" if told else ""


def _noun(noun: Noun) -> str:
    words = [*noun.words, noun.head]
    bare = noun.plural or noun.head in lexicon.MASS or noun.head in lexicon.PLACES
    determiner = (noun.determiner or ("some" if noun.head == "earth" else "" if bare else "a")).split()
    if determiner[:1] in (["a"], ["an"]):
        following = determiner[1] if len(determiner) > 1 else words[0]
        determiner[0] = "an" if following[0] in "aeiou" and following not in {"one", "u"} else "a"
    text = " ".join([*determiner, *words])
    return f"{text} of {_noun(noun.of)}" if noun.of else text

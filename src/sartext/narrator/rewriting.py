"""Rewriting of optical captions by rules: what a SAR image bears out stays, clause by clause.

A clause about something that SAR does not show, or that moves, goes, but what that is said to be at, on or around
stays, as something that is there; a colour adjective goes, a clause whose head is a
colour goes, weather, brightness and words of taste go, what a clause says twice goes once, that something fills
the image becomes that it is there, and a photo becomes a SAR image. What is left is said in whole sentences; what
was left out is counted by reason.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain
from typing import Any

from sartext.catalogue.entry import Entry
from sartext.narrator import lexicon
from sartext.narrator.clauses import ELIDED, THERE, Clause, read_clauses, words_of
from sartext.narrator.facts import CaptionMethod, Facts, ReadIndex, RowFacts, Tally
from sartext.narrator.lexicon import SAR_IMAGE, UNREADABLE
from sartext.narrator.noun_phrases import Noun, Phrase
from sartext.narrator.vocabulary import coarsest, enumerate_phrases

REPEATED = "says the same thing again"
ALONE = "says that nothing else is there"
"""That the sea fills the image: people leave out what SAR shows, ships first of all. That there is a sea stays."""


@dataclass(frozen=True)
class Rewritten:
    """What is left of an optical caption: whole sentences; ``dropped`` counts what was left out, by reason."""

    statements: tuple[str, ...]
    source: str
    dropped: tuple[tuple[str, int], ...]

    @property
    def facts(self) -> Facts | str:
        """The facts of the SAR image, or why there are none: the most frequent reason for leaving out."""
        if not self.statements:
            reason = max(self.dropped, key=lambda item: item[1])[0] if self.dropped else UNREADABLE
            return f"no caption survives rewriting: {reason}"
        return Facts(statements=self.statements, source_caption=self.source, dropped=self.dropped)


def rewrite(captions: Sequence[str], resolution: float) -> Rewritten:
    """Return what is left of that caption of an optical image which keeps most; of equals, the first.

    ``resolution`` of the SAR image in metres decides which nouns it shows.
    """
    return max((_rewritten(caption, resolution) for caption in captions), key=lambda rated: rated[0])[1]


def pair_facts(entry: Entry, read_index: ReadIndex) -> RowFacts:
    """Return what makes facts of the SAR halves of pairs: what is left of the captions of the optical half."""
    captions = {
        row["path"]: row["captions"]
        for row in read_index(["path", "modality", "captions"])
        if row["modality"] == "optical" and row["captions"]
    }
    resolution = coarsest(entry)

    def row_facts(row: Mapping[str, Any], tally: Tally) -> Facts | str:
        sources = captions.get(row["paired_path"] or "", [])
        if not sources:
            return "no optical caption"
        rewritten = rewrite(sources, resolution)
        tally.dropped_statements.update(dict(rewritten.dropped))
        return rewritten.facts

    return row_facts


def _rewritten(caption: str, resolution: float) -> tuple[int, Rewritten]:
    dropped: Counter[str] = Counter()
    statements: dict[str, None] = {}
    kept = 0
    named: list[Noun] = []
    for tokens in words_of(caption):
        antecedent = False
        for clause in read_clauses(tokens, resolution):
            left = _filter(clause, dropped, antecedent)
            antecedent = left is not None
            if left is None:
                left = _surroundings(clause, dropped)
            if left is not None and _is_known(left, named):
                dropped[REPEATED] += 1
            elif left is not None and (sentence := _sentence(left)) not in statements:
                named += _nouns_of(left)
                statements[sentence] = None
                kept += _size(left)
    return kept, Rewritten(tuple(statements), caption, tuple(sorted(dropped.items())))


def _size(clause: Clause) -> int:
    """The number of things that a clause tells."""
    return len(_nouns_of(clause)) + bool(clause.complement)


def _nouns_of(clause: Clause) -> tuple[Noun, ...]:
    """The noun phrases of a clause, those of its prepositional phrases too."""
    phrases = [phrase.nouns for phrase in (*clause.subject_phrases, *clause.phrases)]
    return (*clause.subject, *clause.objects, *chain.from_iterable(phrases))


def _is_known(clause: Clause, named: Sequence[Noun]) -> bool:
    """Whether a clause says only that there are things that a sentence before it named."""
    nouns = [noun for noun in clause.objects if noun.head != SAR_IMAGE]
    says_more = clause.verb != THERE or clause.phrases or not nouns
    return not says_more and all(any(_repeats(noun, other) for other in named) for noun in nouns)


def _repeats(noun: Noun, other: Noun) -> bool:
    """Whether two noun phrases name the same, as "a river" and "a winding river" do; a side or an end is none."""
    if noun.head in lexicon.PLACES or noun.of or other.of or "another" in noun.determiner.split():
        return False
    telling = lexicon.ADJECTIVES | lexicon.NUMBERS | lexicon.PLACES
    words = [{*item.words, *item.determiner.split()} & telling for item in (noun, other)]
    return _meaning(noun) == _meaning(other) and (words[0] <= words[1] or words[1] <= words[0])


def _meaning(noun: Noun) -> str:
    head = lexicon.SINGULAR.get(noun.head, noun.head)
    return lexicon.SYNONYMS.get(head, head)


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
    said: list[Noun] = []
    subject = _keep(clause.subject, dropped, said)
    if (clause.subject or clause.pronoun == ELIDED) and not subject:
        return None
    rest = replace(
        clause,
        subject=subject,
        subject_phrases=_keep_phrases(clause.subject_phrases, dropped, said),
        objects=_keep(clause.objects, dropped, said),
        phrases=_keep_phrases(clause.phrases, dropped, said),
    )
    dropped.update(clause.removed)
    if rest.verb in lexicon.FILL and any(noun.head == SAR_IMAGE for noun in rest.objects):
        dropped[ALONE] += 1
        return _existence(rest)
    return rest if _is_complete(clause, rest) else _existence(rest)


def _surroundings(clause: Clause, dropped: Counter[str]) -> Clause | None:
    """What is left where SAR does not show the subject: "cars are on a bridge" says that there is a bridge."""
    if clause.reason or not clause.subject or any(not noun.reason for noun in clause.subject):
        return None
    around = [phrase for phrase in clause.phrases if not phrase.preposition.endswith(lexicon.ABSENT)]
    nouns = [*clause.objects, *chain.from_iterable(phrase.nouns for phrase in around)]
    named = [noun.of if noun.head in lexicon.PLACES and noun.of else noun for noun in nouns]
    telling = [noun for noun in named if noun.head not in lexicon.PLACES and _tells_alone(noun)]
    kept = _keep(telling, dropped, [])
    alone = tuple(replace(noun, words=tuple(word for word in noun.words if word != "other")) for noun in kept)
    return Clause((), THERE, objects=alone) if alone else None


def _tells_alone(noun: Noun) -> bool:
    """Whether a noun says something where its clause is gone; the image does not, and nor does "a large area"."""
    return noun.head != SAR_IMAGE and (noun.head not in lexicon.GENERIC or bool(set(noun.words) - lexicon.SIZES))


def _is_complete(clause: Clause, rest: Clause) -> bool:
    """Whether the predicate still says something without what was taken out of it."""
    if clause.objects:
        return bool(rest.objects)
    if clause.complement:
        return bool(rest.phrases) or not set(clause.complement) & (lexicon.PARTICIPLES - lexicon.STANDING_ALONE)
    return bool(rest.phrases) or not clause.phrases


def _existence(rest: Clause) -> Clause | None:
    """What is left of a clause whose predicate went: its subject exists."""
    if rest.pronoun or not rest.subject or any(noun.head == SAR_IMAGE for noun in rest.subject):
        return None
    return Clause((), THERE, objects=rest.subject, phrases=rest.subject_phrases)


def _keep(nouns: Iterable[Noun], dropped: Counter[str], said: list[Noun]) -> tuple[Noun, ...]:
    """Keep the nouns that SAR shows and that the clause has not said before, which ``said`` lists."""
    kept = []
    for noun in nouns:
        if noun.reason:
            dropped[noun.reason] += 1
        elif any(_repeats(noun, other) for other in said):
            dropped[REPEATED] += 1
        else:
            said += [noun, noun.of] if noun.of else [noun]
            dropped.update(noun.removed)
            dropped.update(noun.of.removed if noun.of else ())
            kept.append(noun)
    return tuple(kept)


def _keep_phrases(phrases: Sequence[Phrase], dropped: Counter[str], said: list[Noun]) -> tuple[Phrase, ...]:
    """Keep phrases up to the first that says nothing: what follows it may belong to it."""
    kept = []
    for phrase in phrases:
        nouns = _keep(phrase.nouns, dropped, said)
        are_two = len(nouns) == len(phrase.nouns) and (len(nouns) > 1 or nouns[0].plural)
        if not nouns or (phrase.preposition.endswith("between") and not are_two):
            break
        kept.append(Phrase(phrase.preposition, nouns))
    return tuple(kept)


def _sentence(clause: Clause) -> str:
    text = " ".join(word for word in _parts(clause) if word).replace(" not far from", ", not far from")
    return f"{text[0].upper()}{text[1:]}."


def _parts(clause: Clause) -> list[str]:
    if clause.verb == THERE:
        if len(clause.objects) == 1 and clause.objects[0].head == SAR_IMAGE:
            return ["this is", _list(clause.objects), *_phrases(clause.phrases)]
        if any(noun.head in lexicon.UNIQUE and noun.determiner == "the" for noun in clause.objects):
            return [f"this {SAR_IMAGE} shows", _list(clause.objects), *_phrases(clause.phrases)]
        things = [_indefinite(noun) for noun in clause.objects]
        return ["there", "are" if things[0].plural else "is", _list(things), *_phrases(clause.phrases)]
    many = len(clause.subject) > 1 or any(noun.plural for noun in clause.subject) or clause.pronoun == "they"
    subject = _list(clause.subject) if not clause.pronoun else "they" if many else "it"
    verb = clause.verb
    if verb == "is":
        verb = "are" if many else "is"
    elif many:
        verb = lexicon.VERBS.get(verb, verb)
    phrases = _phrases(clause.subject_phrases)
    return [subject, *phrases, verb, *clause.complement, _list(clause.objects), *_phrases(clause.phrases)]


def _indefinite(noun: Noun) -> Noun:
    """What is said to exist is not known yet: "there is a bridge", not "there is the bridge"."""
    known = noun.determiner in {"the", "this", "that", "these", "those", "its", "their"}
    return replace(noun, determiner="") if known else noun


def _phrases(phrases: Sequence[Phrase]) -> list[str]:
    return [f"{phrase.preposition} {_list(phrase.nouns)}" for phrase in phrases]


def _list(nouns: Sequence[Noun]) -> str:
    return enumerate_phrases([_noun(noun) for noun in nouns]) if nouns else ""


def _noun(noun: Noun) -> str:
    words = [*noun.words, noun.head]
    bare = noun.plural or noun.head in lexicon.MASS or noun.head in lexicon.PLACES
    determiner = (noun.determiner or ("some" if noun.head == "earth" else "" if bare else "a")).split()
    if determiner[:1] in (["a"], ["an"]):
        following = determiner[1] if len(determiner) > 1 else words[0]
        determiner[0] = "an" if following[0] in "aeiou" and following not in {"one", "u"} else "a"
    text = " ".join([*determiner, *words])
    return f"{text} of {_noun(noun.of)}" if noun.of else text


OPTICAL_RULES = CaptionMethod(
    "optical-rules",
    "1.1",
    "from an existing caption of the optical image of the same place, cut to what SAR shows",
    quotes=True,
    row_facts={"pairs": pair_facts},
)

OPTICAL_MODEL = CaptionMethod(
    "optical-model",
    "1.1",
    "from a caption that a model wrote for the optical image of the same place, cut to what SAR shows; dropped "
    "where a second model finds that caption and SAR image disagree",
    by_model=True,
    quotes=True,
    score="the similarity of image and caption",
)
"""Written by the stage `optical-captions`, of the package above."""

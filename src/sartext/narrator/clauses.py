"""Reading an optical caption: sentences, and clauses of noun phrases, verbs and prepositional phrases.

The reader knows only simple sentences. What it cannot read it gives up, clause by clause, and never guesses.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sartext.narrator import lexicon
from sartext.narrator.lexicon import (
    BE,
    BRIGHTNESS,
    COLOUR,
    SAR_IMAGE,
    SAR_IMAGES,
    UNREADABLE,
    WEATHER,
    describes,
    kind_of,
)
from sartext.narrator.noun_phrases import Cursor, Noun, Phrase, at_preposition, read_nouns, read_phrases

THERE, SEEN, ELIDED = "there", "can be seen", "elided"
_INTENSITY = frozenset({"very", "quite", "rather", "almost", "completely"})
_LEADS = (
    "there is|there are|there was|there were|there lies|there lie|we can see|you can see|we see|one can see|"
    "from above we see|from above there is|from above there are|here is|here are|it is|it was|this is|that is|"
    "these are|they are|those are|here we can see|here you can see"
)
_LEAD_WORDS = tuple(tuple(lead.split()) for lead in _LEADS.split("|"))

_TOKEN = re.compile(r"[a-z0-9]+(?:['-][a-z0-9]+)*|[,;]")
_SENTENCE = re.compile(r"[.!?]+(?:\s|$)")
_SPELLINGS = tuple(
    (re.compile(rf"\b{pattern}\b"), written)
    for pattern, written in (
        (r"(bird's[- ]eye|top[- ]down) (view|photo|image|picture)", "aerial image"),
        (r"(aerial|satellite) view", "aerial image"),
        ("built up", "built-up"),
        (r"(?:an? )?bare[- ]?land", "bare land"),
        (r"bare-?lands", "bare land"),
        (r"in (two|both) sides", r"on \1 sides"),
        (r"spread out", "spread"),
        (r"nothing but", ""),
        (r"also|just|only|here(?=\s*[.,;]|\s*$)", ""),
    )
)


@dataclass(frozen=True)
class Clause:
    """A statement.

    ``verb`` is ``there`` (something exists), ``is``, ``can be seen`` or a verb of the lexicon. ``subject`` is
    empty where ``pronoun`` stands for it (``elided`` where the sentence leaves it out). ``complement`` are the
    adjectives or the participle behind a copula, ``objects`` the noun phrases behind the verb, ``phrases`` what
    follows. ``reason`` says why the clause as a whole must go.
    """

    subject: tuple[Noun, ...]
    verb: str
    complement: tuple[str, ...] = ()
    objects: tuple[Noun, ...] = ()
    phrases: tuple[Phrase, ...] = ()
    subject_phrases: tuple[Phrase, ...] = ()
    pronoun: str = ""
    reason: str = ""
    removed: tuple[str, ...] = ()


_UNREADABLE = Clause((), "", reason=UNREADABLE)


def words_of(caption: str) -> list[list[str]]:
    """Return the tokens of each sentence, in lower case; words for an optical image become "SAR image"."""
    text = caption.casefold().replace("\u2019", "'")
    for pattern, written in _SPELLINGS:
        text = pattern.sub(written, text)
    return [_join_images(_TOKEN.findall(part)) for part in _SENTENCE.split(text) if part.strip()]


def _join_images(tokens: Sequence[str]) -> list[str]:
    joined: list[str] = []
    for word in tokens:
        if word in lexicon.IMAGE_WORDS:
            while joined and joined[-1] in lexicon.IMAGE_ADJECTIVES:
                joined.pop()
            joined.append(SAR_IMAGES if word.endswith("s") else SAR_IMAGE)
        else:
            joined.append(word)
    return joined


def read_clauses(tokens: Sequence[str], resolution: float) -> list[Clause]:
    """Return the clauses of a sentence, each with the reason why it must go, if any."""
    clauses: list[Clause] = []
    for chunk in _chunks_of(tokens):
        cursor = Cursor(chunk, resolution)
        clause = _read_clause(cursor)
        if cursor.rest() and not clause.reason:
            clause = replace(clause, reason=_why_unread(cursor, clause))
        if clause.pronoun == ELIDED:
            before = clauses[-1] if clauses else _UNREADABLE
            reason = clause.reason or ("" if before.subject else UNREADABLE)
            clause = replace(clause, subject=before.subject, reason=reason)
        clauses.append(clause)
    return clauses


def _why_unread(cursor: Cursor, clause: Clause) -> str:
    kinds = {kind_of(word) for word in cursor.rest()}
    reasons = (WEATHER,) if clause.objects else (WEATHER, COLOUR, BRIGHTNESS)
    return next((reason for reason in reasons if reason in kinds), UNREADABLE)


def _read_clause(cursor: Cursor) -> Clause:
    start = read_phrases(cursor)
    if start:
        if cursor.peek() == ",":
            cursor.place += 1
        if not _read_lead(cursor):
            if cursor.peek() not in BE:
                return _UNREADABLE
            cursor.place += 1
        nouns = read_nouns(cursor)
        return Clause((), THERE, objects=nouns, phrases=(*read_phrases(cursor), *start)) if nouns else _UNREADABLE
    lead = cursor.peek()
    if _read_lead(cursor):
        if lead in {"it", "they"} and (at_preposition(cursor) or all(describes(word) for word in cursor.rest())):
            return _read_copula(cursor, (), lead)
        nouns = read_nouns(cursor)
        return Clause((), THERE, objects=nouns, phrases=read_phrases(cursor)) if nouns else _UNREADABLE
    return _read_statement(cursor)


def _read_lead(cursor: Cursor) -> bool:
    for lead in _LEAD_WORDS:
        if tuple(cursor.rest()[: len(lead)]) == lead:
            cursor.place += len(lead)
            return True
    return False


def _read_statement(cursor: Cursor) -> Clause:
    word = cursor.peek()
    if word in {"it", "they"}:
        cursor.place += 1
        return _read_predicate(cursor, (), word)
    if word in BE or word in lexicon.VERBS or word in lexicon.PLURAL_VERBS:
        return _read_predicate(cursor, (), ELIDED)
    subject = read_nouns(cursor)
    if not subject:
        return _UNREADABLE
    phrases = read_phrases(cursor)
    if not cursor.rest():
        return Clause((), THERE, objects=subject, phrases=phrases)
    return replace(_read_predicate(cursor, subject, ""), subject_phrases=phrases)


def _read_predicate(cursor: Cursor, subject: tuple[Noun, ...], pronoun: str) -> Clause:
    word = cursor.take()
    if word in BE:
        return _read_copula(cursor, subject, pronoun)
    if word == "can" and list(cursor.rest()[:2]) == ["be", "seen"]:
        cursor.place += 2
        return Clause(subject, SEEN, phrases=read_phrases(cursor), pronoun=pronoun)
    verb = lexicon.PLURAL_VERBS.get(word, word)
    if verb not in lexicon.VERBS:
        return Clause(subject, "", pronoun=pronoun, reason=UNREADABLE)
    objects = () if at_preposition(cursor) else read_nouns(cursor)
    phrases = read_phrases(cursor)
    reason = "" if objects or phrases else UNREADABLE
    return Clause(subject, verb, objects=objects, phrases=phrases, pronoun=pronoun, reason=reason)


def _read_copula(cursor: Cursor, subject: tuple[Noun, ...], pronoun: str) -> Clause:
    if at_preposition(cursor):
        return Clause(subject, "is", phrases=read_phrases(cursor), pronoun=pronoun)
    if cursor.peek() in lexicon.DETERMINERS:
        return Clause(subject, "is", objects=read_nouns(cursor), phrases=read_phrases(cursor), pronoun=pronoun)
    kept: list[str] = []
    removed: list[str] = []
    joined = False
    while cursor.rest() and not at_preposition(cursor):
        word = cursor.take()
        if kind_of(word):
            removed.append(kind_of(word))
        elif word in lexicon.PARTICIPLES or describes(word):
            kept += ["and", word] if joined else [word]
            joined = False
        elif word == "and":
            joined = bool(kept)
        else:
            return Clause(subject, "is", pronoun=pronoun, reason=UNREADABLE)
    reason = "" if set(kept) - _INTENSITY else removed[0] if removed else UNREADABLE
    phrases = read_phrases(cursor)
    return Clause(subject, "is", tuple(kept), (), phrases, (), pronoun, reason, tuple(removed))


def _chunks_of(tokens: Sequence[str]) -> list[list[str]]:
    """Split a sentence where a finite verb begins a new clause; lists of nouns stay together.

    A part without a verb belongs to the clause before it, or, where none has begun or a list runs up to the
    next verb ("..., a road and a river are ..."), to the subject of the clause after it.
    """
    parts = _joined_parts(tokens)
    verbs = [_has_verb(words) for _, words in parts]
    chunks: list[list[str]] = []
    subjects: list[str] = []
    for place, (joint, words) in enumerate(parts):
        after = parts[place + 1] if place + 1 < len(parts) else None
        if verbs[place]:
            if subjects and joint != "and":
                chunks.append(subjects)
                subjects = []
            chunks.append([*subjects, "and", *words] if subjects else words)
            subjects = []
        elif not chunks and any(verbs[place:]):
            subjects += [",", *words] if subjects else words
        elif not chunks:
            chunks.append(words)
        elif (
            joint == ","
            and after
            and after[0] == "and"
            and verbs[place + 1]
            and words[0] not in lexicon.PREPOSITIONS | lexicon.PARTICIPLES
        ):
            subjects += words
        elif joint == ";" or joint in lexicon.CLAUSE_WORDS:
            chunks.append(words)
        else:
            chunks[-1] = [*chunks[-1], joint, *words]
    return chunks


def _joined_parts(tokens: Sequence[str]) -> list[tuple[str, list[str]]]:
    """The tokens between commas, semicolons and conjunctions, each with what stands before it."""
    parts: list[tuple[str, list[str]]] = [("", [])]
    for place, word in enumerate(tokens):
        around = [*tokens[place - 1 : place], *tokens[place + 1 : place + 2]] if place else []
        if word == "and" and len(around) == 2 and all(map(kind_of, around)):
            continue  # "red and white boats"
        if word in {",", ";", "and"} or word in lexicon.CLAUSE_WORDS:
            joint = word
            if not parts[-1][1]:
                joint = parts.pop()[0] if word == "and" and len(parts) > 1 else word
            parts.append((joint, []))
        else:
            parts[-1][1].append(word)
    return [(joint, words) for joint, words in parts if words]


def _has_verb(words: Sequence[str]) -> bool:
    verbs = BE | lexicon.VERBS.keys()
    has = words[0] in verbs or any(word in verbs or word in lexicon.PLURAL_VERBS for word in words[1:])
    return has and words[0] not in lexicon.RELATIVES

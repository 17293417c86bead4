"""An optical caption as tokens: sentences, and chunks of them with one finite verb each."""

import re
from collections.abc import Sequence

from sartext.narrator import lexicon
from sartext.narrator.removal import kind_of

SAR_IMAGE = "SAR image"
SAR_IMAGES = "SAR images"
BE = frozenset({"is", "are", "was", "were"})

_TOKEN = re.compile(r"[a-z0-9]+(?:['-][a-z0-9]+)*|[,;]")
_SENTENCE = re.compile(r"[.!?]+(?:\s|$)")
_SPELLINGS = tuple(
    (re.compile(rf"\b{pattern}\b"), written)
    for pattern, written in (
        (r"(bird's[- ]eye|top[- ]down) (view|photo|image|picture)", "aerial image"),
        (r"(aerial|satellite) view", "aerial image"),
        ("built up", "built-up"),
        (r"bare-?lands?", "bare land"),
        (r"in (two|both) sides", r"on \1 sides"),
        (r"spread out", "spread"),
        (r"nothing but", ""),
        (r"also|just|only|here(?=\s*[.,;]|\s*$)", ""),
    )
)


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


def chunks_of(tokens: Sequence[str]) -> list[list[str]]:
    """Split a sentence where a finite verb begins a new clause; lists of nouns stay together.

    A part without a verb belongs to the clause before it, or, where none has begun or a list runs up to the
    next verb ("..., a road and a river are ..."), to the subject of the clause after it.
    """
    parts = _parts(tokens)
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
        elif joint == "," and after and after[0] == "and" and verbs[place + 1] and _opens_with_noun(words):
            subjects += words
        elif joint == ";" or joint in lexicon.CLAUSE_WORDS:
            chunks.append(words)
        else:
            chunks[-1] = [*chunks[-1], joint, *words]
    return chunks


def _parts(tokens: Sequence[str]) -> list[tuple[str, list[str]]]:
    """The tokens between commas, semicolons and conjunctions, each with what stands before it."""
    parts: list[tuple[str, list[str]]] = [("", [])]
    for place, word in enumerate(tokens):
        if (
            word == "and"
            and place
            and kind_of(tokens[place - 1])
            and kind_of("".join(tokens[place + 1 : place + 2]))
        ):
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
    if words[0] in lexicon.RELATIVES:
        return False
    return any(
        word in BE or word in lexicon.VERBS or (word in lexicon.PLURAL_VERBS and place > 0)
        for place, word in enumerate(words)
    )


def _opens_with_noun(words: Sequence[str]) -> bool:
    return words[0] not in lexicon.PREPOSITIONS and words[0] not in lexicon.PARTICIPLES

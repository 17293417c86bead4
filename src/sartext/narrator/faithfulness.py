"""Whether a caption says what its facts say: read back and compared, or held against the caption that it quotes.

The reader knows nothing of the grammar that wrote the caption: it finds numbers, nouns, shares and zones in the
text and puts together what belongs together. Every word must be accounted for.
"""

import re
from collections.abc import Collection, Iterable
from itertools import chain

from sartext.catalogue.entry import Entry
from sartext.narrator.detail_reading import details_of, parted, read_details
from sartext.narrator.facts import CaptionMethod, Facts, ObjectFact, PresentFact, from_json
from sartext.narrator.methods import METHODS
from sartext.narrator.optical_statements import FINEST
from sartext.narrator.rewording import borne_out, rewording_problems
from sartext.narrator.statements import (
    COVER_CLASS,
    SCENE,
    Nouns,
    Statement,
    in_words,
    read_statements,
    statements_of,
)
from sartext.narrator.vocabulary import (
    BRIGHTNESS_WORDS,
    COLOUR_WORDS,
    FORBIDDEN_WORDS,
    WEATHER_WORDS,
    bare,
    coarsest,
    nouns_of,
    share_word,
    thing_nouns,
    word_set,
)

STRUCTURE_WORDS = word_set("a an the there is are this it they and some sar image shows")
"""Words that the rewriting may add to make a sentence."""

_WORD = re.compile(r"[a-z0-9]+(?:['-][a-z0-9]+)*")
_FORBIDDEN = (
    (COLOUR_WORDS, "a colour"),
    (WEATHER_WORDS, "the weather"),
    (BRIGHTNESS_WORDS, "a brightness"),
    (FORBIDDEN_WORDS, "a flood"),
)


def contradictions(caption: str, facts_json: str, method: str, entry: Entry | None) -> list[str]:
    """Return everything in a caption that its facts do not bear out, and every fact that it leaves unsaid.

    Args:
        caption: the text.
        facts_json: its facts, as ``facts.to_json`` wrote them.
        method: how it was made, a name of ``narrator.methods``.
        entry: the corpus, whose nouns are recognised beside those of the facts; or nothing.

    Raises:
        ArtefactError: the facts are no record of facts.
    """
    facts = from_json(facts_json)
    if method in METHODS and METHODS[method].quotes:
        return _quotation_errors(caption, facts, METHODS[method], entry)
    scenes = [name for name in (facts.scene, facts.scene_class) if name]
    scenes += [kind.noun for kind in (entry.scene_classes if entry else ())]
    caption_statements = read_statements(caption, _nouns(facts, entry), scenes)
    stated, true = caption_statements.statements, statements_of(facts)
    problems = [
        *_inconsistent(facts),
        *caption_statements.problems,
        *(f"says that there is no '{label}'" for label in caption_statements.denied),
        *(f"says '{words}', which the facts do not" for words in _beyond(stated, true)),
        *(f"does not say '{words}', which the facts do" for words in _beyond(true, stated)),
    ]
    if not problems and not stated:
        problems.append("states nothing")
    if not problems and _first_cover(stated) != _first_cover(true):
        problems.append(f"does not name '{_first_cover(true)}', the dominant class, first")
    return problems


def detailed_contradictions(
    detailed: str, caption: str, facts_json: str, method: str, entry: Entry | None
) -> list[str]:
    """Return what is wrong with a detailed caption: as `contradictions` does, and sizes and shares in percent.

    Where no annotation proves more than the caption states, the detailed caption is the caption.

    Raises:
        ArtefactError: the facts are no record of facts.
    """
    if detailed == caption:
        return []
    if method in METHODS and not METHODS[method].annotated:
        return ["is another text than the caption, beside which nothing is proven"]
    facts = from_json(facts_json)
    plain, sentences = parted(detailed)
    stated, problems = read_details(sentences, _nouns(facts, entry))
    true = details_of(facts)
    return [
        *contradictions(plain, facts_json, method, entry),
        *problems,
        *(f"says '{detail.words}', which the facts do not" for detail in sorted(stated - true)),
        *(f"does not say '{detail.words}', which the facts do" for detail in sorted(true - stated)),
    ]


def _nouns(facts: Facts, entry: Entry | None) -> Nouns:
    """Every noun that may stand in a caption; those of the facts take precedence over the corpus's others."""
    nouns = dict(chain.from_iterable(nouns_of(kind).items() for kind in (entry.part_classes if entry else ())))
    things: tuple[ObjectFact | PresentFact, ...] = (
        *facts.objects,
        *(fact for fact in facts.present if not fact.stuff),
    )
    for thing in things:
        nouns |= thing_nouns(thing.noun, thing.plural)
    stuff = [*(fact.noun for fact in facts.cover), *(fact.noun for fact in facts.present if fact.stuff)]
    return nouns | {bare(noun): (bare(noun), "cover") for noun in stuff}


def _inconsistent(facts: Facts) -> list[str]:
    counts = [
        f"facts: {fact.count} {fact.plural} are not {fact.center} in and {fact.outside} outside the center"
        for fact in facts.objects
        if fact.count != fact.center + fact.outside or fact.count < 1
    ]
    return counts + [
        f"facts: {fact.fraction} of {fact.noun} is not '{fact.share}'"
        for fact in facts.cover
        if share_word(fact.fraction) != fact.share
    ]


def _beyond(statements: Collection[Statement], others: Collection[Statement]) -> tuple[str, ...]:
    """What statements say that others do not, in words."""
    known = {statement.label for statement in others}
    known |= {statement.label for statement in statements if statement.kind == SCENE}
    return in_words(set(statements) - set(others), known)


def _first_cover(statements: Iterable[Statement]) -> str | None:
    return next((statement.label for statement in statements if statement.kind == COVER_CLASS), None)


def _quotation_errors(caption: str, facts: Facts, method: CaptionMethod, entry: Entry | None) -> list[str]:
    """Return every word that the source caption does not bear out, and every statement that is missing."""
    if facts.source_caption is None:
        return ["the facts hold no source caption"]
    if method.reworded:
        resolution = coarsest(entry) if entry else FINEST
        problems = [str(problem) for problem in rewording_problems(caption, facts.source_caption, resolution)]
    else:
        problems = _unquoted(caption, facts.source_caption)
    sentences = [sentence.strip() for sentence in re.findall(r"[^.]+\.", caption)]
    problems += [f"does not say '{statement}'" for statement in facts.statements if statement not in sentences]
    problems += [
        f"says '{sentence}', which is no statement of the facts"
        for sentence in sentences
        if sentence not in facts.statements
    ]
    if " ".join(sentences) != caption:
        problems.append("does not end as a sentence")
    return problems


def _unquoted(caption: str, source_caption: str) -> list[str]:
    """Every word of a caption by rules that its source does not say, or that no SAR image bears out."""
    source = set(_WORD.findall(source_caption.casefold().replace("\u2019", "'")))
    problems = []
    for word in _WORD.findall(caption.casefold()):
        if word not in STRUCTURE_WORDS and not borne_out(word, source):
            problems.append(f"says '{word}', which the source caption does not")
        for words, what in _FORBIDDEN:
            if any(part in words for part in word.split("-")):
                problems.append(f"names {what} ('{word}')")
    return problems

"""What is wrong with a caption, in words, for the report's examples."""

from collections.abc import Collection

from sartext.evaluation.benchmarks import Example
from sartext.evaluation.captioning.faithfulness import Annotation
from sartext.evaluation.details import Written
from sartext.evaluation.statements import (
    COVER_CLASS,
    COVER_SHARE,
    COVER_ZONE,
    OBJECT_CLASS,
    OBJECT_COUNT,
    OBJECT_ZONE,
    Statement,
    read_facts,
    statements_of,
)
from sartext.narrator.vocabulary import number_word


def written(caption: str, example: Example, annotation: Annotation) -> Written:
    """Return a caption with the statements that the annotation contradicts, and those that it lacks.

    A class that is not there is wrong as such: its count and its place are not told again.
    """
    told = read_facts(caption, annotation.nouns, annotation.scenes)
    if not caption or not told.statements or example.facts.statements:
        return Written(caption, judged=False)
    true, stated = set(statements_of(example.facts)), set(told.statements)
    decided = annotation.decided[example.corpus]
    known = {one.label for one in true}
    judged = {one for one in stated if one.label in decided or one.label in known}
    return Written(
        caption, _in_words(judged - true, known), _in_words(true - stated, {one.label for one in stated})
    )


def _in_words(statements: Collection[Statement], known: Collection[str]) -> tuple[str, ...]:
    """Statements in words; of a class that is unknown only that it is named."""
    classes = {OBJECT_CLASS, COVER_CLASS}
    return tuple(_spelt(one) for one in sorted(statements) if one.kind in classes or one.label in known)


def _spelt(one: Statement) -> str:
    if one.kind == OBJECT_COUNT:
        return f"{one.label}: {number_word(int(one.value))}"
    if one.kind == OBJECT_ZONE:
        count, place = one.value.split()
        return f"{one.label}: {number_word(int(count))} {'in' if place == 'center' else 'outside'} the center"
    if one.kind == COVER_SHARE:
        return f"{one.label}: {one.value}"
    if one.kind == COVER_ZONE:
        return f"{one.label} in the {one.value}"
    return one.label

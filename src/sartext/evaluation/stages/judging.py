"""What is wrong with a caption, in words, for the report's examples."""

from sartext.evaluation.benchmarks import Example
from sartext.evaluation.details import Written
from sartext.evaluation.metrics.faithfulness import Annotation
from sartext.narrator.statements import (
    in_words,
    read_statements,
    statements_of,
)


def written(caption: str, example: Example, annotation: Annotation) -> Written:
    """Return a caption with the statements that the annotation contradicts, and those that it lacks.

    A class that is not there is wrong as such: its count and its place are not told again.
    """
    told = read_statements(caption, annotation.nouns, annotation.scenes)
    if not caption or not told.statements or example.facts.statements:
        return Written(caption, judged=False)
    true, stated = set(statements_of(example.facts)), set(told.statements)
    decided = annotation.decided[example.corpus]
    known = {one.label for one in true}
    judged = {one for one in stated if one.label in decided or one.label in known}
    return Written(caption, in_words(judged - true, known), in_words(true - stated, {one.label for one in stated}))

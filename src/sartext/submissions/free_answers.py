"""What a model that follows instructions is told, and how a free answer becomes one that can be compared.

VQA is scored by exact match after the normalisation of `sartext.evaluation.vqa`; a part of an answer never counts.
So the model is told to answer shortly, and of what it writes the first line that says something is its answer,
without marks of emphasis or of a list around it and without the label "Answer:". Nothing else is taken away or
looked for: an answer of a whole sentence is wrong, and is counted as unreadable.
"""

import re
from collections.abc import Mapping, Sequence

from sartext.errors import ParameterError
from sartext.evaluation.vqa import normalise_answer
from sartext.vqa.question import Question

CAPTION_PROMPT = (
    "This is a synthetic aperture radar image. Describe it in one to three plain sentences: which objects there "
    "are, how many of each, and whether they are in the center or outside it; or which land cover there is, its "
    "share of the image and where it is. Write only the description."
)

QUESTION = "{question}"
"""Where the question stands in a prompt."""

QUESTION_PROMPT = (
    "This is a synthetic aperture radar image. {question} Answer with a single word or number, or with the few "
    "words that name a place or a class. Write only the answer, without a sentence around it."
)

_MARKS = " \t*_`#>\"'"
_LABEL = re.compile(r"^answer\s*:\s*", re.IGNORECASE)
_LIST = re.compile(r"^[-\u2022]\s+")

LONGEST = 4000
"""Characters of a prompt."""


def checked(prompt: str | None, *, question: bool) -> str | None:
    """Return a prompt that a person gave; with ``question`` it must have a place for one.

    Raises:
        ParameterError: it has none, or is too long.
    """
    if prompt is not None and question and QUESTION not in prompt:
        raise ParameterError(
            f"the prompt has no {QUESTION}", where="--prompt", way_out=f"write {QUESTION} where the question goes"
        )
    if prompt is not None and len(prompt) > LONGEST:
        raise ParameterError(
            f"a prompt of {len(prompt):,} letters", where="--prompt", way_out="give a shorter one"
        )
    return prompt


def with_question(prompt: str, question: str) -> str:
    """Return a prompt with its question."""
    return prompt.replace(QUESTION, question)


def short_answer(text: str) -> str:
    """Return the answer in what a model wrote: its first line that says something; empty where none does.

    "**Answer:** Yes.\\nThere are ships." is "Yes.", "Yes, there are ships." is all of that.
    """
    for line in text.splitlines():
        plain = _LIST.sub("", line.strip()).strip(_MARKS)
        plain = _LABEL.sub("", plain).strip(_MARKS)
        if plain:
            return plain
    return ""


def unreadable(answers: Mapping[str, str], questions: Sequence[Question], known: Sequence[Question]) -> list[str]:
    """Return the answers, normalised, that no question of their type has; a number always is one.

    Args:
        answers: by question id.
        questions: that they answer.
        known: all questions of the release, whose answers are what can be said.
    """
    of_type: dict[str, set[str]] = {}
    for question in known:
        of_type.setdefault(question.type, set()).add(normalise_answer(question.answer))
    given = [(question.type, normalise_answer(answers[question.id])) for question in questions]
    return [answer for kind, answer in given if answer not in of_type.get(kind, ()) and not answer.isdecimal()]

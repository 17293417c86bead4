"""Question answering: exact match after a stated normalisation, per type, per corpus, and two ways together.

Accuracy per question type, their mean (AA) and the share of all questions (OA) are what RSVQA reports (Lobry et
al. 2020). An answer is right if it equals the question's after `normalise_answer`; a part of it never counts.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence

import numpy as np

from sartext.bootstrap import RESAMPLES, Floats, Sums, by_group, estimate, intervals, resample
from sartext.errors import EvaluationError
from sartext.evaluation.details import CONSTANT, CONSTANT_PER_CORPUS
from sartext.evaluation.figures import EVERYTHING, Figure, not_computed, paired
from sartext.evaluation.metrics import Metric
from sartext.evaluation.prediction_files import check_answers
from sartext.narrator.vocabulary import NUMBER_WORDS
from sartext.vqa.question import TYPES, Question

Answers = Mapping[str, str]
"""Answers by question id."""

ARTICLES = frozenset({"a", "an", "the"})
NUMBERS = {word: str(number) for number, word in enumerate(NUMBER_WORDS)}

TYPE, CORPUS = "type:", "corpus:"
"""How the names of subsets begin."""

COMPARED = EVERYTHING, TYPE
"""Those in which variants are compared."""


def normalise_answer(text: str) -> str:
    """Return an answer as it is compared.

    In this order: lower case; quotes and, at its end, punctuation go; the words are taken apart at white space;
    articles go; number words to twenty become digits. "The ship." is "ship", "Three" is "3", "12" is not "1".
    """
    plain = re.sub(r"[\"'\u2018\u2019\u201c\u201d`]", "", text.casefold()).strip()
    words = re.sub(r"[\s.,;:!?]+$", "", plain).split()
    return " ".join(NUMBERS.get(word, word) for word in words if word not in ARTICLES)


def score_vqa(
    answers: Mapping[str, Answers],
    questions: Sequence[Question],
    *,
    benchmark_name: str,
    resamples: int = RESAMPLES,
    seed: int = 0,
    pairs: Sequence[tuple[str, str]] = (),
) -> list[Figure]:
    """Return the figures of some models and baselines on the same questions of one benchmark, times 100.

    ``accuracy`` of every type (``type:<t>``) and corpus (``corpus:<c>``), ``oa``, ``aa`` (the mean over the types
    that occur) and ``empty``, the share of empty answers, which are wrong. Intervals are drawn over groups, with
    the same draws for all. The differences of ``pairs`` of variants, the first minus the second, are figures too,
    of all questions and by type.

    Raises:
        EvaluationError: a variant answers other questions than these.
    """
    for variant, of_variant in answers.items():
        check_answers(of_variant, questions, where=variant)
    if not questions:
        return [
            not_computed("vqa", metric, variant, "no question is asked of its images", benchmark=benchmark_name)
            for variant in answers
            for metric in ("oa", "aa")
        ]
    parts = _parts(questions)
    hits = [
        np.array([_is_right(of_variant[question.id], question) for question in questions], dtype=np.float64)
        for of_variant in answers.values()
    ]
    sums = _sums(hits, parts, questions)
    values, drawn = estimate([sums]), resample([sums], resamples, seed)
    figures: list[Figure] = []
    whole: list[tuple[Figure, Floats]] = []
    for number, (variant, of_variant) in enumerate(answers.items()):
        columns = slice(number * len(parts), (number + 1) * len(parts))
        scored = list(_figures(variant, parts, values[columns], drawn[:, columns], benchmark_name))
        figures += [figure for figure, _ in scored]
        whole += [(figure, drawn_of) for figure, drawn_of in scored if figure.subset.startswith(COMPARED)]
        for subset in (f"{TYPE}{name}" for name in TYPES if f"{TYPE}{name}" not in parts):
            reason = f"no question of type {subset.removeprefix(TYPE)} is asked of its images"
            where = {"benchmark": benchmark_name, "subset": subset}
            figures.append(not_computed("vqa", "accuracy", variant, reason, **where))
        empty = 100 * float(np.mean([not normalise_answer(of_variant[question.id]) for question in questions]))
        figures.append(Figure("vqa", "empty", variant, empty, n=len(questions), benchmark=benchmark_name))
    compared, resampled = zip(*whole, strict=True) if whole else ((), ())
    if not compared:
        return figures
    return [*figures, *paired(compared, np.column_stack(resampled), pairs, subsets=COMPARED)]


def _parts(questions: Sequence[Question]) -> dict[str, Floats]:
    """Which questions belong to a subset, 0 or 1 for each: all, the types that occur, the corpora."""
    types, corpora = {item.type for item in questions}, {item.corpus for item in questions}
    masks = {
        EVERYTHING: [True for _ in questions],
        **{f"{TYPE}{name}": [item.type == name for item in questions] for name in TYPES if name in types},
        **{f"{CORPUS}{name}": [item.corpus == name for item in questions] for name in sorted(corpora)},
    }
    return {name: np.array(mask, dtype=np.float64) for name, mask in masks.items()}


def _is_right(answer: str, question: Question) -> bool:
    return normalise_answer(answer) == normalise_answer(question.answer)


def _sums(hits: Sequence[Floats], parts: Mapping[str, Floats], questions: Sequence[Question]) -> Sums:
    """Right answers and questions summed over each group, a column per variant and subset."""
    groups = [question.group_id for question in questions]
    masks = np.stack(list(parts.values()), axis=1)
    scored = np.concatenate([of_variant[:, None] * masks for of_variant in hits], axis=1)
    return Sums(by_group(scored, groups), by_group(np.tile(masks, len(hits)), groups))


def _figures(
    variant: str, parts: Mapping[str, Floats], values: Floats, drawn: Floats, benchmark: str
) -> Iterator[tuple[Figure, Floats]]:
    """The figures of one variant with their resamples; a resample without questions of a type has no AA."""
    names = list(parts)
    typed = [place for place, name in enumerate(names) if name.startswith(TYPE)]
    values = np.append(values, values[typed].mean())
    drawn = np.column_stack([drawn, drawn[:, typed].mean(axis=1)])
    bounds = intervals(100 * values, 100 * drawn)
    for name, interval, resampled in zip([*names, "aa"], bounds, 100 * drawn.T, strict=True):
        metric = {EVERYTHING: "oa", "aa": "aa"}.get(name, "accuracy")
        subset = name if metric == "accuracy" else EVERYTHING
        n = int(parts.get(name, parts[EVERYTHING]).sum())
        figure = Figure("vqa", metric, variant, interval.value, n=n, benchmark=benchmark, subset=subset)
        yield figure.within(interval), resampled


def constant_answers(train: Sequence[Question], questions: Sequence[Question]) -> dict[str, Answers]:
    """Return the train split's most frequent answers to questions of the same type, and corpus, by variant.

    Of what the train split does not have, the answer of the type, or of all; of equally frequent ones the first by
    alphabet.

    Raises:
        EvaluationError: there are no train questions.
    """
    if not train:
        raise EvaluationError(
            "the train split has no questions: there is no constant answer", way_out="raise the share of `train`"
        )
    keys = {CONSTANT: [("type",), ()], CONSTANT_PER_CORPUS: [("type", "corpus"), ("type",), ()]}
    return {variant: _most_frequent(train, questions, fields) for variant, fields in keys.items()}


def _most_frequent(
    train: Sequence[Question], questions: Sequence[Question], fields: Sequence[tuple[str, ...]]
) -> Answers:
    """The answer by the first key that the train split knows, a key being the values of some fields."""

    def keys_of(question: Question) -> list[tuple[str, ...]]:
        return [tuple(getattr(question, name) for name in names) for names in fields]

    counts: dict[tuple[str, ...], Counter[str]] = {}
    for question in train:
        for key in keys_of(question):
            counts.setdefault(key, Counter())[question.answer] += 1
    best = {key: min(answers, key=lambda answer: (-answers[answer], answer)) for key, answers in counts.items()}
    return {question.id: next(best[key] for key in keys_of(question) if key in best) for question in questions}


def answers_rows(answers: Answers, questions: Iterable[Question]) -> list[dict[str, str | bool]]:
    """Return every answer beside the right one, a row per question; `read_answers` takes them as they are."""
    return [
        {
            "id": question.id,
            "image_id": question.image_id,
            "type": question.type,
            "question": question.text,
            "answer": answers[question.id],
            "expected": question.answer,
            "right": _is_right(answers[question.id], question),
        }
        for question in questions
    ]


_NO_TALK = "Questions are made from the facts of captions and have short answers: no open conversation."
_AA = f"The mean over the types of questions. {_NO_TALK}"
_OA = f"The share of right answers. {_NO_TALK}"
_PART = "The share of right answers of a type or corpus."
METRICS = (
    Metric("vqa", "aa", "average accuracy (AA)", meaning=_AA, section="overall", headline=True),
    Metric("vqa", "oa", "overall accuracy (OA)", meaning=_OA, section="overall", headline=True),
    Metric("vqa", "accuracy", "accuracy", unit="%", meaning=_PART, section="parts"),
    Metric("vqa", "empty", "empty answers", 1, "%", False, "They count as wrong.", "parts"),
)

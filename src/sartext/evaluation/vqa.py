"""Question answering: exact match after a stated normalisation, per type, per corpus, and two ways together.

Accuracy per question type, their mean (AA) and the share of all questions (OA) are what RSVQA reports (Lobry et
al. 2020). An answer is right if it equals the question's after `normalise_answer`; a part of it never counts.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path

import numpy as np

from sartext.errors import EvaluationError
from sartext.evaluation.bootstrap import Floats, Sums, estimate, intervals, resample
from sartext.evaluation.differences import paired
from sartext.evaluation.figures import EVERYTHING, Figure, not_computed
from sartext.evaluation.given import read_records
from sartext.narrator.vocabulary import NUMBER_WORDS
from sartext.vqa.question import TYPES, Question

Answers = Mapping[str, str]
"""Answers by question id."""

CONSTANT = "constant"
CONSTANT_PER_CORPUS = "constant-per-corpus"

ARTICLES = frozenset({"a", "an", "the"})
NUMBERS = {word: str(number) for number, word in enumerate(NUMBER_WORDS)}

TYPE, CORPUS = "type:", "corpus:"
"""How the names of subsets begin."""

RESAMPLES = 2000
SHOWN = 5
"""Ids that an error names."""

FORM = "give `id` and `answer`, as CSV or JSON lines"


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
    """Return the figures of some models and baselines on the same questions, times 100.

    ``accuracy`` of every type (``type:<t>``) and corpus (``corpus:<c>``), ``oa``, ``aa`` (the mean over the types
    that occur) and ``empty``, the share of empty answers, which are wrong. Intervals are drawn over groups, with
    the same draws for all.

    Args:
        answers: by variant and question id, one for every question.
        questions: of one benchmark.
        benchmark_name: its name.
        resamples: of the bootstrap.
        seed: of the bootstrap.
        pairs: of variants whose differences, the first minus the second, are figures too.

    Raises:
        EvaluationError: a variant answers other questions than these.
    """
    for variant, given in answers.items():
        check_ids(given, questions, where=variant)
    if not questions:
        return [
            not_computed("vqa", metric, variant, "no question is asked of its images", benchmark=benchmark_name)
            for variant in answers
            for metric in ("oa", "aa")
        ]
    parts = _parts(questions)
    hits = {variant: _hits(given, questions) for variant, given in answers.items()}
    sums = _sums([mask * one for one in hits.values() for mask in parts.values()], parts, questions)
    values, drawn = estimate([sums]), resample([sums], resamples, seed)
    figures: list[Figure] = []
    whole: list[tuple[Figure, Floats]] = []
    for number, (variant, given) in enumerate(answers.items()):
        columns = slice(number * len(parts), (number + 1) * len(parts))
        found = list(_figures(variant, parts, values[columns], drawn[:, columns], benchmark_name))
        figures += [figure for figure, _ in found]
        whole += [one for one in found if one[0].subset == EVERYTHING]
        figures += _absent(variant, parts, benchmark_name)
        empty = 100 * float(np.mean([not normalise_answer(given[one.id]) for one in questions]))
        figures.append(Figure("vqa", "empty", variant, empty, n=len(questions), benchmark=benchmark_name))
    compared, resampled = zip(*whole, strict=True) if whole else ((), ())
    return [*figures, *paired(compared, np.column_stack(resampled), pairs)] if compared else figures


def _parts(questions: Sequence[Question]) -> dict[str, Floats]:
    """Which questions belong to a subset, 0 or 1 for each: all, the types that occur, the corpora."""
    types = {one.type for one in questions}
    named = {
        EVERYTHING: [True for _ in questions],
        **{f"{TYPE}{name}": [one.type == name for one in questions] for name in TYPES if name in types},
        **{
            f"{CORPUS}{name}": [one.corpus == name for one in questions]
            for name in sorted({one.corpus for one in questions})
        },
    }
    return {name: np.array(mask, dtype=np.float64) for name, mask in named.items()}


def _hits(given: Answers, questions: Sequence[Question]) -> Floats:
    """1 for every question that is answered rightly, else 0."""
    return np.array([_is_right(given[one.id], one) for one in questions], dtype=np.float64)


def _is_right(answer: str, question: Question) -> bool:
    return normalise_answer(answer) == normalise_answer(question.answer)


def _sums(hits: Sequence[Floats], parts: Mapping[str, Floats], questions: Sequence[Question]) -> Sums:
    """Right answers and questions summed over each group, a column per variant and subset."""
    places = {name: place for place, name in enumerate(sorted({one.group_id for one in questions}))}
    rows = np.array([places[one.group_id] for one in questions])
    asked = [mask for _ in range(len(hits) // len(parts)) for mask in parts.values()]

    def summed(columns: Sequence[Floats]) -> Floats:
        found = np.zeros((len(places), len(columns)))
        np.add.at(found, rows, np.stack(columns, axis=1))
        return found

    return Sums(summed(hits), summed(asked))


def _figures(
    variant: str, parts: Mapping[str, Floats], values: Floats, drawn: Floats, benchmark: str
) -> Iterator[tuple[Figure, Floats]]:
    """The figures of one variant with their resamples; a resample without questions of a type has no AA."""
    names = list(parts)
    typed = [place for place, name in enumerate(names) if name.startswith(TYPE)]
    values = np.append(values, values[typed].mean())
    drawn = np.column_stack([drawn, drawn[:, typed].mean(axis=1)])
    found = intervals(100 * values, 100 * drawn)
    for name, interval, resampled in zip([*names, "aa"], found, 100 * drawn.T, strict=True):
        metric = {EVERYTHING: "oa", "aa": "aa"}.get(name, "accuracy")
        subset = name if metric == "accuracy" else EVERYTHING
        asked = int(parts[name].sum()) if name in parts else int(parts[EVERYTHING].sum())
        figure = Figure("vqa", metric, variant, interval.value, n=asked, benchmark=benchmark, subset=subset)
        yield figure.within(interval), resampled


def _absent(variant: str, parts: Mapping[str, Floats], benchmark: str) -> Iterator[Figure]:
    for name in TYPES:
        if f"{TYPE}{name}" not in parts:
            reason = f"no question of type {name} is asked of its images"
            subset = f"{TYPE}{name}"
            yield not_computed("vqa", "accuracy", variant, reason, benchmark=benchmark, subset=subset)


def constant_answers(train: Sequence[Question], questions: Sequence[Question]) -> dict[str, str]:
    """Return the most frequent answer of the train split to questions of the same type, for every question.

    A type that the train split does not have gets its most frequent answer of all.

    Raises:
        EvaluationError: there are no train questions.
    """
    return _most_frequent(train, questions, (lambda one: (one.type,), lambda one: ()))


def constant_answers_per_corpus(train: Sequence[Question], questions: Sequence[Question]) -> dict[str, str]:
    """Return the most frequent answer of the train split to questions of the same type and corpus.

    Where the train split has none of both, the one of the type.

    Raises:
        EvaluationError: there are no train questions.
    """
    return _most_frequent(
        train, questions, (lambda one: (one.type, one.corpus), lambda one: (one.type,), lambda one: ())
    )


_Key = Callable[[Question], tuple[str, ...]]


def _most_frequent(
    train: Sequence[Question], questions: Sequence[Question], keys: Sequence[_Key]
) -> dict[str, str]:
    """The answer by the first key that the train split knows; of equally frequent ones the first by alphabet."""
    if not train:
        raise EvaluationError(
            "the train split has no questions: there is no constant answer", way_out="raise the share of `train`"
        )
    counts: dict[tuple[str, ...], Counter[str]] = {}
    for one in train:
        for key in keys:
            counts.setdefault(key(one), Counter())[one.answer] += 1
    best = {key: min(found, key=lambda answer: (-found[answer], answer)) for key, found in counts.items()}
    return {one.id: next(best[key(one)] for key in keys if key(one) in best) for one in questions}


def answers_rows(given: Answers, questions: Iterable[Question]) -> list[dict[str, str | bool]]:
    """Return every answer beside the right one, a row per question; `read_answers` takes them as they are."""
    return [
        {
            "id": one.id,
            "image_id": one.image_id,
            "type": one.type,
            "question": one.text,
            "answer": given[one.id],
            "expected": one.answer,
            "right": _is_right(given[one.id], one),
        }
        for one in questions
    ]


def read_answers(path: Path, questions: Sequence[Question], others: Iterable[Question] = ()) -> dict[str, str]:
    """Read predictions: ``id`` and ``answer`` as CSV with a header, or as JSON lines (``.jsonl``).

    Args:
        path: of the file.
        questions: that must be answered.
        others: that may be answered too; these answers are left out.

    Raises:
        EvaluationError: the file is absent or of another form; an id is unknown, missing or repeated. An empty
            answer is taken, and counts as wrong.
    """
    given: dict[str, str] = {}
    repeated: list[str] = []
    for name, answer in _read(path):
        if name in given:
            repeated.append(name)
        given[name] = answer
    if repeated:
        raise EvaluationError(
            f"{len(repeated):,} ids stand twice: {_named(repeated)}",
            where=path,
            way_out="give one answer for each",
        )
    left_out = {one.id for one in others} - {one.id for one in questions}
    told = {name: answer for name, answer in given.items() if name not in left_out}
    check_ids(told, questions, where=path)
    return told


def check_ids(given: Answers, questions: Iterable[Question], *, where: object) -> None:
    """Refuse answers to other questions than those that are asked.

    Raises:
        EvaluationError: names how many ids are unknown or missing, and the first of them.
    """
    known = {one.id for one in questions}
    for problem, odd in (("unknown", given.keys() - known), ("missing", known - given.keys())):
        if odd:
            like = f"; ids are such as '{_nearest(min(odd), known)}'" if problem == "unknown" and known else ""
            raise EvaluationError(
                f"{len(odd):,} question ids are {problem}: {_named(odd)}{like}",
                where=where,
                way_out="answer every question of vqa/test.jsonl once, and no other",
            )


def _nearest(odd: str, known: Iterable[str]) -> str:
    return get_close_matches(odd, sorted(known), n=1, cutoff=0)[0]


def _read(path: Path) -> list[tuple[str, str]]:
    return [_answer(record, place, path) for place, record in read_records(path, (("id",), ("answer",)), FORM)]


def _answer(record: Mapping[str, object], place: str, path: Path) -> tuple[str, str]:
    """Answers that JSON writes as numbers are taken as text."""
    name, answer = record.get("id"), record.get("answer")
    if isinstance(answer, int | float) and not isinstance(answer, bool):
        answer = str(answer)
    if not isinstance(name, str) or not isinstance(answer, str):
        raise EvaluationError(f"{place} has no text for id and answer", where=path, way_out=FORM)
    return name.strip(), answer


def _named(ids: Iterable[str]) -> str:
    ordered = sorted(ids)
    return ", ".join(ordered[:SHOWN]) + (", ..." if len(ordered) > SHOWN else "")

"""Metrics that need no reference captions: faithfulness to the facts of an image, and diversity.

Faithfulness is precision and recall of the facts stated, and what is invented or wrong. A caption is read back
into statements, which the image's facts bear out or not; a statement on a class that the corpus does not annotate
exhaustively is neither right nor wrong. Facts that quote an optical caption decide no statement: such images are
not judged. Diversity is how long captions are, how many are distinct, and how many equal a training caption.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from sartext.bootstrap import Floats
from sartext.catalogue.entry import Entry
from sartext.errors import EvaluationError, nearest
from sartext.evaluation.benchmarks import Example
from sartext.evaluation.metrics import Metric
from sartext.narrator.optical_statements import optical_statements
from sartext.narrator.statements import (
    COVER_CLASS,
    COVER_KINDS,
    COVER_SHARE,
    COVER_ZONE,
    KINDS,
    OBJECT_CLASS,
    OBJECT_COUNT,
    OBJECT_KINDS,
    OBJECT_ZONE,
    CaptionStatements,
    Statement,
    compare,
    read_statements,
    statements_of,
)
from sartext.narrator.vocabulary import Vocabulary, annotated_by, vocabulary_of

Bools = npt.NDArray[np.bool_]

GROUPS: Mapping[str, tuple[str, ...]] = {
    "fact": KINDS,
    "object": OBJECT_KINDS,
    "cover": COVER_KINDS,
    **{kind.replace(" ", "_"): (kind,) for kind in KINDS},
}
"""What precision and recall are told of, by the name of the figure: all kinds of statements, some, and each."""

WRONG: Mapping[str, tuple[str, ...]] = {
    "wrong_counts": (OBJECT_COUNT,),
    "wrong_zones": (OBJECT_ZONE, COVER_ZONE),
    "wrong_shares": (COVER_SHARE,),
}
"""Kinds of statements that are told wrong of a class that is there: a class that is not there is wrong as such."""

RIGHT, STATED, TRUE = range(3)


@dataclass(frozen=True, eq=False)
class CheckableClasses:
    """What captions are read for, and the classes that are annotated, by corpus."""

    vocabulary: Vocabulary
    decided: Mapping[str, Collection[str]]

    def read(self, caption: str) -> CaptionStatements:
        """Return what a caption states: as captions of annotations are read, else as those of optical images."""
        reading = read_statements(caption, self.vocabulary.nouns, self.vocabulary.scenes)
        if reading.statements:
            return reading
        optical = optical_statements(caption, self.vocabulary)
        return CaptionStatements(optical.statements, optical.unread) if optical.statements else reading


@dataclass(frozen=True, eq=False)
class Judgement:
    """What n captions state against what is true.

    Args:
        judged: [n], whether there are facts to hold a caption against.
        counts: [n, kinds, 3]: right, stated and true statements, in the order of ``KINDS``.
        invented: [n], classes of objects stated that are not there.
        wrong: by figure of ``WRONG``, [n, 2]: wrong and stated ones, of classes that are there.
        classes: by class that is stated or true, [n, 3]: right, stated and true statements on it.
        undecided: [n], statements that no annotation decides.
        silent: [n], captions in which no statement could be read.
        odd: [n], captions with words that no fact supports, or that contradict themselves.
    """

    judged: Bools
    counts: Floats
    invented: Floats
    wrong: Mapping[str, Floats]
    classes: Mapping[str, Floats]
    undecided: Floats
    silent: Bools
    odd: Bools

    def of(self, group: str) -> Floats:
        """Return right, stated and true statements of a group of ``GROUPS``, [n, 3]."""
        return np.asarray(self.counts[:, [KINDS.index(kind) for kind in GROUPS[group]]].sum(axis=1))


def checkable_classes(entries: Mapping[str, Entry]) -> CheckableClasses:
    """Return what the annotations of some corpora decide; captions are read for the nouns of all of them."""
    vocabulary = vocabulary_of(entries[name] for name in sorted(entries))
    return CheckableClasses(vocabulary, {name: annotated_by(entry) for name, entry in entries.items()})


def judge(captions: Sequence[str], examples: Sequence[Example], checkable: CheckableClasses) -> Judgement:
    """Hold captions, as written, against the facts of their images; empty ones state nothing.

    Raises:
        EvaluationError: ``checkable`` lacks a corpus of the examples.
    """
    for example in examples:
        if example.corpus not in checkable.decided:
            raise EvaluationError(
                f"the catalogue has no corpus '{example.corpus}'",
                where=example.image_id,
                way_out=nearest(example.corpus, checkable.decided),
            )
    read = {caption: checkable.read(caption) for caption in set(captions)}
    readings = [read[caption] for caption in captions]
    rows = [
        _row(reading.statements, example, checkable.decided[example.corpus])
        for reading, example in zip(readings, examples, strict=True)
    ]
    judged = np.array([not example.facts.statements for example in examples], dtype=np.bool_)

    def numbers(values: Iterable[object], *shape: int) -> Floats:
        of_images = np.array(list(values), dtype=np.float64).reshape(-1, *shape)
        return of_images * judged.reshape(-1, *(1 for _ in shape))

    labels = sorted({label for row, fair in zip(rows, judged, strict=True) if fair for label in row.classes})
    return Judgement(
        judged=judged,
        counts=numbers((row.counts for row in rows), len(KINDS), 3),
        invented=numbers(row.invented for row in rows),
        wrong={name: numbers((row.wrong[name] for row in rows), 2) for name in WRONG},
        classes={label: numbers((row.classes.get(label, (0, 0, 0)) for row in rows), 3) for label in labels},
        undecided=numbers(row.undecided for row in rows),
        silent=np.array([not reading.statements for reading in readings], dtype=np.bool_),
        odd=np.array([bool(reading.problems) for reading in readings], dtype=np.bool_),
    )


@dataclass(frozen=True, slots=True)
class _Row:
    counts: list[tuple[int, int, int]]
    invented: int
    wrong: Mapping[str, tuple[int, int]]
    classes: Mapping[str, tuple[int, int, int]]
    undecided: int


def _row(stated: Sequence[Statement], example: Example, decided: Collection[str]) -> _Row:
    true = set(statements_of(example.facts))
    counts, undecided = compare(stated, true, decided)
    decidable = [statement for statement in stated if statement.label in decided]
    labels = {statement.label for statement in (*true, *decidable)}
    # a noun may be an object's and a land cover's
    there = {
        (statement.kind in OBJECT_KINDS, statement.label)
        for statement in true
        if statement.kind in {OBJECT_CLASS, COVER_CLASS}
    }
    invented = {
        statement.label
        for statement in decidable
        if statement.kind == OBJECT_CLASS and (True, statement.label) not in there
    }
    wrong = {}
    for name, kinds in WRONG.items():
        of_there = [
            statement
            for statement in stated
            if statement.kind in kinds and (statement.kind in OBJECT_KINDS, statement.label) in there
        ]
        wrong[name] = (sum(statement not in true for statement in of_there), len(of_there))
    return _Row(
        [(counts[kind].right, counts[kind].stated, counts[kind].true) for kind in KINDS],
        len(invented),
        wrong,
        {label: _of_class(label, stated, true) for label in sorted(labels)},
        undecided,
    )


def _of_class(label: str, stated: Collection[Statement], true: Collection[Statement]) -> tuple[int, int, int]:
    stated_of = {statement for statement in stated if statement.label == label}
    true_of = {statement for statement in true if statement.label == label}
    return len(stated_of & true_of), len(stated_of), len(true_of)


def diversity(captions: Sequence[str]) -> dict[str, float]:
    """Return what is counted over a whole set of tokenised captions, and so has no interval.

    Distinct captions, unigrams and bigrams in percent of all of them, the number of distinct words, and that of
    captions without a word; a percentage of nothing is left out.
    """
    words = [caption.split() for caption in captions]
    unigrams = [word for caption in words for word in caption]
    bigrams = [pair for caption in words for pair in pairwise(caption)]
    counted = {"captions": captions, "unigrams": unigrams, "bigrams": bigrams}
    return {
        **{f"distinct_{name}": 100 * len(set(items)) / len(items) for name, items in counted.items() if items},
        "vocabulary": float(len(set(unigrams))),
        "empty_captions": float(sum(not caption for caption in words)),
    }


def lengths(captions: Sequence[str], references: Sequence[Sequence[str]] = ()) -> Floats:
    """Return the words of each tokenised caption, [n]; the references do not matter."""
    return np.array([len(caption.split()) for caption in captions], dtype=np.float64)


def copied(captions: Sequence[str], train: Collection[str]) -> Floats:
    """Return 1 for each tokenised caption that equals a training caption, else 0, [n]."""
    known = frozenset(train)
    return np.array([caption in known for caption in captions], dtype=np.float64)


_ENDS = {
    "precision": "Of the statements on {}, those that the annotation confirms; undecided ones are left out.",
    "recall": "Of the facts of the annotation on {}, those that are stated.",
}
_metric = partial(Metric, "captioning")


def _ratios(group: str, title: str, what: str, section: str, *, headline: bool = False) -> list[Metric]:
    return [
        _metric(f"{group}_{end}", f"{title}: {end}", 1, "%", True, meaning.format(what), section, headline)
        for end, meaning in _ENDS.items()
    ]


_F1 = (
    "The harmonic mean of precision and recall of facts. Precision alone is had blind by saying little, recall by "
    "saying much."
)
_OF_PRESENT = "Of those stated of a class that is there; a class that is not there is wrong as such."
_NOT_DECIDED = "Statements on classes that the annotation does not decide: neither right nor wrong."
_INVENTED = "Classes of objects that are stated and not there."
_UNREADABLE = "No statement could be read in them."
_ODD = "They hold words that are no statement, or contradict themselves."

_DIVERSITY: tuple[tuple[str, str, int, str, bool | None, str], ...] = (
    ("empty_captions", "empty captions", 0, "", False, "Captions without a word."),
    (
        "images_without_caption",
        "images without a caption",
        0,
        "",
        False,
        "They are left out of the other figures.",
    ),
    ("words", "words", 1, "per caption", None, "The mean length."),
    ("distinct_captions", "distinct captions", 1, "%", None, "Different captions, of all."),
    ("distinct_unigrams", "distinct words", 1, "%", None, "Different words, of all."),
    (
        "distinct_bigrams",
        "distinct pairs of words",
        1,
        "%",
        None,
        "Different pairs of neighbouring words, of all.",
    ),
    ("vocabulary", "vocabulary", 0, "words", None, "Different words."),
    ("copied_captions", "equal to a training caption", 1, "%", None, "Of all captions, word by word."),
)

METRICS = (
    *_ratios("fact", "facts", "anything", "facts", headline=True),
    _metric("fact_f1", "facts: F1", 1, "%", True, _F1, "facts", headline=True),
    *_ratios("object", "objects", "objects", "facts"),
    *_ratios("cover", "land cover", "land cover", "facts"),
    _metric("invented_objects", "invented objects per caption", 2, "", False, _INVENTED, "facts"),
    *(
        _metric(name, name.replace("_", " "), 1, "% of those stated", False, _OF_PRESENT, "facts")
        for name in WRONG
    ),
    _metric("undecided_statements", "undecided statements", 2, "per caption", None, _NOT_DECIDED, "captions"),
    *(metric for kind in KINDS for metric in _ratios(kind.replace(" ", "_"), kind, f"the {kind}", "statements")),
    _metric("unreadable_captions", "captions that state nothing", 1, "%", False, _UNREADABLE, "captions"),
    _metric("odd_captions", "captions with words that no fact supports", 1, "%", False, _ODD, "captions"),
    *(_metric(*row, section="captions", compute=lengths if row[0] == "words" else None) for row in _DIVERSITY),
)

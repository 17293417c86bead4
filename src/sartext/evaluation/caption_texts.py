"""What captions are compared with, everything tokenised once: references, and captions that need no model.

The references of an image are the released caption and the same facts in other words.
"""

import re
from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from itertools import repeat

import numpy as np

from sartext.bootstrap import Bools
from sartext.errors import EvaluationError
from sartext.evaluation.benchmarks import Benchmark, Example
from sartext.evaluation.constant_captions import constant_captions
from sartext.evaluation.details import GRAMMAR, MOST_FREQUENT
from sartext.evaluation.metrics.cider import Frequencies, document_frequencies
from sartext.evaluation.metrics.java import tokenise
from sartext.evaluation.metrics.reference_free import CheckableClasses
from sartext.evaluation.prediction_files import check_captions
from sartext.narrator.methods import BY_MODEL
from sartext.narrator.realisation import realise

REFERENCES = 5
REALISATIONS = 3 * REFERENCES
"""Some of them may differ in punctuation only, which the metrics leave out."""

PARTIAL = frozenset({GRAMMAR})
"""Variants that need not caption every image: they are scored on those that they do."""


@dataclass(frozen=True)
class References:
    """The references of an image, the released caption first, and a sixth wording of its facts, if the grammar has
    one.
    """

    texts: tuple[str, ...]
    sixth: str | None


def references_of(row: Example, seed: int) -> References:
    """Return the references of an image, whose wordings the image id and the seed choose.

    Rewritten optical captions have one wording, theirs; facts of one class of land cover may have fewer than five.
    """
    others = [] if row.facts.statements else realise(row.facts, row.image_id, seed, REALISATIONS)
    distinct: dict[tuple[str, ...], str] = {}
    for text in (row.caption, *others):
        distinct.setdefault(tuple(re.findall(r"\w+", text.casefold())), text)
    texts = list(distinct.values())
    return References(tuple(texts[:REFERENCES]), texts[REFERENCES] if len(texts) > REFERENCES else None)


def references_rows(examples: Iterable[Example], seed: int) -> list[dict[str, str | int]]:
    """Return the references of images, a row each, numbered from 1: what anyone can score captions against."""
    return [
        {"image_id": example.image_id, "number": number, "reference": text}
        for example in examples
        for number, text in enumerate(references_of(example, seed).texts, start=1)
    ]


@dataclass(frozen=True, eq=False)
class TokenisedCaptions:
    """The captions of one variant by example; empty for images that are not ``covered``, [images]."""

    written: tuple[str, ...]
    tokens: tuple[str, ...]
    covered: Bools


@dataclass(frozen=True, eq=False)
class CaptionTexts:
    """The captions of variants and what they are compared with, tokenised.

    Args:
        examples: of the benchmark.
        references: one to five of each.
        variants: their captions.
        train: the images of the train split in whose references an n-gram stands; captions that a model wrote are
            left out, so that the weights do not change with it.
        train_captions: the distinct captions of the train split.
    """

    examples: tuple[Example, ...]
    references: tuple[tuple[str, ...], ...]
    variants: Mapping[str, TokenisedCaptions]
    train: Frequencies
    train_captions: frozenset[str]

    @property
    def groups(self) -> list[str]:
        """The group of each example."""
        return [example.group_id for example in self.examples]


def collect(
    predictions: Mapping[str, Mapping[str, str]],
    benchmark: Benchmark,
    *,
    seed: int,
    partial: Collection[str] = PARTIAL,
) -> CaptionTexts:
    """Tokenise captions, by variant and image id, and references, in one Java process.

    An empty caption is what a model said: it scores as such. Variants that are ``partial`` may leave images out.

    Raises:
        EvaluationError: a variant leaves an image out, or captions another one; Java is absent; the references of
            an image hold no word.
    """
    for variant, captions in predictions.items():
        check_captions(captions, benchmark, where=f"captions of {variant}", partial=variant in partial)
    examples = benchmark.examples
    references = [references_of(example, seed).texts for example in examples]
    # no reference is like a model's captions, which change with the model
    train = [references_of(row, seed).texts for row in benchmark.train if row.method not in BY_MODEL]
    ordered = {
        name: [captions.get(example.image_id) for example in examples] for name, captions in predictions.items()
    }
    texts = {caption for captions in ordered.values() for caption in captions if caption}
    texts |= {text for of_image in (*references, *train) for text in of_image}
    texts |= {row.caption for row in benchmark.train}
    tokens = {"": "", **tokenise(sorted(texts))}
    worded = map(_with_words, examples, references, repeat(tokens))
    return CaptionTexts(
        examples,
        tuple(worded),
        {
            name: TokenisedCaptions(
                tuple(caption or "" for caption in captions),
                tuple(tokens[caption or ""] for caption in captions),
                np.array([caption is not None for caption in captions]),
            )
            for name, captions in ordered.items()
        },
        document_frequencies([tokens[text] for text in of_image] for of_image in train),
        frozenset(tokens[row.caption] for row in benchmark.train),
    )


def _with_words(example: Example, references: tuple[str, ...], tokens: Mapping[str, str]) -> tuple[str, ...]:
    """The tokens of those references that hold a word."""
    worded = tuple(tokens[text] for text in references if tokens[text])
    if not worded:
        raise EvaluationError(
            f"its caption '{example.caption}' holds no word",
            where=example.image_id,
            way_out="build the release again",
        )
    return worded


def baselines(benchmark: Benchmark, seed: int, checkable: CheckableClasses) -> dict[str, dict[str, str]]:
    """Return the captions, by image id, of the baselines that need no features, by variant.

    ``checkable`` is what captions of the train split are read for, to find the best constant ones.
    """
    train = [row for row in benchmark.train if row.method not in BY_MODEL]
    constant = {
        variant: {example.image_id: caption for example in benchmark.examples}
        for variant, caption in constant_captions(train, checkable).items()
    }
    return {GRAMMAR: grammar(benchmark, seed), MOST_FREQUENT: most_frequent(benchmark), **constant}


def most_frequent(benchmark: Benchmark) -> dict[str, str]:
    """Return for every image the most frequent caption of the train split that no model wrote; of equally frequent
    ones the first in alphabetical order.

    Raises:
        EvaluationError: the train split has none.
    """
    if not benchmark.train:
        raise EvaluationError("the train split is empty", where=benchmark.name, way_out="name a whole release")
    counts = Counter(row.caption for row in benchmark.train if row.method not in BY_MODEL)
    if not counts:
        raise EvaluationError(
            "models wrote all captions of the train split", where=benchmark.name, way_out="name a whole release"
        )
    caption = min(counts, key=lambda text: (-counts[text], text))
    return {example.image_id: caption for example in benchmark.examples}


def grammar(benchmark: Benchmark, seed: int) -> dict[str, str]:
    """Return the sixth wording of each image's facts where it has one: the ceiling of who knows all facts, not the
    words.
    """
    captions = {example.image_id: references_of(example, seed).sixth for example in benchmark.examples}
    return {image_id: caption for image_id, caption in captions.items() if caption is not None}

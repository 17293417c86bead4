"""Everything that is compared, tokenised once: the captions of all variants, the references, the train split."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sartext.errors import EvaluationError
from sartext.evaluation.benchmarks import Benchmark, Example
from sartext.evaluation.captioning.baselines import GRAMMAR
from sartext.evaluation.captioning.cider import Frequencies, document_frequencies
from sartext.evaluation.captioning.predictions import check_predictions
from sartext.evaluation.captioning.references import BY_MODELS, wordings
from sartext.evaluation.captioning.tokenisation import tokenise

Bools = npt.NDArray[np.bool_]

PARTIAL = frozenset({GRAMMAR})
"""Variants that need not caption every image: they are scored on those that they do."""


@dataclass(frozen=True, eq=False)
class Captions:
    """The captions of one variant, in the order of the examples.

    Args:
        written: as they were given; empty for images that it does not caption.
        tokens: likewise, tokenised.
        covered: [images], which images it captions.
    """

    written: tuple[str, ...]
    tokens: tuple[str, ...]
    covered: Bools


@dataclass(frozen=True, eq=False)
class Texts:
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
    variants: Mapping[str, Captions]
    train: Frequencies
    train_captions: frozenset[str]


def collect(
    predictions: Mapping[str, Mapping[str, str]],
    benchmark: Benchmark,
    *,
    seed: int,
    partial: Collection[str] = PARTIAL,
) -> Texts:
    """Tokenise captions and references, in one Java process.

    Args:
        predictions: captions by image id, by variant. An empty one is what a model said: it scores as such.
        benchmark: the images.
        seed: chooses the wordings of the references.
        partial: variants that may leave images out.

    Raises:
        EvaluationError: a variant leaves an image out, or captions another one; Java is absent; the references of
            an image hold no word.
    """
    for variant, captions in predictions.items():
        check_predictions(captions, benchmark, where=f"captions of {variant}", partial=variant in partial)
    examples = benchmark.examples
    references = [wordings(one.caption, one.facts, one.image_id, seed).references for one in examples]
    train = [
        wordings(one.caption, one.facts, one.image_id, seed).references
        for one in benchmark.train
        if one.method not in BY_MODELS
    ]
    ordered = {name: [some.get(one.image_id) for one in examples] for name, some in predictions.items()}
    said = {caption for some in ordered.values() for caption in some if caption}
    told = {
        caption for some in (*references, *train, [one.caption for one in benchmark.train]) for caption in some
    }
    tokens = {"": "", **tokenise(sorted(said | told))}
    return Texts(
        examples,
        tuple(_worded(one, some, tokens) for one, some in zip(examples, references, strict=True)),
        {name: _captions(some, tokens) for name, some in ordered.items()},
        document_frequencies([tokens[one] for one in some] for some in train),
        frozenset(tokens[one.caption] for one in benchmark.train),
    )


def _captions(told: list[str | None], tokens: Mapping[str, str]) -> Captions:
    written = tuple(one or "" for one in told)
    return Captions(written, tuple(tokens[one] for one in written), np.array([one is not None for one in told]))


def _worded(example: Example, references: tuple[str, ...], tokens: Mapping[str, str]) -> tuple[str, ...]:
    found = tuple(tokens[one] for one in references if tokens[one])
    if not found:
        raise EvaluationError(
            f"its caption '{example.caption}' holds no word",
            where=example.image_id,
            way_out="build the release again",
        )
    return found

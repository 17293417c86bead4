"""What captions are compared with, and everything that is compared, tokenised once.

The references of an image are the released caption and the same facts in other words.
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from sartext.errors import EvaluationError
from sartext.evaluation.baselines import GRAMMAR
from sartext.evaluation.benchmarks import Benchmark, Example
from sartext.evaluation.bootstrap import Bools
from sartext.evaluation.captioning.tokenisation import tokenise
from sartext.evaluation.metrics.cider import Frequencies, document_frequencies
from sartext.evaluation.prediction_files import check_captions
from sartext.narrator.facts import Facts
from sartext.narrator.methods import BY_MODEL
from sartext.narrator.realisation import realise

REFERENCES = 5
REALISATIONS = 3 * REFERENCES
"""Realisations asked for: some of them may differ in punctuation only, which the metrics leave out."""

PARTIAL = frozenset({GRAMMAR})
"""Variants that need not caption every image: they are scored on those that they do."""


@dataclass(frozen=True)
class References:
    """The references of an image, and one more caption of the same facts.

    Args:
        texts: one to ``REFERENCES``, the released caption first.
        sixth: a realisation beyond them, which a system that knew all facts could have said; None where the
            grammar has no more.
    """

    texts: tuple[str, ...]
    sixth: str | None


def references_of(caption: str, facts: Facts, image_id: str, seed: int) -> References:
    """Return the references of an image.

    Rewritten optical captions have one wording, theirs; facts of one class of land cover may have fewer than five.

    Args:
        caption: as the release has it.
        facts: that it states.
        image_id: chooses the wordings, together with ``seed``.
        seed: of the evaluation.
    """
    others = [] if facts.statements else realise(facts, image_id, seed, REALISATIONS)
    distinct: dict[tuple[str, ...], str] = {}
    for text in (caption, *others):
        distinct.setdefault(tuple(re.findall(r"\w+", text.casefold())), text)
    texts = list(distinct.values())
    return References(tuple(texts[:REFERENCES]), texts[REFERENCES] if len(texts) > REFERENCES else None)


def references_rows(examples: Iterable[Example], seed: int) -> list[dict[str, str | int]]:
    """Return the references of images, a row each, numbered from 1: what anyone can score captions against."""
    return [
        {"image_id": example.image_id, "number": number, "reference": text}
        for example in examples
        for number, text in enumerate(
            references_of(example.caption, example.facts, example.image_id, seed).texts, start=1
        )
    ]


@dataclass(frozen=True, eq=False)
class TokenisedCaptions:
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
        check_captions(captions, benchmark, where=f"captions of {variant}", partial=variant in partial)
    examples = benchmark.examples
    references = [references_of(row.caption, row.facts, row.image_id, seed).texts for row in examples]
    train = [
        references_of(row.caption, row.facts, row.image_id, seed).texts
        for row in benchmark.train
        if row.method not in BY_MODEL  # no reference is like a model's captions, which change with the model
    ]
    ordered = {
        name: [captions.get(example.image_id) for example in examples] for name, captions in predictions.items()
    }
    texts = {caption for captions in ordered.values() for caption in captions if caption}
    texts |= {text for of_image in (*references, *train) for text in of_image}
    texts |= {row.caption for row in benchmark.train}
    tokens = {"": "", **tokenise(sorted(texts))}
    return CaptionTexts(
        examples,
        tuple(
            _with_words(example, of_image, tokens) for example, of_image in zip(examples, references, strict=True)
        ),
        {name: _tokenised(captions, tokens) for name, captions in ordered.items()},
        document_frequencies([tokens[text] for text in of_image] for of_image in train),
        frozenset(tokens[row.caption] for row in benchmark.train),
    )


def _tokenised(captions: list[str | None], tokens: Mapping[str, str]) -> TokenisedCaptions:
    written = tuple(caption or "" for caption in captions)
    covered = np.array([caption is not None for caption in captions])
    return TokenisedCaptions(written, tuple(tokens[caption] for caption in written), covered)


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

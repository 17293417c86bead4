"""The captions of variants, measured image by image: what every figure is made from."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sartext.evaluation.captioning import spice as spice_scorer
from sartext.evaluation.captioning.bleu import bleu, bleu_counts
from sartext.evaluation.captioning.cider import Pairs, cider_d, informative, pair_up
from sartext.evaluation.captioning.faithfulness import RIGHT, STATED, TRUE, Annotation, Judgement, judge
from sartext.evaluation.captioning.meteor import meteor, meteor_counts
from sartext.evaluation.captioning.rouge import rouge_l
from sartext.evaluation.captioning.texts import Captions, Texts
from sartext.progress import track

Floats = npt.NDArray[np.float64]
Row = Mapping[str, str | int | float | None]
"""A row of a table, by the names of its columns."""


@dataclass(frozen=True, eq=False)
class Scored:
    """One variant, image by image.

    Args:
        captions: its captions.
        bleu: counts, [images, 10], see `bleu.bleu_counts`.
        meteor: counts, [images, 7], see `meteor.meteor_counts`.
        rouge: ROUGE-L, [images].
        pairs: what CIDEr-D needs, for weights of one's choice.
        frozen: CIDEr-D with the weights of the train split, [images]; None where these are all 0.
        spice: SPICE, [images]; None where its models are not at hand.
        judgement: what its captions state against what is true.
    """

    captions: Captions
    bleu: Floats
    meteor: Floats
    rouge: Floats
    pairs: Pairs
    frozen: Floats | None
    spice: Floats | None
    judgement: Judgement


def score_variants(texts: Texts, annotation: Annotation, models: Path | None = None) -> dict[str, Scored]:
    """Measure the captions of all variants; METEOR, and SPICE where there is any, in one Java process each.

    Args:
        texts: see `texts.collect`.
        annotation: see `faithfulness.annotation_of`.
        models: of SPICE, see `spice.spice_models`; None where they are not at hand.

    Raises:
        EvaluationError: Java is absent, or a corpus is not in the catalogue.
    """
    told = [
        (one.tokens[row], texts.references[row])
        for one in texts.variants.values()
        for row in np.flatnonzero(one.covered)
    ]
    said, references = [caption for caption, _ in told], [some for _, some in told]
    aligned = _placed(meteor_counts(said, references), texts, 0.0)
    spices = _placed(spice_scorer.spice(said, references, models), texts, np.nan) if models and told else None
    known = informative(texts.references, texts.train)
    found = {}
    for place, name in enumerate(track(texts.variants, "captions scored", len(texts.variants))):
        one = texts.variants[name]
        pairs = pair_up(one.tokens, texts.references)
        found[name] = Scored(
            captions=one,
            bleu=bleu_counts(one.tokens, texts.references),
            meteor=aligned[place],
            rouge=rouge_l(one.tokens, texts.references),
            pairs=pairs,
            frozen=cider_d(pairs, texts.train) if known else None,
            spice=None if spices is None else spices[place],
            judgement=judge(one.written, texts.examples, annotation),
        )
    return found


def _placed(values: Floats, texts: Texts, absent: float) -> list[Floats]:
    """What was measured of the captions of all variants, by variant and image; ``absent`` where there is none."""
    found = []
    for one in texts.variants.values():
        placed = np.full((len(texts.examples), *values.shape[1:]), absent)
        count = int(one.covered.sum())
        placed[one.covered], values = values[:count], values[count:]
        found.append(placed)
    return found


def captions_rows(texts: Texts, scored: Mapping[str, Scored]) -> dict[str, list[Row]]:
    """Return every caption with its own scores, by variant, in the order of the examples.

    BLEU of a single caption is rough, as it is made for a corpus. What is not defined, or not judged, is None.
    ``sartext evaluate`` takes the rows as they are.
    """
    return {name: list(_rows(texts, one)) for name, one in scored.items()}


def _rows(texts: Texts, one: Scored) -> Iterator[Row]:
    counts = one.judgement.of("fact")
    columns: dict[str, Floats | None] = {
        "bleu_4": bleu(one.bleu)[:, 3],
        "meteor": meteor(one.meteor),
        "rouge_l": one.rouge,
        "cider_d_frozen": one.frozen,
        "spice": one.spice,
    }
    facts = {"facts_right": RIGHT, "facts_stated": STATED, "facts_true": TRUE}
    for row in np.flatnonzero(one.captions.covered):
        judged = bool(one.judgement.judged[row])
        scores = {key: None if some is None else float(some[row]) for key, some in columns.items()}
        yield {
            "image_id": texts.examples[row].image_id,
            "caption": one.captions.written[row],
            **{key: value if value is None or np.isfinite(value) else None for key, value in scores.items()},
            **{key: int(counts[row, place]) if judged else None for key, place in facts.items()},
        }

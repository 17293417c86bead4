"""How often a model prefers the true caption to its foil: by kind of fact, and the mean of the kinds.

Chance is 50 %: a model that cannot tell the two apart gets half of the point. The intervals are over the images,
in their groups, with the foils drawn once: how far another drawing of the foils moves a figure they leave out.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch

from sartext.errors import EvaluationError
from sartext.evaluation.benchmarks import Benchmark
from sartext.evaluation.bootstrap import Sums, estimate, intervals, resample
from sartext.evaluation.differences import paired
from sartext.evaluation.embedding import BATCH, embed_images, embed_texts
from sartext.evaluation.figures import Figure, not_computed
from sartext.evaluation.foils.changes import KINDS, Kind
from sartext.evaluation.foils.making import Foils
from sartext.evaluation.foils.prior import TEXT_PRIOR, prior_margins
from sartext.evaluation.ranking import Floats
from sartext.evaluation.retrieval import check_features
from sartext.models.model import Model

ACCURACY, MEAN_ACCURACY = "accuracy", "mean_accuracy"
RESAMPLES = 2000


@dataclass(frozen=True)
class FoilExample:
    """A foil for the report.

    Args:
        image_id: of the image.
        kind: of the fact that is changed.
        caption: true of the image.
        foil: false of it.
        preferred: by variant whether it prefers the true caption; None where it cannot tell them apart.
    """

    image_id: str
    kind: Kind
    caption: str
    foil: str
    preferred: Mapping[str, bool | None]


def margins(
    model: Model, foils: Foils, benchmark: Benchmark, *, images: torch.Tensor | None = None, batch: int = BATCH
) -> Floats:
    """Return by how much a model finds each true caption more similar to its image than the foil.

    Args:
        model: a CLIP or a CoCa, on its device.
        foils: of the benchmark.
        benchmark: that the foils were made of.
        images: features of its pictures, in its order, where the model has seen them already.
        batch: pictures, or texts, that the network sees at a time.

    Returns:
        A difference of cosines per foil; 0 where the model cannot tell the two apart.

    Raises:
        EvaluationError: there is no foil, or features do not fit or are no numbers.
    """
    if not foils:
        raise EvaluationError("there is no foil to compare with", where=foils.benchmark, way_out=_why(foils))
    if images is None:
        images = embed_images(model, benchmark.pictures(), batch=batch)
    texts, _ = embed_texts(model, [*(one.caption for one in foils.items), *(one.foil for one in foils.items)])
    return margins_of(images, texts[: len(foils)], texts[len(foils) :], foils, benchmark)


def margins_of(
    images: torch.Tensor, captions: torch.Tensor, false: torch.Tensor, foils: Foils, benchmark: Benchmark
) -> Floats:
    """Return `margins` of features that are at hand.

    Args:
        images: features of the benchmark's pictures, in its order, of length 1.
        captions: features of the true captions, in the order of the foils, of length 1.
        false: features of the foils.
        foils: of the benchmark.
        benchmark: that the foils were made of.

    Raises:
        EvaluationError: their numbers differ, or they cannot be compared.
    """
    if len(images) != len(benchmark) or len(captions) != len(foils) or len(false) != len(foils):
        raise EvaluationError(
            f"features of {len(images)} images, {len(captions)} captions and {len(false)} foils, for "
            f"{len(benchmark)} images and {len(foils)} foils",
            where=foils.benchmark,
            way_out="embed the pictures of this benchmark and its foils, in their order",
        )
    for texts in (captions, false):
        check_features(images, texts)
    seen = images.double()[[one.place for one in foils.items]]
    # the products of a row are summed in one order, so that equal texts give a margin of exactly 0
    found = (seen * captions.double()).sum(dim=1) - (seen * false.double()).sum(dim=1)
    return found.cpu().numpy()


def score_foils(
    margins: Mapping[str, Floats],
    foils: Foils,
    benchmark: Benchmark,
    *,
    resamples: int = RESAMPLES,
    seed: int = 0,
    pairs: Sequence[tuple[str, str]] = (),
) -> list[Figure]:
    """Return the figures of foils: accuracy by kind, their mean, of every model and of ``text-prior``.

    Args:
        margins: by variant, see `margins`; any number above 0 is a preference for the true caption.
        foils: of the benchmark.
        benchmark: that the foils were made of.
        resamples: of the bootstrap over groups; all variants share the draws.
        seed: of the bootstrap.
        pairs: of variants whose differences in mean accuracy, the first minus the second, are figures too.

    Raises:
        EvaluationError: a variant's margins are not as many as there are foils, or one is no number.
    """
    every = (
        {TEXT_PRIOR: prior_margins(foils, benchmark), **margins} if foils and benchmark.train else dict(margins)
    )
    points = {variant: _points(variant, one, foils) for variant, one in every.items()}
    kinds = [kind for kind in KINDS if any(one.kind == kind for one in foils.items)]
    figures = list(_without(foils, every, kinds))
    if not kinds or not points:
        return figures
    sums = [_sums(points, foils, kinds)]
    # a mean of kinds is a column like any other, of the same draws
    values, drawn = (
        _with_means(one, len(kinds)) for one in (estimate(sums)[None, :], resample(sums, resamples, seed))
    )
    counted = [sum(one.kind == kind for one in foils.items) for kind in kinds]
    columns = [
        (variant, metric, subset, n)
        for variant in points
        for metric, subset, n in (
            *((ACCURACY, f"kind:{kind}", n) for kind, n in zip(kinds, counted, strict=True)),
            (MEAN_ACCURACY, "all", len(foils)),
        )
    ]
    scored = [
        Figure("foils", metric, variant, one.value, n=n, benchmark=benchmark.name, subset=subset).within(one)
        for (variant, metric, subset, n), one in zip(columns, intervals(values[0], drawn), strict=True)
    ]
    return [*figures, *scored, *paired(scored, drawn, pairs)]


def foil_examples(margins: Mapping[str, Floats], foils: Foils, count: int) -> list[FoilExample]:
    """Return ``count`` foils of each kind for the report, evenly spaced by image id."""
    told = []
    for kind in KINDS:
        places = [at for at, one in enumerate(foils.items) if one.kind == kind]
        some = min(count, len(places))
        for at in (places[number * len(places) // some] for number in range(some)):
            one = foils.items[at]
            preferred = {variant: _preferred(float(values[at])) for variant, values in sorted(margins.items())}
            told.append(FoilExample(one.image_id, kind, one.caption, one.foil, preferred))
    return told


def _preferred(margin: float) -> bool | None:
    return None if margin == 0 else margin > 0


def _points(variant: str, one: Floats, foils: Foils) -> Floats:
    """100 where the true caption is preferred, 50 where neither is."""
    if len(one) != len(foils):
        raise EvaluationError(
            f"{len(one)} margins for {len(foils)} foils",
            where=variant,
            way_out="score the foils of this benchmark",
        )
    wrong = np.flatnonzero(~np.isfinite(one))
    if len(wrong):
        raise EvaluationError(
            f"{len(wrong)} margins are no numbers, the first of {foils.items[wrong[0]].image_id}",
            where=variant,
            way_out="the model diverged: name another checkpoint",
        )
    return np.asarray(50 * (1 + np.sign(one)))


def _sums(points: Mapping[str, Floats], foils: Foils, kinds: Sequence[Kind]) -> Sums:
    """Points and foils of each group, a column for each variant and kind."""
    groups, group_of = np.unique([one.group_id for one in foils.items], return_inverse=True)
    inside = {kind: np.array([one.kind == kind for one in foils.items], dtype=np.float64) for kind in kinds}
    numerators, denominators = [], []
    for one in points.values():
        for kind in kinds:
            numerators.append(np.bincount(group_of, one * inside[kind], len(groups)))
            denominators.append(np.bincount(group_of, inside[kind], len(groups)))
    return Sums(np.stack(numerators, axis=1), np.stack(denominators, axis=1))


def _with_means(values: Floats, kinds: int) -> Floats:
    """[rows, variants * kinds] with the mean of its kinds behind each variant's; a mean needs all of them."""
    by_variant = values.reshape(len(values), -1, kinds)
    return np.concatenate([by_variant, by_variant.mean(axis=2, keepdims=True)], axis=2).reshape(len(values), -1)


def _without(foils: Foils, variants: Mapping[str, Floats], kinds: Sequence[Kind]) -> Iterator[Figure]:
    """What is not computed, with the reason."""
    name = foils.benchmark
    for variant in variants:
        for kind in KINDS:
            if kind not in kinds:
                reason = f"no foil of this kind: {_reasons(foils, kind)}"
                yield not_computed("foils", ACCURACY, variant, reason, benchmark=name, subset=f"kind:{kind}")
        if not kinds:
            yield not_computed("foils", MEAN_ACCURACY, variant, f"no foil: {_why(foils)}", benchmark=name)


def _why(foils: Foils) -> str:
    return "; ".join(f"{kind}: {_reasons(foils, kind)}" for kind in KINDS)


def _reasons(foils: Foils, kind: str) -> str:
    return ", ".join(f"{reason} ({count})" for reason, count in foils.skipped.get(kind, {}).items()) or "no image"

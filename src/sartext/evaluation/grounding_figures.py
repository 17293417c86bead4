"""The figures of grounding: answers beside what pictures are known to show, with intervals over groups."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from sartext.bootstrap import FEWEST_GROUPS, Floats, Integers, Sums, intervals, resample
from sartext.evaluation.figures import EVERYTHING, Figure, paired
from sartext.evaluation.grounding import (
    AVERAGE_PRECISION,
    EXACT_COUNTS,
    MEAN_IOU,
    PLACES_RIGHT,
    SCENE_ACCURACY,
    SHARE_ERROR,
    CoverFigures,
    average_precision,
)
from sartext.evaluation.grounding_answers import Answer, Classes, Known
from sartext.models.grounder.maps import IMAGE
from sartext.models.grounder.truth import DISTANCE, OTHER, UNTAUGHT, match

CORPUS, CLASS, PART = "corpus:", "class:", "part:"

MEANS = (EXACT_COUNTS, PLACES_RIGHT, SHARE_ERROR, SCENE_ACCURACY)
"""The figures that are means over images."""


@dataclass(frozen=True)
class Detected:
    """Peaks of a class in a picture, whether each stands for an object of its own, and the number of objects."""

    heights: Sequence[float]
    right: Sequence[bool]
    objects: int


@dataclass(frozen=True)
class Scored:
    """An answer on a picture, scored as far as its annotation decides.

    Args:
        detected: by class of objects.
        cover: by class of land cover: pixels that are seen rightly as it, that either are, that truly are.
        means: the image's part in each of ``MEANS``, from 0 to 1.
    """

    detected: Mapping[str, Detected]
    cover: Mapping[str, tuple[int, int, int]]
    means: Mapping[str, float]


def score_answer(
    known: Known, mask: Classes | None, answer: Answer, things: Sequence[str], stuff: Sequence[str]
) -> Scored:
    """Score what is said of a picture.

    Args:
        known: what it shows.
        mask: the class of each pixel, see `truth.cover_codes`; None where it has no mask.
        answer: what is said of it.
        things: the classes of objects that can be said.
        stuff: those of land cover.
    """
    truth, means = known.truth, dict[str, float]()
    decided = [key for key in things if key in truth.decided]
    if decided:
        counts, places = (
            {key: said[key] for key in decided if key in said} for said in (answer.counts, answer.places)
        )
        means[EXACT_COUNTS] = counts == {key: count for key, (count, _, _) in known.numbers.items()}
        means[PLACES_RIGHT] = places == {key: (center, out) for key, (_, center, out) in known.numbers.items()}
    covering = [key for key in stuff if key in truth.decided]
    if covering and truth.shares:
        true = [truth.shares.get(key, {}).get(IMAGE, 0.0) for key in covering]
        seen = [answer.shares.get(key, 0.0) for key in covering]
        differences = np.abs(np.array([*true, 1.0 - sum(true)]) - np.array([*seen, 1.0 - sum(seen)]))
        means[SHARE_ERROR] = float(differences.sum() / 2)
    if known.scene:
        means[SCENE_ACCURACY] = answer.scene == known.scene
    return Scored(
        {key: _detected(known, answer, key) for key in decided},
        {} if mask is None else _covered(mask, answer.cover, covering, stuff),
        {name: float(value) for name, value in means.items()},
    )


def _detected(known: Known, answer: Answer, key: str) -> Detected:
    peaks = sorted(answer.peaks.get(key, ()), reverse=True)
    centres = known.truth.centres.get(key, ())
    right = match(peaks, centres, DISTANCE * known.truth.side)
    return Detected([height for height, _ in peaks], right, len(centres))


def _covered(
    mask: Classes, seen: Classes, decided: Sequence[str], stuff: Sequence[str]
) -> dict[str, tuple[int, int, int]]:
    """Pixels that are land cover; what captions do not name is none of the classes."""
    judged = mask != UNTAUGHT
    cells = CoverFigures((*stuff, ""))
    cells.add(np.where(mask == OTHER, len(stuff), mask)[judged].astype(np.int64), seen[judged].astype(np.int64))
    both, true, said = np.diagonal(cells.counts), cells.counts.sum(axis=1), cells.counts.sum(axis=0)
    places = {key: stuff.index(key) for key in decided}
    return {key: (int(both[at]), int(true[at] + said[at] - both[at]), int(true[at])) for key, at in places.items()}


def grounding_figures(
    scored: Mapping[str, Sequence[Scored]],
    pictures: Sequence[Known],
    *,
    benchmark: str,
    resamples: int,
    seed: int,
    pairs: Sequence[tuple[str, str]] = (),
) -> list[Figure]:
    """Return the figures of each variant, of all pictures, by corpus, by class, and by both; none of no picture.

    A resample that lacks a class has no mean of the classes.

    Args:
        scored: what each variant says of the pictures, in their order.
        pictures: of the benchmark.
        benchmark: by its name.
        resamples: of the bootstrap over groups; all figures share the draws.
        seed: of the draws.
        pairs: variants of which the second is taken from the first.
    """
    if not pictures:
        return []
    names, groups = np.unique([known.group_id for known in pictures], return_inverse=True)
    count = len(names)
    # how often each group was drawn: the sums of columns that count one group each
    drawn = resample([Sums(np.eye(count), np.full((count, count), 1 / count))], resamples, seed)
    weights = np.concatenate([np.ones((1, count)), np.rint(drawn)])
    corpora = sorted({known.corpus for known in pictures})
    parts = {EVERYTHING: list(range(len(pictures)))}
    parts |= {name: [at for at, known in enumerate(pictures) if known.corpus == name] for name in corpora}
    figures: list[Figure] = []
    whole: list[tuple[Figure, Floats]] = []
    for variant, of_variant in scored.items():
        for corpus, places in parts.items():
            part = _Part([of_variant[at] for at in places], groups[places], weights)
            for metric, subset, n, values in part.figures("" if corpus == EVERYTHING else corpus):
                (each,) = intervals(100 * values[:1], 100 * values[1:, None])
                bounds = each.value, each.low, each.high
                figure = Figure("grounding", metric, variant, *bounds, n, benchmark, subset)
                figures.append(figure)
                if subset == EVERYTHING:
                    whole.append((figure, 100 * values[1:]))
    compared, resampled = zip(*whole, strict=True) if whole else ((), ())
    return [*figures, *paired(compared, np.column_stack(resampled), pairs)] if whole else figures


@dataclass(frozen=True)
class _Part:
    """Scored pictures of a part of a benchmark, and the weight of each group in the estimate and the resamples."""

    scored: Sequence[Scored]
    groups: Integers
    weights: Floats

    def figures(self, corpus: str) -> Iterator[tuple[str, str, int, Floats]]:
        """Yield metric, subset, number of pictures, and the values of the estimate and of the resamples."""
        whole = f"{CORPUS}{corpus}" if corpus else EVERYTHING
        for metric, of_class in ((AVERAGE_PRECISION, self._precision), (MEAN_IOU, self._iou)):
            field = "detected" if metric == AVERAGE_PRECISION else "cover"
            own = [getattr(each, field) for each in self.scored]
            values = {key: of_class(key) for key in sorted({key for classes in own for key in classes})}
            known = {key: each for key, each in values.items() if np.isfinite(each[0])}
            for key, each in known.items() if len(known) > 1 or not corpus else ():
                n = sum(key in classes for classes in own)
                yield metric, f"{PART}{corpus}/{key}" if corpus else f"{CLASS}{key}", n, each
            if known:
                together = self._several_groups(
                    np.array([bool(classes) for classes in own]), np.mean([*known.values()], axis=0)
                )
                yield metric, whole, sum(map(bool, own)), together
        for metric in MEANS:
            there = np.array([metric in each.means for each in self.scored])
            if there.any():
                values_of = np.array([each.means.get(metric, 0.0) for each in self.scored])
                yield metric, whole, int(there.sum()), self._several_groups(there, self._ratio(values_of, there))

    def _precision(self, key: str) -> Floats:
        detected = [each.detected.get(key) or Detected((), (), 0) for each in self.scored]
        objects = np.array([each.objects for each in detected], dtype=np.float64)
        heights = np.array([height for each in detected for height in each.heights], dtype=np.float64)
        right = np.array([hit for each in detected for hit in each.right], dtype=np.bool_)
        owner = np.repeat(self.groups, [len(each.heights) for each in detected])
        of_groups = np.bincount(self.groups, objects, minlength=self.weights.shape[1]).astype(np.float64)
        return self._several_groups(objects > 0, average_precision(heights, right, owner, of_groups, self.weights))

    def _iou(self, key: str) -> Floats:
        both, either, true = np.array([each.cover.get(key, (0, 0, 0)) for each in self.scored]).T
        values = self._ratio(both, either)
        return self._several_groups(true > 0, values if true.any() else np.full_like(values, np.nan))

    def _ratio(self, numerators: Any, denominators: Any) -> Floats:  # noqa: ANN401 - numbers of any type
        top, bottom = (
            self.weights @ np.bincount(self.groups, part, minlength=self.weights.shape[1])
            for part in (numerators, denominators)
        )
        ratio: Floats = np.divide(top, bottom, out=np.full(top.shape, np.nan), where=bottom > 0)
        return ratio

    def _several_groups(self, counted: Any, values: Floats) -> Floats:  # noqa: ANN401 - an array of bool
        """Without resamples where pictures of a single group count."""
        few = len(np.unique(self.groups[counted])) < FEWEST_GROUPS
        return np.where(np.arange(len(values)) > 0, np.nan, values) if few else values

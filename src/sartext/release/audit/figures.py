"""What the ratings of a candidate say: means with intervals, agreement, and the images that failed."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np

from sartext.bootstrap import RESAMPLES, Floats, Sums, by_group, estimate, intervals, resample
from sartext.release.audit.ratings import SCALES, Rating, Ratings
from sartext.release.audit.sample import Showing, Stratum, stratum

SEED = 7
"""Of the bootstrap."""

FAILED = 2
"""The highest correctness of a caption that failed: something in it is false."""

DECIMALS = 4

FEWEST = 2
"""Images that two sets of ratings share, below which nothing is said of their agreement."""

Figures = dict[str, Any]
Row = Mapping[str, Any]


def audit_figures(pairs: Sequence[Row], every: Sequence[Ratings]) -> Figures:
    """Return the figures of an audit as JSON holds them; no comment of a rater is among them.

    ``groups`` has a row for the candidate as a whole (corpus and method null) and one per corpus and method: the
    pairs that it speaks for, the rated images, and per scale the mean with its 95 % interval. An image counts with
    the mean of its raters, first showings alone, and with as many pairs as each rated image of its stratum stands
    for: strata that the sample's floor favours do not weigh more than they are.

    Args:
        pairs: the rows of the candidate.
        every: the ratings of each rater; none gives no figures.
    """
    if not every:
        return {}
    images = _images(every)
    raters = Counter(
        name for ratings in every for name in {place.image_id for place in _rated(ratings, "correctness")}
    )
    return {
        "raters": [ratings.rater for ratings in every],
        "ratings": sum(len(ratings.by_place) for ratings in every),
        "incomplete": sum(len(ratings.by_place) - ratings.complete for ratings in every),
        "images": len(raters),
        "images_by_raters": [sum(of >= least for of in raters.values()) for least in range(1, len(every) + 1)],
        "groups": _groups(pairs, images),
        "agreement": list(_agreement(every)),
        "self_agreement": list(_self_agreement(every)),
        "failures": len({place.image_id for ratings in every for place in _failed(ratings)}),
    }


def failures(every: Sequence[Ratings]) -> list[tuple[str, str, int, str]]:
    """Return image id, rater, correctness and comment of everything that failed, the worst first."""
    rows = [
        (rating.image_id, ratings.rater, value, rating.comment)
        for ratings in every
        for rating in _failed(ratings).values()
        if (value := rating.correctness) is not None
    ]
    return sorted(rows, key=lambda row: (row[2], row[0], row[1]))


def _failed(ratings: Ratings) -> dict[Showing, Rating]:
    return {
        place: rating
        for place, rating in ratings.by_place.items()
        if rating.correctness is not None and rating.correctness <= FAILED
    }


def _rated(ratings: Ratings, scale: str, showing: int = 1) -> dict[Showing, int]:
    """The ratings of one showing on a scale, by place."""
    every = {place: rating.scale(scale) for place, rating in ratings.by_place.items() if place.showing == showing}
    return {place: value for place, value in every.items() if value is not None}


def _images(every: Sequence[Ratings]) -> dict[str, list[float]]:
    """The mean over raters on each scale, by image; nan where no rater said anything on a scale."""
    given: dict[str, dict[str, list[int]]] = {}
    for ratings in every:
        for scale in SCALES:
            for place, value in _rated(ratings, scale).items():
                given.setdefault(place.image_id, {}).setdefault(scale, []).append(value)
    return {
        name: [float(np.mean(of[scale])) if scale in of else np.nan for scale in SCALES]
        for name, of in sorted(given.items())
    }


def _groups(pairs: Sequence[Row], images: Mapping[str, list[float]]) -> list[Figures]:
    sizes = Counter(stratum(pair) for pair in pairs)
    rated = {pair["image_id"]: pair for pair in pairs if pair["image_id"] in images}
    values = np.array([images[name] for name in rated]).reshape(-1, len(SCALES))
    strata = [stratum(pair) for pair in rated.values()]
    weights = _weights(values, strata, sizes)
    kinds = sorted({(name.corpus, name.method) for name in strata})
    members = [np.ones(len(strata), dtype=bool)] + [
        np.array([(name.corpus, name.method) == kind for name in strata]) for kind in kinds
    ]
    columns = np.concatenate([weights * member[:, None] for member in members], axis=1)
    means = _intervals(np.tile(np.nan_to_num(values), len(members)), columns, list(rated.values()))
    rows = []
    for place, ((corpus, method), member) in enumerate(zip([(None, None), *kinds], members, strict=True)):
        own = means[place * len(SCALES) : (place + 1) * len(SCALES)]
        spoken_for = sum(size for name, size in sizes.items() if corpus is None or name[:2] == (corpus, method))
        counts = {"corpus": corpus, "method": method, "pairs": spoken_for, "images": int(member.sum())}
        rows.append({**counts, **dict(zip(SCALES, own, strict=True))})
    return rows


def _weights(values: Floats, strata: Sequence[Stratum], sizes: Mapping[Stratum, int]) -> Floats:
    """How many pairs of its stratum an image stands for on each scale, [images, scales]; 0 where not rated."""
    known = np.isfinite(values)
    counts = {name: known[[each == name for each in strata]].sum(axis=0) for name in set(strata)}
    shares = np.array([sizes[name] / np.maximum(counts[name], 1) for name in strata]).reshape(-1, len(SCALES))
    return np.where(known, shares, 0.0)


def _intervals(values: Floats, weights: Floats, rated: Sequence[Row]) -> list[dict[str, float | None]]:
    """The weighted mean of each column with its interval, by the bootstrap over groups of images."""
    groups = [str(pair["group_id"]) for pair in rated]
    if not groups:
        return [{"value": None, "low": None, "high": None}] * values.shape[1]
    sums = [Sums(by_group(values * weights, groups), by_group(weights, groups))]
    found = intervals(estimate(sums), resample(sums, RESAMPLES, SEED))
    return [
        {name: _rounded(value) for name, value in (("value", each.value), ("low", each.low), ("high", each.high))}
        for each in found
    ]


def _agreement(every: Sequence[Ratings]) -> Iterator[Figures]:
    for one, other in combinations(every, 2):
        pairs = {scale: (_by_image(_rated(one, scale)), _by_image(_rated(other, scale))) for scale in SCALES}
        yield {"raters": [one.rater, other.rater], **{scale: _agree(*of) for scale, of in pairs.items()}}


def _self_agreement(every: Sequence[Ratings]) -> Iterator[Figures]:
    for ratings in every:
        first = {scale: _by_image(_rated(ratings, scale, 1)) for scale in SCALES}
        second = {scale: _by_image(_rated(ratings, scale, 2)) for scale in SCALES}
        yield {"rater": ratings.rater, **{scale: _agree(first[scale], second[scale]) for scale in SCALES}}


def _by_image(rated: Mapping[Showing, int]) -> dict[str, int]:
    return {place.image_id: value for place, value in rated.items()}


def _agree(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, float | int | None]:
    """Images that both rated, the share of equal ratings, and Cohen's kappa with quadratic weights.

    Kappa is not defined where all ratings of both are the same number: nothing tells agreement from chance.
    """
    both = sorted(one.keys() & other.keys())
    left, right = ([of[place] for place in both] for of in (one, other))
    if len(both) < FEWEST:
        return {"items": len(both), "equal": None, "kappa": None}
    equal = sum(a == b for a, b in zip(left, right, strict=True)) / len(both)
    return {"items": len(both), "equal": _rounded(equal), "kappa": _kappa(left, right)}


def _kappa(one: Sequence[int], other: Sequence[int]) -> float | None:
    if len({*one, *other}) < FEWEST:
        return None
    from sklearn.metrics import cohen_kappa_score  # takes a second to load

    return _rounded(float(cohen_kappa_score(one, other, labels=[1, 2, 3, 4, 5], weights="quadratic")))


def _rounded(value: float | None) -> float | None:
    return None if value is None or not np.isfinite(value) else round(value, DECIMALS)

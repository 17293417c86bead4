"""How sure the grounder's maps are of a statement: from peaks and land cover to probabilities.

A peak stands for an object with a probability that its height tells; objects are taken for independent, so that
their number has a Poisson binomial distribution, and that in the center and outside it a joint one. A share of
land cover is normally distributed about the one that is seen. All of it is fitted on images with annotations; what
is left over, the calibration of the statements corrects.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit, ndtr
from scipy.special import logit as log_odds

from sartext.models.grounder.maps import IMAGE, Grounding, Peak
from sartext.models.grounder.truth import DISTANCE, Truth, match
from sartext.narrator.annotated import STUFF_FRACTION, ZONE_FRACTION
from sartext.narrator.statements import (
    COVER_CLASS,
    COVER_SHARE,
    COVER_ZONE,
    OBJECT_CLASS,
    OBJECT_COUNT,
    OBJECT_ZONE,
    SCENE,
    Statement,
)
from sartext.narrator.vocabulary import LARGEST_COUNT, SHARES, ZONES

MOST = LARGEST_COUNT + 1
"""The number that stands for more than twenty."""

LIKELY = 0.25
"""Probability that a class is there from which on it is proposed."""

FEWEST_PEAKS = 40
"""Peaks of a class from which on their heights are judged by themselves, not with those of all classes."""

ALL = ""
"""In place of a class: all of them together."""

LEAST = 1e-4
"""The least probability that odds are taken of."""

DECIMALS = 6

Array = npt.NDArray[np.float64]
Line = tuple[float, float]
"""Slope and intercept."""


@dataclass(frozen=True)
class MapModel:
    """What the numbers of the maps mean.

    Args:
        peaks: logistic regression of "stands for an object" on the logit of a peak's height, by class.
        blur: standard deviation of a centre along an axis, as a share of the side.
        share: standard deviation of a share: intercept + slope * the `Grounding.doubt` of its class, which orders
            errors better than the share itself does.
        cover: logistic regression of "covers half a percent" on the logarithm of the share that is seen, by class.
        zone: logistic regression of "most of it lies there" on the part of it that is seen there.
    """

    peaks: Mapping[str, Line]
    blur: float
    share: Line
    cover: Mapping[str, Line]
    zone: Line

    def to_record(self) -> dict[str, Any]:
        """Return it as JSON holds it."""
        return asdict(self)

    @classmethod
    def from_record(cls, record: Mapping[str, Any]) -> "MapModel":
        """Return what `to_record` wrote; a KeyError, TypeError or ValueError where it is no such record."""
        lines = {
            name: {key: _line(line) for key, line in dict(record[name]).items()} for name in ("peaks", "cover")
        }
        return cls(
            lines["peaks"], float(record["blur"]), _line(record["share"]), lines["cover"], _line(record["zone"])
        )

    def statements(self, grounding: Grounding) -> dict[Statement, float]:
        """Return what the maps propose, and how probable each statement is by them."""
        proposed: dict[Statement, float] = {}
        for label in dict.fromkeys(peak.label for peak in grounding.peaks):
            proposed |= self._objects(label, grounding)
        for label in grounding.stuff:
            proposed |= self._cover(label, grounding)
        return proposed

    def probability(self, statement: Statement, grounding: Grounding) -> float:
        """Return how probable any statement is by the maps; 0 of a class that they do not know."""
        kind, label = statement.kind, statement.label
        if kind in {OBJECT_CLASS, OBJECT_COUNT, OBJECT_ZONE}:
            joint = self._joint(label, grounding)
            if kind == OBJECT_CLASS:
                return float(1.0 - joint[0, 0])
            count, _, place = statement.value.partition(" ")
            return float(_marginals(joint)[place][min(int(count), MOST)])
        if label not in grounding.stuff:
            return grounding.scenes.get(label, 0.0) if kind == SCENE else 0.0
        shares = grounding.shares[label]
        if kind == COVER_CLASS:
            return _logistic(self.cover.get(label, self.cover[ALL]), _log(shares[IMAGE]))
        if kind == COVER_SHARE:
            return self._bins(label, grounding).get(statement.value, 0.0)  # "all" of it is more than maps can tell
        return _logistic(self.zone, _parts(shares)[statement.value])

    def numbers(self, label: str, grounding: Grounding) -> tuple[int, int, int]:
        """Return the likeliest number of objects of a class, and the likeliest in the center and outside it."""
        joint = self._joint(label, grounding)
        center, outside = np.unravel_index(int(joint.argmax()), joint.shape)
        return int(_marginals(joint)[""].argmax()), int(center), int(outside)

    def _objects(self, label: str, grounding: Grounding) -> dict[Statement, float]:
        joint = self._joint(label, grounding)
        there = float(1.0 - joint[0, 0])
        if there < LIKELY:
            return {}
        joint[0, 0] = 0.0
        center, outside = np.unravel_index(int(joint.argmax()), joint.shape)
        marginals = _marginals(joint)
        count = min(int(center + outside), MOST)
        proposed = {
            Statement(OBJECT_CLASS, label): there,
            Statement(OBJECT_COUNT, label, str(count)): float(marginals[""][count]),
        }
        for place, number in (("center", int(center)), ("outside", int(outside))):
            if number:
                proposed[Statement(OBJECT_ZONE, label, f"{number} {place}")] = float(marginals[place][number])
        return proposed

    def _cover(self, label: str, grounding: Grounding) -> dict[Statement, float]:
        shares = grounding.shares[label]
        there = _logistic(self.cover.get(label, self.cover[ALL]), _log(shares[IMAGE]))
        if there < LIKELY:
            return {}
        bins = self._bins(label, grounding)
        word = max(bins, key=bins.__getitem__)
        proposed = {Statement(COVER_CLASS, label): there, Statement(COVER_SHARE, label, word): bins[word]}
        parts = _parts(shares)
        zone = max(parts, key=parts.__getitem__)
        if word != SHARES[0][1] and (likely := _logistic(self.zone, parts[zone])) >= LIKELY:
            proposed[Statement(COVER_ZONE, label, zone)] = likely
        return proposed

    def _joint(self, label: str, grounding: Grounding) -> Array:
        """The probability of so many objects in the center (row) and outside it (column), the last of more."""
        line = self.peaks.get(label, self.peaks[ALL])
        joint = np.zeros((MOST + 1, MOST + 1))
        joint[0, 0] = 1.0
        for peak in grounding.peaks:
            if peak.label == label:
                real = _logistic(line, logit(peak.score))
                inside = real * self._inside(peak, grounding.side)
                outside = real - inside
                following = joint * (1.0 - real)
                following[1:] += joint[:-1] * inside
                following[-1] += joint[-1] * inside
                following[:, 1:] += joint[:, :-1] * outside
                following[:, -1] += joint[:, -1] * outside
                joint = following
        return joint

    def _inside(self, peak: Peak, side: int) -> float:
        """The probability that an object's centre lies in the center of the image."""
        blur = max(self.blur * side, 1e-3)
        within = [ndtr((0.75 * side - at) / blur) - ndtr((0.25 * side - at) / blur) for at in (peak.x, peak.y)]
        return float(within[0] * within[1])

    def _bins(self, label: str, grounding: Grounding) -> dict[str, float]:
        """The probability of each word for a class's share; of shares too small to be named nothing."""
        slope, intercept = self.share
        share = grounding.shares[label][IMAGE]
        deviation = max(intercept + slope * grounding.doubt[label], 1e-3)
        edges = [1.0, *(bound for bound, _ in SHARES[:-1]), STUFF_FRACTION]
        below = [1.0, *(float(ndtr((edge - share) / deviation)) for edge in edges[1:])]
        return {word: below[at] - below[at + 1] for at, (_, word) in enumerate(SHARES)}


def fit_maps(groundings: Sequence[Grounding], truths: Sequence[Truth]) -> MapModel:
    """Return the model of maps beside what their images are known to show."""
    seen: list[tuple[str, float, bool]] = []
    gaps: list[float] = []
    errors: list[float] = []
    doubts: list[float] = []
    cover: list[tuple[str, float, bool]] = []
    zones: list[tuple[float, bool]] = []
    for grounding, truth in zip(groundings, truths, strict=True):
        seen += _judged_peaks(grounding, truth)
        gaps += _gaps(grounding, truth)
        if not truth.shares:  # no mask
            continue
        for label in sorted(truth.decided & set(grounding.stuff)):
            true, own = truth.shares.get(label, {}), grounding.shares[label]
            errors.append(abs(own[IMAGE] - true.get(IMAGE, 0.0)))
            doubts.append(grounding.doubt[label])
            cover.append((label, _log(own[IMAGE]), true.get(IMAGE, 0.0) >= STUFF_FRACTION))
            if true.get(IMAGE, 0.0) >= STUFF_FRACTION:
                zones += [
                    (part, true.get(zone.replace(" ", "-"), 0.0) >= ZONE_FRACTION)
                    for zone, part in _parts(own).items()
                ]
    slope, intercept = np.polyfit(doubts, errors, 1) if len(errors) > 1 and np.ptp(doubts) > 0 else (0.1, 0.01)
    wide = float(np.sqrt(np.pi / 2))  # of a normal distribution: deviation over mean error
    return MapModel(
        peaks=_fit_lines(seen),
        blur=round(float(np.sqrt(np.mean(np.square(gaps)))) if gaps else 1 / 64, DECIMALS),
        share=(
            round(max(float(slope) * wide, 0.0), DECIMALS),
            round(max(float(intercept) * wide, 1e-3), DECIMALS),
        ),
        cover=_fit_lines(cover),
        zone=_fit_line([part for part, _ in zones], [most for _, most in zones]),
    )


def _judged_peaks(grounding: Grounding, truth: Truth) -> Iterator[tuple[str, float, bool]]:
    for label in sorted({peak.label for peak in grounding.peaks} & truth.decided):
        peaks = [(peak.score, (peak.x, peak.y)) for peak in grounding.peaks if peak.label == label]
        right = match(peaks, truth.centres.get(label, ()), DISTANCE * truth.side)
        yield from ((label, logit(score), real) for (score, _), real in zip(peaks, right, strict=True))


def _gaps(grounding: Grounding, truth: Truth) -> Iterator[float]:
    """How far matched peaks lie from the objects that they stand for, along each axis, as a share of the side."""
    for label, centres in truth.centres.items():
        peaks = np.array([(peak.x, peak.y) for peak in grounding.peaks if peak.label == label]).reshape(-1, 2)
        for centre in centres:
            if len(peaks):
                away = peaks - np.array(centre)
                nearest = away[np.hypot(*away.T).argmin()]
                if np.hypot(*nearest) <= DISTANCE * truth.side:
                    yield from (nearest / truth.side).tolist()


def _fit_lines(rows: Collection[tuple[str, float, bool]]) -> dict[str, Line]:
    """A line for each class with enough of both kinds, and one for all together."""
    lines = {ALL: _fit_line([figure for _, figure, _ in rows], [true for _, _, true in rows])}
    for label in sorted({label for label, _, _ in rows}):
        own = [(figure, true) for name, figure, true in rows if name == label]
        if len(own) >= FEWEST_PEAKS and 0 < sum(true for _, true in own) < len(own):
            lines[label] = _fit_line([figure for figure, _ in own], [true for _, true in own])
    return lines


def _fit_line(figures: Sequence[float], true: Sequence[bool]) -> Line:
    """Slope and intercept of a logistic regression; of one kind of answers alone, their smoothed share.

    Of no answers at all nothing is known, and nothing is proposed: the least probability.
    """
    if not true:
        return 0.0, round(logit(0.0), DECIMALS)
    if len(set(true)) < 2:
        chance = (sum(true) + 0.5) / (len(true) + 1.0)
        return 0.0, round(logit(chance), DECIMALS)
    from sklearn.linear_model import LogisticRegression

    fitted = LogisticRegression(C=10.0).fit(np.array(figures).reshape(-1, 1), np.array(true))
    return round(float(fitted.coef_[0, 0]), DECIMALS), round(float(fitted.intercept_[0]), DECIMALS)


def _marginals(joint: Array) -> dict[str, Array]:
    """The distribution of the number of objects in all (empty name), in the center, and outside it."""
    total = np.zeros(MOST + 1)
    rows, columns = np.indices(joint.shape)
    np.add.at(total, np.minimum(rows + columns, MOST), joint)
    return {"": total, "center": joint.sum(axis=1), "outside": joint.sum(axis=0)}


def _parts(shares: Mapping[str, float]) -> dict[str, float]:
    """The part of a class's own area that is seen in each zone, a quarter of the image, by the zone's words."""
    whole = max(shares[IMAGE], 1e-9)
    return {words: min(1.0, shares[zone] / 4 / whole) for zone, words in ZONES.items()}


def _line(values: Sequence[float]) -> Line:
    slope, intercept = map(float, values)
    return slope, intercept


def _log(share: float) -> float:
    return float(np.log(share + 1e-4))


def logit(chance: float) -> float:
    """Return the logarithm of the odds of a probability, kept from 0 and 1."""
    return float(log_odds(min(max(chance, LEAST), 1.0 - LEAST)))


def _logistic(line: Line, figure: float) -> float:
    return float(expit(line[0] * figure + line[1]))

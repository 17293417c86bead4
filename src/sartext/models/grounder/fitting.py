"""What the numbers of a grounder's maps mean, found on images with annotations."""

from collections.abc import Collection, Iterator, Sequence

import numpy as np

from sartext.models.grounder.evidence import ALL, DECIMALS, Line, MapModel, log_share, logit, parts
from sartext.models.grounder.maps import IMAGE, Grounding
from sartext.models.grounder.truth import DISTANCE, Truth, match
from sartext.narrator.annotated import STUFF_FRACTION, ZONE_FRACTION

FEWEST_PEAKS = 40
"""Peaks of a class from which on their heights are judged by themselves, not with those of all classes."""


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
            cover.append((label, log_share(own[IMAGE]), true.get(IMAGE, 0.0) >= STUFF_FRACTION))
            if true.get(IMAGE, 0.0) >= STUFF_FRACTION:
                zones += [
                    (part, true.get(zone.replace(" ", "-"), 0.0) >= ZONE_FRACTION)
                    for zone, part in parts(own).items()
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

"""How sure the grounder's maps are of a statement: from peaks and land cover to probabilities.

A peak stands for an object with a probability that its height tells; objects are taken for independent, so that
their number has a Poisson binomial distribution, and that in the center and outside it a joint one. A share of
land cover is normally distributed about the one that is seen. All of it is fitted on images with annotations, see
`fitting`; what is left over, the calibration of the statements corrects.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import expit, ndtr
from scipy.special import logit as log_odds

from sartext.errors import ArtefactError
from sartext.files import read_json
from sartext.models.grounder.maps import IMAGE, Grounding, Peak
from sartext.narrator.annotated import STUFF_FRACTION
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
"""Probability that a class is there, or that a scene is the one, from which on it is proposed."""

LIKELIER = 0.5
"""Probability from which on something is likelier than not."""

ALL = ""
"""In place of a class: all of them together."""

THRESHOLDS = "thresholds.json"
"""Where the stage `calibration` leaves what it found, the meaning of maps among it."""

AGAIN = "run `sartext calibrate` again"

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
        scene = max(grounding.scenes, key=grounding.scenes.__getitem__, default="")
        if scene and grounding.scenes[scene] >= LIKELY:
            proposed[Statement(SCENE, scene)] = grounding.scenes[scene]
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
            return _logistic(self.cover.get(label, self.cover[ALL]), log_share(shares[IMAGE]))
        if kind == COVER_SHARE:
            return self._bins(label, grounding).get(statement.value, 0.0)  # "all" of it is more than maps can tell
        return _logistic(self.zone, parts(shares)[statement.value])

    def numbers(self, label: str, grounding: Grounding) -> tuple[int, int, int]:
        """Return how many objects of a class there are, in all, in the center and outside it.

        Those peaks count that are likelier than not to stand for an object. The likeliest number of independent
        objects counts several weak peaks as one, and weak peaks of one image mostly err together.
        """
        line = self.peaks.get(label, self.peaks[ALL])
        inside = [
            self._inside(peak, grounding.side) >= LIKELIER
            for peak in grounding.peaks
            if peak.label == label and _logistic(line, logit(peak.score)) >= LIKELIER
        ]
        center = sum(inside)
        return min(len(inside), MOST), min(center, MOST), min(len(inside) - center, MOST)

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
        there = _logistic(self.cover.get(label, self.cover[ALL]), log_share(shares[IMAGE]))
        if there < LIKELY:
            return {}
        bins = self._bins(label, grounding)
        word = max(bins, key=bins.__getitem__)
        proposed = {Statement(COVER_CLASS, label): there, Statement(COVER_SHARE, label, word): bins[word]}
        own = parts(shares)
        zone = max(own, key=own.__getitem__)
        if word != SHARES[0][1] and (likely := _logistic(self.zone, own[zone])) >= LIKELY:
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


def read_thresholds(folder: Path, **models: str | None) -> dict[str, Any]:
    """Return what ``thresholds.json`` of a folder holds.

    Args:
        folder: what the stage `calibration` wrote.
        models: SHA-256 of the weights of ``clip``, ``coca`` or ``grounder``, which must be those of its making.

    Raises:
        ArtefactError: it is missing or damaged, or was found with other checkpoints.
    """
    path = folder / THRESHOLDS
    if not path.is_file():
        raise ArtefactError("the thresholds are missing", where=path, way_out="run `sartext calibrate`")
    record: dict[str, Any] = read_json(path)
    for name, sha256 in models.items():
        if record.get(f"{name}_sha256") != sha256:
            raise ArtefactError(f"the thresholds were found with another {name}", where=path, way_out=AGAIN)
    return record


def read_map_model(folder: Path, *, grounder: str | None) -> MapModel:
    """Return what the maps of a grounder with these weights mean; errors as of `read_thresholds`."""
    record = read_thresholds(folder, grounder=grounder)
    try:
        return MapModel.from_record(record["maps"])
    except (KeyError, TypeError, ValueError) as error:
        raise ArtefactError(
            f"no calibration of this version ({error!r})", where=folder / THRESHOLDS, way_out=AGAIN
        ) from error


def _marginals(joint: Array) -> dict[str, Array]:
    """The distribution of the number of objects in all (empty name), in the center, and outside it."""
    total = np.zeros(MOST + 1)
    rows, columns = np.indices(joint.shape)
    np.add.at(total, np.minimum(rows + columns, MOST), joint)
    return {"": total, "center": joint.sum(axis=1), "outside": joint.sum(axis=0)}


def parts(shares: Mapping[str, float]) -> dict[str, float]:
    """The part of a class's own area that is seen in each zone, a quarter of the image, by the zone's words."""
    whole = max(shares[IMAGE], 1e-9)
    return {words: min(1.0, shares[zone] / 4 / whole) for zone, words in ZONES.items()}


def _line(values: Sequence[float]) -> Line:
    slope, intercept = map(float, values)
    return slope, intercept


def log_share(share: float) -> float:
    """Return the logarithm of a share, kept from 0."""
    return float(np.log(share + 1e-4))


def logit(chance: float) -> float:
    """Return the logarithm of the odds of a probability, kept from 0 and 1."""
    return float(log_odds(min(max(chance, LEAST), 1.0 - LEAST)))


def _logistic(line: Line, figure: float) -> float:
    return float(expit(line[0] * figure + line[1]))

"""Physics curves: what a model reads as looks, resolution and contrast change, and when one object is removed.

Here stands what is varied, each around one ordinary setting, and what is measured. `scenes` says on which scenes,
`rendering` images them, `scoring` asks a model and gives the figures.
"""

from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from sartext.evaluation.metrics import Metric


@dataclass(frozen=True)
class Setting:
    """How the scenes of a physics set are imaged.

    Args:
        looks: number of looks averaged. The training images of the embedded corpora have 1, 2, 4 or 10.
        resolution: length and width of the resolution cell against the ordinary one. The bandwidth is divided by
            it and looks stay what they are, so speckle grows coarser and not weaker. Facts stay those of the
            scene: what is smaller than the cell cannot be seen, so part of the fall is physics and no fault of a
            model.
        contrast: what objects return, their bodies and their point targets, against the ordinary level in dB; the
            ground around them stays as it is, so scenes without objects do not change.
    """

    looks: int = 4
    resolution: float = 1.0
    contrast: float = 0.0


ORDINARY: Final = Setting()
"""As the simulation images any scene, with four looks."""

CURVES: Final[dict[str, tuple[float, ...]]] = {
    "looks": (1, 2, 4, 8, 16),
    "resolution": (1.0, 1.5, 2.0, 3.0, 4.0),
    "contrast": (-9.0, -6.0, -3.0, 0.0, 3.0),
}
"""The values of what is varied, each with all else as in `ORDINARY`, whose own value is among them."""


def setting_of(curve: str, value: float) -> Setting:
    """Return the setting of a point of a curve."""
    changed: dict[str, Any] = {curve: value}
    return replace(ORDINARY, **changed)


def subset_of(curve: str, value: float) -> str:
    """Return the subset that figures of a point of a curve carry, such as ``resolution:1.5``."""
    return f"{curve}:{value:g}"


POINTS: Final[dict[str, Setting]] = {
    subset_of(curve, value): setting_of(curve, value) for curve, values in CURVES.items() for value in values
}
"""The setting of every point of every curve, by its subset; `ORDINARY` is a point of each."""

SETTINGS: Final[tuple[Setting, ...]] = tuple(dict.fromkeys(POINTS.values()))
"""The settings, each once."""

MEAN_RECALL: Final = "duplicate_aware_mean_recall"
CHANGE: Final = "_change"
"""Ends the name of a difference to the ordinary setting."""

_metric = partial(Metric, "physics")
_PARTS = {"fact": "facts", "object": "objects", "cover": "land cover"}
_CURVE_METRICS = (
    _metric(MEAN_RECALL, "mean recall", meaning="Of the pictures of a setting.", section="curves"),
    *(
        _metric(f"{part}_{end}", f"{title}: {end}", unit="%", meaning="At a setting.", section="curves")
        for part, title in _PARTS.items()
        for end in ("precision", "recall")
    ),
)
_DIFFERENCE = "The difference to the ordinary setting, paired by scene."
_SPECKLE = "The same where nothing but the speckle was drawn anew."
_BEYOND = "What the object adds to the speckle, paired by scene."


def _followed(name: str, title: str, speckle: str, meaning: str, *, headline: bool = False) -> tuple[Metric, ...]:
    """A share of the pairs, the same where only speckle was drawn anew, and the difference."""
    first_minus_second = "the first minus the second"
    return (
        _metric(name, title, 1, "% of pairs", True, meaning, "pairs"),
        _metric(f"{name}_by_speckle", speckle, 1, "% of pairs", False, _SPECKLE, "pairs"),
        _metric(f"{name}_beyond_speckle", first_minus_second, 1, "points", True, _BEYOND, "pairs", headline),
    )


_FALLS = "similarity falls when an object goes"
_FITS_LESS = "The caption of the whole scene fits the picture without the object less; a tie counts half."
COMPARED: Final = (
    _metric("similarity_fell", _FALLS, 1, "% of pairs", True, _FITS_LESS, "pairs", chance=lambda labels: 50.0),
)
"""Of pairs of pictures, for every model."""

WRITTEN: Final = (
    *_followed(
        "caption_changed",
        "caption changes when an object goes",
        "caption changes with the speckle alone",
        "The statements of the caption change with the object.",
        headline=True,
    ),
    *_followed(
        "count_followed",
        "stated count falls by one",
        "stated count falls by one with the speckle alone",
        "The number that is stated of the object's class falls by exactly one.",
    ),
)
"""Of pairs of pictures, for models that write captions."""

METRICS: Final = (
    *_CURVE_METRICS,
    *(
        _metric(f"{metric.name}{CHANGE}", f"{metric.title}, change", 1, "points", True, _DIFFERENCE, "changes")
        for metric in _CURVE_METRICS
    ),
    *WRITTEN,
    *COMPARED,
)

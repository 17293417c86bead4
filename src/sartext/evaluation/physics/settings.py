"""What is varied, looks, resolution and contrast, each around one ordinary setting; and what is measured."""

from dataclasses import dataclass, replace
from typing import Final

from sartext.evaluation.metric import Metric


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
    if curve == "looks":
        return replace(ORDINARY, looks=int(value))
    return replace(ORDINARY, resolution=value) if curve == "resolution" else replace(ORDINARY, contrast=value)


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

_FACTS = {"fact": "facts", "object": "objects", "cover": "land cover"}
_CURVE_METRICS = (
    Metric("physics", MEAN_RECALL, "mean recall", meaning="Of the pictures of a setting.", section="curves"),
    *(
        Metric("physics", f"{part}_{end}", f"{title}: {end}", unit="%", meaning="At a setting.", section="curves")
        for part, title in _FACTS.items()
        for end in ("precision", "recall")
    ),
)


def _change_of(metric: Metric) -> Metric:
    return Metric(
        "physics",
        f"{metric.name}{CHANGE}",
        f"{metric.title}, change",
        unit="points",
        meaning="The difference to the ordinary setting, paired by scene.",
        section="changes",
    )


def _followed(name: str, title: str, speckle: str, meaning: str, *, headline: bool = False) -> list[Metric]:
    """A share of the pairs, the same where only speckle was drawn anew, and the difference."""
    return [
        Metric("physics", name, title, unit="% of pairs", meaning=meaning, section="pairs"),
        Metric(
            "physics",
            f"{name}_by_speckle",
            speckle,
            unit="% of pairs",
            higher_is_better=False,
            meaning="The same where nothing but the speckle was drawn anew.",
            section="pairs",
        ),
        Metric(
            "physics",
            f"{name}_beyond_speckle",
            "the first minus the second",
            unit="points",
            meaning="What the object adds to the speckle, paired by scene.",
            section="pairs",
            headline=headline,
        ),
    ]


COMPARED: Final = (
    Metric(
        "physics",
        "similarity_fell",
        "similarity falls when an object goes",
        unit="% of pairs",
        meaning="The caption of the whole scene fits the picture without the object less; a tie counts half.",
        section="pairs",
        chance=lambda labels: 50.0,
    ),
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

METRICS: Final = (*_CURVE_METRICS, *map(_change_of, _CURVE_METRICS), *WRITTEN, *COMPARED)

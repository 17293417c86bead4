"""What is varied: looks, resolution and contrast, one at a time, each around one ordinary setting."""

from dataclasses import dataclass, replace
from typing import Final


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

"""The point targets of objects: corners, decks, engines and rims that outshine their surroundings."""

from dataclasses import dataclass

import numpy as np

from sartext.simulation.grid import Field
from sartext.simulation.truth import Scene, Thing


@dataclass(frozen=True)
class PointTargets:
    """Point targets in pixels of the image: place, height above the ground and peak power in dB; shape (n,)."""

    x: Field
    y: Field
    height: Field
    level: Field


def point_targets(scene: Scene, towards_radar: tuple[float, float], rng: np.random.Generator) -> PointTargets:
    """Return the point targets of all objects of a scene.

    Args:
        scene: the ground truth.
        towards_radar: unit vector in the image that points to the radar.
        rng: places and levels vary within each object.
    """
    parts = [_targets_of(thing, towards_radar, rng) for thing in scene.things]
    if not parts:
        parts = [np.zeros((0, 4))]
    table = np.concatenate(parts)
    return PointTargets(table[:, 0], table[:, 1], table[:, 2], table[:, 3])


def _targets_of(thing: Thing, towards_radar: tuple[float, float], rng: np.random.Generator) -> Field:
    """Rows of x, y, height, level."""
    if thing.label == "ship":
        return _ship(thing, rng)
    if thing.label == "aircraft":
        return _aircraft(thing, rng)
    if thing.label == "vehicle":
        return _at(thing, rng.uniform(-0.3, 0.3, 2), np.zeros(2), thing.height, rng.normal(-1.0, 1.2, 2))
    if thing.label == "tank":
        return _tank(thing, towards_radar, rng)
    return _bridge(thing, rng)


def _at(thing: Thing, along: Field, across: Field, height: float, level: Field) -> Field:
    """Place targets given in lengths and widths of the object."""
    u, v = along * thing.length, across * thing.width
    x = thing.x + u * np.cos(thing.heading) - v * np.sin(thing.heading)
    y = thing.y + u * np.sin(thing.heading) + v * np.cos(thing.heading)
    return np.stack([x, y, np.full(x.shape, height), level], axis=1)


def _ship(thing: Thing, rng: np.random.Generator) -> Field:
    """Targets along the deck, and the superstructure at the stern or amidships."""
    count = max(3, round(thing.length / 1.8))
    along = np.linspace(-0.44, 0.40, count) + rng.normal(0, 0.02, count)
    deck = _at(thing, along, rng.uniform(-0.25, 0.25, count), 0.4 * thing.height, rng.normal(-1.5, 2.5, count))
    bridge = np.array([-0.34 if thing.variant < 3 else 0.05])
    tower = _at(thing, bridge, np.zeros(1), thing.height, rng.uniform(3.0, 9.0, 1))
    return np.concatenate([deck, tower])


def _aircraft(thing: Thing, rng: np.random.Generator) -> Field:
    """Nose, wing roots, engines, wing tips, rear fuselage and tail."""
    along = np.array([0.42, 0.15, 0.05, 0.03, 0.03, -0.10, -0.10, -0.22, -0.42])
    across = np.array([0.0, 0.0, 0.0, 0.22, -0.22, 0.43, -0.43, 0.0, 0.0])
    level = np.array([-2.0, -1.5, -1.5, 0.5, 0.5, -4.0, -4.0, -3.0, 0.5]) + rng.normal(0, 1.2, 9)
    return _at(thing, along, across, thing.height, level)


def _tank(thing: Thing, towards_radar: tuple[float, float], rng: np.random.Generator) -> Field:
    """Two arcs on the side of the radar: the upper rim, and the wall with the ground before it."""
    centre = np.arctan2(towards_radar[1], towards_radar[0])
    angles = centre + np.linspace(-0.9, 0.9, 7)
    radius = thing.length / 2 - 0.4
    x, y = thing.x + radius * np.cos(angles), thing.y + radius * np.sin(angles)
    fall = -6.0 * (np.linspace(-1, 1, 7)) ** 2
    foot = np.stack([x, y, np.zeros(7), -0.5 + fall + rng.normal(0, 0.7, 7)], axis=1)
    rim = np.stack([x, y, np.full(7, thing.height), 1.0 + fall + rng.normal(0, 0.7, 7)], axis=1)
    return np.concatenate([foot, rim])


def _bridge(thing: Thing, rng: np.random.Generator) -> Field:
    """A railing on either side and lamps between: a bright line across the water."""
    count = max(4, round(thing.length / 1.6))
    along = np.linspace(-0.46, 0.46, count)
    first = _at(thing, along, np.full(count, -0.3), thing.height, rng.normal(-2.0, 1.5, count))
    second = _at(thing, along, np.full(count, 0.3), thing.height, rng.normal(-4.0, 1.5, count))
    return np.concatenate([first, second])

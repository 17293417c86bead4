"""Imaging one scene again and again, with the same random numbers, so that only what is varied differs.

All images of a scene share the texture of the ground, the objects' point targets and the draws of speckle and
phases: with more looks the first ones are the same, at a coarser resolution the same reflectivity is band-limited
further, with another contrast the same targets are stronger or weaker.
"""

from copy import deepcopy
from dataclasses import dataclass, replace

import numpy as np

from sartext.errors import EvaluationError
from sartext.evaluation.physics.settings import ORDINARY, Setting
from sartext.simulation.backscatter import PointTargets, ground_power, linear
from sartext.simulation.grid import MARGIN, Field
from sartext.simulation.radar import BANDWIDTH, Acquisition, detect, imaged_points, received
from sartext.simulation.truth import Scene

POLARISATION = "VV"


@dataclass(frozen=True)
class Reflection:
    """What a scene sends back in VV: power of each cell, point targets, and the random numbers that follow.

    ``before_points`` and ``rng`` are the generator's states before and after the point targets were drawn.
    """

    scene: Scene
    acquisition: Acquisition
    power: Field
    points: PointTargets
    before_points: np.random.Generator
    rng: np.random.Generator


def reflect(scene: Scene, acquisition: Acquisition, rng: np.random.Generator) -> Reflection:
    """Draw texture and point targets of a scene; ``rng`` is left as it is."""
    rng = deepcopy(rng)
    power = ground_power(scene, (POLARISATION,), rng)[0]
    before_points = deepcopy(rng)
    return Reflection(scene, acquisition, power, imaged_points(scene, acquisition, rng), before_points, rng)


def reflect_without(whole: Reflection, index: int, rng: np.random.Generator) -> Reflection:
    """Return what a scene sends back with one object gone: its body, height, shadow, layover and point targets.

    The ground beneath keeps its texture, the other objects their point targets, and speckle its draws, because the
    object's own point targets stay in the list with no power. A target at the foot of another object that stood in
    the removed one's shadow stays unseen: that would move every later draw, and objects stand further apart than
    the shadow of the highest reaches.

    Args:
        whole: the scene with all of its objects.
        index: the object's place in ``scene.things``.
        rng: what ``whole`` was drawn from; it is left as it is.

    Raises:
        EvaluationError: the object cannot be removed.
    """
    bare = without(whole.scene, index)
    power = ground_power(bare, (POLARISATION,), deepcopy(rng))[0]
    level = whole.points.level.copy()
    level[_places(whole, index)] = -np.inf
    return replace(whole, scene=bare, power=power, points=replace(whole.points, level=level))


def without(scene: Scene, index: int) -> Scene:
    """Return a scene without one of its objects; the ground below it shows.

    Raises:
        EvaluationError: it is a bridge, which is part of the roads and of the river's banks.
    """
    if scene.things[index].label == "bridge":
        raise EvaluationError("a bridge cannot be taken out of its scene", way_out="take another object")
    owner = scene.owner.copy()
    owner[scene.owner == index + 1] = 0
    owner[scene.owner > index + 1] -= 1
    # objects stand on water, roads, aprons and yards, all of them at height 0
    height = np.where(scene.owner == index + 1, 0.0, scene.height)
    things = scene.things[:index] + scene.things[index + 1 :]
    return replace(scene, owner=owner, height=height, things=things)


def intensity(reflection: Reflection, setting: Setting = ORDINARY) -> Field:
    """Form the image of what a scene sends back; with the acquisition's looks alone, that of `radar.form_image`.

    Returns:
        Calibrated intensity (linear sigma nought), shape (size, size).
    """
    scene, points = reflection.scene, reflection.points
    power = reflection.power.copy()
    power[scene.owner > 0] *= linear(setting.contrast)
    seen = received(scene, reflection.acquisition, power, POLARISATION)
    targets = replace(points, level=points.level + setting.contrast)
    bandwidth = BANDWIDTH / setting.resolution
    image = detect(seen, targets, setting.looks, deepcopy(reflection.rng), bandwidth)
    inside = slice(MARGIN, MARGIN + scene.size)
    return image[inside, inside]


def _places(whole: Reflection, index: int) -> slice:
    """Where an object's point targets stand in the list: they are drawn object by object, in order."""
    ends = []
    for number in (index, index + 1):
        first_ones = replace(whole.scene, things=whole.scene.things[:number])
        ends.append(len(imaged_points(first_ones, whole.acquisition, deepcopy(whole.before_points)).level))
    return slice(*ends)

"""A physics set: scenes, each imaged at every setting, and again with one object removed.

All images of a scene share the texture of the ground, the objects' point targets and the draws of speckle and
phases, so that only what is varied differs: with more looks the first ones are the same, at a coarser resolution
the same reflectivity is band-limited further, with another contrast the same targets are stronger or weaker.
"""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from dataclasses import dataclass, replace
from functools import cached_property, partial
from hashlib import sha256
from itertools import islice
from typing import Any, Final

import numpy as np

from sartext.config import SimulationParameters
from sartext.errors import EvaluationError
from sartext.evaluation.benchmarks import Pixels
from sartext.evaluation.physics import ORDINARY, SETTINGS, Setting
from sartext.evaluation.physics.scenes import PhysicsScene, annotate, compose_scenes, noun_of, own_parameters
from sartext.files import canonical_json
from sartext.narrator.facts import Facts
from sartext.narrator.realisation import canonical
from sartext.progress import map_parallel
from sartext.simulation.backscatter import PointTargets, ground_power, linear
from sartext.simulation.composition import generator
from sartext.simulation.radar import BANDWIDTH, Acquisition, detect, display, imaged_points, received
from sartext.simulation.truth import MARGIN, Field, Scene

POLARISATION = "VV"

NAME: Final = "sim-physics"
"""The benchmark that figures of a physics set name."""

SCENES: Final = 90
REMOVED: Final = 2
"""Objects removed from a scene, one at a time, at most."""

FEWEST: Final = 2
"""Scenes without which nothing can be ranked."""


@dataclass(frozen=True, eq=False)
class Removal:
    """A scene by its place imaged without an object, the random numbers those of its ordinary image: uint8, size x
    size.
    """

    place: int
    noun: str
    picture: Pixels
    facts: Facts

    @property
    def caption(self) -> str:
        """The facts of what is left, in the grammar's plain words."""
        return canonical(self.facts)


@dataclass(frozen=True, eq=False)
class PhysicsSet:
    """Scenes and their pictures, uint8, scenes x size x size: of every setting, and of the ordinary one with
    another draw of speckle; the removals make pairs with the ordinary picture of their scene.
    """

    scenes: tuple[PhysicsScene, ...]
    pictures: Mapping[Setting, Pixels]
    redrawn: Pixels
    removals: tuple[Removal, ...]

    @property
    def captions(self) -> list[str]:
        """The caption of each scene, in the grammar's plain words."""
        return [scene.caption for scene in self.scenes]

    @cached_property
    def labels(self) -> list[int]:
        """A whole number per scene, equal where captions say the same."""
        known = {key: number for number, key in enumerate(dict.fromkeys(scene.key for scene in self.scenes))}
        return [known[scene.key] for scene in self.scenes]

    @cached_property
    def sha256(self) -> str:
        """The hash of its definition: every picture, and what is true of it."""
        definition = [[scene.name, scene.key] for scene in self.scenes]
        digest = sha256(canonical_json({"name": NAME, "scenes": definition}).encode())
        for picture in (*self.pictures.values(), self.redrawn, *(removal.picture for removal in self.removals)):
            digest.update(np.ascontiguousarray(picture).tobytes())
        return digest.hexdigest()

    def describe(self) -> dict[str, Any]:
        """Return what a report says of it, as `Benchmark.describe` does; a scene is a group."""
        corpora = [scene.corpus for scene in self.scenes]
        return {
            "name": NAME,
            "images": len(self.scenes),
            "groups": len(self.scenes),
            "distinct_facts": len(set(self.labels)),
            "corpora": {name: corpora.count(name) for name in sorted(set(corpora))},
            "left_out": 0,
            "sha256": self.sha256,
        }


def render_physics(parameters: SimulationParameters, *, scenes: int = SCENES, seed: int) -> PhysicsSet:
    """Compose scenes, at least two, and image each at every setting, with other speckle, and with objects removed.

    ``seed`` decides the scenes and their images, the parameters, whose seed does not count, the size of the
    pictures: a scene of 64 x 64 pixels takes about 0.4 MB.

    Raises:
        EvaluationError: too few scenes are asked for.
    """
    if scenes < FEWEST:
        raise EvaluationError(f"{scenes} scenes", way_out=f"take at least {FEWEST}: there is nothing to rank")
    own = own_parameters(parameters, seed)
    composed = compose_scenes(own, scenes)
    imaged = list(map_parallel(partial(_image, own), composed, "imaging scenes at every setting"))
    return PhysicsSet(
        scenes=tuple(composed),
        pictures={setting: np.stack([pictures[setting] for pictures, _, _ in imaged]) for setting in SETTINGS},
        redrawn=np.stack([redrawn for _, redrawn, _ in imaged]),
        removals=tuple(
            Removal(place, noun_of(scene.corpus, scene.scene.things[index].label), picture, facts)
            for place, (scene, (_, _, removed)) in enumerate(zip(composed, imaged, strict=True))
            for index, picture, facts in removed
        ),
    )


_Imaged = tuple[dict[Setting, Pixels], Pixels, list[tuple[int, Pixels, Facts]]]
"""The pictures of a scene: by setting, with other speckle, and without an object of some index, with its facts."""


def _image(own: SimulationParameters, scene: PhysicsScene) -> _Imaged:
    """All pictures of one scene; the streams are those that the simulation has for an image of that number."""
    first, second = (generator(own.seed, scene.corpus, scene.number, "radar", look) for look in (0, 1))
    whole = reflect(scene.scene, scene.acquisition, first)
    pictures = {setting: display(intensity(whole, setting)) for setting in SETTINGS}
    redrawn = display(intensity(replace(whole, rng=second)))
    removed = [
        (index, display(intensity(reflect_without(whole, index, first))), facts)
        for index, facts in islice(_removable(own, scene), REMOVED)
    ]
    return pictures, redrawn, removed


def _removable(own: SimulationParameters, scene: PhysicsScene) -> Iterator[tuple[int, Facts]]:
    """Objects that can be removed, in an order drawn by the seed, and the facts of what is then left.

    The annotation counts them, and another object too: else a caption of objects had nothing true to say.
    """
    counted = {fact.label: fact.count for fact in scene.facts.objects}
    if sum(counted.values()) < FEWEST:
        return
    order = generator(own.seed, scene.corpus, scene.number, "writing").permutation(len(scene.scene.things))
    for index in map(int, order):
        label = scene.scene.things[index].label
        if label == "bridge" or label not in counted:
            continue
        left = annotate(scene.corpus, without(scene.scene, index), scene.acquisition)
        fewer = {name: number - (name == label) for name, number in counted.items()}
        still = {fact.label: fact.count for fact in left.objects} if left else {}
        # a ship of a mask that was two components, or too small to count, leaves another count behind
        if left is not None and still == {name: number for name, number in fewer.items() if number}:
            yield index, left


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
    """Return what a scene sends back with one object, by its place in ``scene.things``, gone: its body, height,
    shadow, layover and point targets.

    The ground beneath keeps its texture, the other objects their point targets, and speckle its draws, because the
    object's own point targets stay in the list with no power. A target at the foot of another object that stood in
    the removed one's shadow stays unseen: that would move every later draw, and objects stand further apart than
    the shadow of the highest reaches. ``rng`` is what ``whole`` was drawn from, and is left as it is.

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

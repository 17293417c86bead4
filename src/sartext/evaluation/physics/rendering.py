"""A physics set: scenes, each imaged at every setting, and again with one object removed."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property, partial
from hashlib import sha256
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from sartext.config import SimulationParameters
from sartext.errors import EvaluationError
from sartext.evaluation.physics.imaging import intensity, reflect, reflect_without, without
from sartext.evaluation.physics.scenes import (
    PhysicsScene,
    annotate,
    compose_scenes,
    noun_of,
    own_parameters,
)
from sartext.evaluation.physics.settings import SETTINGS, Setting
from sartext.files import canonical_json
from sartext.narrator.facts import Facts
from sartext.narrator.realisation import canonical
from sartext.progress import map_parallel
from sartext.simulation.radar import display
from sartext.simulation.recipes import generator

Pixels = npt.NDArray[np.uint8]

NAME: Final = "sim-physics"
"""The benchmark that figures of a physics set name."""

SCENES: Final = 90
REMOVED: Final = 2
"""Objects removed from a scene, one at a time, at most."""

FEWEST: Final = 2
"""Scenes without which nothing can be ranked."""


@dataclass(frozen=True, eq=False)
class Removal:
    """A scene imaged without one of its objects, the random numbers those of its ordinary image.

    Args:
        place: of the scene in the set.
        noun: of the object, as captions call it.
        picture: uint8, size x size.
        facts: what is true of what is left.
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
    """Scenes and their pictures.

    Args:
        scenes: in the order of the pictures.
        pictures: of every setting, uint8, scenes x size x size.
        redrawn: the ordinary setting with another draw of speckle, uint8, scenes x size x size.
        removals: pairs with the ordinary picture of their scene.
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
        """Return what a report says of it."""
        corpora = [scene.corpus for scene in self.scenes]
        return {
            "name": NAME,
            "scenes": len(self.scenes),
            "settings": len(self.pictures),
            "distinct_facts": len(set(self.labels)),
            "corpora": {name: corpora.count(name) for name in sorted(set(corpora))},
            "removed_objects": len(self.removals),
            "sha256": self.sha256,
        }


def render_physics(parameters: SimulationParameters, *, scenes: int = SCENES, seed: int) -> PhysicsSet:
    """Compose scenes and image each at every setting, with other speckle, and with objects removed.

    Args:
        parameters: the size of the pictures; their own seed decides nothing here, see `own_seed`.
        scenes: how many, at least two; of 64 x 64 pixels each takes about 0.4 MB.
        seed: decides the scenes and their images.

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
        pictures={setting: np.stack([pictured.pictures[setting] for pictured in imaged]) for setting in SETTINGS},
        redrawn=np.stack([pictured.redrawn for pictured in imaged]),
        removals=tuple(
            Removal(place, noun_of(scene.corpus, scene.scene.things[index].label), picture, facts)
            for place, (scene, pictured) in enumerate(zip(composed, imaged, strict=True))
            for index, picture, facts in pictured.removed
        ),
    )


@dataclass(frozen=True, eq=False)
class _Imaged:
    pictures: dict[Setting, Pixels]
    redrawn: Pixels
    removed: list[tuple[int, Pixels, Facts]]


def _image(own: SimulationParameters, scene: PhysicsScene) -> _Imaged:
    """All pictures of one scene; the streams are those that the simulation has for an image of that number."""
    first, second = (generator(own.seed, scene.corpus, scene.number, "radar", look) for look in (0, 1))
    whole = reflect(scene.scene, scene.acquisition, first)
    pictures = {setting: display(intensity(whole, setting)) for setting in SETTINGS}
    redrawn = display(intensity(replace(whole, rng=second)))
    removed = [
        (index, display(intensity(reflect_without(whole, index, first))), facts)
        for index, facts in _removable(own, scene)
    ]
    return _Imaged(pictures, redrawn, removed)


def _removable(own: SimulationParameters, scene: PhysicsScene) -> list[tuple[int, Facts]]:
    """Objects to remove, drawn by the seed, and the facts of what is then left.

    Only objects that the annotation counts, and only where it counts another object too: without any, a caption of
    objects would have nothing true to say.
    """
    counted = {fact.label: fact.count for fact in scene.facts.objects}
    if sum(counted.values()) < FEWEST:
        return []
    order = generator(own.seed, scene.corpus, scene.number, "writing").permutation(len(scene.scene.things))
    removable: list[tuple[int, Facts]] = []
    for index in map(int, order):
        label = scene.scene.things[index].label
        if label == "bridge" or label not in counted or len(removable) == REMOVED:
            continue
        left = annotate(scene.corpus, without(scene.scene, index), scene.acquisition)
        fewer = {name: number - (name == label) for name, number in counted.items()}
        still = {fact.label: fact.count for fact in left.objects} if left else {}
        # a ship of a mask that was two components, or too small to count, leaves another count behind
        if left is not None and still == {name: number for name, number in fewer.items() if number}:
            removable.append((index, left))
    return removable

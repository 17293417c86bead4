"""Strips of pictures for the report: one scene over looks, resolution and contrast, and with an object removed."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sartext.evaluation.physics.reading import Reader, reader_of
from sartext.evaluation.physics.rendering import NAME, PhysicsSet, Removal
from sartext.evaluation.physics.settings import CURVES, ORDINARY, setting_of, subset_of
from sartext.models.model import Model

Pixels = npt.NDArray[np.uint8]

STRIPS = 2
"""Scenes that are shown."""

WORDS = {"looks": "{:g} looks", "resolution": "resolution cell x {:g}", "contrast": "targets {:+g} dB"}
REDRAWN = "other speckle"


@dataclass(frozen=True, eq=False)
class Frame:
    """One picture of a strip: setting in words, an id of its own, uint8 size x size, and what was told of it."""

    setting: str
    picture_id: str
    picture: Pixels
    caption: str


@dataclass(frozen=True, eq=False)
class Strip:
    """One scene under one changing condition, captioned by one variant; the title tells what is true of it."""

    title: str
    variant: str
    frames: tuple[Frame, ...]


def strips(variant: str, model: Model | Reader, physics: PhysicsSet, *, count: int = STRIPS) -> list[Strip]:
    """Return strips of the first scenes that an object can be removed from, each of another corpus if it can be.

    Args:
        variant: the model's name.
        model: a CoCa or another reader that writes captions; the captions of one that does not are empty.
        physics: where the scenes come from.
        count: scenes; each has a strip per curve and one of the pair.
    """
    reader = reader_of(model)
    return [strip for one in _chosen(physics, count) for strip in _of_scene(variant, reader, physics, one)]


def _chosen(physics: PhysicsSet, count: int) -> list[Removal]:
    """One removal per scene, scenes of corpora not yet shown first."""
    by_scene: dict[int, Removal] = {}
    for one in physics.removals:
        by_scene.setdefault(one.place, one)
    seen: dict[str, int] = {}
    rank: list[tuple[int, int, Removal]] = []
    for place, one in by_scene.items():
        corpus = physics.scenes[place].corpus
        seen[corpus] = seen.get(corpus, 0) + 1
        rank.append((seen[corpus], place, one))
    return [one for _, _, one in sorted(rank, key=lambda ranked: ranked[:2])[:count]]


def _of_scene(variant: str, reader: Reader, physics: PhysicsSet, removal: Removal) -> Iterator[Strip]:
    place, scene = removal.place, physics.scenes[removal.place]
    begin = f"{NAME}/{scene.name.replace('/', '-')}"
    for curve, values in CURVES.items():
        told = [
            (
                WORDS[curve].format(value),
                subset_of(curve, value),
                physics.pictures[setting_of(curve, value)][place],
            )
            for value in values
        ]
        yield _strip(f"{curve}: {scene.caption}", variant, reader, begin, told)
    pair = [
        ("as it is", "whole", physics.pictures[ORDINARY][place]),
        (REDRAWN, "speckle", physics.redrawn[place]),
        (f"without one {removal.noun}", "removed", removal.picture),
    ]
    yield _strip(f"one {removal.noun} removed: {removal.caption}", variant, reader, begin, pair)


def _strip(title: str, variant: str, reader: Reader, begin: str, told: list[tuple[str, str, Pixels]]) -> Strip:
    pictures = np.stack([picture for _, _, picture in told])
    captions = reader.tell(pictures) if reader.writes else [""] * len(told)
    frames = tuple(
        Frame(words, f"{begin}-{name.replace(':', '-').replace('.', '_')}", picture, caption)
        for (words, name, picture), caption in zip(told, captions, strict=True)
    )
    return Strip(title, variant, frames)

"""The physics curves of a project's models, and strips of pictures: scenes of the simulation at many settings."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from sartext.config.project import Parameters
from sartext.evaluation.benchmarks import Pixels
from sartext.evaluation.details import BASELINES, CONSTANT, Frame, Strip, Variant
from sartext.evaluation.embedding import embed_images, embed_texts
from sartext.evaluation.figures import Figure
from sartext.evaluation.physics import CURVES, ORDINARY, setting_of, subset_of
from sartext.evaluation.physics.rendering import NAME, PhysicsSet, Removal, render_physics
from sartext.evaluation.physics.scoring import Reader, score_physics
from sartext.models.decoding.captioning import generate
from sartext.models.model import Model, normalise
from sartext.models.squashing import squash

SCORED = ("narrator", "sar-rs-clip", "sar-rs-coca")
"""The variants whose curves are drawn."""

SHOWN = "sar-rs-coca"
"""The variant that captions the pictures shown."""

STRIPS = 2
"""Scenes that are shown."""

BATCH = 128
"""Pictures that a model sees at a time."""

WORDS = {"looks": "{:g} looks", "resolution": "resolution cell x {:g}", "contrast": "targets {:+g} dB"}


class Physics:
    """Scores models one after the other; a project without simulation has no scenes, and nothing is scored.

    It holds the figures so far, the baseline's among them, and the shown variant's strips with their pictures by
    id.
    """

    def __init__(self, parameters: Parameters) -> None:
        self._evaluation = parameters.evaluation
        self._set: PhysicsSet | None = None
        scenes, seed = parameters.evaluation.physics_scenes, parameters.evaluation.seed
        if parameters.simulation is not None and scenes:
            self._set = render_physics(parameters.simulation, scenes=scenes, seed=seed)
        self.figures: list[Figure] = []
        self.strips: list[Strip] = []
        self.pictures: dict[str, Pixels] = {}

    def score(self, name: str, model: Model) -> None:
        """Score a model, if its curves are drawn; the first one beside the caption that sees nothing."""
        if self._set is None or name not in SCORED:
            return
        reader = ModelReader(model)
        readers: dict[str, Reader] = {name: reader}
        if not self.figures:
            readers[CONSTANT] = constant_reader(self._set.captions)
        resamples, seed = self._evaluation.resamples, self._evaluation.seed
        for variant, scored in readers.items():
            self.figures += score_physics(variant, scored, self._set, resamples=resamples, seed=seed)
        if name == SHOWN:
            self.strips, self.pictures = strips(name, reader, self._set)

    @property
    def sets(self) -> tuple[PhysicsSet, ...]:
        """The set of scenes, where there is one."""
        return () if self._set is None else (self._set,)

    @property
    def baselines(self) -> tuple[Variant, ...]:
        """The caption that sees nothing, where something was compared with it."""
        return (BASELINES[CONSTANT],) if self.figures else ()


@dataclass(frozen=True, eq=False)
class ModelReader:
    """A CLIP or CoCa as a reader; it writes greedily, and a caption that the context does not hold is empty."""

    model: Model

    @property
    def writes(self) -> bool:
        """Whether it is a CoCa."""
        return self.model.kind == "coca"

    def see(self, pictures: Pixels) -> Tensor:
        """Return features of length 1, pictures x width, on the CPU."""
        return embed_images(self.model, pictures, batch=BATCH)

    def hear(self, captions: Sequence[str]) -> Tensor:
        """Return features of length 1, captions x width, on the CPU; what the context does not hold is cut."""
        return embed_texts(self.model, captions, batch=BATCH)[0]

    def tell(self, pictures: Pixels) -> list[str]:
        """Return a caption per picture, empty where the model did not end it."""
        model, captions = self.model, []
        for start in range(0, len(pictures), BATCH):
            squashed = np.stack([squash(picture, model.side) for picture in pictures[start : start + BATCH]])
            images = normalise(torch.from_numpy(squashed).to(model.device), model)
            captions += generate(model, images, length=model.context)
        return [model.tokenizer.decode(caption.ids).strip() if caption.finished else "" for caption in captions]


@dataclass(frozen=True, eq=False)
class ConstantReader:
    """A reader that sees nothing: all pictures and captions are alike to it, and it has one caption for all."""

    caption: str
    writes: bool = True

    def see(self, pictures: Pixels) -> Tensor:
        """Return the same feature for every picture."""
        return torch.ones(len(pictures), 1)

    def hear(self, captions: Sequence[str]) -> Tensor:
        """Return the same feature for every caption."""
        return torch.ones(len(captions), 1)

    def tell(self, pictures: Pixels) -> list[str]:
        """Return the one caption."""
        return [self.caption] * len(pictures)


def constant_reader(captions: Sequence[str]) -> ConstantReader:
    """Return the reader that tells the most frequent caption of a set, the first in the alphabet of equal ones."""
    counted = Counter(captions)
    return ConstantReader(min(counted, key=lambda caption: (-counted[caption], caption)))


class _Shot(NamedTuple):
    """A picture of a scene: the setting in words, what tells it from the scene's other pictures, the pixels."""

    setting: str
    suffix: str
    picture: Pixels


def strips(variant: str, reader: Reader, physics: PhysicsSet) -> tuple[list[Strip], dict[str, Pixels]]:
    """Return strips of the first scenes that an object can be removed from, each of another corpus if it can be.

    A scene has a strip per curve and one of the pair, with the captions of a variant's reader that writes.

    Returns:
        The strips; their pictures, uint8 size x size, by the ids that the frames name.
    """
    made: list[Strip] = []
    pictures: dict[str, Pixels] = {}
    for removal in _chosen(physics):
        begin = f"{NAME}/{physics.scenes[removal.place].name.replace('/', '-')}"
        for title, shots in _shots(physics, removal):
            ids = [f"{begin}-{shot.suffix.replace(':', '-').replace('.', '_')}" for shot in shots]
            captions = reader.tell(np.stack([shot.picture for shot in shots]))
            frames = map(Frame, [shot.setting for shot in shots], ids, captions)
            made.append(Strip(title, variant, tuple(frames)))
            pictures |= {picture_id: shot.picture for picture_id, shot in zip(ids, shots, strict=True)}
    return made, pictures


def _chosen(physics: PhysicsSet) -> list[Removal]:
    """One removal per scene, scenes of corpora not yet shown first."""
    by_scene = {removal.place: removal for removal in reversed(physics.removals)}
    seen: Counter[str] = Counter()
    ranked: list[tuple[int, int]] = []
    for place in sorted(by_scene):
        corpus = physics.scenes[place].corpus
        ranked.append((seen[corpus], place))
        seen[corpus] += 1
    return [by_scene[place] for _, place in sorted(ranked)[:STRIPS]]


def _shots(physics: PhysicsSet, removal: Removal) -> Iterator[tuple[str, Sequence[_Shot]]]:
    """The pictures of every strip of a scene, with the strip's title, which holds what is true of it."""
    place = removal.place
    for curve, values in CURVES.items():
        shots = []
        for value in values:
            picture = physics.pictures[setting_of(curve, value)][place]
            shots.append(_Shot(WORDS[curve].format(value), subset_of(curve, value), picture))
        yield f"{curve}: {physics.scenes[place].caption}", shots
    shots = [
        _Shot("as it is", "whole", physics.pictures[ORDINARY][place]),
        _Shot("other speckle", "speckle", physics.redrawn[place]),
        _Shot(f"without one {removal.noun}", "removed", removal.picture),
    ]
    yield f"one {removal.noun} removed: {removal.caption}", shots

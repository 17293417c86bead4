"""The physics curves of a project's models, and strips of pictures: scenes of the simulation at many settings."""

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np

from sartext.config.project import Parameters
from sartext.evaluation.baselines import BASELINES, CONSTANT
from sartext.evaluation.benchmarks import Pixels
from sartext.evaluation.details import BenchmarkRow, Frame, Strip, Variant
from sartext.evaluation.figures import Figure
from sartext.evaluation.physics.reading import Reader, reader_of
from sartext.evaluation.physics.rendering import NAME, PhysicsSet, Removal, render_physics
from sartext.evaluation.physics.scoring import score_physics
from sartext.evaluation.physics.settings import CURVES, ORDINARY, setting_of, subset_of
from sartext.models.model import Model

SCORED = ("narrator", "sar-rs-clip", "sar-rs-coca")
"""The variants whose curves are drawn."""

SHOWN = "sar-rs-coca"
"""The variant that captions the pictures shown."""

STRIPS = 2
"""Scenes that are shown."""

WORDS = {"looks": "{:g} looks", "resolution": "resolution cell x {:g}", "contrast": "targets {:+g} dB"}
REDRAWN = "other speckle"


class Physics:
    """Scores models one after the other; a project without simulation has no scenes, and nothing is scored.

    Args:
        parameters: of the project.

    Attributes:
        figures: of the models scored so far, and of the baseline.
        strips: of the variant that is shown.
        pictures: of the strips, by id.
        benchmarks: what the figures are of.
        baselines: the variants among them that are no models.
    """

    def __init__(self, parameters: Parameters) -> None:
        evaluation = parameters.evaluation
        self._seed, self._resamples = evaluation.seed, evaluation.resamples
        self._set: PhysicsSet | None = None
        if parameters.simulation is not None and evaluation.physics_scenes:
            scenes = evaluation.physics_scenes
            self._set = render_physics(parameters.simulation, scenes=scenes, seed=evaluation.seed)
        self.figures: list[Figure] = []
        self.strips: list[Strip] = []
        self.pictures: dict[str, Pixels] = {}

    def score(self, name: str, model: Model) -> None:
        """Score a model, if its curves are drawn."""
        if self._set is None or name not in SCORED:
            return
        self._add(score_physics({name: model}, self._set, resamples=self._resamples, seed=self._seed))
        if name == SHOWN:
            self.strips, self.pictures = strips(name, model, self._set)

    @property
    def benchmarks(self) -> tuple[BenchmarkRow, ...]:
        """The set of scenes, where there is one."""
        if self._set is None:
            return ()
        described = self._set.describe()
        name, scenes, facts = described["name"], described["scenes"], described["distinct_facts"]
        return (BenchmarkRow(name, scenes, scenes, facts, described["corpora"], 0, described["sha256"]),)

    @property
    def baselines(self) -> tuple[Variant, ...]:
        """The caption that sees nothing, where something was compared with it."""
        return (BASELINES[CONSTANT],) if self.figures else ()

    def _add(self, figures: Iterable[Figure]) -> None:
        """Add figures; those of the baseline come with every model and are kept once."""
        known = {figure.place for figure in self.figures}
        self.figures += [figure for figure in figures if figure.place not in known]


class _Shot(NamedTuple):
    """A picture of a scene: the setting in words, what tells it from the scene's other pictures, the pixels."""

    setting: str
    suffix: str
    picture: Pixels


def strips(
    variant: str, model: Model | Reader, physics: PhysicsSet, *, count: int = STRIPS
) -> tuple[list[Strip], dict[str, Pixels]]:
    """Return strips of the first scenes that an object can be removed from, each of another corpus if it can be.

    Args:
        variant: the model's name.
        model: a CoCa or another reader that writes captions; the captions of one that does not are empty.
        physics: where the scenes come from.
        count: scenes; each has a strip per curve and one of the pair.

    Returns:
        The strips; their pictures, uint8 size x size, by the ids that the frames name.
    """
    reader = reader_of(model)
    found: list[Strip] = []
    pictures: dict[str, Pixels] = {}
    for removal in _chosen(physics, count):
        begin = f"{NAME}/{physics.scenes[removal.place].name.replace('/', '-')}"
        for title, shots in _shots(physics, removal):
            ids = [f"{begin}-{shot.suffix.replace(':', '-').replace('.', '_')}" for shot in shots]
            captions = _captions(reader, shots)
            frames = (
                Frame(shot.setting, picture_id, caption)
                for shot, picture_id, caption in zip(shots, ids, captions, strict=True)
            )
            found.append(Strip(title, variant, tuple(frames)))
            pictures |= {picture_id: shot.picture for picture_id, shot in zip(ids, shots, strict=True)}
    return found, pictures


def _chosen(physics: PhysicsSet, count: int) -> list[Removal]:
    """One removal per scene, scenes of corpora not yet shown first."""
    by_scene: dict[int, Removal] = {}
    for removal in physics.removals:
        by_scene.setdefault(removal.place, removal)
    seen: dict[str, int] = {}
    ranked: list[tuple[int, int]] = []
    for place in by_scene:
        corpus = physics.scenes[place].corpus
        seen[corpus] = seen.get(corpus, 0) + 1
        ranked.append((seen[corpus], place))
    return [by_scene[place] for _, place in sorted(ranked)[:count]]


def _shots(physics: PhysicsSet, removal: Removal) -> Iterator[tuple[str, Sequence[_Shot]]]:
    """The pictures of every strip of a scene, with the strip's title, which holds what is true of it."""
    place = removal.place
    for curve, values in CURVES.items():
        yield (
            f"{curve}: {physics.scenes[place].caption}",
            [
                _Shot(
                    WORDS[curve].format(value),
                    subset_of(curve, value),
                    physics.pictures[setting_of(curve, value)][place],
                )
                for value in values
            ],
        )
    yield (
        f"one {removal.noun} removed: {removal.caption}",
        [
            _Shot("as it is", "whole", physics.pictures[ORDINARY][place]),
            _Shot(REDRAWN, "speckle", physics.redrawn[place]),
            _Shot(f"without one {removal.noun}", "removed", removal.picture),
        ],
    )


def _captions(reader: Reader, shots: Sequence[_Shot]) -> Sequence[str]:
    if not reader.writes:
        return [""] * len(shots)
    return reader.tell(np.stack([shot.picture for shot in shots]))

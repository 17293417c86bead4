"""The physics curves of a project's models: scenes of the simulation at many settings, and without one object."""

from collections.abc import Iterable

from sartext.config.project import Parameters
from sartext.evaluation.benchmarks import Pixels
from sartext.evaluation.details import BenchmarkRow, Frame, Strip, Variant
from sartext.evaluation.figures import Figure
from sartext.evaluation.physics.rendering import PhysicsSet, render_physics
from sartext.evaluation.physics.scoring import score_physics
from sartext.evaluation.physics.strips import strips
from sartext.evaluation.stages.blind import CONSTANT_VARIANT
from sartext.models.model import Model

ASKED = ("narrator", "sar-rs-clip", "sar-rs-coca")
"""The variants whose curves are drawn."""

SHOWN = "sar-rs-coca"
"""The variant that captions the pictures shown."""


class Physics:
    """Asks models one after the other; a project without simulation has no scenes, and nothing is found.

    Args:
        parameters: of the project.

    Attributes:
        figures: of the models asked so far, and of the baseline.
        strips: of the variant that is shown.
        pictures: of the strips, by id.
        benchmarks: what the figures are of.
        baselines: the variants among them that are no models.
    """

    def __init__(self, parameters: Parameters) -> None:
        told = parameters.evaluation
        self._seed, self._resamples = told.seed, told.resamples
        self._set: PhysicsSet | None = None
        if parameters.simulation is not None and told.physics_scenes:
            self._set = render_physics(parameters.simulation, scenes=told.physics_scenes, seed=told.seed)
        self.figures: list[Figure] = []
        self.strips: list[Strip] = []
        self.pictures: dict[str, Pixels] = {}

    def ask(self, name: str, model: Model) -> None:
        """Score a model, if its curves are drawn."""
        if self._set is None or name not in ASKED:
            return
        self._keep(score_physics({name: model}, self._set, resamples=self._resamples, seed=self._seed))
        if name == SHOWN:
            for one in strips(name, model, self._set):
                self.pictures |= {frame.picture_id: frame.picture for frame in one.frames}
                frames = tuple(Frame(frame.setting, frame.picture_id, frame.caption) for frame in one.frames)
                self.strips.append(Strip(one.title, one.variant, frames))

    @property
    def benchmarks(self) -> tuple[BenchmarkRow, ...]:
        """The set of scenes, where there is one."""
        if self._set is None:
            return ()
        told = self._set.describe()
        row = BenchmarkRow(
            told["name"],
            told["scenes"],
            told["scenes"],
            told["distinct_facts"],
            told["corpora"],
            0,
            told["sha256"],
        )
        return (row,)

    @property
    def baselines(self) -> tuple[Variant, ...]:
        """The caption that sees nothing, where something was compared with it."""
        if not self.figures:
            return ()
        return (CONSTANT_VARIANT,)

    def _keep(self, figures: Iterable[Figure]) -> None:
        """Add figures; those of the baseline come with every model and are kept once."""
        known = {one.place for one in self.figures}
        self.figures += [one for one in figures if one.place not in known]

"""Parameters of the evaluation: how models are compared, and which of them may become champions."""

from collections.abc import Collection
from typing import Annotated

from pydantic import BeforeValidator, Field, StringConstraints

from sartext.config.section import Section


def _no_physics(name: object) -> object:
    if isinstance(name, str) and name.startswith("physics/"):
        raise ValueError(
            "figures of physics are of simulated scenes, not of the first benchmark: no model could reach them; "
            "name one of retrieval, captioning, vqa or foils"
        )
    return name


FigureName = Annotated[
    str,
    StringConstraints(pattern=r"^(retrieval|captioning|vqa|foils)/[a-z0-9_]+(\.[a-z0-9_]+)?$"),
    BeforeValidator(_no_physics),
]
"""``<task>/<metric>`` of a figure of a whole benchmark, such as ``retrieval/duplicate_aware.mean_recall``."""

Minimum = Annotated[float, Field(allow_inf_nan=False)]

Champions = dict[str, dict[FigureName, Minimum]]
"""By the name of a model: what its figures must reach at least for it to become that model's champion.

A figure that is better the lower it is must not exceed its number. A model that is not named becomes none.
"""


class EvaluationParameters(Section):
    """How models are compared in the report."""

    seed: int = Field(7, ge=0, description="of the bootstrap, of the references' wordings and of simulated scenes")
    resamples: int = Field(2000, ge=100, description="of the bootstrap over groups")
    comparisons: dict[str, tuple[str, ...]] = Field(
        {}, description="what a variant is compared with, on the same images: the first minus each of the others"
    )
    without_narrated: str = Field(
        "-annotated",
        min_length=1,
        description="ends the name of a model trained as another, without narrated captions",
    )
    physics_scenes: int = Field(120, ge=0, description="simulated scenes of the physics curves; 0 leaves them out")

    def pairs(self, variants: Collection[str]) -> list[tuple[str, str]]:
        """Return the comparisons of which both sides are among the variants."""
        declared = ((name, other) for name, others in self.comparisons.items() for other in others)
        return [pair for pair in declared if {*pair} <= {*variants}]

    def is_without_narrated(self, variant: str) -> bool:
        """Whether a variant's name says that it was trained without narrated captions."""
        return variant.endswith(self.without_narrated)

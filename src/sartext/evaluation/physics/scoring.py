"""All figures of a physics set."""

from collections.abc import Mapping
from typing import Final

from sartext.errors import EvaluationError
from sartext.evaluation.figures import Figure
from sartext.evaluation.physics.curves import curve_figures
from sartext.evaluation.physics.pairs import pair_figures
from sartext.evaluation.physics.reading import Reader, constant_reader, reader_of
from sartext.evaluation.physics.rendering import PhysicsSet
from sartext.models.model import Model

CONSTANT: Final = "constant"
"""The baseline that sees nothing and tells the most frequent caption of the set."""

RESAMPLES: Final = 2000


def score_physics(
    models: Mapping[str, Model | Reader], physics: PhysicsSet, *, resamples: int = RESAMPLES, seed: int
) -> list[Figure]:
    """Return the curves and pairs of models, and of the baseline ``constant`` that sees nothing.

    Args:
        models: by variant; a CLIP compares, a CoCa also writes captions.
        physics: what they are scored on.
        resamples: draws of the bootstrap.
        seed: of the draws; the same for all models, which are thereby paired.

    Returns:
        Figures of the task ``physics``: subsets ``looks:<n>``, ``resolution:<k>``, ``contrast:<dB>`` and
        ``removed``; see `curve_figures` and `pair_figures`.

    Raises:
        EvaluationError: a model gives features that are no numbers, or is called as the baseline is.
    """
    if CONSTANT in models:
        raise EvaluationError(
            f"a model is called '{CONSTANT}', as the baseline is", way_out="give it another name"
        )
    readers = {name: reader_of(one) for name, one in models.items()} | {
        CONSTANT: constant_reader(physics.captions)
    }
    figures: list[Figure] = []
    for variant, reader in readers.items():
        figures += curve_figures(variant, reader, physics, resamples=resamples, seed=seed)
        figures += pair_figures(variant, reader, physics, resamples=resamples, seed=seed)
    return figures

"""The arms of the comparison: which rows of ``checkpoints`` each of them trains."""

from collections.abc import Mapping
from dataclasses import dataclass

from sartext.config.training import CheckpointParameters
from sartext.errors import ParameterError, nearest

OPTICAL = "coca-optical"
SAR = "coca-sar"
SHARDS = "build/shards"


@dataclass(frozen=True)
class Arm:
    """One way to a model of SAR images.

    Args:
        name: how tables call it.
        title: what it is, in a few words.
        row: of ``checkpoints``, the training that ends it.
        fractions: whether its training sees SAR captions, so that it differs by their share.
    """

    name: str
    title: str
    row: str
    fractions: bool = True


PROGRESSIVE = Arm("progressive", "optical captions, then SAR captions", SAR)

ARMS = (
    PROGRESSIVE,
    Arm("direct", "SAR captions only, as many SAR samples", "coca-direct"),
    Arm("direct-total", "SAR captions only, as many samples in total", "coca-direct-total"),
    Arm("mixed", "optical and SAR captions in one stage, as many samples in total", "coca-mixed"),
    Arm("shuffled", "as progressive, after an optical stage with shuffled captions", "coca-sar-shuffled"),
    Arm("optical-only", "the optical stage alone", OPTICAL, fractions=False),
)
"""The first is compared with all the others."""

CONTROLS = ARMS[1:]


def rows_of(checkpoints: Mapping[str, CheckpointParameters]) -> dict[str, CheckpointParameters]:
    """Return the rows of all arms: those of the table, and the controls that it lacks made from the first two.

    Raises:
        ParameterError: ``coca-optical`` or ``coca-sar`` is missing, or ``coca-sar`` does not come from the former.
    """
    for name in (OPTICAL, SAR):
        if name not in checkpoints:
            raise ParameterError(
                f"no row '{name}'", where="params.yaml: checkpoints", way_out=nearest(name, checkpoints)
            )
    if checkpoints[SAR].parent != OPTICAL:
        raise ParameterError(
            f"'{SAR}' starts from {checkpoints[SAR].origin}",
            where="params.yaml: checkpoints",
            way_out=f"the comparison needs `from: build/checkpoint/{OPTICAL}`",
        )
    controls = _controls(checkpoints[OPTICAL], checkpoints[SAR])
    return {name: checkpoints.get(name, row) for name, row in controls.items()}


def _controls(optical: CheckpointParameters, sar: CheckpointParameters) -> dict[str, CheckpointParameters]:
    total = optical.samples + sar.samples
    shuffled = "coca-optical-shuffled"
    return {
        OPTICAL: optical,
        SAR: sar,
        "coca-direct": sar.model_copy(update={"origin": optical.origin}),
        "coca-direct-total": sar.model_copy(update={"origin": optical.origin, "samples": total}),
        "coca-mixed": sar.model_copy(update={"origin": optical.origin, "samples": total, "data": SHARDS}),
        shuffled: optical.model_copy(update={"shuffle_captions": True}),
        "coca-sar-shuffled": sar.model_copy(update={"origin": f"build/checkpoint/{shuffled}"}),
    }

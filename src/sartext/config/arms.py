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
        ParameterError: ``coca-optical`` or ``coca-sar`` is missing or not what its name says, ``coca-sar``
            does not come from the former, or a control differs from them in more than it is to.
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
    for name, data in ((OPTICAL, f"{SHARDS}/optical"), (SAR, f"{SHARDS}/sar")):
        _check(
            name, checkpoints[name], checkpoints[name].model_copy(update={"data": data, "shuffle_captions": False})
        )
    controls = _controls(checkpoints[OPTICAL], checkpoints[SAR])
    rows = {name: checkpoints.get(name, row) for name, row in controls.items()}
    for name, row in rows.items():
        _check(name, row, controls[name])
    return rows


def scaled(rows: Mapping[str, CheckpointParameters], scale: float, batch: int) -> dict[str, CheckpointParameters]:
    """Return the rows with their samples times ``scale``: whole batches, totals those of the rounded stages."""
    stages = {
        name: rows[name].model_copy(update={"samples": max(1, round(rows[name].samples * scale / batch)) * batch})
        for name in (OPTICAL, SAR)
    }
    samples = {name: row.samples for name, row in _controls(stages[OPTICAL], stages[SAR]).items()}
    return {name: row.model_copy(update={"samples": samples[name]}) for name, row in rows.items()}


def _check(name: str, row: CheckpointParameters, promised: CheckpointParameters) -> None:
    """All but the learning rate, which every arm has from the grid, must be as the comparison says."""
    found, wanted = row.model_dump(mode="json", by_alias=True), promised.model_dump(mode="json", by_alias=True)
    for key in found:
        if key != "learning_rate" and found[key] != wanted[key]:
            raise ParameterError(
                f"'{name}' has {key} {found[key]}, the comparison is fair with {wanted[key]}",
                where=f"params.yaml: checkpoints.{name}.{key}",
                way_out="set it, or leave the row out" if name not in (OPTICAL, SAR) else "set it",
            )


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

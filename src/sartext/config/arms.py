"""The arms of the comparison: the trainings by which progressive transfer is compared with its controls.

An arm is declared here once, and trained by the row ``arm-<name>`` of ``checkpoints``. A study makes the rows that
the table lacks, from ``coca-optical`` and ``coca-sar`` where the table has no arms at all.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from sartext.config.training import ArmParameters, CheckpointParameters, GrounderParameters
from sartext.errors import ParameterError, nearest

SHARDS = "build/shards"
CHECKPOINT = "build/checkpoint"


@dataclass(frozen=True)
class Arm:
    """One way to a model of SAR images.

    Args:
        name: how tables call it.
        title: what it is, in a few words.
        fractions: whether its training sees SAR captions, so that it differs by their share.
        like: the arm from which it differs by its first weights alone, if any.
        against: names of the arms that it is a control of.
    """

    name: str
    title: str
    fractions: bool = True
    like: str | None = None
    against: tuple[str, ...] = ("progressive",)

    @property
    def row(self) -> str:
        """The row of ``checkpoints`` that ends it."""
        return f"arm-{self.name}"

    @property
    def planned(self) -> str:
        """The title where a training may have stopped before it saw as many samples as were planned."""
        return self.title.replace(", as many", ", planned for as many")


PROGRESSIVE = Arm("progressive", "optical captions, then SAR captions", against=())
OPTICAL_ONLY = Arm("optical-only", "the optical stage alone", fractions=False)
SHUFFLED = Arm("shuffled", "as progressive, after an optical stage with shuffled captions")

ARMS = (
    PROGRESSIVE,
    Arm("direct", "SAR captions only, as many SAR samples"),
    Arm("direct-total", "SAR captions only, as many samples in total"),
    Arm("mixed", "optical and SAR captions in one stage, as many samples in total"),
    SHUFFLED,
    OPTICAL_ONLY,
)
"""The first is compared with all the others."""

CONTROLS = ARMS[1:]

OPTICAL, SAR = OPTICAL_ONLY.row, PROGRESSIVE.row
"""The rows of the two stages, which decide all others."""

SHUFFLED_OPTICAL = f"{SHUFFLED.row}-optical"

STAND_INS = {OPTICAL: "coca-optical", SAR: "coca-sar"}
"""The rows that are taken for the two stages where ``checkpoints`` does not have them."""


AnyRow = CheckpointParameters | GrounderParameters


def arms_of(declared: Mapping[str, ArmParameters], rows: Mapping[str, AnyRow]) -> tuple[Arm, ...]:
    """Return the arms of a study: those that it declares, the usual six if none; rows that miss are an error.

    Raises:
        ParameterError: an arm has no row, or one that is not like the other that it should be like.
    """
    usual = {arm.name: arm for arm in ARMS}
    arms = []
    for name, own in declared.items():
        arm = usual.get(name) or Arm(name, own.title or name, like=own.like, against=own.against)
        for row in (arm.row, *([f"arm-{arm.like}"] if arm.like else [])):
            if row not in rows:
                where, way_out = f"params.yaml: study.arms.{name}", nearest(row, rows)
                raise ParameterError(f"no row '{row}' among the checkpoints", where=where, way_out=way_out)
        if arm.like and (stages := _lineage(arm.row, rows)) != _lineage(f"arm-{arm.like}", rows):
            raise ParameterError(
                f"'{arm.row}' is not trained as 'arm-{arm.like}' is ({'; '.join(map(str, stages))})",
                where=f"params.yaml: checkpoints.{arm.row}",
                way_out="let them differ in `from` of the first stage and `learning_rate` alone",
            )
        arms.append(replace(arm, fractions=not rows[arm.row].data.endswith("/optical")))
    return tuple(arms) or ARMS


def _lineage(row: str, rows: Mapping[str, AnyRow]) -> list[dict[str, object]]:
    """What the stages of a row are, the last first, but for learning rates and first weights."""
    own = rows[row]
    rest = own.model_dump(mode="json", exclude={"origin", "learning_rate"})
    return [rest, *(_lineage(own.parent, rows) if own.parent else [])]


def arm_rows(checkpoints: Mapping[str, CheckpointParameters]) -> dict[str, str]:
    """Return the row of ``checkpoints`` that each arm has there, by the arm's name; arms without are left out."""
    rows = {arm.name: _row_name(arm.row, checkpoints) for arm in ARMS}
    return {name: row for name, row in rows.items() if row in checkpoints}


def rows_of(checkpoints: Mapping[str, CheckpointParameters]) -> dict[str, CheckpointParameters]:
    """Return the rows of all arms: those of the table, and the controls that it lacks made from the two stages.

    Raises:
        ParameterError: a stage is missing or not what its name says, the SAR stage does not come from the optical
            one, or a control differs from them in more than the comparison says.
    """
    where = "params.yaml: checkpoints"
    stages = [_row_name(row, checkpoints) for row in STAND_INS]
    for name in stages:
        if name not in checkpoints:
            raise ParameterError(f"no row '{name}'", where=where, way_out=nearest(name, checkpoints))
    optical, sar = (checkpoints[name] for name in stages)
    if sar.parent != stages[0]:
        needed = f"the comparison needs `from: {CHECKPOINT}/{stages[0]}`"
        raise ParameterError(f"'{stages[1]}' starts from {sar.origin}", where=where, way_out=needed)
    for name, row, data in zip(stages, (optical, sar), ("optical", "sar"), strict=True):
        fair_stage = row.model_copy(update={"data": f"{SHARDS}/{data}", "shuffle_captions": False})
        _check(name, row, fair_stage, way_out="set it")
    fair = _comparison(optical, sar)
    rows = {**fair, **{name: checkpoints[name] for name in fair if name in checkpoints and name != SAR}}
    for name, row in rows.items():
        _check(name, row, fair[name], way_out="set it, or leave the row out")
    return rows


def check_arms(checkpoints: Mapping[str, CheckpointParameters]) -> None:
    """Refuse a table with arms that are not fair: all but the learning rate must be as the comparison says.

    Raises:
        ParameterError: as `rows_of`.
    """
    if any(arm.row in checkpoints for arm in ARMS) or SHUFFLED_OPTICAL in checkpoints:
        rows_of(checkpoints)


def scaled(
    rows: Mapping[str, CheckpointParameters],
    scale: float,
    batch: int,
    *,
    optical: int | None = None,
    sar: int | None = None,
) -> dict[str, CheckpointParameters]:
    """Return the rows with other samples: whole batches, totals those of the rounded stages.

    Args:
        rows: of all arms.
        scale: what the samples of the two stages are multiplied by.
        batch: pairs per step.
        optical: samples of the optical stage before that, where not its row's.
        sar: samples of the SAR stage before that, where not its row's.
    """
    planned = {OPTICAL: optical or rows[OPTICAL].samples, SAR: sar or rows[SAR].samples}
    stages = [
        rows[name].model_copy(update={"samples": whole_batches(samples, scale, batch)})
        for name, samples in planned.items()
    ]
    fair = _comparison(*stages)
    return {name: row.model_copy(update={"samples": fair[name].samples}) for name, row in rows.items()}


def whole_batches(samples: int, scale: float, batch: int) -> int:
    """Return samples times a scale as whole batches, at least one of them; none of none."""
    return max(1, round(samples * scale / batch)) * batch if samples else 0


def _row_name(row: str, checkpoints: Mapping[str, CheckpointParameters]) -> str:
    return row if row in checkpoints else STAND_INS.get(row, row)


def _check(name: str, row: CheckpointParameters, fair: CheckpointParameters, way_out: str) -> None:
    """All but the learning rate, which every arm has from the same grid, must be as the comparison says."""
    stated, wanted = row.model_dump(mode="json", by_alias=True), fair.model_dump(mode="json", by_alias=True)
    for key in stated:
        if key != "learning_rate" and stated[key] != wanted[key]:
            raise ParameterError(
                f"'{name}' has {key} {stated[key]}, the comparison is fair with {wanted[key]}",
                where=f"params.yaml: checkpoints.{name}.{key}",
                way_out=way_out,
            )


def _comparison(optical: CheckpointParameters, sar: CheckpointParameters) -> dict[str, CheckpointParameters]:
    """The rows of all arms as they follow from the two stages."""
    total = optical.samples + sar.samples
    return {
        OPTICAL: optical,
        SAR: sar.model_copy(update={"origin": f"{CHECKPOINT}/{OPTICAL}"}),
        "arm-direct": sar.model_copy(update={"origin": optical.origin}),
        "arm-direct-total": sar.model_copy(update={"origin": optical.origin, "samples": total}),
        "arm-mixed": sar.model_copy(update={"origin": optical.origin, "samples": total, "data": SHARDS}),
        SHUFFLED_OPTICAL: optical.model_copy(update={"shuffle_captions": True}),
        SHUFFLED.row: sar.model_copy(update={"origin": f"{CHECKPOINT}/{SHUFFLED_OPTICAL}"}),
    }

"""The jobs, and what starts them without a person."""

from collections.abc import Iterator
from pathlib import Path

from dagster import (
    AssetSelection,
    DefaultScheduleStatus,
    RunRequest,
    ScheduleDefinition,
    SensorDefinition,
    SensorEvaluationContext,
    SkipReason,
    define_asset_job,
    sensor,
)

from orchestration.dvc_adapter import PIN
from sartext.files import sha256_file

# selections are objects: strings go through a parser that other packages' pins have broken before
PUBLISHED = AssetSelection.keys("publication").upstream()
"""What the publication is made from. The study's arms are assets too; `make study` trains them, no job does."""

release = define_asset_job(
    "release", PUBLISHED, description="Everything that the publication is made from, and the publication."
)
rebuild = define_asset_job("rebuild", PUBLISHED, description="The same; what the weekly schedule runs.")

# Running by default: unchanged inputs publish nothing, and data/ must equal data.dvc before anything is built.
weekly = ScheduleDefinition(
    name="weekly_rebuild",
    job=rebuild,
    cron_schedule="0 3 * * 1",
    execution_timezone="UTC",
    default_status=DefaultScheduleStatus.RUNNING,
    description="Rebuilds what changed, every Monday at 03:00 UTC.",
)


def new_data_sensor(root: Path) -> SensorDefinition:
    """Return a sensor, stopped by default, that requests a rebuild once ``data.dvc`` pins other bytes."""

    @sensor(
        name="new_data", job=rebuild, minimum_interval_seconds=60, description="Rebuilds once data.dvc changes"
    )
    def new_data(context: SensorEvaluationContext) -> Iterator[RunRequest | SkipReason]:
        pin = root / PIN
        digest = sha256_file(pin) if pin.is_file() else ""
        if digest in {"", context.cursor}:
            yield SkipReason("data.dvc pins what it pinned before")
            return
        seen = context.cursor is not None
        context.update_cursor(digest)
        if seen:
            yield RunRequest(run_key=digest)
        else:
            yield SkipReason("from now on a change of data.dvc is noticed")

    return new_data

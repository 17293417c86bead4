"""The recorded trainings of a checkout: which a server has, and uploading those that wait."""

import time
from collections.abc import Iterator

from rich.table import Table

from sartext.config import Project
from sartext.tracking.record import Record, records
from sartext.tracking.store import destination, reach


def waiting(project: Project) -> list[Record]:
    """Return the trainings that no server has whole, the oldest of each checkpoint first."""
    return [record for record in records(project) if not record.uploaded()]


def upload_waiting(project: Project) -> Iterator[str]:
    """Upload what waits and yield a line for each.

    Raises:
        TrackingError: the server does not answer or refuses; what it has by then is not sent again.
    """
    from sartext.tracking.evaluations import waiting_evaluations
    from sartext.tracking.promotion import upload_waiting_evaluations
    from sartext.tracking.tracker import clear_model
    from sartext.tracking.uploading import upload

    target = destination(project)
    found = waiting(project)
    if not found and not waiting_evaluations(project):
        yield "nothing waits to be uploaded"
        return
    reach(target)
    for record in found:
        state = upload(project, record)
        clear_model(record)
        version = f", model version {state['version']}" if "version" in state else ""
        yield f"{record.name} {record.id}: {str(state['status']).lower()}, in {target.name}{version}"
    yield from upload_waiting_evaluations(project)


def run_table(project: Project) -> Table:
    """Return the recorded trainings as a table for a person."""
    table = Table(title="Trainings", title_justify="left", box=None, pad_edge=False)
    for heading in ("checkpoint", "began", "state", "uploaded to"):
        table.add_column(heading, overflow="fold")
    for record in records(project):
        began = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(record.description()["at"] / 1000))
        there = [name for name, state in record.uploads().items() if state.get("complete")]
        table.add_row(record.name, began, record.status().lower(), ", ".join(there) or "waits")
    return table

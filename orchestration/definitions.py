"""What Dagster loads: assets, checks, jobs, a schedule and a sensor, derived from ``dvc.yaml``."""

from pathlib import Path

from dagster import Definitions, colored_console_logger, in_process_executor

from orchestration.assets import build_assets
from orchestration.console import lines_logger
from orchestration.dvc_adapter import read_graph
from orchestration.home import find_root
from orchestration.resources import open_session
from orchestration.schedules import jobs, new_data_sensor, weekly
from sartext.config import Project


def build_definitions(root: Path) -> Definitions:
    """Assemble the definitions of the project at ``root``.

    Raises:
        SarTextError: ``params.yaml`` or ``dvc.yaml`` cannot be used; one line says why.
    """
    parameters = Project(root).parameters
    graph = read_graph(root)
    return Definitions(
        assets=build_assets(graph, root),
        jobs=jobs(graph, parameters),
        schedules=[weekly],
        sensors=[new_data_sensor(root)],
        resources={"session": open_session(root, graph)},
        executor=in_process_executor,  # each stage is a process of its own already
        loggers={"console": colored_console_logger, "lines": lines_logger(graph)},
    )


defs = build_definitions(find_root())

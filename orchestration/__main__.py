"""``python -m orchestration``: what ``make release``, ``make rebuild`` and ``make ui`` call."""

import os
import signal
import sys
import time
from pathlib import Path

import click

from sartext.cli import Group, data_option, run

root_option = click.option(
    "--root", type=click.Path(path_type=Path, file_okay=False), default=Path(), help="The project's folder."
)

realdata_option = click.option(
    "--realdata",
    type=click.Path(path_type=Path),
    default=Path("../shared/realdata"),
    show_default=True,
    help="The folder of small real corpora.",
)


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def cli(debug: bool) -> None:
    """Build SAR-Text through Dagster, or serve Dagster's page."""


@cli.command()
@root_option
def release(root: Path) -> None:
    """Build, judge and publish the release that params.yaml describes."""
    _build(root, "release")


@cli.command()
@root_option
@data_option("The embedded corpora, or the small real ones.")
@realdata_option
def report(root: Path, data: str, realdata: Path) -> None:
    """Train the models on the release and the arms of the comparison, evaluate them and write the report."""
    if data == "sample":
        _build_sample(root, realdata, "report")
    else:
        _build(root, "report")


@cli.command()
@root_option
def rebuild(root: Path) -> None:
    """Build every artefact, as the weekly schedule does."""
    _build(root, "rebuild")


@cli.command()
@click.argument("asset")
@root_option
def materialize(asset: str, root: Path) -> None:
    """Build one asset alone, such as captions/ssdd; what it is made from must be up to date."""
    _build(root, "rebuild", asset)


@cli.command()
@click.option(
    "--job",
    type=click.Choice(["release", "report", "rebuild"]),
    default="rebuild",
    show_default=True,
    help="What would be built.",
)
@root_option
def plan(job: str, root: Path) -> None:
    """Show what a build would make, why, and how long each stage took last time; build nothing."""
    _enter(root)
    from orchestration.build import plan

    plan(root.resolve(), job)


@cli.command()
@realdata_option
@root_option
@click.option(
    "--profile",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    help="Its parameters; else conf/sample.yaml.",
)
def sample(realdata: Path, root: Path, profile: Path | None) -> None:
    """Build a release from small real corpora in a scratch clone, build/sample."""
    _build_sample(root, realdata, "release", profile)


@cli.command()
@root_option
@click.option("--port", type=click.IntRange(1, 65535), default=3000, show_default=True)
@click.option("--mlflow-port", type=click.IntRange(1, 65535), help="Of MLflow's page; else the next one.")
def ui(root: Path, port: int, mlflow_port: int | None) -> None:
    """Serve the lineage page, with its schedules, and MLflow's page on 127.0.0.1."""
    _enter(root)
    from orchestration.serving import serve

    sys.exit(serve(root.resolve(), port, mlflow_port))


def _build(root: Path, job: str, asset: str | None = None) -> None:
    start = time.monotonic()
    _enter(root)
    from orchestration.build import build

    build(root.resolve(), job, asset=asset, start=start)


def _build_sample(root: Path, realdata: Path, job: str, profile: Path | None = None) -> None:
    from orchestration.build import build_sample

    sys.exit(build_sample(root.resolve(), realdata, job, profile or root / "conf" / "sample.yaml"))


def _enter(root: Path) -> None:
    """Say a broken parameter file, or an unknown name in it, at once; let the definitions find the project."""
    from sartext.config import Project
    from sartext.doctor import require_known_names

    require_known_names(Project(root.resolve()))
    os.environ["SARTEXT_ROOT"] = str(root.resolve())
    os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "1")


def main() -> None:
    """Run a command of ``python -m orchestration``."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    run(cli, "python -m orchestration")


if __name__ == "__main__":
    main()

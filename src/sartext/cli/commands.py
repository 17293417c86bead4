"""``sartext``: the program, assembled from its commands."""

import logging
import os
import signal
from pathlib import Path
from typing import NoReturn

import click

from sartext import __version__
from sartext.cli import audit, leaderboard, models, project, releases, stages, study
from sartext.cli.program import Group, run
from sartext.config import Project

COMMANDS = (
    *stages.commands(),
    releases.release,
    audit.audit,
    models.caption,
    models.evaluate,
    leaderboard.leaderboard,
    models.clip_of,
    project.simulate,
    project.explain,
    project.corpora,
    project.tracking,
    study.study,
    project.prune,
    project.doctor,
)


@click.group(cls=Group, commands=COMMANDS, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
@click.option(
    "--root",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    default=Path(),
    help="The project's folder.",
)
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.pass_context
def cli(context: click.Context, root: Path, debug: bool) -> None:
    """Rebuild, extend, check and publish SAR-Text."""
    context.obj = Project(root.resolve())


def main() -> None:
    """Run a command of ``sartext``."""
    # torch's threads spin while they wait: on a busy machine a training is then five times slower
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    logging.getLogger("rasterio").setLevel(logging.ERROR)
    signal.signal(signal.SIGTERM, _terminated)
    run(cli, "sartext")


def _terminated(number: int, frame: object) -> NoReturn:
    raise SystemExit(128 + number)

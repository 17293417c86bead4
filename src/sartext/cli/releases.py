"""What is done with releases: assembled, published, proven, compared, unpacked."""

from pathlib import Path

import click

from sartext.cli.program import Group, summary
from sartext.cli.stages import commands


@click.group(cls=Group, commands=list(commands("release")))
def release() -> None:
    """Assemble, publish, verify and compare releases."""


@release.command()
@click.argument("folder", type=click.Path(path_type=Path))
def verify(folder: Path) -> None:
    """Prove every byte of a published release against its manifest."""
    from sartext.release.verification import verify as run

    click.echo(f"verified: {summary(run(folder))}")


@release.command()
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
def compare(old: Path, new: Path) -> None:
    """Tell what changed from one published release to another."""
    from sartext.release.comparison import describe

    click.echo(describe(old, new))


@release.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--to", "target", type=click.Path(path_type=Path), required=True, help="An empty or new folder.")
def extract(folder: Path, target: Path) -> None:
    """Write a release's images as files beside its CSV lists, as open_clip's trainer reads them."""
    from sartext.release.verification import extract as run

    click.echo(f"extracted: {summary(run(folder, target))}")

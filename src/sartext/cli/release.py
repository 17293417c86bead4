"""``sartext release``: from a candidate that the gate let through to a published version, and back to files."""

from pathlib import Path

import click

from sartext.cli.program import Group
from sartext.cli.reporting import brief, run_stage
from sartext.config import Project


@click.group(cls=Group)
def release() -> None:
    """Assemble, publish, verify and compare releases."""


@release.command()
@click.pass_obj
def assemble(project: Project) -> None:
    """Assemble build/release from a candidate that the gate let through (stage release)."""
    from sartext.release.assembly import assemble as run

    run_stage(project, "release", lambda: run(project))


@release.command()
@click.pass_obj
def publish(project: Project) -> None:
    """Publish build/release as an immutable version, unless nothing changed (stage publication)."""
    from sartext.release.publication import publish as run

    run_stage(project, "publication", lambda: run(project))


@release.command()
@click.argument("folder", type=click.Path(path_type=Path))
def verify(folder: Path) -> None:
    """Prove every byte of a published release against its manifest."""
    from sartext.release.verification import verify as run

    click.echo(f"verified: {brief(run(folder))}")


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
    from sartext.release.extraction import extract as run

    click.echo(f"extracted: {brief(run(folder, target))}")

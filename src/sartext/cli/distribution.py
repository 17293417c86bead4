"""What brings releases to others and back: push, pull, list and upload."""

from pathlib import Path

import click

from sartext.cli.program import pass_project, show, summary
from sartext.config import Project

REMOTE = click.option(
    "--remote",
    "wanted",
    metavar="NAME|ADDRESS",
    help="A remote of DVC by its name, a folder, or an address; without it DVC's default remote.",
)


@click.command()
@click.argument("version")
@REMOTE
@pass_project
def push(project: Project, version: str, wanted: str | None) -> None:
    """Bring a published version to a remote of DVC: its files, then its manifest."""
    from sartext.release.distribution.pushing import push as run
    from sartext.release.distribution.remotes import find_remote

    click.echo(f"pushed: {summary(run(project, version, find_remote(project.root, wanted)))}")


@click.command()
@click.argument("version")
@REMOTE
@click.option(
    "--to", "target", type=click.Path(path_type=Path), help="A new folder; without it releases/NAME/VERSION."
)
@pass_project
def pull(project: Project, version: str, wanted: str | None, target: Path | None) -> None:
    """Bring a version from a remote of DVC, prove every byte, and put it into place read-only."""
    from sartext.release.distribution.pulling import pull as run
    from sartext.release.distribution.remotes import find_remote

    click.echo(f"pulled: {summary(run(project, version, find_remote(project.root, wanted), target))}")


@click.command("list")
@REMOTE
@pass_project
def list_versions(project: Project, wanted: str | None) -> None:
    """Show the versions that are published here and, with --remote, there."""
    from sartext.release.distribution.listing import version_table
    from sartext.release.distribution.remotes import find_remote

    show(version_table(project, find_remote(project.root, wanted) if wanted else None))


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--hub", "repository", metavar="OWNER/NAME", required=True, help="A dataset repository.")
@click.option("--private", is_flag=True, help="Make a new repository a private one.")
def upload(folder: Path, repository: str, private: bool) -> None:
    """Make a dataset repository of a Hugging Face hub hold a published release, and tag it with the version.

    The token is that of HF_TOKEN or of `hf auth login`, the server that of HF_ENDPOINT.
    """
    from sartext.release.distribution.hub import upload as run

    click.echo(f"uploaded: {summary(run(folder, repository, private=private))}")


COMMANDS = (push, pull, list_versions, upload)

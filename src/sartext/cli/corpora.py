"""``sartext corpora``: what lies in ``data/``, and how more comes in."""

from pathlib import Path

import click

from sartext.cli.program import Group
from sartext.cli.reporting import show
from sartext.config import Project


@click.group(cls=Group)
def corpora() -> None:
    """The source corpora in data/."""


@corpora.command("list")
@click.pass_obj
def list_corpora(project: Project) -> None:
    """Show which corpora are known, present and licensed, and how many images of the published count."""
    from sartext.sources import source_table

    show(source_table(project))


@corpora.command()
@click.argument("name")
@click.option("--from", "origin", type=click.Path(path_type=Path), required=True, help="Folder, zip or tar.")
@click.option("--replace", is_flag=True, help="Exchange a corpus that is there.")
@click.pass_obj
def add(project: Project, name: str, origin: Path, replace: bool) -> None:
    """Bring a downloaded corpus into data/ and pin it in data.dvc."""
    from sartext.locking import project_lock
    from sartext.sources import add_source

    with project_lock(project.root):
        images = add_source(project, name, origin, replace=replace)
    click.echo(f"data/{name}: {images:,} images, pinned in data.dvc")
    if name not in project.parameters.corpora:
        own = (project.root / "catalogue" / f"{name}.yaml").is_file()
        place = f"catalogue/{name}.yaml" if own else f"src/sartext/catalogue/{name}.yaml"
        click.echo(f"to build it, append to `corpora` in params.yaml:\n  {name}: {{catalogue: {place}}}")


@corpora.command()
@click.pass_obj
def pin(project: Project) -> None:
    """Accept data/ as it is: write its hashes to data.dvc."""
    from sartext.locking import project_lock
    from sartext.sources import pin as run

    with project_lock(project.root):
        hashes = run(project)
    click.echo(f"data.dvc pins {len(hashes)} corpora: {', '.join(hashes)}")

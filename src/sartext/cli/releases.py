"""What is done with releases: assembled, published, proven, compared, completed, unpacked."""

from pathlib import Path

import click

from sartext.cli import distribution
from sartext.cli.program import Group, pass_project, show, summary
from sartext.cli.stages import commands
from sartext.config import Project
from sartext.errors import ReleaseError


@click.group(cls=Group, commands=[*commands("release"), *distribution.COMMANDS])
def release() -> None:
    """Assemble, publish, verify, compare and distribute releases."""


@release.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option(
    "--withdrawn",
    type=click.Path(path_type=Path),
    help="A newer release, or a CSV file with hashes; versions beside FOLDER and params.yaml are asked anyhow.",
)
@click.option("--public-key", "key", type=click.Path(path_type=Path), help="Demand signatures by this key (PEM).")
@click.pass_obj
def verify(project: Project, folder: Path, withdrawn: Path | None, key: Path | None) -> None:
    """Prove every byte of a published release, by its manifest, releases.lock and signatures.

    Warns of images that were withdrawn since.
    """
    from sartext.release.anchors import anchored
    from sartext.release.held import held_images, held_lines, known_withdrawals
    from sartext.release.signing import check_signatures
    from sartext.release.verification import verify as run

    metrics = run(folder)
    trust = [anchored(project.root, folder), check_signatures(folder, key)]
    click.echo(f"verified: {summary(metrics)}")
    for line in trust:
        click.echo(line)
    for line in held_lines(held_images(folder, known_withdrawals(folder, project, withdrawn))):
        click.echo(line, err=True)


@release.command()
@click.argument("folder", type=click.Path(path_type=Path))
@pass_project
def pin(project: Project, folder: Path) -> None:
    """Verify a release and add its hashes to releases.lock, for you to commit."""
    from sartext.release.anchors import LOCK
    from sartext.release.anchors import pin as run
    from sartext.release.verification import verify as prove

    prove(folder)
    anchor = run(project.root, folder)
    click.echo(f"pinned: {anchor.name} {anchor.version} in {LOCK}; commit it")


@release.command()
@click.argument("folder", type=click.Path(path_type=Path))
def sign(folder: Path) -> None:
    """Verify a release and sign it with the key that SARTEXT_SIGNING_KEY names."""
    from sartext.release.signing import sign as run
    from sartext.release.verification import verify as prove

    prove(folder)
    click.echo(f"signed: {summary(run(folder))}")


@release.command()
@click.argument("old", type=click.Path(path_type=Path))
@click.argument("new", type=click.Path(path_type=Path))
@click.option("--json", "data", type=click.Path(path_type=Path), help="A file for every difference, for programs.")
@click.option("--html", "page", type=click.Path(path_type=Path), help="A file for a page that opens from disk.")
def diff(old: Path, new: Path, data: Path | None, page: Path | None) -> None:
    """Tell what changed between two releases, or two files of captions (Karpathy, COCO, CSV)."""
    from sartext.files import write_json, write_text
    from sartext.release.audit.tables import console
    from sartext.release.comparison.showing import compare_paths, lines_of, page_of, tables_of, to_json
    from sartext.release.provenance_comparison import origin_differences

    difference = compare_paths(old, new)
    names = (str(old), str(new))
    level = difference.level if old.is_dir() else ""
    if data:
        write_json(data, to_json(difference, names))
    if page:
        write_text(page, page_of(difference, names, level))
    for line in lines_of(difference, names, level):
        click.echo(line)
    for line in origin_differences(old, new):
        click.echo(f"  {line}")
    for title, table in tables_of(difference):
        show(console(table, title))


@release.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--to", "target", type=click.Path(path_type=Path), required=True, help="An empty or new folder.")
@click.option("--yolo", is_flag=True, help="Write the boxes as YOLO labels and data.yaml, too.")
def extract(folder: Path, target: Path, yolo: bool) -> None:
    """Write a release's images as files beside the lists that name them, as trainers read them."""
    from sartext.release.verification import extract as run

    click.echo(f"extracted: {summary(run(folder, target, yolo=yolo))}")


@release.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--to", "target", type=click.Path(path_type=Path), required=True, help="An empty or new folder.")
@click.option(
    "--embeddings",
    type=click.Path(path_type=Path),
    help="What `sartext release embed` wrote: adds similar images and the model's search.",
)
@click.option(
    "--side",
    type=click.IntRange(0, 4096),
    default=384,
    show_default=True,
    help="Pixels of the large pictures; 0 leaves it at thumbnails.",
)
def explore(folder: Path, target: Path, embeddings: Path | None, side: int) -> None:
    """Write a page that searches and shows a release; it opens from disk."""
    from sartext.explorer.site import explore as run

    click.echo(f"explorer: {summary(run(folder, target, embeddings=embeddings, side=side))}")


@release.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--model", type=click.Path(path_type=Path), required=True, help="A folder that open_clip reads.")
@click.option(
    "--to", "target", type=click.Path(path_type=Path), required=True, help="A folder outside the release."
)
@click.option("--device", default="cpu", show_default=True, help="Where the model runs.")
def embed(folder: Path, model: Path, target: Path, device: str) -> None:
    """Write embeddings of a release's images and captions, for its explorer."""
    from sartext.explorer.embedding import embed as run

    click.echo(f"embedded: {summary(run(folder, model, target, device=device))}")


@release.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--corpora", type=click.Path(path_type=Path), required=True, help="A folder of source images.")
@click.option("--to", "target", type=click.Path(path_type=Path), required=True, help="An empty or new folder.")
@click.pass_obj
def attach(project: Project, folder: Path, corpora: Path, target: Path) -> None:
    """Join your own copies of the images that a release withholds, found by the hashes of their files."""
    from sartext.catalogue.loading import load_catalogue
    from sartext.release.attaching import attach as run
    from sartext.release.attaching import counted_states, lines_about

    fates = run(folder, corpora, target, load_catalogue(project))
    for line in lines_about(fates, target):
        click.echo(line, err=True)
    click.echo(f"{summary(counted_states(fates))}, path {target}")


@release.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--to", "target", type=click.Path(path_type=Path), required=True, help="A new folder for the clone.")
@click.option("--with-models", is_flag=True, help="Take weights, and what they caption, from the release.")
@pass_project
def reproduce(project: Project, folder: Path, target: Path, with_models: bool) -> None:
    """Build a release again from its commit, parameters and pins, and compare every file."""
    from sartext.release.reproduction import reproduce as run

    outcome = run(folder, target, project, with_models=with_models, say=click.echo)
    for note in outcome.notes:
        click.echo(f"note: {note}")
    for name in outcome.other_weights:
        click.echo(f"{name}: other bytes than in the build of the release, see machine_dependent in dvc.yaml")
    for difference in outcome.differing:
        click.echo(f"{difference.path}: {difference.what}")
    if outcome.differing:
        raise ReleaseError(
            f"{len(outcome.differing)} of {outcome.files} files differ",
            where=outcome.folder,
            way_out="--with-models takes over what depends on the machine"
            if outcome.other_weights
            else "see the lines above",
        )
    click.echo(f"reproduced: {outcome.files} files, every byte the same")

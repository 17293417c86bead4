"""``sartext audit``: a page that people rate captions on, and their ratings brought back."""

from pathlib import Path

import click

from sartext.checkout import project_lock
from sartext.cli.program import Group, pass_project, show
from sartext.config import Project
from sartext.errors import SarTextError, counted


@click.group(cls=Group)
def audit() -> None:
    """Captions of the candidate, rated by people."""


@audit.command()
@click.option("--size", type=click.IntRange(1), help="Images.  [default: 200, or what the floor asks for]")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Of the draws and the order.")
@click.option(
    "--floor",
    type=click.IntRange(0),
    default=3,
    show_default=True,
    help="Images of each corpus, method and split; the rest is shared in proportion.",
)
@click.option("--repeats", type=click.IntRange(0), default=10, show_default=True, help="Images shown twice.")
@click.option("--out", type=click.Path(path_type=Path), help="The page.  [default: build/audit/audit.html]")
@pass_project
def export(project: Project, *, size: int | None, seed: int, floor: int, repeats: int, out: Path | None) -> None:
    """Write a sample of the candidate as a page that people rate it on, without a network.

    The page holds the pictures, also of images that may not be passed on: keep it to yourself and the raters.
    """
    from sartext.release.audit.export import PAGE
    from sartext.release.audit.export import export as run

    path = out or project.build / "audit" / PAGE
    made = run(project, path, size=size, seed=seed, floor=floor, repeats=repeats)
    click.echo(f"{path}: {made['images']} images, {made['shown']} with those shown twice, {made['bytes']:,} bytes")
    if made["withheld"]:
        click.echo(f"{made['withheld']} of its images may not be passed on: do not publish the page")


@audit.command("import")
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--replace", is_flag=True, help="Exchange ratings that a rater gave before; the old file is kept.")
@pass_project
def import_ratings(project: Project, files: tuple[Path, ...], replace: bool) -> None:
    """Check FILES that the page saved and keep them in audit/, which git tracks; then show what they say."""
    from sartext.release.audit.storing import audited_candidate, store

    problems = []
    with project_lock(project.root):
        candidate = audited_candidate(project)
        for path in files:
            try:
                stored = store(project, candidate, path, replace=replace)
            except SarTextError as error:
                problems.append(str(error))
                continue
            click.echo(f"{path}: {stored.outcome}; {stored.ratings.summary}")
    if len(problems) < len(files):
        _show(project)
    for problem in problems:
        click.echo(f"error: {problem}", err=True)
    if problems:
        raise SystemExit(1)


@audit.command()
@pass_project
def status(project: Project) -> None:
    """Show what people said of the candidate, how they agree, and what failed."""
    _show(project)


def _show(project: Project) -> None:
    from sartext.release.audit.figures import audit_figures, failures
    from sartext.release.audit.storing import audited_candidate, folder_of, other_candidates, stored_ratings
    from sartext.release.audit.tables import agreement_table, console, failure_table, means_table

    candidate = audited_candidate(project)
    every = stored_ratings(project, candidate)
    others = other_candidates(project, candidate.sha256)
    if others:
        click.echo(f"ratings of {counted(others, 'other candidate')} do not count for this one")
    if not every:
        click.echo(f"nobody rated this candidate ({candidate.sha256[:12]}); run `sartext audit export`")
        return
    figures = audit_figures(candidate.pairs, every)
    failed = failures(every)
    for title, table in (
        (f"Means of {counted(figures['images'], 'image')}, with 95 % intervals", means_table(figures)),
        ("Agreement: equal ratings, and Cohen's kappa with quadratic weights", agreement_table(figures)),
        (f"Failed: correctness of 2 or less, {counted(figures['failures'], 'image')}", failure_table(failed)),
    ):
        if table.rows:
            show(console(table, title))
    click.echo(f"kept in {project.relative(folder_of(project, candidate.sha256))}: commit it")

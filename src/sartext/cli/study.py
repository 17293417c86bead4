"""``sartext study``: progressive transfer against its controls."""

from typing import Literal

import click

from sartext.cli.program import Group
from sartext.cli.reporting import show
from sartext.config import Project

_DATA = click.option(
    "--data",
    type=click.Choice(["sim", "sample"]),
    default="sim",
    show_default=True,
    help="Simulated or real images.",
)
_QUICK = click.option("--quick", is_flag=True, help="Two seeds and a few steps, to try the way.")


@click.group(cls=Group)
def study() -> None:
    """The comparison of progressive transfer with its controls, over seeds."""


@study.command("run")
@_DATA
@_QUICK
@click.pass_obj
def run_comparison(project: Project, data: Literal["sim", "sample"], quick: bool) -> None:
    """Run what is missing of the study, then write its tables and its page."""
    from sartext.study.design import plan
    from sartext.study.page import write_page
    from sartext.study.running import run_study
    from sartext.study.tables import write_tables

    finished = run_study(plan(project, data, quick=quick))
    findings = write_tables(finished)
    write_page(finished, findings)
    click.echo(f"study: {len(finished.entries)} results in {project.relative(finished.design.output)}/index.html")


@study.command("table")
@_DATA
@_QUICK
@click.pass_obj
def show_comparison(project: Project, data: Literal["sim", "sample"], quick: bool) -> None:
    """Show every arm of the study that was run, and write its tables anew."""
    from sartext.study.design import plan
    from sartext.study.running import read_study
    from sartext.study.tables import console_table, write_tables

    findings = write_tables(read_study(plan(project, data, quick=quick)))
    show(console_table(findings))


@study.command("page")
@_DATA
@_QUICK
@click.pass_obj
def draw_comparison(project: Project, data: Literal["sim", "sample"], quick: bool) -> None:
    """Write the page of the study that was run anew."""
    from sartext.study.design import plan
    from sartext.study.page import write_page
    from sartext.study.running import read_study
    from sartext.study.tables import write_tables

    finished = read_study(plan(project, data, quick=quick))
    write_page(finished, write_tables(finished))
    click.echo(f"{project.relative(finished.design.output)}/index.html")

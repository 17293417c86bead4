"""``sartext study``: progressive transfer against its controls."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from sartext.cli.program import Group, data_option, pass_project, show
from sartext.config import Project
from sartext.errors import counted

if TYPE_CHECKING:
    from sartext.study.design import Data, Design


@click.group(cls=Group)
def study() -> None:
    """The comparison of progressive transfer with its controls, over seeds."""


def _with_design(command: "Callable[[Design], None]") -> Callable[..., Any]:
    """Give a command the study that its options name, instead of the project."""

    @data_option("Simulated or real images, or real ones from ImageNet weights.", "pretrained")
    @click.option("--quick", is_flag=True, help="Two seeds and a few steps, to try the way.")
    @click.option("--frozen", is_flag=True, help="Image towers learn nothing: many times as cheap.")
    @pass_project
    def with_design(project: Project, data: "Data", quick: bool, frozen: bool) -> None:
        from sartext.study.design import plan

        command(plan(project, data, quick=quick, frozen=frozen))

    with_design.__doc__ = command.__doc__
    return with_design


@study.command("run")
@_with_design
def run_comparison(design: "Design") -> None:
    """Run what is missing of the study, then write its tables and its page."""
    from sartext.study.page import write_page
    from sartext.study.running import run_study
    from sartext.study.tables import write_tables

    finished = run_study(design)
    write_page(finished, write_tables(finished))
    count = len(finished.entries)
    click.echo(f"study: {counted(count, 'result')} in {design.page}")


@study.command("table")
@_with_design
def show_comparison(design: "Design") -> None:
    """Show every arm of the study that was run, and write its tables anew."""
    from sartext.study.running import read_study
    from sartext.study.tables import console_table, write_tables

    show(console_table(write_tables(read_study(design))))


@study.command("page")
@_with_design
def draw_comparison(design: "Design") -> None:
    """Write the page of the study that was run anew."""
    from sartext.study.page import write_page
    from sartext.study.running import read_study
    from sartext.study.tables import write_tables

    finished = read_study(design)
    write_page(finished, write_tables(finished))
    click.echo(design.page)

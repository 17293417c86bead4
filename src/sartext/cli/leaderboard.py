"""``sartext leaderboard``: files of scores, merged and shown."""

from pathlib import Path

import click

from sartext.cli.program import Group, show
from sartext.errors import ParameterError, counted


@click.group(cls=Group)
def leaderboard() -> None:
    """Merge and show the files that `sartext evaluate --leaderboard` writes."""


@leaderboard.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), required=True, help="A .json file.")
def merge(files: tuple[Path, ...], out: Path) -> None:
    """Write the rows of FILES into one file; rows of one name that are not equal are refused."""
    from sartext.submissions.leaderboard import merged, read_leaderboard, write_leaderboard

    if out.suffix.casefold() != ".json":
        raise ParameterError(f"no leaderboard of type '{out.suffix}'", where=out, way_out="name a .json file")
    rows = merged([(path, read_leaderboard(path)) for path in files])
    write_leaderboard(out, rows)
    click.echo(f"{out}: {counted(len(rows), 'row')} of {counted(len(files), 'file')}")


@leaderboard.command("show")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--html", type=click.Path(path_type=Path), help="Write a page instead.")
@click.option("--markdown", "as_markdown", is_flag=True, help="Print Markdown instead.")
def show_file(file: Path, html: Path | None, as_markdown: bool) -> None:
    """Show a table of each task and benchmark in FILE, baselines below the submissions."""
    from sartext.files import write_text
    from sartext.submissions.leaderboard import read_leaderboard
    from sartext.submissions.leaderboard_tables import console, markdown, page, sheets

    if html is not None and as_markdown:
        raise ParameterError("--html and --markdown", where=file, way_out="say one of them")
    if html is not None and html.suffix.casefold() not in {".html", ".htm"}:
        raise ParameterError(f"no page of type '{html.suffix}'", where=html, way_out="name an .html file")
    drawn = sheets(read_leaderboard(file))
    if html is not None:
        write_text(html, page(drawn))
        click.echo(f"{html}: {counted(len(drawn), 'table')}")
    elif as_markdown:
        click.echo(markdown(drawn), nl=False)
    elif not drawn:
        click.echo("it holds no row yet")
    else:
        for sheet in drawn:
            show(console(sheet))

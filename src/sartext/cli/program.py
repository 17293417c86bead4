"""How a command runs, what it says, and how it fails: one line on standard error, and a non-zero exit code."""

import sys
import time
from collections.abc import Callable, Mapping
from functools import wraps
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import click

from sartext.config import Project
from sartext.errors import ParameterError, SarTextError, nearest
from sartext.files import write_json

if TYPE_CHECKING:
    from rich.table import Table

Command = TypeVar("Command", bound=Callable[..., Any])
Metrics = Mapping[str, object]
"""What a stage tells of its work: counts, and ``lines`` for a person."""


class Group(click.Group):
    """A group that answers an unknown command with the nearest known one."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the first argument names."""
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            raise click.UsageError(f"no command '{args[0]}'; {nearest(args[0], self.commands)}", ctx)
        return super().resolve_command(ctx, args)


def pass_project(command: Callable[..., Any]) -> Callable[..., Any]:
    """Give a command the project as its first argument; a folder that is no project is an error."""

    @wraps(command)
    def with_project(*arguments: object, **options: object) -> object:
        project: Project = click.get_current_context().obj
        if not (project.root / "params.yaml").is_file():
            raise ParameterError(
                "no project: params.yaml is missing",
                where=project.root,
                way_out="run the command in the project's folder, or name it: `sartext --root FOLDER …`",
            )
        return command(project, *arguments, **options)

    return with_project


def data_option(help: str, *further: str) -> Callable[[Command], Command]:
    """Return the option ``--data`` of a command: the simulated or the real images, and further kinds."""
    kind = click.Choice(["sim", "sample", *further])
    return click.option("--data", type=kind, default="sim", show_default=True, help=help)


def run_stage(project: Project, name: str, work: Callable[[], Metrics]) -> Metrics:
    """Run a stage, print what it tells, and leave its duration and metrics in ``build/log``."""
    start = time.monotonic()
    metrics = work()
    seconds = round(time.monotonic() - start, 3)
    log = project.build / "log" / f"{name}.json"
    write_json(log, {"stage": name, "seconds": seconds, "metrics": dict(metrics)})
    lines = metrics.get("lines", ())
    for line in lines if isinstance(lines, list) else ():
        click.echo(line)
    click.echo(f"{name}: {summary(metrics)} ({seconds:.1f} s)")
    return metrics


def summary(metrics: Metrics) -> str:
    """Return the metrics that are one value, as ``key value, ...``; ``done`` if there are none."""
    shown = [f"{key} {value}" for key, value in metrics.items() if isinstance(value, bool | int | float | str)]
    return ", ".join(shown) or "done"


def show(table: "Table") -> None:
    """Print a table as wide as the terminal; 140 columns wide into a pipe or a file."""
    from rich.console import Console

    Console(width=None if sys.stdout.isatty() else 140).print(table)


def run(group: click.Group, program: str) -> None:
    """Run a command line; an error is one line on standard error and a non-zero exit code.

    Args:
        group: the commands.
        program: how a person calls them, for the advice that an error gives.
    """
    debug = "--debug" in sys.argv[1:]
    try:
        group(standalone_mode=False)
    except click.exceptions.Exit as ended:
        sys.exit(ended.exit_code)
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else program
        _fail(f"{_one_line(error)}; `{command} --help` tells more", error.exit_code)
    except click.ClickException as error:
        _fail(error.format_message(), error.exit_code)
    except (click.Abort, KeyboardInterrupt):
        _fail("interrupted; what was complete stays, run the command again", 130)
    except SarTextError as error:
        if debug:
            raise
        _fail("\nerror: ".join(error.lines), 1)
    except Exception as error:
        if debug:
            raise
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        _fail(f"{reason}; run it with `{program} --debug` for the traceback", 1)


def _one_line(error: click.UsageError) -> str:
    """Return its message; click gives the choices of a missing option a line each."""
    return " ".join(error.format_message().split()).replace(". Choose from: ", ": one of ").removesuffix(".")


def _fail(message: str, code: int) -> NoReturn:
    sys.stderr.write(f"error: {message}\n")
    sys.exit(code)

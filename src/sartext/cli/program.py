"""How a command line runs, and how it fails: one line on standard error, and a non-zero exit code."""

import sys
from typing import NoReturn

import click

from sartext.errors import SarTextError, nearest


class Group(click.Group):
    """A group that answers an unknown command with the nearest known one."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the first argument names."""
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            raise click.UsageError(f"no command '{args[0]}'; {nearest(args[0], self.commands)}", ctx)
        return super().resolve_command(ctx, args)


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
        _fail(str(error), 1)
    except Exception as error:
        if debug:
            raise
        reason = " ".join(f"{type(error).__name__}: {error}".split())
        _fail(f"{reason}; run it with `{program} --debug` for the traceback", 1)


def _one_line(error: click.UsageError) -> str:
    """Return its message; click gives the choices of a missing option a line each."""
    return " ".join(error.format_message().split()).replace(". Choose from: ", ": one of ")


def _fail(message: str, code: int) -> NoReturn:
    sys.stderr.write(f"error: {message}\n")
    sys.exit(code)

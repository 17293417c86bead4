"""The commands. Each stage of ``dvc.yaml`` is one of them; heavy modules are imported when they are used."""

import logging
import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NoReturn

import click

from sartext import __version__
from sartext.config import Project
from sartext.errors import GateError, SarTextError, SimulationError, nearest
from sartext.files import write_json

Metrics = Mapping[str, object]


class Group(click.Group):
    """A group that answers an unknown command with the nearest known one."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the first argument names."""
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            raise click.UsageError(f"no command '{args[0]}'; {nearest(args[0], self.commands)}", ctx)
        return super().resolve_command(ctx, args)


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
@click.option("--root", type=click.Path(path_type=Path), default=Path(), help="The project's folder.")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
@click.pass_context
def cli(context: click.Context, root: Path, debug: bool) -> None:
    """Rebuild, extend, check and publish SAR-Text."""
    context.obj = Project(root.resolve())


def _stage(project: Project, name: str, work: Callable[[], Metrics]) -> Metrics:
    """Run a stage and leave its duration and counts in ``build/log``."""
    start = time.monotonic()
    metrics = work()
    seconds = round(time.monotonic() - start, 3)
    log = project.build / "log" / f"{name}.json"
    write_json(log, {"stage": name, "seconds": seconds, "metrics": dict(metrics)})
    click.echo(f"{name}: {_brief(metrics)} ({seconds:.1f} s)")
    return metrics


def _brief(metrics: Metrics) -> str:
    shown = [f"{key} {value}" for key, value in metrics.items() if isinstance(value, bool | int | float | str)]
    return ", ".join(shown) or "done"


@cli.command()
@click.option("--missing", is_flag=True, help="Make only the corpora that are absent.")
@click.pass_obj
def simulate(project: Project, missing: bool) -> None:
    """Make the embedded corpora in data/."""
    from sartext.locking import project_lock
    from sartext.simulation import write_corpora
    from sartext.simulation.fingerprint import first_difference

    parameters = project.parameters.simulation
    if parameters is None:
        raise SarTextError(
            "the parameters hold no section 'simulation'",
            where=project.root / "params.yaml",
            way_out="add one, or bring corpora in by `sartext corpora add`",
        )
    with project_lock(project.root):
        _stage(project, "simulate", lambda: write_corpora(parameters, project.data, missing_only=missing))
    if difference := first_difference(project.data, parameters):
        raise SimulationError(
            "this machine renders other bytes than those pinned",
            where=f"data/{difference}",
            way_out="`sartext corpora pin` accepts them; releases made here then differ from those made elsewhere",
        )


@cli.command()
@click.argument("name")
@click.pass_obj
def corpus(project: Project, name: str) -> None:
    """Index a source corpus (stage corpus@NAME)."""
    from sartext.corpora.index import build_index

    _stage(project, f"corpus@{name}", lambda: build_index(project, name))


@cli.command()
@click.argument("name")
@click.pass_obj
def captions(project: Project, name: str) -> None:
    """Caption a labelled corpus (stage captions@NAME)."""
    from sartext.narrator.stage import caption_corpus

    _stage(project, f"captions@{name}", lambda: caption_corpus(project, name))


@cli.command()
@click.pass_obj
def splits(project: Project) -> None:
    """Decide duplicates, groups and splits."""
    from sartext.release.splits import decide_splits

    _stage(project, "splits", lambda: decide_splits(project))


@cli.command()
@click.pass_obj
def candidate(project: Project) -> None:
    """Join captions, splits and licences into the candidate, and write the ledger."""
    from sartext.release.candidate import build_candidate

    _stage(project, "candidate", lambda: build_candidate(project))


@cli.command()
@click.option("--strict", is_flag=True, help="Exit 1 if the verdict is a refusal.")
@click.pass_obj
def quality(project: Project, strict: bool) -> None:
    """Judge the candidate; the verdict is data, the release obeys it."""
    from sartext.release.gate import run_gate

    metrics = _stage(project, "quality", lambda: run_gate(project))
    if strict and not metrics.get("passed"):
        raise GateError(
            "the gate refuses the candidate",
            where=project.build / "quality" / "gate.json",
            way_out="open build/docs/index.html",
        )


@cli.group(cls=Group)
def release() -> None:
    """Assemble, publish, verify and compare releases."""


@release.command()
@click.pass_obj
def assemble(project: Project) -> None:
    """Assemble build/release from a candidate that the gate let through (stage release)."""
    from sartext.release.assembly import assemble as run

    _stage(project, "release", lambda: run(project))


@release.command()
@click.pass_obj
def publish(project: Project) -> None:
    """Publish build/release as an immutable version, unless nothing changed (stage publication)."""
    from sartext.release.publication import publish as run

    _stage(project, "publication", lambda: run(project))


@release.command()
@click.argument("folder", type=click.Path(path_type=Path))
def verify(folder: Path) -> None:
    """Prove every byte of a published release against its manifest."""
    from sartext.release.verification import verify as run

    click.echo(f"verified: {_brief(run(folder))}")


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

    click.echo(f"extracted: {_brief(run(folder, target))}")


@cli.command()
@click.argument("image_id")
@click.pass_obj
def explain(project: Project, image_id: str) -> None:
    """Tell an image's whole story, from annotation to release."""
    from sartext.release.explain import explain as run

    for heading, text in run(project, image_id):
        click.echo(f"{click.style(heading, bold=True)}: {text}")


@cli.group(cls=Group)
def corpora() -> None:
    """The source corpora in data/."""


@corpora.command("list")
@click.pass_obj
def list_corpora(project: Project) -> None:
    """Show which corpora are known, present and licensed, and how many images of the published count."""
    from rich.console import Console

    from sartext.sources import source_table

    Console(width=None if sys.stdout.isatty() else 140).print(source_table(project))


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


@cli.command()
@click.pass_obj
def prune(project: Project) -> None:
    """Forget the outputs of corpora that params.yaml no longer lists."""
    from sartext.locking import project_lock
    from sartext.prune import prune as run

    with project_lock(project.root):
        forgotten = run(project)
    click.echo(f"forgotten: {', '.join(forgotten)}" if forgotten else "nothing to forget")


@cli.command()
@click.pass_obj
def doctor(project: Project) -> None:
    """Say what is missing here and how to get it."""
    from sartext.doctor import examine

    findings = examine(project)
    for finding in findings:
        click.echo(f"{'ok     ' if finding.fine else 'missing'}  {finding.what}: {finding.detail}")
    if not all(finding.fine for finding in findings):
        raise SystemExit(1)


def main() -> None:
    """Run a command of ``sartext``."""
    logging.getLogger("rasterio").setLevel(logging.ERROR)
    signal.signal(signal.SIGTERM, _terminated)
    run(cli, "sartext")


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
        _fail(f"{error.format_message()}; `{command} --help` tells more", error.exit_code)
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


def _terminated(number: int, frame: object) -> NoReturn:
    raise SystemExit(128 + number)


def _fail(message: str, code: int) -> NoReturn:
    sys.stderr.write(f"error: {message}\n")
    sys.exit(code)

"""The commands. Each stage of ``dvc.yaml`` is one of them; heavy modules are imported when they are used."""

import logging
import os
import signal
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, NoReturn

import click

from sartext import __version__
from sartext.config import Project
from sartext.errors import DecodingError, GateError, SarTextError, SimulationError, nearest
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
def tokenizer(project: Project) -> None:
    """Train the small tokenizer on the captions of the train split."""
    from sartext.models.tokenizer_stage import make_tokenizer

    _stage(project, "tokenizer", lambda: make_tokenizer(project))


@cli.command()
@click.pass_obj
def lists(project: Project) -> None:
    """Write which corpora are captioned, beside their captions."""
    from sartext.release.lists import write_lists

    _stage(project, "lists", lambda: write_lists(project))


@cli.command()
@click.argument("data")
@click.pass_obj
def shards(project: Project, data: str) -> None:
    """Write the shards of optical or sar pairs that the models learn from (stages optical-shards, sar-shards)."""
    from sartext.training.shards.writing import write_shards

    _stage(project, f"{data}-shards", lambda: write_shards(project, data))


@cli.command()
@click.argument("name")
@click.pass_obj
def train(project: Project, name: str) -> None:
    """Train a model of the table `checkpoints` (stage checkpoint@NAME); torchrun shares it among processes."""
    from sartext.training.distribution import rank
    from sartext.training.stage import train as run

    if rank() == 0:
        _stage(project, f"checkpoint@{name}", lambda: run(project, name))
    else:
        run(project, name)


@cli.command()
@click.pass_obj
def calibrate(project: Project) -> None:
    """Find the narrator's thresholds on validation images (stage calibration)."""
    from sartext.narrator.captioning.calibration import calibrate as run

    _stage(project, "calibration", lambda: run(project))


@cli.command()
@click.argument("name")
@click.pass_obj
def narrate(project: Project, name: str) -> None:
    """Caption an unlabelled corpus by the narrator (stage narrated@NAME)."""
    from sartext.narrator.captioning.narration import narrate as run

    _stage(project, f"narrated@{name}", lambda: run(project, name))


@cli.command("optical-captions")
@click.argument("name")
@click.pass_obj
def optical_captions(project: Project, name: str) -> None:
    """Caption pairs by what coca-optical says of their optical halves (stage optical-captions@NAME)."""
    from sartext.narrator.captioning.optical import caption_optical_halves

    _stage(project, f"optical-captions@{name}", lambda: caption_optical_halves(project, name))


@cli.command()
@click.argument("images", nargs=-1, required=True)
@click.option("--model", type=click.Path(path_type=Path), required=True, help="Folder of a CoCa checkpoint.")
@click.option("--out", type=click.Path(path_type=Path), help="A .csv or .jsonl file; rows that it has are kept.")
@click.option("--beams", type=click.IntRange(1, 64), default=1, show_default=True)
@click.option("--length", type=click.IntRange(2), help="Most tokens of a caption.  [default: the model's context]")
@click.option("--batch", type=click.IntRange(1), default=32, show_default=True, help="Images at a time.")
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda or auto.")
@click.option(
    "--quantity",
    type=click.Choice(["auto", "amplitude", "intensity", "complex", "db"]),
    default="auto",
    show_default=True,
    help="What files that are not 8-bit hold.",
)
@click.option("--window", type=(float, float), help="dB that are shown.  [default: -25 0 for dB, else a stretch]")
@click.option("--nodata", type=float, help="The value of pixels without data.")
def caption(images: tuple[str, ...], model: Path, out: Path | None, **told: Any) -> None:  # noqa: ANN401
    """Caption IMAGES (files, folders, patterns) by a CoCa, as CSV or JSON lines."""
    from sartext.narrator.captioning.display import display_of
    from sartext.narrator.captioning.files import Asked, caption_files

    display = display_of(told.pop("quantity"), told.pop("window"), told.pop("nodata"))
    done = caption_files(images, model, out, Asked(display=display, **told), click.echo)
    counts = {"captioned": done.captioned, "there already": done.kept, "unfinished": done.unfinished}
    click.echo(f"caption: {_brief(counts)}", err=True)
    for name, reason in done.unreadable:
        click.echo(f"skipped {name}: {reason}", err=True)
    if done.unreadable:
        count = len(done.unreadable)
        what = f"{count} image was skipped" if count == 1 else f"{count} images were skipped"
        raise DecodingError(what, way_out="the lines above name them and say why")


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


@cli.group(cls=Group)
def tracking() -> None:
    """The trainings as MLflow sees them."""


@tracking.command("upload")
@click.pass_obj
def upload_runs(project: Project) -> None:
    """Upload the trainings that no server has yet to where MLFLOW_TRACKING_URI says, or into mlflow/."""
    from sartext.tracking.waiting import upload_waiting

    for line in upload_waiting(project):
        click.echo(line)


@tracking.command("status")
@click.pass_obj
def list_runs(project: Project) -> None:
    """Show the recorded trainings, and which are still to be uploaded."""
    from rich.console import Console

    from sartext.tracking.waiting import run_table

    Console(width=None if sys.stdout.isatty() else 140).print(run_table(project))


@tracking.command("serve")
@click.option("--port", type=click.IntRange(1, 65535), default=3001, show_default=True)
@click.pass_obj
def serve_runs(project: Project, port: int) -> None:
    """Serve MLflow's page over mlflow/ on 127.0.0.1, until it is interrupted."""
    from sartext.tracking.store import serve

    serve(project, port)


@cli.group(cls=Group)
def study() -> None:
    """The comparison of progressive transfer with its controls, over seeds."""


_DATA = click.option(
    "--data",
    type=click.Choice(["sim", "sample"]),
    default="sim",
    show_default=True,
    help="Simulated or real images.",
)
_QUICK = click.option("--quick", is_flag=True, help="Two seeds and a few steps, to try the way.")


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
    from rich.console import Console

    from sartext.study.design import plan
    from sartext.study.running import read_study
    from sartext.study.tables import console_table, write_tables

    findings = write_tables(read_study(plan(project, data, quick=quick)))
    Console(width=None if sys.stdout.isatty() else 140).print(console_table(findings))


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
    # torch's threads spin while they wait: on a busy machine a training is then five times slower
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
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

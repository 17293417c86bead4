"""What is asked of the project as a whole: corpora, an image's story, trainings, leftovers, what is missing."""

from pathlib import Path

import click

from sartext import checkout
from sartext.checkout import project_lock
from sartext.cli.program import Group, pass_project, run_stage, show
from sartext.config import Project
from sartext.errors import SarTextError, SimulationError, counted


@click.command()
@click.option("--missing", is_flag=True, help="Make only the corpora that are absent.")
@pass_project
def simulate(project: Project, missing: bool) -> None:
    """Make the embedded corpora in data/."""
    from sartext.simulation import first_difference, write_corpora

    parameters = project.parameters.simulation
    if parameters is None:
        raise SarTextError(
            "the parameters hold no section 'simulation'",
            where=project.root / "params.yaml",
            way_out="add one, or bring corpora in by `sartext corpora add`",
        )
    with project_lock(project.root):
        run_stage(project, "simulate", lambda: write_corpora(parameters, project.data, missing_only=missing))
    if difference := first_difference(project.data, parameters):
        raise SimulationError(
            "this machine renders other bytes than those pinned",
            where=f"data/{difference}",
            way_out="`sartext corpora pin` accepts them; releases made here then differ from those made elsewhere",
        )


@click.command()
@click.argument("image_id")
@click.option(
    "--map",
    "chart",
    type=click.Path(path_type=Path),
    help="A PNG of what the grounder sees beside the picture: objects, land cover, and each proven statement.",
)
@pass_project
def explain(project: Project, image_id: str, chart: Path | None) -> None:
    """Tell an image's whole story, from annotation to release."""
    from sartext.release.explain import explain as run

    for heading, text in run(project, image_id):
        click.echo(f"{click.style(heading, bold=True)}: {text}")
    if chart is not None:
        from sartext.captioner.explanation import save_story_map

        save_story_map(project, image_id, chart)
        click.echo(f"{click.style('map', bold=True)}: {chart}")


@click.group(cls=Group)
def corpora() -> None:
    """The source corpora in data/."""


@corpora.command("list")
@pass_project
def list_corpora(project: Project) -> None:
    """Show which corpora are known, present and licensed, and how many images of the published count."""
    from sartext.sources import source_table

    table, problems = source_table(project)
    show(table)
    for problem in problems:
        click.echo(problem.removeprefix(f"{project.root}/"))


@corpora.command()
@click.argument("name", required=False)
@click.option("--from", "origin", type=click.Path(path_type=Path), required=True, help="Folder, zip or tar.")
@click.option("--replace", is_flag=True, help="Exchange a corpus that is there.")
@click.option("--describe", is_flag=True, help="Add nothing: propose catalogue/NAME.yaml from what lies there.")
@pass_project
def add(project: Project, name: str | None, origin: Path, replace: bool, describe: bool) -> None:
    """Bring a downloaded corpus into data/ and pin it in data.dvc.

    Without NAME the corpus of the catalogue is recognised by its files.
    """
    from sartext.adding import add_source, describe_source

    with project_lock(project.root):
        if not describe:
            lines: tuple[str, ...] = add_source(project, name, origin, replace=replace).lines
        else:
            found = describe_source(project, name, origin)
            file = f"catalogue/{found.name}.yaml"
            state = f"{file}: {found.unfinished or 'complete'}"
            lines = (*found.seen, state, f"then: sartext corpora add {found.name} --from {origin}")
    for line in lines:
        click.echo(line)


@corpora.command()
@click.argument("catalogue", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--from", "origin", type=click.Path(path_type=Path, exists=True, file_okay=False), required=True)
@click.option(
    "--to", "target", type=click.Path(path_type=Path), required=True, help="A new folder, as the corpus."
)
@click.option("--side", type=click.IntRange(64), default=512, show_default=True, help="Pixels of a tile's side.")
@click.option(
    "--overlap", type=click.IntRange(0), default=0, show_default=True, help="Pixels that neighbours share."
)
@click.option(
    "--visible",
    type=click.FloatRange(0, 1, min_open=True),
    default=0.5,
    show_default=True,
    help="The least visible share of an object that stays in a tile.",
)
def tile(catalogue: Path, origin: Path, target: Path, *, side: int, overlap: int, visible: float) -> None:
    """Cut large scenes, which a catalogue file describes, into tiles with their annotations."""
    from sartext.catalogue.loading import load_entry
    from sartext.corpora.tiling import Tiling, tile_scenes

    if overlap >= side:
        raise click.BadParameter(f"it is below --side {side}", param_hint="--overlap")
    counts = tile_scenes(origin, load_entry(catalogue), target, Tiling(side, overlap, visible))
    click.echo(", ".join(f"{name.replace('_', ' ')} {count}" for name, count in counts.items()))
    click.echo(f"its catalogue file: {target / f'{target.name}.yaml'}")


@corpora.command()
@pass_project
def pin(project: Project) -> None:
    """Accept data/ as it is: write its hashes to data.dvc."""
    from sartext.sources import pin as run

    with project_lock(project.root):
        hashes = run(project)
    click.echo(f"data.dvc pins {counted(len(hashes), 'corpus', 'corpora')}: {', '.join(hashes)}")


@click.group(cls=Group)
def tracking() -> None:
    """The trainings as MLflow sees them."""


@tracking.command("upload")
@pass_project
def upload_runs(project: Project) -> None:
    """Upload the trainings that no server has yet to where MLFLOW_TRACKING_URI says, or into mlflow/."""
    from sartext.tracking.uploading import upload_waiting

    for line in upload_waiting(project):
        click.echo(line)


@tracking.command("status")
@pass_project
def list_runs(project: Project) -> None:
    """Show the recorded trainings, and which are still to be uploaded."""
    from sartext.tracking.uploading import run_table

    show(run_table(project))


@tracking.command("serve")
@click.option("--port", type=click.IntRange(1, 65535), default=3001, show_default=True)
@pass_project
def serve_runs(project: Project, port: int) -> None:
    """Serve MLflow's page over mlflow/ on 127.0.0.1, until it is interrupted."""
    from sartext.tracking.store import serve

    serve(project, port)


@click.command()
@pass_project
def prune(project: Project) -> None:
    """Forget the outputs of corpora that params.yaml no longer lists."""
    with project_lock(project.root):
        forgotten = checkout.prune(project)
    click.echo(f"forgotten: {', '.join(forgotten)}" if forgotten else "nothing to forget")


@click.command()
@pass_project
def doctor(project: Project) -> None:
    """Say what is missing here and how to get it."""
    from sartext.doctor import examine

    findings = list(examine(project))
    for finding in findings:
        click.echo(f"{finding.state:<7}  {finding.what}: {finding.detail}")
    if any(finding.state == "missing" for finding in findings):
        raise SystemExit(1)

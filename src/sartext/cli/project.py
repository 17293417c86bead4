"""What is asked of the project as a whole: its embedded corpora, one image's story, its leftovers, its health."""

import click

from sartext.cli.reporting import run_stage
from sartext.config import Project
from sartext.errors import SarTextError, SimulationError


@click.command()
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
        run_stage(project, "simulate", lambda: write_corpora(parameters, project.data, missing_only=missing))
    if difference := first_difference(project.data, parameters):
        raise SimulationError(
            "this machine renders other bytes than those pinned",
            where=f"data/{difference}",
            way_out="`sartext corpora pin` accepts them; releases made here then differ from those made elsewhere",
        )


@click.command()
@click.argument("image_id")
@click.pass_obj
def explain(project: Project, image_id: str) -> None:
    """Tell an image's whole story, from annotation to release."""
    from sartext.release.explain import explain as run

    for heading, text in run(project, image_id):
        click.echo(f"{click.style(heading, bold=True)}: {text}")


@click.command()
@click.pass_obj
def prune(project: Project) -> None:
    """Forget the outputs of corpora that params.yaml no longer lists."""
    from sartext.locking import project_lock
    from sartext.prune import prune as run

    with project_lock(project.root):
        forgotten = run(project)
    click.echo(f"forgotten: {', '.join(forgotten)}" if forgotten else "nothing to forget")


@click.command()
@click.pass_obj
def doctor(project: Project) -> None:
    """Say what is missing here and how to get it."""
    from sartext.doctor import examine

    findings = examine(project)
    for finding in findings:
        click.echo(f"{'ok     ' if finding.fine else 'missing'}  {finding.what}: {finding.detail}")
    if not all(finding.fine for finding in findings):
        raise SystemExit(1)

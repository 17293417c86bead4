"""``sartext tracking``: the recorded trainings and MLflow."""

import click

from sartext.cli.program import Group
from sartext.cli.reporting import show
from sartext.config import Project


@click.group(cls=Group)
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
    from sartext.tracking.waiting import run_table

    show(run_table(project))


@tracking.command("serve")
@click.option("--port", type=click.IntRange(1, 65535), default=3001, show_default=True)
@click.pass_obj
def serve_runs(project: Project, port: int) -> None:
    """Serve MLflow's page over mlflow/ on 127.0.0.1, until it is interrupted."""
    from sartext.tracking.store import serve

    serve(project, port)

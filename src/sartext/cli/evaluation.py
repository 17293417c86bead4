"""``sartext evaluate``: what anyone's model reaches on a published release."""

from pathlib import Path
from typing import Any

import click

from sartext.cli.program import show
from sartext.cli.stages import TASKS
from sartext.config import Project


@click.command()
@click.argument("release", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--task", type=click.Choice([*TASKS, "foils"]), required=True)
@click.option("--model", type=click.Path(path_type=Path), help="Folder of an open_clip model, or of a SAR-GPT.")
@click.option("--captions", type=click.Path(path_type=Path), help="CSV or JSON lines: image_id, caption.")
@click.option("--partial", is_flag=True, help="The captions are of some images only; the others are not scored.")
@click.option("--answers", type=click.Path(path_type=Path), help="CSV or JSON lines: id, answer.")
@click.option("--images", type=click.Path(path_type=Path), help="Source images that the release withholds.")
@click.option("--benchmark", default="release-test", show_default=True, help="Of those that the release holds.")
@click.option("--name", default="model", show_default=True, help="What the scores call it.")
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda or auto.")
@click.option("--resamples", type=click.IntRange(100), default=2000, show_default=True, help="Of the bootstrap.")
@click.option(
    "--seed", type=click.IntRange(0), default=7, show_default=True, help="Of wordings, foils, bootstrap."
)
@click.option("--all", "every", is_flag=True, help="Show all metrics, and the parts of the benchmark.")
@click.option("--out", type=click.Path(path_type=Path), help="A .csv or .json file of the scores.")
@click.pass_obj
def evaluate(project: Project, /, out: Path | None, every: bool, **submission: Any) -> None:  # noqa: ANN401
    """Score anyone's model, captions or answers on the test split of a published RELEASE; needs no project.

    Captions are compared with up to five wordings of the image's facts: its own caption first, the others drawn by
    --seed. Scores are comparable where the columns benchmark_sha256, seed and n of --out are equal.
    """
    from sartext.evaluation.score_tables import check_target, figure_table, headline_table, write_scores
    from sartext.evaluation.submissions import Submission, score

    request = Submission(**submission, root=project.root)
    if out is not None:
        check_target(out, [request.captions, request.answers], [request.release, request.model])
    scores = score(request)
    for line in scores.warnings:
        click.echo(f"warning: {line}", err=True)
    table = (figure_table if every else headline_table)(scores.figures, request.name.strip())
    show(table)
    more = len(scores.figures) - table.row_count
    if out is not None:
        write_scores(out, scores.figures, scores.origin)
        click.echo(
            f"{len(scores.figures)} figures in {out}" + (f", {more} of them not shown here" if more else "")
        )
    elif more:
        way = "write all to a file" if every else "show more by --all, or write all to a file"
        click.echo(f"{more} more figures are not shown here; {way}: --out scores.csv")

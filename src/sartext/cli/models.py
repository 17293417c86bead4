"""What a person does with a trained model: ``sartext caption``, ``sartext evaluate``, ``sartext clip-of``."""

from pathlib import Path
from typing import Any

import click

from sartext.cli.program import show, summary
from sartext.config import Project
from sartext.errors import DecodingError, ParameterError, counted


@click.command()
@click.argument("images", nargs=-1, required=True)
@click.option("--model", type=click.Path(path_type=Path), required=True, help="Folder of a CoCa checkpoint.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="A .csv or .jsonl file. Rows that it has are kept and not tried again, unfinished ones neither; all of "
    "them must be of the same model.",
)
@click.option(
    "--raw", is_flag=True, help="The model's own words: nothing proves them, and any picture is captioned."
)
@click.option(
    "--calibration",
    type=click.Path(path_type=Path),
    help="Folder of the model's thresholds.  [default: the folder calibration of its project]",
)
@click.option(
    "--explain",
    type=click.Path(path_type=Path),
    help="A folder; a PNG of each picture that is captioned now goes there: objects, land cover, statements.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["csv", "jsonl"]),
    help="Shows whole rows, without --out.  [default: captions alone]",
)
@click.option(
    "--method",
    type=click.Choice(["greedy", "beam", "nucleus"]),
    help="With --raw.  [default: greedy; beam with several --beams]",
)
@click.option("--beams", type=click.IntRange(1, 64), help="With --raw.  [default: 1; 4 with --method beam]")
@click.option("--top-p", type=float, help="Share of the probability that nucleus draws from.  [default: 0.9]")
@click.option("--temperature", type=float, help="Of nucleus; below 1 it favours likely words.  [default: 1]")
@click.option(
    "--seed",
    type=click.IntRange(0),
    help="Of nucleus: an image's caption follows from it and the image, whatever the batch.  [default: 0]",
)
@click.option("--length", type=click.IntRange(2), help="Most tokens, with --raw.  [default: the model's context]")
@click.option(
    "--batch",
    type=click.IntRange(1),
    default=32,
    show_default=True,
    help="Images at a time; halved where memory runs out.",
)
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda or auto.")
@click.option(
    "--quantity",
    type=click.Choice(["auto", "amplitude", "intensity", "complex", "db"]),
    default="auto",
    show_default=True,
    help="What files that are not 8-bit hold.",
)
@click.option("--window", type=(float, float), help="dB that are shown.  [default: -25 0 for dB, else a stretch]")
@click.option("--nodata", type=float, help="The value of pixels without data.  [default: the file's own tag]")
@click.option("--band", type=click.IntRange(1), help="The band that is shown.  [default: the first]")
def caption(images: tuple[str, ...], model: Path, out: Path | None, form: str | None, **more: Any) -> None:  # noqa: ANN401
    """Caption IMAGES (files, folders, patterns); --out keeps whole rows.

    The CoCa of --model proposes, the grounder beside it proves or refuses each statement and adds what it sees; a
    caption holds what reaches the thresholds, and its row each statement with its score and what proposed it.
    """
    from sartext.captioner.user_files.display import Display
    from sartext.captioner.user_files.files import caption_files
    from sartext.captioner.user_files.options import CaptionOptions, decoding_of

    if out and form:
        raise ParameterError(f"--format {form} with --out", where=out, way_out="leave it out: the name says it")
    display = Display(**{name: more.pop(name) for name in ("quantity", "window", "nodata", "band")})
    drawing = {name: more.pop(name) for name in ("method", "beams", "top_p", "temperature", "seed")}
    stated = [
        f"--{name.replace('_', '-')}"
        for name, value in (drawing | {"length": more["length"]}).items()
        if value is not None
    ]
    if stated and not more["raw"]:
        way_out = "leave it out, as thresholds hold for captions decoded as they were found on; or say --raw"
        raise ParameterError(f"{', '.join(stated)} without --raw", way_out=way_out)
    suffix = f".{form}" if form else ""
    options = CaptionOptions(display=display, decoding=decoding_of(**drawing), suffix=suffix, **more)
    done = caption_files(images, model, out, options, click.echo)
    counts = {"captioned": done.captioned, "there already": done.kept, "unfinished": done.unfinished}
    counts |= {} if more["raw"] else {"without a proven statement": done.unproven}
    click.echo(f"caption: {summary(counts)}", err=True)
    count, figures = done.unlike
    if count:
        unlike = f"{count} of {counted(done.captioned, 'picture')} unlike those that the model was taught"
        why = ", ".join(f"{figure} of {number}" for figure, number in figures.items())
        click.echo(f"warning: {unlike} ({why}); do not trust their captions, see the column unlike", err=True)
    if done.batch:
        click.echo(f"memory held {done.batch} at a time: --batch {done.batch} saves the attempts", err=True)
    for name, reason in done.unreadable:
        click.echo(f"skipped {name}: {reason}", err=True)
    if done.unreadable:
        skipped = counted(len(done.unreadable), "image was", "images were")
        raise DecodingError(f"{skipped} skipped", way_out="the lines above name them and say why")


@click.command()
@click.argument("release", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--task", type=click.Choice(["retrieval", "captioning", "vqa", "foils"]), required=True)
@click.option("--model", type=click.Path(path_type=Path), help="Its folder; docs/evaluation.md tells the kinds.")
@click.option("--captions", type=click.Path(path_type=Path), help="CSV or JSON lines: image_id, caption.")
@click.option("--partial", is_flag=True, help="The captions are of some images only; the others are not scored.")
@click.option("--answers", type=click.Path(path_type=Path), help="CSV or JSON lines: id, answer.")
@click.option("--images", type=click.Path(path_type=Path), help="Source images that the release withholds.")
@click.option("--benchmark", default="release-test", show_default=True, help="Of those that the release holds.")
@click.option("--name", default="model", show_default=True, help="What the scores call it.")
@click.option("--device", default="cpu", show_default=True, help="cpu, cuda or auto.")
@click.option("--prompt", help="What a model that follows instructions is told, {question} in it with --task vqa.")
@click.option("--resamples", type=click.IntRange(100), default=2000, show_default=True, help="Of the bootstrap.")
@click.option(
    "--seed", type=click.IntRange(0), default=7, show_default=True, help="Of wordings, foils, bootstrap."
)
@click.option("--all", "every", is_flag=True, help="Show all metrics, and the parts of the benchmark.")
@click.option("--out", type=click.Path(path_type=Path), help="A .csv or .json file of the scores.")
@click.option(
    "--leaderboard",
    type=click.Path(path_type=Path),
    help="A .json file that the figures of the whole benchmark are added to, see `sartext leaderboard`.",
)
@click.pass_obj
def evaluate(
    project: Project,
    /,
    out: Path | None,
    leaderboard: Path | None,
    every: bool,
    **submission: Any,  # noqa: ANN401
) -> None:
    """Score anyone's model, captions or answers on the test split of a published RELEASE; needs no project.

    Captions are compared with up to five wordings of the image's facts: its own caption first, the others drawn by
    --seed. Scores are comparable where the columns benchmark_sha256, seed and n of --out are equal.
    """
    from sartext.evaluation.score_tables import check_target, figure_table, headline_table, write_scores
    from sartext.submissions.leaderboard import add_row, read_leaderboard, row_of
    from sartext.submissions.scoring import score
    from sartext.submissions.submission import Submission

    request = Submission(**submission, root=project.root)
    inputs, folders = [request.captions, request.answers], [request.release, request.model]
    if out is not None:
        check_target(out, inputs, folders)
    if leaderboard is not None:
        if out is not None and out.resolve() == leaderboard.resolve():
            raise ParameterError("--out and --leaderboard are one file", where=out, way_out="name two")
        check_target(leaderboard, inputs, folders, "--leaderboard", (".json",))
        if leaderboard.exists():
            read_leaderboard(leaderboard)  # before hours of work
    scores = score(request)
    for line in scores.warnings:
        click.echo(f"warning: {line}", err=True)
    table = (figure_table if every else headline_table)(scores.figures, request.name.strip())
    show(table)
    more = len(scores.figures) - table.row_count
    if out is not None:
        write_scores(out, scores.figures, scores.origin)
        hidden = f", {more} of them not shown here" if more else ""
        click.echo(f"{len(scores.figures)} figures in {out}{hidden}")
    elif more:
        way = "write all to a file" if every else "show more by --all, or write all to a file"
        click.echo(f"{more} more figures are not shown here; {way}: --out scores.csv")
    if leaderboard is not None:
        held = add_row(leaderboard, row_of(scores, request.task, request.name.strip()))
        click.echo(
            f"added to {leaderboard}, which holds {counted(held, 'row')}: sartext leaderboard show {leaderboard}"
        )


@click.command("clip-of")
@click.argument("model", type=click.Path(path_type=Path))
@click.argument("out", type=click.Path(path_type=Path))
def clip_of(model: Path, out: Path) -> None:
    """Write the CLIP inside the CoCa of the folder MODEL to the folder OUT, for plain open_clip.

    It is for a CoCa with a convolutional image tower, which plain open_clip refuses; its features are the same.
    """
    from sartext.models.checkpoint import load, save
    from sartext.models.clip_part import clip_part

    if out.exists():
        raise ParameterError("there is something already", where=out, way_out="name a folder that is not there")
    part = clip_part(load(model, expected_kind="coca"), model)
    click.echo(f"{out}: model.safetensors, SHA-256 {save(part, out)}")

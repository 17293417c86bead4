"""``sartext caption``: captions for a person's own images."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sartext.cli.program import summary
from sartext.errors import DecodingError, ParameterError, counted

if TYPE_CHECKING:
    from sartext.captioner.user_files.files import Summary

QUANTITIES = ["auto", "amplitude", "intensity", "complex", "db"]


@click.command()
@click.argument("images", nargs=-1, required=True)
@click.option("--model", type=click.Path(path_type=Path), required=True, help="Folder of a CoCa checkpoint.")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="A .csv or .jsonl file. Rows that it has are kept and not tried again, unfinished ones neither; all of "
    "them must be of the same model.",
)
@click.option("--format", "form", type=click.Choice(["csv", "jsonl"]), help="Without --out.  [default: csv]")
@click.option(
    "--method",
    type=click.Choice(["greedy", "beam", "nucleus"]),
    help="[default: greedy; beam with several --beams]",
)
@click.option("--beams", type=click.IntRange(1, 64), help="[default: 1; 4 with --method beam]")
@click.option("--top-p", type=float, help="Share of the probability that nucleus draws from.  [default: 0.9]")
@click.option("--temperature", type=float, help="Of nucleus; below 1 it favours likely words.  [default: 1]")
@click.option(
    "--seed",
    type=click.IntRange(0),
    help="Of nucleus: an image's caption follows from it and the image, whatever the batch.  [default: 0]",
)
@click.option("--length", type=click.IntRange(2), help="Most tokens of a caption.  [default: the model's context]")
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
    type=click.Choice(QUANTITIES),
    default="auto",
    show_default=True,
    help="What files that are not 8-bit hold.",
)
@click.option("--window", type=(float, float), help="dB that are shown.  [default: -25 0 for dB, else a stretch]")
@click.option("--nodata", type=float, help="The value of pixels without data.  [default: the file's own tag]")
def caption(images: tuple[str, ...], model: Path, out: Path | None, form: str | None, **more: Any) -> None:  # noqa: ANN401
    """Caption IMAGES (files, folders, patterns) by a CoCa, as CSV or JSON lines."""
    from sartext.captioner.user_files.display import Display
    from sartext.captioner.user_files.files import CaptionOptions, caption_files, decoding_of

    if out and form:
        raise ParameterError(f"--format {form} with --out", where=out, way_out="leave it out: the name says it")
    display = Display(**{name: more.pop(name) for name in ("quantity", "window", "nodata")})
    drawing = {name: more.pop(name) for name in ("method", "beams", "top_p", "temperature", "seed")}
    options = CaptionOptions(display=display, decoding=decoding_of(**drawing), suffix=f".{form or 'csv'}", **more)
    _report(caption_files(images, model, out, options, click.echo))


def _report(done: "Summary") -> None:
    counts = {"captioned": done.captioned, "there already": done.kept, "unfinished": done.unfinished}
    click.echo(f"caption: {summary(counts)}", err=True)
    if done.batch:
        click.echo(f"memory held {done.batch} at a time: --batch {done.batch} saves the attempts", err=True)
    for name, reason in done.unreadable:
        click.echo(f"skipped {name}: {reason}", err=True)
    if done.unreadable:
        skipped = counted(len(done.unreadable), "image was", "images were")
        raise DecodingError(f"{skipped} skipped", way_out="the lines above name them and say why")

"""``sartext caption``: captions for a person's own images."""

from pathlib import Path
from typing import Any

import click

from sartext.cli.reporting import brief
from sartext.errors import DecodingError


@click.command()
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
    click.echo(f"caption: {brief(counts)}", err=True)
    for name, reason in done.unreadable:
        click.echo(f"skipped {name}: {reason}", err=True)
    if done.unreadable:
        count = len(done.unreadable)
        what = f"{count} image was skipped" if count == 1 else f"{count} images were skipped"
        raise DecodingError(what, way_out="the lines above name them and say why")

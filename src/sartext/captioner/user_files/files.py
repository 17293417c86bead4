"""Captions of a user's own image files: `sartext caption`."""

import glob
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from math import isfinite
from pathlib import Path
from typing import Any

from sartext.captioner.captioner import GREEDY, AdaptiveBatch, Decoding, batches, caption_pictures
from sartext.captioner.user_files.display import Display, Picture, stretch
from sartext.captioner.user_files.rows import Row, add_rows, header, line, repair, single_writer
from sartext.corpora.quarantine import Unusable
from sartext.errors import DecodingError, ParameterError
from sartext.models.checkpoint import load
from sartext.models.decoding.captioning import Method
from sartext.models.decoding.kv_cache import towers_of
from sartext.models.memory import is_shortage
from sartext.models.model import Model, device_of
from sartext.models.squashing import squash
from sartext.progress import track

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")
"""What is taken from a folder; a file that is named itself may have any name."""

DEFAULT_BEAMS = 4
"""Beams of a search for which no number is stated."""

NOTHING = "no image is there"
UNNAMABLE = "its name is not UTF-8, or holds a line break; rename it"
NO_MEMORY = "too large for this machine's memory; cut it into tiles"


@dataclass(frozen=True)
class CaptionOptions:
    """How to caption.

    Args:
        length: tokens of the longest caption, start and end included; by default the model's context.
        decoding: greedy, by beams or drawn.
        batch: images at a time; fewer where memory runs out.
        device: ``cpu``, ``cuda`` or ``auto``.
        display: how files that are no 8-bit pictures are shown.
        suffix: ``.csv`` or ``.jsonl``: the format of what is shown where there is no file.
    """

    length: int | None = None
    decoding: Decoding = GREEDY
    batch: int = 32
    device: str = "cpu"
    display: Display = field(default_factory=Display)
    suffix: str = ".csv"


@dataclass(frozen=True)
class Summary:
    """What became of the images.

    Args:
        captioned: now; ``unfinished`` of them have no caption, as the model did not end its sentence in time.
        kept: had a row already.
        unreadable: what was skipped, and why; bytes of a name that are not UTF-8 read like ``\\xff``.
        batch: images at a time that fitted into memory, where that was fewer than asked for.
    """

    captioned: int
    kept: int
    unfinished: int
    unreadable: tuple[tuple[str, str], ...]
    batch: int | None = None


def caption_files(
    images: Sequence[str], model: Path, out: Path | None, options: CaptionOptions, show: Callable[[str], None]
) -> Summary:
    """Caption image files; the rows go to a file that may be there already, or are shown.

    Args:
        images: files, folders (with all below them) and patterns.
        model: folder of a CoCa checkpoint.
        out: ``.csv`` or ``.jsonl``. Images that have a row there are skipped, also where the model did not end its
            sentence; an unfinished last line is cut off. One run at a time writes to it, and one model.
        options: how.
        show: takes the lines where there is no file.

    Raises:
        DecodingError: no image is found, ``out`` is something else, of another model, or another run writes to it,
            the length does not fit the model, or memory does not hold one image.
        ModelError: the checkpoint cannot be used, or the device is absent.
    """
    paths, unreadable = find_images(images)
    captioned = unfinished = 0
    with ExitStack() as stack:
        if out:
            stack.enter_context(single_writer(out))
        models = repair(out) if out else {}
        coca = _load(model, options.device)
        for other in models.values():
            if other != coca.sha256:
                raise DecodingError(
                    f"its captions are of another model (weights {other[:12]}..., not {str(coca.sha256)[:12]}...)",
                    where=out,
                    way_out="name another file, or the model that wrote it",
                )
        context = towers_of(coca.network).context
        length = context if options.length is None else options.length
        if length > context:
            reason = f"--length {length}: the model has room for {context} tokens"
            raise DecodingError(reason, where=model, way_out=f"take 2 to {context}")
        new = [path for path in paths if path.as_posix() not in models]
        if not new:
            return Summary(0, len(paths), 0, tuple(unreadable))
        display = options.display
        if display.window is None:
            display = replace(display, stretched=stretch(display, paths))
        add = partial(add_rows, out) if out else _shower(show, options.suffix)
        adaptive = AdaptiveBatch(options.batch, "--batch")

        def rows() -> Iterator[Row | None]:
            """The row of each image once it is written; None for one that cannot be read."""
            for batch in batches(_pictures(new, display, coca.side, unreadable), options.batch):
                readable = [(path, picture) for path, picture in batch if picture is not None]
                made = adaptive.map(readable, lambda part: _rows(part, coca, length, options.decoding))
                if made:
                    add(made)
                yield from [*made, *[None] * (len(batch) - len(made))]

        for row in track(rows(), "captions", len(new)):
            captioned += row is not None
            unfinished += row is not None and not row.finished
    smaller = adaptive.size if adaptive.size < options.batch else None
    return Summary(captioned, len(paths) - len(new), unfinished, tuple(unreadable), smaller)


def _load(folder: Path, device: str) -> Model:
    try:
        return load(folder, device=device_of(device), expected_kind="coca")
    except Exception as error:
        if not is_shortage(error):
            raise
        way_out = "end what else holds memory there, or name another --device"
        reason = f"out of memory: the model does not fit on {device}"
        raise DecodingError(reason, where=folder, way_out=way_out) from error


def find_images(named: Sequence[str]) -> tuple[list[Path], list[tuple[str, str]]]:
    """Return the image files that arguments name, each once and in their order, and what cannot be captioned.

    That is an argument that leads to no image, and an image that no file of captions can name. A DecodingError
    where there is none at all.
    """
    images = {name: _images_of(name) for name in named}
    missing = [(_readably(name), NOTHING) for name in named if not images[name]]
    names = {path: _readably(path.as_posix()) for paths in images.values() for path in paths}
    if not names:
        where = ", ".join(map(_readably, named))
        raise DecodingError(NOTHING, where=where, way_out=f"name files, or folders with {', '.join(SUFFIXES)}")
    missing += [(name, UNNAMABLE) for path, name in names.items() if name != path.as_posix()]
    return [path for path, name in names.items() if name == path.as_posix()], missing


def _readably(name: str) -> str:
    """Return a name as text on one line; bytes that are not UTF-8 and line breaks read like ``\\xff``, ``\\n``."""
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return text.replace("\r", "\\r").replace("\n", "\\n")


def _images_of(named: str) -> list[Path]:
    path = Path(named)
    if path.is_dir():
        return sorted(file for file in path.rglob("*") if file.suffix.casefold() in SUFFIXES and file.is_file())
    if path.exists():
        return [path]
    matches = map(Path, sorted(glob.glob(named, recursive=True)))  # noqa: PTH207 - patterns may be absolute
    return [match for match in matches if match.is_file()]


def _pictures(
    paths: Sequence[Path], display: Display, side: int, unreadable: list[tuple[str, str]]
) -> Iterator[tuple[Path, Picture | None]]:
    """Yield pictures in the size that the model takes: whole scenes side by side would fill the memory."""
    for path in paths:
        picture = None
        try:
            picture = squash(display.picture(path), side)
        except (Unusable, MemoryError) as error:
            unreadable.append((path.as_posix(), NO_MEMORY if isinstance(error, MemoryError) else str(error)))
        yield path, picture


def _rows(images: Sequence[tuple[Path, Picture]], coca: Model, length: int, decoding: Decoding) -> list[Row]:
    """Caption pictures. An unfinished sentence is no caption: its place stays empty."""
    rows = []
    captions = caption_pictures(coca, [picture for _, picture in images], length, decoding)
    for (path, _), caption in zip(images, captions, strict=True):
        text = caption.text if caption.finished else ""
        figures = caption.log_probability, caption.finished, str(coca.sha256)
        rows.append(Row(path.as_posix(), text, *figures))
    return rows


def _shower(show: Callable[[str], None], suffix: str) -> Callable[[Sequence[Row]], None]:
    """Show rows; the header of CSV comes with the first of them."""
    first = [header(suffix)]

    def add(rows: Sequence[Row]) -> None:
        for text in filter(None, [*first, *(line(row, suffix) for row in rows)]):
            show(text.rstrip("\n"))
        first.clear()

    return add


def decoding_of(
    method: Method | None = None,
    beams: int | None = None,
    top_p: float | None = None,
    temperature: float | None = None,
    seed: int | None = None,
) -> Decoding:
    """Return the decoding that a person asked for; None is what was not stated.

    Without a method it is greedy, or a beam search where there are several beams.

    Raises:
        ParameterError: an option is out of range, or of another method.
    """
    if method is None:
        method = "beam" if beams is not None and beams > 1 else "greedy"
    drawing = {"top_p": top_p, "temperature": temperature, "seed": seed}
    stated: dict[str, Any] = {name: value for name, value in drawing.items() if value is not None}
    if stated and method != "nucleus":
        raise _other(", ".join(f"--{name.replace('_', '-')}" for name in stated), method, "nucleus")
    if beams is not None and beams > 1 and method != "beam":
        raise _other(f"--beams {beams}", method, "beam")
    if method == "beam":
        return Decoding(method, DEFAULT_BEAMS if beams is None else beams)
    if top_p is not None and not 0 < top_p <= 1:
        raise ParameterError(f"--top-p {top_p:g}", way_out="take a share above 0, at most 1")
    if temperature is not None and not (isfinite(temperature) and temperature > 0):
        raise ParameterError(f"--temperature {temperature:g}", way_out="take a number above 0")
    return replace(Decoding(method), **stated)


def _other(option: str, method: Method, needed: Method) -> ParameterError:
    return ParameterError(f"{option} with --method {method}", way_out=f"say --method {needed}, or leave it out")

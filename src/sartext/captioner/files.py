"""Captions of a user's own image files: `sartext caption`."""

import glob
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from sartext.captioner.captioner import Picture, chunks, told_of
from sartext.captioner.decoding import GREEDY, Decoding
from sartext.captioner.display import Display, stretch
from sartext.captioner.fitting import Fitting
from sartext.captioner.rows import Row, alone, appending, check_model, header, line, repair
from sartext.corpora.quarantine import Unusable
from sartext.errors import DecodingError
from sartext.models.checkpoint import load
from sartext.models.decoding.kv_cache import towers_of
from sartext.models.memory import is_shortage
from sartext.models.model import Model, device_of
from sartext.models.preprocessing import squash
from sartext.progress import track

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")
"""What is taken from a folder; a file that is named itself may have any name."""

NOTHING = "no image is there"
UNNAMABLE = "its name is not UTF-8, or holds a line break; rename it"
NO_MEMORY = "too large for this machine's memory; cut it into tiles"


@dataclass(frozen=True)
class Asked:
    """How to caption.

    Args:
        length: tokens of the longest caption, start and end included; the model's context where it is not given.
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
        fitting: images at a time that fitted into memory, where that was fewer than asked for.
    """

    captioned: int
    kept: int
    unfinished: int
    unreadable: tuple[tuple[str, str], ...]
    fitting: int | None = None


def caption_files(
    images: Sequence[str], model: Path, out: Path | None, asked: Asked, show: Callable[[str], None]
) -> Summary:
    """Caption image files; the rows go to a file that may be there already, or are shown.

    Args:
        images: files, folders (with all below them) and patterns.
        model: folder of a CoCa checkpoint.
        out: ``.csv`` or ``.jsonl``. Images that have a row there are skipped, also where the model did not end its
            sentence; an unfinished last line is cut off. One run at a time writes to it, and one model.
        asked: how.
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
            stack.enter_context(alone(out))
        there = repair(out) if out else {}
        coca = _loaded(model, asked.device)
        if out:
            check_model(there, str(coca.sha256), out)
        length = _length(coca, model, asked.length)
        left = [path for path in paths if path.as_posix() not in there]
        if not left:
            return Summary(0, len(paths), 0, tuple(unreadable))
        display = asked.display
        if display.window is None:
            display = replace(display, stretched=stretch(display, paths, len(paths)))
        add = stack.enter_context(appending(out)).add if out else _shower(show, asked.suffix)
        fitting = Fitting(asked.batch, "--batch")
        for some in chunks(_readable(left, display, coca.side, unreadable), asked.batch):
            rows = fitting.over(some, lambda part: _rows(part, coca, length, asked.decoding))
            add(rows)
            captioned += len(rows)
            unfinished += sum(not row.finished for row in rows)
    smaller = fitting.size if fitting.size < asked.batch else None
    return Summary(captioned, len(paths) - len(left), unfinished, tuple(unreadable), smaller)


def _loaded(folder: Path, device: str) -> Model:
    try:
        return load(folder, device=device_of(device), expected_kind="coca")
    except Exception as error:
        if not is_shortage(error):
            raise
        raise DecodingError(
            f"out of memory: the model does not fit on {device}",
            where=folder,
            way_out="end what else holds memory there, or name another --device",
        ) from error


def _length(coca: Model, folder: Path, told: int | None) -> int:
    """Return the tokens of the longest caption: as told, or as many as the model has room for."""
    context = towers_of(coca.network).context
    if told is not None and told > context:
        raise DecodingError(
            f"--length {told}: the model has room for {context} tokens",
            where=folder,
            way_out=f"take 2 to {context}",
        )
    return context if told is None else told


def find_images(named: Sequence[str]) -> tuple[list[Path], list[tuple[str, str]]]:
    """Return the image files that arguments name, each once and in their order, and what cannot be captioned.

    That is an argument that leads to no image, and an image that no file of captions can name.

    Raises:
        DecodingError: there is none at all.
    """
    found: dict[Path, None] = {}
    missing = []
    for one in named:
        paths = _below(one)
        if not paths:
            missing.append((_readably(one), NOTHING))
        found.update(dict.fromkeys(paths))
    if not found:
        where = ", ".join(map(_readably, named))
        raise DecodingError(NOTHING, where=where, way_out=f"name files, or folders with {', '.join(SUFFIXES)}")
    names = {path: _readably(path.as_posix()) for path in found}
    missing += [(name, UNNAMABLE) for path, name in names.items() if name != path.as_posix()]
    return [path for path, name in names.items() if name == path.as_posix()], missing


def _readably(name: str) -> str:
    """Return a name as text on one line; bytes that are not UTF-8 and line breaks read like ``\\xff``, ``\\n``."""
    text = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return text.replace("\r", "\\r").replace("\n", "\\n")


def _below(named: str) -> list[Path]:
    path = Path(named)
    if path.is_dir():
        return sorted(one for one in path.rglob("*") if one.suffix.casefold() in SUFFIXES and one.is_file())
    if path.exists():
        return [path]
    matches = map(Path, sorted(glob.glob(named, recursive=True)))  # noqa: PTH207 - patterns may be absolute
    return [one for one in matches if one.is_file()]


def _readable(
    paths: Sequence[Path], display: Display, side: int, unreadable: list[tuple[str, str]]
) -> Iterator[tuple[Path, Picture]]:
    """Yield pictures in the size that the model takes: whole scenes side by side would fill the memory."""
    for path in track(paths, "captions", len(paths)):
        try:
            picture = squash(display.picture(path), side)
        except Unusable as error:
            unreadable.append((path.as_posix(), str(error)))
        except MemoryError:
            unreadable.append((path.as_posix(), NO_MEMORY))
        else:
            yield path, picture


def _rows(some: Sequence[tuple[Path, Picture]], coca: Model, length: int, decoding: Decoding) -> list[Row]:
    """Caption pictures. An unfinished sentence is no caption: its place stays empty."""
    told = told_of(coca, [picture for _, picture in some], length, decoding)
    return [
        Row(path.as_posix(), one.text if one.finished else "", one.log_probability, one.finished, str(coca.sha256))
        for (path, _), one in zip(some, told, strict=True)
    ]


def _shower(show: Callable[[str], None], suffix: str) -> Callable[[Sequence[Row]], None]:
    """Show rows; the header of CSV comes with the first of them."""
    above = [header(suffix)]

    def add(rows: Sequence[Row]) -> None:
        for text in [*above, *(line(row, suffix) for row in rows)]:
            if text:
                show(text.rstrip("\n"))
        above.clear()

    return add

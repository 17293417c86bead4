"""Captions of a user's own image files: `sartext caption`."""

import glob
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from sartext.corpora.quarantine import Unusable
from sartext.errors import DecodingError
from sartext.models.checkpoint import load
from sartext.models.devices import device_of
from sartext.narrator.captioning.captioner import Picture, Told, chunks, told_of
from sartext.narrator.captioning.display import Display, stretch
from sartext.narrator.captioning.rows import Row, alone, appending, header, line, repair
from sartext.progress import track

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")
"""What is taken from a folder; a file that is named itself may have any name."""

NOTHING = "no image is there"
UNNAMABLE = "its name is not UTF-8; rename it"


@dataclass(frozen=True)
class Asked:
    """How to caption.

    Args:
        length: tokens of the longest caption, start and end included; the model's context where it is not given.
        beams: one is greedy.
        batch: images at a time.
        device: ``cpu``, ``cuda`` or ``auto``.
        display: how files that are no 8-bit pictures are shown.
    """

    length: int | None = None
    beams: int = 1
    batch: int = 32
    device: str = "cpu"
    display: Display = field(default_factory=Display)


@dataclass(frozen=True)
class Summary:
    """What became of the images.

    Args:
        captioned: now; ``unfinished`` of them have no caption, as the model did not end its sentence in time.
        kept: had a row already.
        unreadable: what was skipped, and why; bytes of a name that are not UTF-8 read like ``\\xff``.
    """

    captioned: int
    kept: int
    unfinished: int
    unreadable: tuple[tuple[str, str], ...]


def caption_files(
    images: Sequence[str], model: Path, out: Path | None, asked: Asked, show: Callable[[str], None]
) -> Summary:
    """Caption image files; the rows go to a file that may be there already, or are shown as CSV.

    Args:
        images: files, folders (with all below them) and patterns.
        model: folder of a CoCa checkpoint.
        out: ``.csv`` or ``.jsonl``. Images that have a row there are skipped; an unfinished last line is cut off.
            One run at a time writes to it.
        asked: how.
        show: takes the lines where there is no file.

    Raises:
        DecodingError: no image is found, ``out`` is something else or another run writes to it, or the parameters
            do not fit the model.
        ModelError: the checkpoint cannot be used, or the device is absent.
    """
    paths, unreadable = find_images(images)
    unfinished = captioned = 0
    with ExitStack() as stack:
        if out:
            stack.enter_context(alone(out))
        there = repair(out) if out else set()
        left = [path for path in paths if path.as_posix() not in there]
        if not left:
            return Summary(0, len(paths), 0, tuple(unreadable))
        coca = load(model, device=device_of(asked.device), expected_kind="coca")
        length = coca.context if asked.length is None else asked.length
        display = asked.display
        if display.window is None:
            display = replace(display, stretched=stretch(display, paths, len(paths)))
        add = stack.enter_context(appending(out)).add if out else _shower(show)
        for some in chunks(_readable(left, display, unreadable), asked.batch):
            told = told_of(coca, [picture for _, picture in some], length, asked.beams)
            rows = [_row(path, found[0]) for (path, _), found in zip(some, told, strict=True)]
            add(rows)
            captioned += len(rows)
            unfinished += sum(not row.finished for row in rows)
    return Summary(captioned, len(paths) - len(left), unfinished, tuple(unreadable))


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
    """Return a name as text that can be written: bytes that are not UTF-8 read like ``\\xff``."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _below(named: str) -> list[Path]:
    path = Path(named)
    if path.is_dir():
        return sorted(one for one in path.rglob("*") if one.suffix.casefold() in SUFFIXES and one.is_file())
    if path.exists():
        return [path]
    matches = map(Path, sorted(glob.glob(named, recursive=True)))  # noqa: PTH207 - patterns may be absolute
    return [one for one in matches if one.is_file()]


def _readable(
    paths: Sequence[Path], display: Display, unreadable: list[tuple[str, str]]
) -> Iterator[tuple[Path, Picture]]:
    for path in track(paths, "captions", len(paths)):
        try:
            yield path, display.picture(path)
        except Unusable as error:
            unreadable.append((path.as_posix(), str(error)))


def _row(path: Path, told: Told) -> Row:
    """An unfinished sentence is no caption: its place stays empty."""
    return Row(path.as_posix(), told.text if told.finished else "", told.log_probability, told.finished)


def _shower(show: Callable[[str], None]) -> Callable[[Sequence[Row]], None]:
    show(header(".csv").rstrip("\n"))

    def add(rows: Sequence[Row]) -> None:
        for row in rows:
            show(line(row, ".csv").rstrip("\n"))

    return add

"""Captions of a user's own image files: `sartext caption`."""

import glob
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from sartext.captioner.captioner import AdaptiveBatch, Decoding, batches, caption_pictures
from sartext.captioner.domain import Domain
from sartext.captioner.user_files.display import Display, Picture, stretch
from sartext.captioner.user_files.options import CaptionOptions, Summary
from sartext.captioner.user_files.proving import Prover, domain_of_model, load_prover, unlike_in
from sartext.captioner.user_files.rows import Origin, Row, add_rows, header, line, repair, single_writer
from sartext.corpora.quarantine import Unusable
from sartext.errors import DecodingError
from sartext.models.checkpoint import load
from sartext.models.decoding.kv_cache import towers_of
from sartext.models.memory import is_shortage
from sartext.models.model import Model, device_of
from sartext.models.squashing import squash
from sartext.progress import track

SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".npy")
"""What is taken from a folder; a file that is named itself may have any name."""

NOTHING = "no image is there"
UNNAMABLE = "its name is not UTF-8, or holds a line break; rename it"
NO_MEMORY = "too large for this machine's memory; cut it into tiles"


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
        ArtefactError: there are no thresholds for the model.
        DecodingError: no image is found, ``out`` is something else, of another model, or another run writes to it,
            the length does not fit the model, or memory does not hold one image.
        ModelError: a checkpoint cannot be used, or the device is absent.
    """
    paths, unreadable = find_images(images)
    captioned = unfinished = unproven = 0
    unlike: list[str] = []
    with ExitStack() as stack:
        if out:
            stack.enter_context(single_writer(out))
        origins = repair(out) if out else {}
        writer = _writer(model, options)
        for other in origins.values():
            _check_origin(other, writer.origin, out)
        new = [path for path in paths if path.as_posix() not in origins]
        if not new:
            return Summary(0, len(paths), 0, tuple(unreadable))
        display = options.display if options.raw else replace(options.display, domain=writer.domain)
        if display.window is None:
            display = replace(display, stretched=stretch(display, paths))
        add = partial(add_rows, out) if out else _shower(show, options.suffix)
        adaptive = AdaptiveBatch(options.batch, "--batch")

        def rows() -> Iterator[Row | None]:
            """The row of each image once it is written; None for one that cannot be read."""
            for batch in batches(_pictures(new, display, writer.side, unreadable), options.batch):
                readable = [(path, picture) for path, picture in batch if picture is not None]
                made = adaptive.map(readable, writer.rows)
                if made:
                    add(made)
                yield from [*made, *[None] * (len(batch) - len(made))]

        for row in track(rows(), "captions", len(new)):
            if row is not None:
                captioned += 1
                unfinished += options.raw and not row.finished
                unproven += not options.raw and not row.caption
                unlike += [row.unlike] if row.unlike else []
    smaller = adaptive.size if adaptive.size < options.batch else None
    figures = Counter(figure for names in unlike for figure in names.split(", "))
    return Summary(
        captioned,
        len(paths) - len(new),
        unfinished,
        tuple(unreadable),
        smaller,
        unproven,
        (len(unlike), dict(figures.most_common())),
    )


@dataclass(frozen=True)
class _RawWriter:
    """Captions by a CoCa's own words; ``domain`` is what it was taught, where that is known."""

    coca: Model
    length: int
    decoding: Decoding
    domain: Domain | None

    @property
    def origin(self) -> Origin:
        return Origin(str(self.coca.sha256))

    @property
    def side(self) -> int:
        return self.coca.side

    def rows(self, images: Sequence[tuple[Path, Picture]]) -> list[Row]:
        """Caption pictures. An unfinished sentence is no caption: its place stays empty."""
        rows = []
        captions = caption_pictures(self.coca, [picture for _, picture in images], self.length, self.decoding)
        for (path, picture), caption in zip(images, captions, strict=True):
            unlike = ", ".join(unlike_in(self.domain, picture)) if self.domain else ""
            text = caption.text if caption.finished else ""
            figures = caption.log_probability, caption.finished
            rows.append(Row(path.as_posix(), text, *figures, *self.origin, unlike=unlike))
        return rows


def _writer(model: Path, options: CaptionOptions) -> "_RawWriter | Prover":
    coca = _load(model, options.device)
    if not options.raw:
        more = {"calibration": options.calibration, "batch": options.batch, "explain": options.explain}
        return load_prover(model, coca, **more)  # type: ignore[arg-type]
    context = towers_of(coca.network).context
    length = context if options.length is None else options.length
    if length > context:
        reason = f"--length {length}: the model has room for {context} tokens"
        raise DecodingError(reason, where=model, way_out=f"take 2 to {context}")
    return _RawWriter(coca, length, options.decoding, domain_of_model(model, coca, options.calibration))


def _check_origin(other: Origin, own: Origin, out: Path | None) -> None:
    """Raise a DecodingError where a row of a file was made by something else than this run makes its rows by."""
    if other.model_sha256 != own.model_sha256:
        weights = f"weights {other.model_sha256[:12]}..., not {own.model_sha256[:12]}..."
        way_out = "name another file, or the model that wrote it"
        raise DecodingError(f"its captions are of another model ({weights})", where=out, way_out=way_out)
    if other != own:
        by = f"proven by thresholds {other.calibration_sha256[:12]}..." if other.calibration_sha256 else "raw"
        way_out = "name another file, or caption as then, with or without --raw"
        raise DecodingError(f"its captions are {by}, those of this run are not", where=out, way_out=way_out)


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
    paths: Sequence[Path], display: Display, side: int | None, unreadable: list[tuple[str, str]]
) -> Iterator[tuple[Path, Picture | None]]:
    """Yield pictures in the size that the model takes, where it is one: whole scenes would fill the memory."""
    for path in paths:
        picture = None
        try:
            picture = display.picture(path)
            picture = picture if side is None else squash(picture, side)
        except (Unusable, MemoryError) as error:
            unreadable.append((path.as_posix(), NO_MEMORY if isinstance(error, MemoryError) else str(error)))
        yield path, picture


def _shower(show: Callable[[str], None], suffix: str) -> Callable[[Sequence[Row]], None]:
    """Show rows; the header of CSV comes with the first of them."""
    first = [header(suffix)]

    def add(rows: Sequence[Row]) -> None:
        for text in filter(None, [*first, *(line(row, suffix) for row in rows)]):
            show(text.rstrip("\n"))
        first.clear()

    return add

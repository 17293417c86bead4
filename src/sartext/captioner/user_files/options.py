"""How a user's files are captioned, and what becomes of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from math import isfinite
from pathlib import Path
from types import MappingProxyType
from typing import Any

from sartext.captioner.captioner import GREEDY, Decoding
from sartext.captioner.user_files.display import Display
from sartext.errors import ParameterError
from sartext.models.decoding.captioning import Method

DEFAULT_BEAMS = 4
"""Beams of a search for which no number is stated."""


@dataclass(frozen=True)
class CaptionOptions:
    """How to caption.

    Args:
        raw: by the model's own words; else by statements that the grounder proves, which decides how is decoded.
        length: tokens of the longest caption, start and end included; by default the model's context. Only if raw.
        decoding: greedy, by beams or drawn. Only if raw.
        calibration: folder of the thresholds; by default that of the model's project.
        explain: folder for a picture of what speaks for each caption; not if raw.
        batch: images at a time; fewer where memory runs out.
        device: ``cpu``, ``cuda`` or ``auto``.
        display: how files that are no 8-bit pictures are shown.
        suffix: ``.csv`` or ``.jsonl``: the format of what is shown without a file; empty for captions alone.
    """

    raw: bool = False
    length: int | None = None
    decoding: Decoding = GREEDY
    calibration: Path | None = None
    explain: Path | None = None
    batch: int = 32
    device: str = "cpu"
    display: Display = field(default_factory=Display)
    suffix: str = ""

    def __post_init__(self) -> None:
        if self.raw and self.explain is not None:
            way_out = "leave one out: nothing speaks for raw words"
            raise ParameterError(f"--explain {self.explain} with --raw", way_out=way_out)


@dataclass(frozen=True)
class Summary:
    """What became of the images.

    Args:
        captioned: now; ``unfinished`` of them have no caption, as the model did not end its sentence in time, and
            ``unproven``, as no statement reaches its threshold.
        kept: had a row already.
        unreadable: what was skipped, and why; bytes of a name that are not UTF-8 read like ``\\xff``.
        unlike: how many pictures are unlike those that the model was taught, and how many in each figure.
        batch: images at a time that fitted into memory, where that was fewer than asked for.
    """

    captioned: int
    kept: int
    unfinished: int
    unreadable: tuple[tuple[str, str], ...]
    batch: int | None = None
    unproven: int = 0
    unlike: tuple[int, Mapping[str, int]] = (0, MappingProxyType({}))


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

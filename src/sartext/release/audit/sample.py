"""What people are asked to rate: a stratified sample of the candidate, in a shuffled order, some of it twice.

Whatever is drawn follows from the seed and the ids alone, by SHA-256: it is the same on every machine.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from pydantic import Field

from sartext.config.section import Section
from sartext.errors import AuditError

Row = Mapping[str, Any]


LARGEST = 10_000
"""Images of a sample at most: its page holds their pictures."""


class SampleParameters(Section):
    """How many images are drawn, by which seed, how many of each stratum at least, how many are shown twice."""

    size: int = Field(200, ge=1, le=LARGEST, strict=True)
    seed: int = Field(0, ge=0, strict=True)
    floor: int = Field(3, ge=0, strict=True)
    repeats: int = Field(10, ge=0, strict=True)


class Stratum(NamedTuple):
    """What the sample is stratified by."""

    corpus: str
    method: str
    split: str


class Showing(NamedTuple):
    """One place of the sample: an image, shown the first or the second time (1 or 2)."""

    image_id: str
    showing: int


def stratum(pair: Row) -> Stratum:
    """Return the stratum of a pair."""
    return Stratum(pair["corpus"], pair["method"], pair["split"])


def draw(pairs: Sequence[Row], parameters: SampleParameters) -> list[Showing]:
    """Return the sample in the order in which a rater meets it.

    Every stratum gives ``floor`` images, or all that it has; the rest of ``size`` is shared in proportion to what
    remains of each (largest remainders). Images that are shown twice are of the first half of the order, and come
    back among the second.

    Args:
        pairs: the rows of the candidate.
        parameters: of the sample; where the candidate holds no more than ``size`` images, all are drawn.

    Raises:
        AuditError: ``floor`` images of each stratum are more than ``size``.
    """
    members: dict[Stratum, list[str]] = {}
    for pair in pairs:
        members.setdefault(stratum(pair), []).append(pair["image_id"])
    counts = _allot(Counter({name: len(ids) for name, ids in members.items()}), parameters)
    drawn = [
        image_id for name, ids in members.items() for image_id in _ranked(ids, parameters, "draw")[: counts[name]]
    ]
    order = _ranked(drawn, parameters, "order")
    half = (len(order) + 1) // 2
    again = [Showing(image_id, 2) for image_id in order[: min(half, parameters.repeats)]]
    late = {showing.image_id: showing for showing in (*(Showing(name, 1) for name in order[half:]), *again)}
    shuffled = _ranked(list(late), parameters, "second half")
    return [*(Showing(name, 1) for name in order[:half]), *(late[name] for name in shuffled)]


def least(sizes: Mapping[Stratum, int], floor: int) -> dict[Stratum, int]:
    """Return how many images a sample holds of each stratum at least, from the pairs of each."""
    return {name: min(size, floor) for name, size in sizes.items()}


def _allot(sizes: Mapping[Stratum, int], parameters: SampleParameters) -> dict[Stratum, int]:
    counts = least(sizes, parameters.floor)
    rest = min(parameters.size, sum(sizes.values())) - sum(counts.values())
    if rest < 0:
        raise AuditError(
            f"{len(sizes)} strata (corpus, method, split) of at least {parameters.floor} images are more than "
            f"{parameters.size}",
            where="sartext audit export",
            way_out=f"pass --size {sum(counts.values())} or more, or a smaller --floor",
        )
    remaining = {name: size - counts[name] for name, size in sizes.items()}
    total = sum(remaining.values()) or 1
    remainders = {}
    for name, left in remaining.items():
        whole, remainders[name] = divmod(left * rest, total)
        counts[name] += whole
    missing = rest - sum(left * rest // total for left in remaining.values())
    for name in sorted(remainders, key=lambda name: (-remainders[name], name))[:missing]:
        counts[name] += 1
    return counts


def _ranked(ids: Sequence[str], parameters: SampleParameters, purpose: str) -> list[str]:
    """The ids in an order that the seed decides."""
    return sorted(ids, key=lambda name: hashlib.sha256(f"{parameters.seed} {purpose} {name}".encode()).hexdigest())

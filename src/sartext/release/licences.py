"""What the conditions of licences demand of a release, as data: what may not stand in it or side by side."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from sartext.catalogue.entry import Condition

Conditions = tuple[Condition, ...] | None
"""Those of one licence; None where nobody looked."""


def may_be_given_on(row: Mapping[str, Any]) -> bool:
    """Whether the release may hold the image: its licence is stated and gives the right to redistribute."""
    return bool(row["redistribution"]) and row["licence"] not in {None, "", "not-stated"}


@dataclass(frozen=True)
class Conflict:
    """A condition, and what it does not go together with.

    Args:
        condition: of a corpus.
        against: ``images`` or ``captions`` of that corpus in the release, or a condition of another corpus, which
            does not count where the first corpus has it too.
        reason: why.
        blocks: whether it stops a release; else people are told and decide.
    """

    condition: Condition
    against: Condition | Literal["images", "captions"]
    reason: str
    blocks: bool = False


CONFLICTS = (
    Conflict("no-redistribution", "images", "the licence does not let them be passed on", blocks=True),
    Conflict("on-request", "images", "their owner hands them out on request only", blocks=True),
    Conflict("no-derivatives", "captions", "a caption may count as a work made from the image"),
    Conflict("share-alike", "non-commercial", "a work made of both cannot be under either licence"),
)


def conflicts_of(
    corpus: str, conditions: Mapping[str, Conditions], with_images: Collection[str], *, blocking: bool
) -> str:
    """Return which conditions of a corpus do not go together with a release, and why; empty where all do.

    Args:
        corpus: its name.
        conditions: of every corpus that the release holds something of.
        with_images: the corpora that it holds images of.
        blocking: whether those are asked for that stop a release, or the others.
    """
    own = conditions[corpus] or ()
    asked = (each for each in CONFLICTS if each.condition in own and each.blocks == blocking)
    found = ((conflict, _against(conflict, corpus, conditions, with_images)) for conflict in asked)
    return "; ".join(f"{one.condition} beside {other}: {one.reason}" for one, other in found if other)


def _against(
    conflict: Conflict, corpus: str, conditions: Mapping[str, Conditions], with_images: Collection[str]
) -> str:
    """What stands in the release that a condition does not go together with, in words."""
    if conflict.against == "images":
        return "images that are included" if corpus in with_images else ""
    if conflict.against == "captions":
        return "captions"
    if conflict.against in (conditions[corpus] or ()):
        return ""
    others = [name for name, of_other in conditions.items() if conflict.against in (of_other or ())]
    return f"{conflict.against} of {', '.join(others)}" if others else ""


def unknown_conditions(corpus: str, conditions: Mapping[str, Conditions], with_images: Collection[str]) -> str:
    """Say that images are included of which nobody looked what their licence demands; empty where somebody did."""
    unknown = conditions[corpus] is None and corpus in with_images
    return "images are included, and nobody said what their licence demands: `conditions`" if unknown else ""

"""How variants look in charts: a colour, a dash and a mark each, the same all over the page."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from sartext.evaluation.details import Variant

COLOURS = 8
GREY = 8
INK = 9
RADIUS = 3.6
"""Of a mark: small enough to leave a short interval in sight."""


@dataclass(frozen=True)
class Look:
    """A variant's colour (a number that the style sheet knows), how its lines are broken, and its mark."""

    colour: int
    dashed: bool = False
    hollow: bool = False
    dotted: bool = False

    @property
    def classes(self) -> str:
        """For lines of this look."""
        return f"v{self.colour}{' dashed' if self.dashed else ' dotted' if self.dotted else ''}"


def looks(variants: Sequence[Variant]) -> Mapping[str, Look]:
    """Return the look of each variant.

    Models and arms have colours in turn, foundations are grey, baselines grey with dotted lines, ceilings ink.
    A variant whose name goes on after another's (``direct-total`` after ``direct``) has its colour, with dashed
    lines and hollow marks.
    """
    found: dict[str, Look] = {}
    order = {"model": 0, "arm": 1, "foundation": 2, "baseline": 3, "ceiling": 4}
    used = 0
    for one in sorted(variants, key=lambda variant: (order[variant.role], len(variant.name))):
        stem = next((name for name in found if one.name.startswith(f"{name}-")), None)
        if one.role == "ceiling":
            found[one.name] = Look(INK, dashed=True, hollow=stem is not None)
        elif one.role == "baseline":
            found[one.name] = Look(GREY, hollow=stem is not None, dotted=True)
        elif one.role == "foundation":
            found[one.name] = Look(GREY, dashed=stem is not None, hollow=stem is not None)
        elif stem is not None:
            found[one.name] = Look(found[stem].colour, dashed=True, hollow=True)
        else:
            found[one.name] = Look(used % COLOURS, used >= COLOURS, used >= COLOURS)
            used += 1
    return found


def dot(look: Look, x: float, y: float) -> str:
    """Return the mark of a look at a place of a chart."""
    kind = "hollow" if look.hollow else "full"
    return f'<circle class="{kind} v{look.colour}" cx="{x:.1f}" cy="{y:.1f}" r="{RADIUS}"/>'


def swatch(look: Look) -> str:
    """Return a line with its mark, to stand before a name."""
    return (
        '<svg class="swatch" viewBox="0 0 26 12" aria-hidden="true">'
        f'<line class="line {look.classes}" x1="1" y1="6" x2="25" y2="6"/>{dot(look, 13, 6)}</svg>'
    )


def legend(variants: Sequence[Variant], found: Mapping[str, Look]) -> str:
    """Return a legend of variants with what they are."""
    items = "".join(
        f'<li>{swatch(found[one.name])}<span><b>{escape(one.name)}</b> <span class="soft">{escape(one.title)}'
        "</span></span></li>"
        for one in variants
    )
    return f'<ul class="legend">{items}</ul>'

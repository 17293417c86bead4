"""How things look in charts and beside their names: a colour, a dash, a mark; and the SVG that draws them."""

import xml.etree.ElementTree as ET
from collections.abc import Iterable
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from markupsafe import Markup

COLOURS = 8
GREY, INK = 8, 9
RADIUS = 3.6
"""Of a mark: small enough to leave a short interval in sight."""


@dataclass(frozen=True)
class Look:
    """A colour (``--v0`` to ``--v9`` of the style sheet), how lines are broken, and whether marks are hollow."""

    colour: int
    dashed: bool = False
    hollow: bool = False
    dotted: bool = False

    @property
    def classes(self) -> str:
        """The classes of a line."""
        return f"v{self.colour}{' dashed' if self.dashed else ' dotted' if self.dotted else ''}"


def looks(names: Iterable[str]) -> dict[str, Look]:
    """Return the look of each name: colours in turn, marks full and lines whole in the first turn.

    A name that goes on after another's (``direct-total`` after ``direct``, which must come first) has its colour,
    with dashed lines and hollow marks.
    """
    by_name: dict[str, Look] = {}
    used = 0
    for name in names:
        if (stem := stem_of(name, by_name)) is not None:
            by_name[name] = Look(by_name[stem].colour, dashed=True, hollow=True)
        else:
            by_name[name] = Look(used % COLOURS, dashed=used >= COLOURS, hollow=used >= COLOURS)
            used += 1
    return by_name


def stem_of(name: str, names: Iterable[str]) -> str | None:
    """Return the first of the names that a name goes on after, such as ``direct`` of ``direct-total``."""
    return next((stem for stem in names if name.startswith(f"{stem}-")), None)


def swatch(look: Look) -> Markup:
    """Return a line with its mark, to stand before a name."""
    svg = ET.Element("svg", {"class": "swatch", "viewBox": "0 0 26 12", "aria-hidden": "true"})
    add(svg, "line", "line " + look.classes, x1=1, y1=6, x2=25, y2=6)
    add_mark(svg, look, 13, 6)
    return markup(svg)


def chart(title: str, width: float, height: float) -> Element:
    """Return an empty SVG image with its title."""
    box, space = f"0 0 {width:g} {height:g}", "http://www.w3.org/2000/svg"
    svg = ET.Element("svg", {"viewBox": box, "role": "img", "aria-label": title, "xmlns": space})
    ET.SubElement(svg, "title").text = title
    return svg


def add(parent: Element, tag: str, classes: str = "", **attributes: float | str) -> Element:
    """Add an element with classes; numbers are written with one decimal."""
    texts = {name: value if isinstance(value, str) else f"{value:.1f}" for name, value in attributes.items()}
    return ET.SubElement(parent, tag, {"class": classes, **texts} if classes else texts)


def add_text(parent: Element, text: str, classes: str, x: float, y: float, *, anchor: str = "start") -> Element:
    """Add words at a place."""
    element = add(parent, "text", classes, x=x, y=y)
    if anchor != "start":
        element.set("text-anchor", anchor)
    element.text = text
    return element


def add_mark(parent: Element, look: Look, x: float, y: float) -> None:
    """Add the mark of a look at a place."""
    add(parent, "circle", f"{'hollow' if look.hollow else 'full'} v{look.colour}", cx=x, cy=y, r=str(RADIUS))


def markup(svg: Element) -> Markup:
    """Return an image as text that a template does not escape: the serialiser has."""
    return Markup(ET.tostring(svg, encoding="unicode"))  # noqa: S704

"""What may be said of an image of a corpus, from its boxes and its land cover at any size of the image."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sartext.catalogue.entry import Entry
from sartext.narrator.a2c import Naming, naming, object_facts
from sartext.narrator.facts import Facts
from sartext.narrator.sa2c import CoverNaming, cover_facts, cover_naming

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Words:
    """How the captions of a corpus call what its images show; ``background`` is what one without objects shows."""

    things: Naming
    stuff: CoverNaming
    background: str | None


def words_of(entry: Entry) -> Words:
    """Return the words of a catalogue entry."""
    return Words(naming(entry), cover_naming(entry), entry.background)


def tell(objects: Sequence[Row], regions: Sequence[Row], width: float, height: float, words: Words) -> Facts:
    """Return the facts of an annotated image by the rules of A2C and SA2C; empty ones if there is nothing to say.

    Args:
        objects: boxes in pixels of an image of ``width`` x ``height``.
        regions: land cover, shares and zones.
        width: in pixels, of whatever image the boxes lie in.
        height: in pixels.
        words: of the corpus.
    """
    found, _ = object_facts(objects, width, height, words.things)
    cover = cover_facts(regions, words.stuff) if regions else ()
    if cover or found.objects:
        return Facts(objects=found.objects, cover=cover)
    return Facts(scene=words.background) if regions and words.background else Facts()

"""The facts of an annotated image of a corpus, from its boxes and its land cover at any size of the image."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sartext.catalogue.entry import Entry
from sartext.narrator.annotated import CoverNaming, Naming, cover_facts, cover_naming, naming, object_facts
from sartext.narrator.facts import Facts

Row = Mapping[str, Any]


@dataclass(frozen=True)
class CorpusNaming:
    """What the captions of a corpus call objects, land cover, and an image without either."""

    objects: Naming
    cover: CoverNaming
    background: str | None


def corpus_naming(entry: Entry) -> CorpusNaming:
    """Return the names of a catalogue entry."""
    return CorpusNaming(naming(entry), cover_naming(entry), entry.background)


def annotated_facts(
    objects: Sequence[Row], regions: Sequence[Row], width: float, height: float, names: CorpusNaming
) -> Facts:
    """Return the facts of an annotated image by the rules of A2C and SA2C; empty ones if there is nothing to say.

    Args:
        objects: boxes in pixels of an image of ``width`` x ``height``.
        regions: land cover, shares and zones.
        width: in pixels, of whatever image the boxes lie in.
        height: in pixels.
        names: of the corpus.
    """
    stated, _ = object_facts(objects, width, height, names.objects)
    cover = cover_facts(regions, names.cover) if regions else ()
    if cover or stated.objects:
        return Facts(objects=stated.objects, cover=cover)
    return Facts(scene=names.background) if regions and names.background else Facts()

"""What cannot be true together: an aircraft does not stand in water.

Where masks and boxes are of different corpora, no mask shows the apron below an aircraft: as dark and smooth as
water, it is taken for that with full confidence, and no threshold shuts it out. But objects stand on what carries
them.
"""

from collections.abc import Iterable

from sartext.models.grounder.maps import Grounding, Peak
from sartext.narrator.vocabulary import Vocabulary

ON_LAND = frozenset({"aircraft", "vehicle", "tank", "buildings"})
"""Hypernyms of objects that never stand in water."""

WATER = "water"
"""Hypernym of land cover that carries none of them."""

MOSTLY = 0.5
"""Mean probability of water about an object from which on that stands in it."""


def under_objects(labels: Iterable[str], grounding: Grounding, vocabulary: Vocabulary) -> set[str]:
    """Return the classes of water in which an object seems to stand that cannot: they are something else.

    Args:
        labels: keys of proven objects; the highest peak of each counts, and a box of twice its size.
        grounding: what the grounder sees.
        vocabulary: says what classes are kinds of.
    """
    kinds = vocabulary.hypernyms
    water = [label for label in grounding.stuff if kinds.get(label) == WATER]
    dry = {label for label in labels if kinds.get(label) in ON_LAND}
    highest = {peak.label: peak for peak in reversed(grounding.peaks) if peak.label in dry}
    return {label for label in water if any(_about(peak, label, grounding) >= MOSTLY for peak in highest.values())}


def _about(peak: Peak, label: str, grounding: Grounding) -> float:
    """The mean probability of a class of land cover in a box of twice the size of an object's."""
    cells = grounding.cover[grounding.stuff.index(label)]
    stride = grounding.side / len(cells)
    rows, columns = (
        slice(min(max(0, int((at - reach) / stride)), len(cells) - 1), max(1, int((at + reach) / stride) + 1))
        for at, reach in ((peak.y, peak.height), (peak.x, peak.width))
    )
    return float(cells[rows, columns].mean())

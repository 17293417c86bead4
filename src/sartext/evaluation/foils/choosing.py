"""Which foil each image gets: in pairs, so that wording cannot give it away.

What people and scenes make frequent is more often true: one ship more often than two, water more often than roads.
A text alone would then tell the caption from its foil. So foils come in pairs of images: what is true of the one
is the foil of the other. Over both, a preference for either value gains nothing.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence

import numpy as np

from sartext.evaluation.foils.changes import Change

Levels = ("fine", "coarse")
"""Partners whose other facts are alike are taken first."""


def choose(candidates: Mapping[str, Sequence[Change]], seed: int) -> dict[str, Change]:
    """Return at most one change per image, as many forward as backward ones of every pair of values.

    Those with few possible partners choose first. Among equals, the order is drawn.

    Args:
        candidates: the changes of one kind, by image id.
        seed: of the draws.
    """
    rng = np.random.default_rng(seed)
    drawn = {
        name: float(value) for name, value in zip(sorted(candidates), rng.random(len(candidates)), strict=True)
    }
    chosen: dict[str, Change] = {}
    for level in Levels:
        _pair(candidates, drawn, level, chosen)
    return dict(sorted(chosen.items()))


def _pair(
    candidates: Mapping[str, Sequence[Change]], drawn: Mapping[str, float], level: str, chosen: dict[str, Change]
) -> None:
    """Add pairs of images whose changes are opposite."""
    free: dict[tuple[str, bool], dict[str, Change]] = defaultdict(dict)
    for name in sorted(candidates):
        if name not in chosen:
            for change in candidates[name]:
                free[getattr(change, level), change.forward].setdefault(name, change)
    options = {
        name: sum(len(free.get((getattr(one, level), not one.forward), ())) for one in candidates[name])
        for name in candidates
    }
    order = sorted(
        (name for name in candidates if name not in chosen), key=lambda name: (options[name], drawn[name])
    )
    queues = {key: iter(sorted(held, key=lambda name: (options[name], drawn[name]))) for key, held in free.items()}
    for name in order:
        if name in chosen:
            continue
        for change in sorted(
            candidates[name], key=lambda one: (len(free.get(_opposite(one, level), ())), one.fine)
        ):
            key = _opposite(change, level)
            partner = next((one for one in queues.get(key, ()) if one not in chosen and one != name), None)
            if partner is not None:
                chosen[name], chosen[partner] = change, free[key][partner]
                break


def _opposite(change: Change, level: str) -> tuple[str, bool]:
    return getattr(change, level), not change.forward

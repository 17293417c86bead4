"""Pairs of pictures that differ in one object, against pairs that differ in speckle alone.

A reader that reads objects changes its caption far more often when an object goes than when only speckle is drawn
anew, which changes every pixel and no fact.
"""

from collections.abc import Sequence, Set

import numpy as np
from torch import Tensor

from sartext.evaluation.bootstrap import Floats, Sums, estimate, intervals, resample
from sartext.evaluation.figures import Figure, not_computed
from sartext.evaluation.physics.reading import Reader, stated
from sartext.evaluation.physics.rendering import NAME, PhysicsSet
from sartext.evaluation.physics.settings import COMPARED, ORDINARY, WRITTEN
from sartext.narrator.statements import OBJECT_CLASS, OBJECT_COUNT, Statement

SUBSET = "removed"

NO_PAIRS = "no scene of the set has an object that could be removed: raise the number of scenes"


def pair_figures(variant: str, reader: Reader, physics: PhysicsSet, *, resamples: int, seed: int) -> list[Figure]:
    """Return how a reader follows the removal of one object, in percent of the pairs.

    ``similarity_fell``: the similarity of the picture and the caption of the whole scene is lower without the
    object; equal ones count half, chance is 50. ``caption_changed``: the statements of the reader's caption
    change. ``count_followed``: the number that it states of the removed object's class falls by exactly one; a
    class that is not named counts as none, one that is named without a number follows nothing.
    ``…_by_speckle`` is the same where only speckle was drawn anew, and ``…_beyond_speckle`` the difference, paired
    by scene.

    Args:
        variant: the reader's name.
        reader: what is scored.
        physics: the pairs.
        resamples: draws of the bootstrap over scenes.
        seed: of the draws.
    """
    metrics = [metric.name for metric in ((*COMPARED, *WRITTEN) if reader.writes else COMPARED)]
    if not physics.removals:
        return [
            not_computed("physics", metric, variant, NO_PAIRS, benchmark=NAME, subset=SUBSET) for metric in metrics
        ]
    columns = [_fell(reader, physics)]
    if reader.writes:
        changed, followed = _changes(reader, physics)
        columns += [*changed, changed[0] - changed[1], *followed, followed[0] - followed[1]]
    sums = _by_scene(np.stack(columns, axis=1), physics)
    found = intervals(estimate([sums]), resample([sums], resamples, seed))
    return [
        Figure("physics", metric, variant, one.value, one.low, one.high, len(physics.removals), NAME, SUBSET)
        for metric, one in zip(metrics, found, strict=True)
    ]


def _fell(reader: Reader, physics: PhysicsSet) -> Floats:
    """1 where the whole scene's caption fits the picture without the object worse, 0.5 where equally well."""
    places = [one.place for one in physics.removals]
    whole = reader.see(physics.pictures[ORDINARY][places])
    without = reader.see(np.stack([one.picture for one in physics.removals]))
    heard = reader.hear([physics.captions[place] for place in places])
    return (1 + np.sign(_cosines(whole, heard) - _cosines(without, heard))) / 2


def _cosines(pictures: Tensor, captions: Tensor) -> Floats:
    return np.asarray((pictures.double() * captions.double()).sum(dim=1).numpy(), dtype=np.float64)


def _changes(reader: Reader, physics: PhysicsSet) -> tuple[list[Floats], list[Floats]]:
    """By pair, whether the statements changed and whether the count followed: without the object, with speckle."""
    places = [one.place for one in physics.removals]
    nouns = [one.noun for one in physics.removals]
    whole = _spread(stated(reader.tell(physics.pictures[ORDINARY][_once(places)])), places)
    redrawn = _spread(stated(reader.tell(physics.redrawn[_once(places)])), places)
    without = stated(reader.tell(np.stack([one.picture for one in physics.removals])))
    changed, followed = [], []
    for other in (without, redrawn):
        pairs = list(zip(whole, other, nouns, strict=True))
        changed.append(np.array([float(before != after) for before, after, _ in pairs]))
        followed.append(np.array([float(_fewer(one, two, noun)) for one, two, noun in pairs]))
    return changed, followed


def _once(places: Sequence[int]) -> list[int]:
    return list(dict.fromkeys(places))


def _spread(told: Sequence[frozenset[Statement]], places: Sequence[int]) -> list[frozenset[Statement]]:
    """What was told of each scene once, for every pair of that scene."""
    known = dict(zip(_once(places), told, strict=True))
    return [known[place] for place in places]


def _fewer(before: Set[Statement], after: Set[Statement], noun: str) -> bool:
    """Whether the number of a class that captions state falls by one."""
    first, second = _count(before, noun), _count(after, noun)
    return first is not None and second is not None and first - second == 1


def _count(statements: Set[Statement], noun: str) -> int | None:
    """The number of objects of a class that a caption states; nothing where it names the class without one."""
    stated = (int(one.value) for one in statements if (one.kind, one.label) == (OBJECT_COUNT, noun))
    return next(stated, None if Statement(OBJECT_CLASS, noun) in statements else 0)


def _by_scene(columns: Floats, physics: PhysicsSet) -> Sums:
    """Percent and pairs, summed over the pairs of each scene."""
    _, group = np.unique([one.place for one in physics.removals], return_inverse=True)
    numerators = np.zeros((int(group.max()) + 1, columns.shape[1]))
    np.add.at(numerators, group, 100 * columns)
    pairs = np.bincount(group).astype(np.float64)
    return Sums(numerators, np.repeat(pairs[:, None], columns.shape[1], axis=1))

"""The arm that writes no captions: a grounder, and the facts that its maps hold of the test images."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from sartext.captioner.proof import consistent_facts
from sartext.catalogue.entry import Entry
from sartext.config import Parameters
from sartext.config.training import GrounderParameters
from sartext.models.grounder.checkpoint import Grounder, start_grounder
from sartext.models.grounder.evidence import MapModel
from sartext.models.grounder.fitting import fit_maps
from sartext.models.grounder.maps import Grounding, ground
from sartext.models.grounder.truth import truth_of
from sartext.models.squashing import squash
from sartext.narrator.facts import Facts, from_json
from sartext.narrator.methods import ANNOTATED
from sartext.narrator.statements import compare, statements_of
from sartext.narrator.vocabulary import Vocabulary, annotated_by, vocabulary_of
from sartext.study.examination import GroupSums, as_json
from sartext.study.worlds import World
from sartext.training.fit import Fit
from sartext.training.grounding.batches import GroundingBatches, validation_batches
from sartext.training.grounding.targets import TargetMaker
from sartext.training.grounding.task import GroundingTask
from sartext.training.loop import fit
from sartext.training.sampler import batch_indices
from sartext.training.shards.reading import Pair, Shards, open_shards

LIKELY = 0.5
"""Probability by the maps from which on a statement is made."""

BATCH = 64


@dataclass(frozen=True)
class Trained:
    """A training of an arm: its course, if there was one, what it saw of SAR, and how to score it on test."""

    fit: Fit | None
    seen: Mapping[str, int]
    examine: Callable[[], dict[str, Any]]


def sar_seen(pairs: Sequence[Pair], batch: int, steps: int, seed: int) -> dict[str, int]:
    """Return how many SAR pairs there were, and how often one was drawn in all steps."""
    sar = np.array([pair.modality == "sar" for pair in pairs])
    drawn = sum(int(sar[batch_indices(len(pairs), batch, step, seed)].sum()) for step in range(steps))
    return {"sar_pairs": int(sar.sum()), "sar_samples": drawn}


def train_grounder(
    row: GrounderParameters, parameters: Parameters, world: World, *, seed: int, fraction: float
) -> Trained:
    """Train a grounder on a share of the SAR pairs, and find out on validation pairs what its maps mean."""
    own = {"batch": row.batch, "validate_every": row.validate_every, "seed": seed}
    training = parameters.training.model_copy(update=own)
    with open_shards(world.project.root / row.data) as shards:
        vocabulary = vocabulary_of(shards.entries.values())
        start = world.project.root / row.origin
        grounder = start_grounder(start, vocabulary, side=shards.side, seed=seed)
        maker = TargetMaker(shards.entries, vocabulary, shards.side, grounder.config.stride)
        options: dict[str, Any] = {"seed": seed, "augment": training.augment, "fraction": fraction}
        train = GroundingBatches(shards, maker, batch=row.batch, **options)
        validation = validation_batches(shards, maker, row.batch)
        task = GroundingTask(grounder, train, validation, training)
        fitted = fit(task, samples=row.samples, learning_rate=row.learning_rate)
        grounder.network.load_state_dict(fitted.best)
        grounder.network.eval()
        known = [pair for pair in shards.rows("validation") if pair.annotated]
        truths = [truth_of(pair.objects, pair.regions, shards.entries[pair.corpus], shards.side) for pair in known]
        maps = fit_maps(_groundings(grounder, shards, known), truths)
    seen = sar_seen(train.rows, row.batch, fitted.steps, seed)
    return Trained(fitted, seen, partial(_examine, grounder, maps, vocabulary, world))


def _groundings(grounder: Grounder, shards: Shards, pairs: Sequence[Pair]) -> list[Grounding]:
    parts = [pairs[first : first + BATCH] for first in range(0, len(pairs), BATCH)]
    side = grounder.config.side
    return [
        grounding
        for part in parts
        for grounding in ground(grounder, [squash(shards.picture(pair), side) for pair in part])
    ]


def _examine(grounder: Grounder, maps: MapModel, vocabulary: Vocabulary, world: World) -> dict[str, Any]:
    """The sums of all groups of the test split: statements alone, as it neither retrieves nor writes."""
    groups: dict[str, GroupSums] = defaultdict(GroupSums)
    with Shards([world.examination.shards("sar")]) as shards:
        entries: Mapping[str, Entry] = shards.entries
        pairs = [pair for pair in shards.rows("validation") if pair.method in ANNOTATED]
        for pair, grounding in zip(pairs, _groundings(grounder, shards, pairs), strict=True):
            stated = statements_of(facts_by_maps(grounding, maps, vocabulary))
            truth = statements_of(from_json(pair.facts or ""))
            by_kind, _ = compare(stated, truth, annotated_by(entries[pair.corpus]))
            groups[pair.group_id].add(by_kind)
    return {"groups": {name: as_json(groups[name]) for name in sorted(groups)}}


def facts_by_maps(grounding: Grounding, maps: MapModel, vocabulary: Vocabulary) -> Facts:
    """Return what the maps hold of an image: every statement that is more probable than not, consistent."""
    proposed = maps.statements(grounding)
    likely = {statement: chance for statement, chance in proposed.items() if chance >= LIKELY}
    return consistent_facts(likely, grounding, vocabulary)

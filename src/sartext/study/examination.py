"""What a model scores on the test split: sums over each group of images, from which every figure is made."""

from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch

from sartext.bootstrap import Floats
from sartext.catalogue.entry import Entry
from sartext.errors import TrainingError
from sartext.evaluation.metrics.recall import (
    CUTS,
    DISTINCT_FACTS,
    ceiling,
    distinct_chance_ranks,
    query_weights,
)
from sartext.evaluation.retrieval import ranks, retrieval
from sartext.models.decoding.captioning import generate
from sartext.models.forward import forward
from sartext.models.model import Model, normalise
from sartext.narrator.facts import from_json
from sartext.narrator.methods import ANNOTATED
from sartext.narrator.statements import KINDS, OBJECT_COUNT, Count, compare, read_statements, statements_of
from sartext.narrator.vocabulary import annotated_by, vocabulary_of
from sartext.training.batches import Batch, validation_batches
from sartext.training.shards.reading import Pair, Shards

BATCH = 128

EXAMPLES = 4

Groups = Mapping[str, Mapping[str, Any]]


@dataclass
class GroupSums:
    """Sums over the images of one group.

    ``distinct`` of ``sets`` is what its pairs add to mean recall of distinct facts, ``recall`` and ``own_recall``
    of ``pairs`` to duplicate-aware and one-positive mean recall, ``nats`` and ``tokens`` of its captions as the
    model sees them, ``statements`` right, stated and true by kind.
    """

    pairs: int = 0
    distinct: float = 0.0
    sets: float = 0.0
    recall: float = 0.0
    own_recall: float = 0.0
    nats: float = 0.0
    tokens: int = 0
    statements: dict[str, Count] = field(default_factory=lambda: dict.fromkeys(KINDS, Count()))

    def add(self, statements: Mapping[str, Count]) -> None:
        """Add what is stated of an image."""
        for kind, count in statements.items():
            self.statements[kind] += count


def examine(
    model: Model,
    shards: Shards,
    entries: Mapping[str, Entry],
    *,
    methods: Collection[str] = (),
    paraphrase: bool = True,
) -> dict[str, Any]:
    """Score a CoCa on the pairs of an examination.

    Args:
        model: on its device.
        shards: of the examination: the test split.
        entries: the catalogue of the corpora, by name.
        methods: which captions to score on, by how they were made; none named: all.
        paraphrase: without, annotated pairs are told in the grammar's plain words alone.

    Returns:
        ``groups``, the sums by group id; ``ceiling`` of one-positive mean recall; ``blind``, the best that never
        looks at the images; ``captions``, what became of the generated ones; ``examples``.

    Raises:
        TrainingError: there is no such pair.
    """
    batches = validation_batches(
        shards, model.tokenizer, batch=BATCH, side=model.side, methods=methods, paraphrase=paraphrase
    )
    if not batches:
        raise TrainingError(
            "the test split holds no pair to score on",
            where=", ".join(map(str, shards.folders)),
            way_out="raise `splits.test` or `study.scenes`, or widen the `methods` of the SAR stage",
        )
    pairs = {pair.image_id: pair for pair in shards.rows("validation")}
    order = [pairs[image_id] for batch in batches for image_id in batch.image_ids]
    groups: dict[str, GroupSums] = defaultdict(GroupSums)
    model.network.eval()
    with torch.no_grad():
        keys = _compare(model, batches, order, groups)
        captions, examples = _caption(model, batches, pairs, entries, groups)
    return {
        "groups": {name: as_json(groups[name]) for name in sorted(groups)},
        "ceiling": ceiling(keys.numpy()),
        "blind": {
            "mean_recall": 100 * float(distinct_chance_ranks(keys.tolist()).recall_at(CUTS).mean()),
            "exact_count": commonest_count(order),
        },
        "captions": captions,
        "examples": examples,
    }


def _compare(
    model: Model, batches: Sequence[Batch], order: Sequence[Pair], groups: dict[str, GroupSums]
) -> torch.Tensor:
    """Add recall and cross-entropy of all pairs to their groups; return what decides which pairs are equal."""
    seen = [_see(model, batch) for batch in batches]
    images, texts, nats, tokens = (torch.cat([outputs[at] for outputs in seen]) for at in range(4))
    keys = torch.cat([batch.keys for batch in batches])
    aware = retrieval(images, texts, keys.numpy()).per_pair
    own = retrieval(images, texts).per_pair
    distinct, weights = _distinct(images, texts, keys), query_weights(DISTINCT_FACTS, keys.tolist())
    for at, pair in enumerate(order):
        sums = groups[pair.group_id]
        sums.pairs += 1
        sums.distinct += float(weights[at] * distinct[at])
        sums.sets += float(weights[at])
        sums.recall += float(aware[at])
        sums.own_recall += float(own[at])
        sums.nats += float(nats[at])
        sums.tokens += int(tokens[at])
    return keys


def _distinct(images: torch.Tensor, texts: torch.Tensor, keys: torch.Tensor) -> Floats:
    """What each pair adds to mean recall, times 100, where one image and one caption stand for equal facts."""
    _, first, sets = np.unique(keys.numpy(), return_index=True, return_inverse=True)
    numbers = np.arange(len(first))
    found = ranks(images, texts[first], sets, numbers)[0], ranks(images[first], texts, numbers, sets)[1]
    return np.asarray(50 * sum(side.recall_at(CUTS).mean(axis=1) for side in found))


def commonest_count(pairs: Sequence[Pair]) -> float | None:
    """Return the share, in %, of the true numbers of objects that the commonest one of each class is."""
    numbers: dict[str, Counter[str]] = defaultdict(Counter)
    for pair in pairs:
        for statement in statements_of(from_json(pair.facts)) if pair.method in ANNOTATED and pair.facts else ():
            if statement.kind == OBJECT_COUNT:
                numbers[statement.label][statement.value] += 1
    right, true = sum(max(each.values()) for each in numbers.values()), sum(map(Counter.total, numbers.values()))
    return 100 * right / true if true else None


def _see(model: Model, batch: Batch) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Features of images and texts; nats and tokens of each caption."""
    tokens = batch.tokens.to(model.device)
    seen = forward(model.network, normalise(batch.images.to(model.device), model), tokens)
    if seen.logits is None or seen.labels is None:
        raise ValueError("the comparison needs a CoCa, which writes captions")
    losses = torch.nn.functional.cross_entropy(seen.logits.float(), seen.labels, reduction="none").double()
    rows = (tokens[:, 1:] != model.tokenizer.pad).nonzero()[:, 0]
    nats = losses.new_zeros(len(tokens)).index_add_(0, rows, losses)
    counts = torch.bincount(rows, minlength=len(tokens))
    return seen.image_features.cpu(), seen.text_features.cpu(), nats.cpu(), counts.cpu()


def _caption(
    model: Model,
    batches: Sequence[Batch],
    pairs: Mapping[str, Pair],
    entries: Mapping[str, Entry],
    groups: dict[str, GroupSums],
) -> tuple[dict[str, int], list[dict[str, str]]]:
    """Caption the annotated images greedily, add what the captions state to their groups; counts and examples."""
    words = vocabulary_of(entries.values())
    nouns, scenes = words.nouns, words.scenes
    decided = {name: annotated_by(entry) for name, entry in entries.items()}
    counts = dict.fromkeys(("captions", "finished", "readable", "undecided"), 0)
    examples: list[dict[str, str]] = []
    for batch in batches:
        places = [at for at, name in enumerate(batch.image_ids) if pairs[name].method in ANNOTATED]
        images = normalise(batch.images[places].to(model.device), model)
        for at, caption in zip(places, generate(model, images, length=model.context), strict=True):
            pair = pairs[batch.image_ids[at]]
            text = model.tokenizer.decode(caption.ids) if caption.finished else ""  # which states nothing
            read = read_statements(text, nouns, scenes)
            truth = statements_of(from_json(pair.facts or ""))
            by_kind, undecided = compare(read.statements, truth, decided[pair.corpus])
            groups[pair.group_id].add(by_kind)
            counts["captions"] += 1
            counts["finished"] += caption.finished
            counts["readable"] += caption.finished and not read.problems
            counts["undecided"] += undecided
            if len(examples) < EXAMPLES:
                examples.append({"image_id": pair.image_id, "caption": text, "truth": batch.captions[at]})
    return counts, examples


def as_json(sums: GroupSums) -> dict[str, Any]:
    """Return them as a result holds them."""
    statements = {kind: [count.right, count.stated, count.true] for kind, count in sums.statements.items()}
    return {**vars(sums), "statements": statements}

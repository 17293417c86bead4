"""The stage `calibration`: the narrator on validation images, and from which score on its statements are released.

What is compared with the annotation is each statement by itself, of CoCa's caption or proposed by the grounder's
maps. A class that the image's corpus does not annotate exhaustively is not judged. Maps and statements of one half
of the validation groups are judged by what was fitted on the other half.
"""

import csv
import io
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np

from sartext.captioner.calibrated import vocabulary_record
from sartext.captioner.captioner import Captioner, ModelCaption, batches
from sartext.captioner.domain import Domain, domain_of, figures_of
from sartext.captioner.narrator import Narrator, load_narrator
from sartext.captioner.proof import propose
from sartext.captioner.scores import DECIMALS
from sartext.captioner.thresholds import (
    CONFIDENCE_Z,
    REST,
    Judged,
    Rules,
    Scored,
    choose,
    cross_scored,
    curve,
    released,
    to_record,
)
from sartext.catalogue.entry import Entry
from sartext.catalogue.loading import find_entry
from sartext.config import Project
from sartext.errors import ArtefactError
from sartext.files import atomic_folder, write_json, write_text
from sartext.models.grounder.evidence import THRESHOLDS, MapModel
from sartext.models.grounder.fitting import fit_maps
from sartext.models.grounder.maps import Grounding
from sartext.models.grounder.truth import truth_of
from sartext.narrator.facts import Facts, from_json
from sartext.narrator.statements import judge, statements_of
from sartext.narrator.vocabulary import Vocabulary, annotated_by, project_vocabulary
from sartext.progress import track
from sartext.release.inputs import read_index
from sartext.training.shards.reading import Pair, Shards

ABSENT = 3
"""How many statements are wanted for each validation image that lacks the class."""


@dataclass(frozen=True)
class _Seen:
    """A validation pair with what the narrator makes of it, and its half."""

    pair: Pair
    written: ModelCaption
    grounding: Grounding
    half: int


def calibrate(project: Project) -> dict[str, object]:
    """Write ``build/calibration`` (thresholds.json, curves.csv, captions.csv, metrics.json); return the counts.

    Raises:
        ArtefactError: shards or a checkpoint are missing or damaged, or there are no validation pairs.
        ModelError: a checkpoint cannot be used.
    """
    narrator = load_narrator(project)
    vocabulary = project_vocabulary(project)
    shards = Shards([project.shards("sar")])
    pairs = shards.rows("validation")
    if not pairs:
        raise ArtefactError(
            "no SAR pairs in the validation split",
            where=project.shards("sar"),
            way_out="list more corpora under `captions`, or raise `splits.validation` in params.yaml",
        )
    seen = _look(narrator, shards, pairs)
    entries = {name: find_entry(project, name) for name in project.parameters.captions}
    maps = _fitted(seen, entries, shards.side)
    judged, reasons, tested = _judge(seen, entries, shards.side, vocabulary)
    parameters = project.parameters.narration
    rules = choose(
        judged,
        precision_objects=parameters.precision_objects,
        precision_cover=parameters.precision_cover,
        fewest=parameters.fewest,
        untested=_untested(pairs, entries, vocabulary, parameters.fewest),
    )
    halves = _pair_similarities(narrator.captioner, shards, pairs)
    similarity = round(float(np.quantile(halves, parameters.pair_quantile)), DECIMALS)
    domain = _domain(project, shards)
    metrics = _measure(pairs, judged, rules, reasons) | {"pair_similarity": similarity}
    with atomic_folder(project.calibration) as folder:
        record = {
            "confidence_z": CONFIDENCE_Z,
            "coca_sha256": narrator.captioner.coca.sha256,
            "clip_sha256": narrator.captioner.clip.sha256,
            "grounder_sha256": narrator.grounder.sha256,
            "decoding": {"length": parameters.length, "beams": parameters.beams},
            "domain": domain.to_record(),
            "vocabulary": vocabulary_record(vocabulary),
            "sensors": _sensors(tested, parameters.fewest),
            "pairs": {"quantile": parameters.pair_quantile, "pairs": len(halves), "similarity": similarity},
            "maps": maps.to_record(),
            "statements": to_record(rules),
        }
        write_json(folder / THRESHOLDS, record)
        write_text(folder / "curves.csv", _curves(judged, rules))
        write_text(folder / "captions.csv", _captions(seen))
        write_json(folder / "metrics.json", metrics)
    return metrics


def _look(narrator: Narrator, shards: Shards, pairs: Sequence[Pair]) -> list[_Seen]:
    """Groups, not images, are dealt to the halves: images of one group are alike."""
    pictures = (shards.picture(pair) for pair in track(pairs, "calibration", len(pairs)))
    return [
        _Seen(pair, written, grounding, blake2b(pair.group_id.encode(), digest_size=1).digest()[0] % 2)
        for pair, (written, grounding) in zip(pairs, narrator.look(pictures), strict=True)
    ]


def _fitted(seen: Sequence[_Seen], entries: Mapping[str, Entry], side: int) -> MapModel:
    annotated = [each for each in seen if each.pair.annotated]
    truths = [
        truth_of(each.pair.objects, each.pair.regions, entries[each.pair.corpus], side) for each in annotated
    ]
    return fit_maps([each.grounding for each in annotated], truths)


def _domain(project: Project, shards: Shards) -> Domain:
    """What the training pictures are like, those of validation left out."""
    pairs = shards.rows("train")
    wanted = {pair.image_id for pair in pairs}
    corpora = sorted({pair.corpus for pair in pairs})
    sizes = {
        (int(row["width"]), int(row["height"]))
        for corpus in corpora
        for row in read_index(project, corpus).select(["image_id", "width", "height"]).to_pylist()
        if row["image_id"] in wanted
    }
    figures: dict[str, list[tuple[float, ...]]] = {}
    for pair in track(pairs, "training pictures", len(pairs)):
        figures.setdefault(pair.corpus, []).append(figures_of(shards.picture(pair)))
    return domain_of(shards.side, [shards.entries[corpus] for corpus in corpora], sizes, figures)


def _judge(
    seen: Sequence[_Seen], entries: Mapping[str, Entry], side: int, vocabulary: Vocabulary
) -> tuple[list[Judged], Counter[str], Counter[tuple[str, str]]]:
    """Every statement about annotated images, by maps that the other half explains, with its verdict.

    Also how captions were read, and how often each class was judged on images of each sensor.
    """
    maps = {half: _fitted([each for each in seen if each.half != half], entries, side) for half in (0, 1)}
    judged: list[Judged] = []
    reasons: Counter[str] = Counter()
    tested: Counter[tuple[str, str]] = Counter()
    for each in seen:
        entry = entries[each.pair.corpus]
        candidates, unread = propose(each.written, each.grounding, maps[each.half], vocabulary)
        truth = from_json(each.pair.facts) if each.pair.facts else Facts()
        reasons[unread or "read"] += 1
        if truth.statements:  # an optical caption leaves most unsaid: it decides nothing
            reasons["the image's own caption holds no facts"] += 1
            continue
        verdicts = dict(judge([item.statement for item in candidates], statements_of(truth), annotated_by(entry)))
        tested.update((statement.label, sensor) for statement in verdicts for sensor in sorted(entry.sensors))
        judged += [
            Judged(item.statement, item.figures, verdicts[item.statement], each.half, entry.kind)
            for item in candidates
            if item.statement in verdicts
        ]
    return judged, reasons, tested


def _sensors(tested: Mapping[tuple[str, str], int], fewest: int) -> dict[str, list[str]]:
    """Return for each class the sensors on which enough of its statements were judged."""
    sensors: dict[str, list[str]] = {}
    for (label, sensor), count in sorted(tested.items()):
        if count >= fewest:
            sensors.setdefault(label, []).append(sensor)
    return sensors


def _untested(
    pairs: Sequence[Pair], entries: Mapping[str, Entry], vocabulary: Vocabulary, fewest: int
) -> set[str]:
    """Classes that too few validation images are known to lack: a third as many as statements are wanted."""
    lacking: Counter[str] = Counter()
    for pair in pairs:
        truth = from_json(pair.facts) if pair.facts else Facts()
        if not truth.statements:
            there = {statement.label for statement in statements_of(truth)}
            lacking.update(annotated_by(entries[pair.corpus]) - there)
    return {key for key in (*vocabulary.things, *vocabulary.stuff) if lacking[key] < fewest / ABSENT}


def _pair_similarities(captioner: Captioner, shards: Shards, pairs: Sequence[Pair]) -> list[float]:
    """Similarity of validation images with their own captions."""
    similarities: list[float] = []
    for batch in batches(pairs, captioner.batch):
        pictures = [shards.picture(pair) for pair in batch]
        similarities += captioner.similarities(pictures, [pair.captions[0] for pair in batch])
    return similarities


def _measure(
    pairs: Sequence[Pair], judged: Sequence[Judged], rules: Rules, reasons: Counter[str]
) -> dict[str, Any]:
    types = {}
    for kind, rule in rules.items():
        of_kind = cross_scored([item for item in judged if item.statement.kind == kind])
        kept = [item for item in of_kind if rule.accepts(item.label, item.score)]
        shares = {"statements": len(of_kind), "precision": _share(of_kind)}
        shares |= {"kept": len(kept), "kept_precision": _share(kept)}
        types[kind] = {**shares, "thresholds": released(rule)}
    return {"images": len(pairs), "captions": dict(sorted(reasons.items())), "statements": types}


def _share(scored: Sequence[Scored]) -> float | None:
    return round(sum(item.true for item in scored) / len(scored), DECIMALS) if scored else None


def _curves(judged: Sequence[Judged], rules: Rules) -> str:
    rows: list[tuple[object, ...]] = [("type", "class", "score", "kept", "true", "precision", "lower_bound")]
    for kind, rule in rules.items():
        groups: dict[str, list[Scored]] = {key: [] for key in rule.thresholds}
        for item in cross_scored([item for item in judged if item.statement.kind == kind]):
            groups[item.label if item.label in groups else REST].append(item)
        rows += [
            (kind, key or "other classes", score, kept, true, round(true / kept, DECIMALS), bound)
            for key, group in groups.items()
            for score, kept, true, bound in curve(group)
        ]
    return _csv(rows)


def _captions(seen: Sequence[_Seen]) -> str:
    rows: list[Sequence[object]] = [
        ["image_id", "said", "finished", "log_probability", "similarity", "annotation"]
    ]
    for each in seen:
        said = each.written
        figures = said.log_probability, said.similarity
        rows.append((each.pair.image_id, said.text, said.finished, *figures, each.pair.captions[0]))
    return _csv(rows)


def _csv(rows: Sequence[Sequence[object]]) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(rows)
    return stream.getvalue()

"""The stage `calibration`: the narrator on validation images, and from which score on its statements are released.

What is compared with the annotation is each statement by itself. A class that the image's corpus does not annotate
exhaustively is not judged. Sentences without facts that could be checked are counted and never released.
"""

import csv
import io
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np

from sartext.captioner.captioner import UNFINISHED, Captioner, ModelCaption, batches, load_captioner
from sartext.captioner.thresholds import (
    CONFIDENCE_Z,
    DECIMALS,
    REST,
    Judged,
    Rules,
    choose,
    curve,
    from_record,
    released,
    to_record,
)
from sartext.catalogue.loading import find_entry
from sartext.config import Project
from sartext.errors import ArtefactError
from sartext.files import atomic_folder, read_json, write_json, write_text
from sartext.narrator.facts import Facts, from_json
from sartext.narrator.statements import judge, read_facts, statements_of
from sartext.narrator.vocabulary import Vocabulary, annotated_by, project_vocabulary
from sartext.progress import track
from sartext.training.shards.reading import Pair, Shards

THRESHOLDS = "thresholds.json"
ABSENT = 3
"""How many statements are wanted for each validation image that lacks the class."""


def calibrate(project: Project) -> dict[str, object]:
    """Write ``build/calibration`` (thresholds.json, curves.csv, captions.csv, metrics.json); return the counts.

    Raises:
        ArtefactError: shards or a checkpoint are missing or damaged, or there are no validation pairs.
        ModelError: a checkpoint cannot be used.
    """
    captioner = load_captioner(project, "coca-sar")
    vocabulary = project_vocabulary(project)
    shards = Shards([project.shards("sar")])
    pairs = shards.rows("validation")
    if not pairs:
        raise ArtefactError(
            "no SAR pairs in the validation split",
            where=project.shards("sar"),
            way_out="list more corpora under `captions`, or raise `splits.validation` in params.yaml",
        )
    pictures = (shards.picture(pair) for pair in track(pairs, "calibration", len(pairs)))
    captions = list(captioner.write_and_judge(pictures))
    judged, reasons = _judge(project, pairs, captions, vocabulary)
    parameters = project.parameters.narration
    rules = choose(
        judged,
        precision_objects=parameters.precision_objects,
        precision_cover=parameters.precision_cover,
        fewest=parameters.fewest,
        untested=_untested(project, pairs, vocabulary, parameters.fewest),
    )
    halves = _pair_similarities(captioner, shards, pairs)
    similarity = round(float(np.quantile(halves, parameters.pair_quantile)), DECIMALS)
    metrics = _measure(pairs, judged, rules, reasons) | {"pair_similarity": similarity}
    with atomic_folder(project.calibration) as folder:
        record = {
            "confidence_z": CONFIDENCE_Z,
            "coca_sha256": captioner.coca.sha256,
            "clip_sha256": captioner.clip.sha256,
            "pairs": {"quantile": parameters.pair_quantile, "pairs": len(halves), "similarity": similarity},
            "statements": to_record(rules),
        }
        write_json(folder / THRESHOLDS, record)
        write_text(folder / "curves.csv", _curves(judged, rules))
        write_text(folder / "captions.csv", _captions(pairs, captions))
        write_json(folder / "metrics.json", metrics)
    return metrics


def read_thresholds(project: Project, **models: str | None) -> dict[str, Any]:
    """Return what ``thresholds.json`` holds.

    Args:
        project: the checkout.
        models: SHA-256 of the weights of ``clip`` or ``coca``, which must be those that they were found with.

    Raises:
        ArtefactError: it is missing or damaged, or was found with other checkpoints.
    """
    path = project.calibration / THRESHOLDS
    if not path.is_file():
        raise ArtefactError("the thresholds are missing", where=path, way_out="run `sartext calibrate`")
    record: dict[str, Any] = read_json(path)
    for name, sha256 in models.items():
        if record.get(f"{name}_sha256") != sha256:
            raise ArtefactError(
                f"the thresholds were found with another {name}-sar",
                where=path,
                way_out="run `sartext calibrate` again",
            )
    return record


def read_rules(project: Project, captioner: Captioner) -> Rules:
    """Return the rules of the narrator's statements; errors as `read_thresholds`."""
    record = read_thresholds(project, clip=captioner.clip.sha256, coca=captioner.coca.sha256)
    return from_record(record.get("statements", {}), project.calibration / THRESHOLDS)


def _judge(
    project: Project, pairs: Sequence[Pair], captions: Sequence[ModelCaption], vocabulary: Vocabulary
) -> tuple[list[Judged], Counter[str]]:
    decided = _decided(project)
    judged: list[Judged] = []
    reasons: Counter[str] = Counter()
    for pair, caption in zip(pairs, captions, strict=True):
        facts = read_facts(caption.text, vocabulary) if caption.finished else UNFINISHED
        truth = from_json(pair.facts) if pair.facts else Facts()
        if isinstance(facts, str):
            reasons[facts] += 1
        elif truth.statements:  # an optical caption leaves most unsaid: it decides nothing
            reasons["read, the image's own caption holds no facts"] += 1
        else:
            reasons["read"] += 1
            verdicts = judge(statements_of(facts), statements_of(truth), decided[pair.corpus])
            judged += [Judged(statement, caption.figures, true) for statement, true in verdicts]
    return judged, reasons


def _decided(project: Project) -> dict[str, frozenset[str]]:
    """The classes that each corpus annotates exhaustively."""
    return {name: annotated_by(find_entry(project, name)) for name in project.parameters.captions}


def _untested(project: Project, pairs: Sequence[Pair], vocabulary: Vocabulary, fewest: int) -> set[str]:
    """Classes that too few validation images are known to lack: a third as many as statements are wanted."""
    decided = _decided(project)
    lacking: Counter[str] = Counter()
    for pair in pairs:
        truth = from_json(pair.facts) if pair.facts else Facts()
        if not truth.statements:
            lacking.update(decided[pair.corpus] - {statement.label for statement in statements_of(truth)})
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
        of_kind = [item for item in judged if item.statement.kind == kind]
        kept = [item for item in of_kind if rule.accepts(item.statement.label, rule.fit.score(item.figures))]
        shares = {"statements": len(of_kind), "precision": _share(of_kind)}
        shares |= {"kept": len(kept), "kept_precision": _share(kept)}
        types[kind] = {**shares, "thresholds": released(rule)}
    return {"images": len(pairs), "captions": dict(sorted(reasons.items())), "statements": types}


def _share(judged: Sequence[Judged]) -> float | None:
    return round(sum(item.true for item in judged) / len(judged), DECIMALS) if judged else None


def _curves(judged: Sequence[Judged], rules: Rules) -> str:
    rows: list[tuple[object, ...]] = [("type", "class", "score", "kept", "true", "precision", "lower_bound")]
    for kind, rule in rules.items():
        groups: dict[str, list[Judged]] = {key: [] for key in rule.thresholds}
        for item in judged:
            if item.statement.kind == kind:
                groups[item.statement.label if item.statement.label in groups else REST].append(item)
        rows += [
            (kind, key or "other classes", score, kept, true, round(true / kept, DECIMALS), bound)
            for key, group in groups.items()
            for score, kept, true, bound in curve(group, rule.fit)
        ]
    return _csv(rows)


def _captions(pairs: Sequence[Pair], captions: Sequence[ModelCaption]) -> str:
    rows: list[Sequence[object]] = [
        ["image_id", "said", "finished", "log_probability", "similarity", "annotation"]
    ]
    for pair, said in zip(pairs, captions, strict=True):
        figures = said.log_probability, said.similarity
        rows.append((pair.image_id, said.text, said.finished, *figures, pair.captions[0]))
    return _csv(rows)


def _csv(rows: Sequence[Sequence[object]]) -> str:
    stream = io.StringIO()
    csv.writer(stream, lineterminator="\n").writerows(rows)
    return stream.getvalue()

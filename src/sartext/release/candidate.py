"""The stage ``candidate``: captions, splits, images and licences joined into pairs, and the ledger."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sartext.catalogue.entry import Entry
from sartext.catalogue.loading import find_entry
from sartext.config import Project
from sartext.errors import ArtefactError
from sartext.files import atomic_folder, canonical_json, write_json
from sartext.release.inputs import read_indexes, read_splits, refuse_unlisted
from sartext.release.ledger import (
    CAPTIONS_STAGE,
    NARRATED_STAGE,
    OPTICAL_STAGE,
    CaptionedCorpus,
    StageCaptions,
    check_sums,
    command,
    fate_of,
    ledger_row,
    quarantined_rows,
)
from sartext.tables import CAPTIONS, LEDGER, PAIRS, UNCAPTIONED, read_rows, write_table

EXAMPLES = 6
_ANNOTATIONS = ["objects", "regions", "captions"]
_OF_CAPTION = (
    "caption",
    "method",
    "method_version",
    "facts",
    "source_caption",
    "model_sha256",
    "prompt_sha256",
    "score",
)
_OF_IMAGE = (
    "image_id",
    "path",
    "sha256",
    "pixels_sha256",
    "width",
    "height",
    "modality",
    "quantity",
    "polarisation",
    "db_low",
    "db_high",
    "scene_id",
)
_OF_SPLIT = ("split", "group_id", "cluster_id", "benchmark")


def build_candidate(project: Project) -> dict[str, object]:
    """Write ``build/candidate`` (pairs.parquet, metrics.json) and ``build/ledger.parquet``.

    Returns:
        Its counts and a few image ids.

    Raises:
        ArtefactError: an upstream table is missing, damaged or of another state of the corpora, a folder of an
            unlisted corpus is there, or the ledger does not add up.
    """
    refuse_unlisted(project)
    pairs, ledger = _join(project)
    counts = check_sums(project, ledger)
    metrics = _measure(pairs, ledger, counts)
    with atomic_folder(project.build / "candidate") as folder:
        write_table(folder / "pairs.parquet", PAIRS, pairs)
        write_json(folder / "metrics.json", metrics)
    write_table(project.build / "ledger.parquet", LEDGER, ledger)
    step = max(1, len(pairs) // EXAMPLES)
    return {**metrics, "examples": [pair["image_id"] for pair in pairs[::step]][:EXAMPLES]}


def captioned_corpus(project: Project, corpus: str, splits: Mapping[str, Mapping[str, Any]]) -> CaptionedCorpus:
    """Gather what the stages wrote about the images of one corpus.

    Raises:
        ArtefactError: a table is missing or damaged, or an image has two captions in one.
    """
    stages = tuple(_read_captions(stage, folder) for stage, folder in caption_folders(project, corpus).items())
    return CaptionedCorpus(find_entry(project, corpus), stages, splits)


def caption_folders(project: Project, corpus: str) -> dict[str, Path]:
    """Return where the captions of a corpus are, by stage, in the order in which they count."""
    parameters = project.parameters
    stages = (
        (CAPTIONS_STAGE, parameters.captions, project.captions(corpus)),
        (OPTICAL_STAGE, parameters.optical_captions, project.optical_captions(corpus)),
        (NARRATED_STAGE, parameters.narrated, project.narrated(corpus)),
    )
    return {stage: folder for stage, listed, folder in stages if corpus in listed}


def _read_captions(stage: str, folder: Path) -> StageCaptions:
    if not folder.is_dir():
        raise ArtefactError(
            "the captions are missing", where=folder, way_out=f"run `{command(stage, folder.name)}`"
        )
    rows = read_rows(folder / "captions.parquet", CAPTIONS)
    captions = {row["image_id"]: row for row in rows}
    if len(captions) != len(rows):
        twice = next(name for name, count in Counter(row["image_id"] for row in rows).items() if count > 1)
        raise ArtefactError(f"image '{twice}' has two captions", where=folder / "captions.parquet")
    left_out = read_rows(folder / "uncaptioned.parquet", UNCAPTIONED)
    return StageCaptions(stage, captions, {row["image_id"]: row["reason"] for row in left_out})


def content_sha256(pairs: Iterable[Mapping[str, Any]]) -> str:
    """Return the SHA-256 over the rows as canonical JSON, in the order of their ids: the same in any Parquet."""
    digest = hashlib.sha256()
    for pair in sorted(pairs, key=lambda pair: str(pair["image_id"])):
        digest.update(canonical_json(pair).encode() + b"\n")
    return digest.hexdigest()


def _join(project: Project) -> tuple[list[dict[str, Any]], list[dict[str, object]]]:
    splits = read_splits(project)
    tables = read_indexes(project)
    pairs: list[dict[str, Any]] = []
    ledger: list[dict[str, object]] = []
    for name, table in tables.items():
        known = captioned_corpus(project, name, splits)
        rows = table.drop_columns(_ANNOTATIONS).to_pylist()
        ids = {row["image_id"] for row in rows}
        _refuse_strangers(name, known, ids)
        for row in rows:
            fate = fate_of(row, known)
            ledger.append(ledger_row(name, row["image_id"], row["path"], fate))
            if fate.released:
                image_id = row["image_id"]
                pairs.append(_pair(name, row, known.captions[image_id], splits[image_id], known.entry))
        ledger += quarantined_rows(project, name, ids)
    pairs.sort(key=lambda pair: str(pair["image_id"]))
    return pairs, ledger


def _refuse_strangers(corpus: str, known: CaptionedCorpus, ids: set[str]) -> None:
    for made in known.stages:
        strangers = sorted((made.captions.keys() | made.reasons.keys()) - ids)
        if strangers:
            raise ArtefactError(
                f"captions of images that are not in the index, the first is '{strangers[0]}'",
                where=f"build/{made.stage}/{corpus}",
                way_out=f"run `{command(made.stage, corpus)}`",
            )


def _pair(
    corpus: str, row: Mapping[str, Any], caption: Mapping[str, Any], split: Mapping[str, Any], entry: Entry
) -> dict[str, Any]:
    return {
        "corpus": corpus,
        **{name: row[name] for name in _OF_IMAGE},
        **{name: caption[name] for name in _OF_CAPTION},
        **{name: split[name] for name in _OF_SPLIT},
        "sensor": entry.sensor,
        "licence": entry.licence,
        "redistribution": entry.redistribution,
        "citation": entry.citation,
        "source_url": entry.homepage,
    }


def _measure(
    pairs: list[dict[str, Any]], ledger: list[dict[str, object]], counts: Mapping[str, Mapping[str, int]]
) -> dict[str, object]:
    by_split: dict[str, Counter[str]] = {name: Counter() for name in counts}
    for pair in pairs:
        by_split[pair["corpus"]][pair["split"]] += 1
    # a reason names images and figures; what stands before them is its kind
    reasons = Counter(f"{row['stage']}: {_kind(str(row['reason']))}" for row in ledger if row["reason"])
    return {
        "pairs": len(pairs),
        "sources": len(ledger),
        "left_out": len(ledger) - len(pairs),
        "splits": dict(Counter(pair["split"] for pair in pairs)),
        "methods": dict(Counter(pair["method"] for pair in pairs)),
        "corpora": {name: {**counted, **by_split[name]} for name, counted in counts.items()},
        "left_out_by_reason": dict(reasons),
        "content_sha256": content_sha256(pairs),
    }


def _kind(reason: str) -> str:
    kind = reason.partition(":")[0]
    return "exact duplicate" if kind.startswith("exact duplicate of ") else kind

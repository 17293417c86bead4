"""The stage ``candidate``: captions, splits, images and licences joined into pairs, and the ledger.

The ledger holds every source image of every corpus, released or left out, with the stage and the reason. The order
of the stages is the order of the questions: could the file be used, could rules say something about it, is it the
one that stays of its duplicates, did a model say something that passes, may it stand in the candidate.
"""

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sartext.catalogue.entry import Entry
from sartext.catalogue.loading import find_entry
from sartext.config import Project
from sartext.corpora.quarantine import read_quarantine
from sartext.errors import ArtefactError
from sartext.files import atomic_folder, canonical_json, read_json, write_json
from sartext.narrator.methods import BY_MODEL
from sartext.release.inputs import TRAIN, WITHDRAWN, caption_lists, read_indexes, read_splits, refuse_unlisted
from sartext.tables import CAPTIONS, LEDGER, PAIRS, UNCAPTIONED, read_rows, write_table

EXAMPLES = 6
_ANNOTATIONS = ["objects", "regions", "captions"]

RELEASED, LEFT_OUT = "released", "left out"
RELEASE = "release"
"""The stage that an image of the candidate reached."""

CAPTIONS_STAGE = "captions"
REWRITTEN_STAGE = "rewritten"
_COMMANDS = {
    REWRITTEN_STAGE: "rewrite",
    CAPTIONS_STAGE: "captions",
    "optical-captions": "optical-captions",
    "narrated": "narrate",
}

OPTICAL = "optical image, kept for training"
UNLABELLED = "SAR image without labels, of a corpus that params.yaml does not list under narrated"
GIVES_NOTHING = "params.yaml lets a release give nothing of its corpus"
NOT_LISTED = "SAR image of a corpus that params.yaml does not list under captions"

Row = Mapping[str, Any]


@dataclass(frozen=True)
class StageCaptions:
    """What one captioning stage wrote about a corpus: captions, and why an image got none, by image id."""

    stage: str
    captions: Mapping[str, Row]
    reasons: Mapping[str, str]


def build_candidate(project: Project) -> dict[str, object]:
    """Write ``build/candidate`` (pairs.parquet, metrics.json) and ``build/ledger.parquet``; return their counts.

    Raises:
        ArtefactError: an upstream table is missing, damaged or of another state of the corpora, a folder of an
            unlisted corpus is there, or the ledger does not add up.
    """
    refuse_unlisted(project)
    pairs, ledger = _join(project)
    metrics = _measure(pairs, ledger, _check_sums(project, ledger))
    with atomic_folder(project.build / "candidate") as folder:
        write_table(folder / "pairs.parquet", PAIRS, pairs)
        write_json(folder / "metrics.json", metrics)
    write_table(project.build / "ledger.parquet", LEDGER, ledger)
    step = max(1, len(pairs) // EXAMPLES)
    return {**metrics, "examples": [pair["image_id"] for pair in pairs[::step]][:EXAMPLES]}


def caption_folders(project: Project, corpus: str) -> dict[str, Path]:
    """Return where the captions of a corpus are, by stage, in the order in which they count.

    What a language model rewrote comes before the caption by rules that it stands for, other models come last.
    """
    lists = caption_lists(project)
    return {folder.name: folder / corpus for folder, listed in lists.items() if corpus in listed}


def command(stage: str, corpus: str) -> str:
    """Return the command that captions a corpus in a stage."""
    return f"sartext {_COMMANDS[stage]} {corpus}"


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


def content_sha256(pairs: Iterable[Row]) -> str:
    """Return the SHA-256 over the rows as canonical JSON, in the order of their ids: the same in any Parquet."""
    digest = hashlib.sha256()
    for pair in sorted(pairs, key=lambda pair: str(pair["image_id"])):
        digest.update(canonical_json(pair).encode() + b"\n")
    return digest.hexdigest()


def _join(project: Project) -> tuple[list[dict[str, Any]], list[dict[str, str]]]:
    splits = read_splits(project)
    pairs: list[dict[str, Any]] = []
    ledger: list[dict[str, str]] = []
    for corpus, table in read_indexes(project).items():
        entry, gives = find_entry(project, corpus), project.parameters.corpora[corpus].gives
        stages = [_read_captions(stage, folder) for stage, folder in caption_folders(project, corpus).items()]
        captions = {image_id: caption for made in reversed(stages) for image_id, caption in made.captions.items()}
        rows = table.drop_columns(_ANNOTATIONS).to_pylist()
        ids = {row["image_id"] for row in rows}
        _refuse_strangers(corpus, stages, ids)
        for row in rows:
            image_id = row["image_id"]
            caption, split = captions.get(image_id), splits.get(image_id)
            stage, reason = _fate(row, entry, stages, caption, split)
            if stage == RELEASE and gives == "nothing":
                stage, reason = "candidate", GIVES_NOTHING
            ledger.append(_ledger_row(corpus, image_id, row["path"], stage, reason))
            if stage == RELEASE and caption and split:
                pairs.append(_pair(entry, {**row, **caption, **split}, with_image=gives == "images"))
        ledger += _quarantined_rows(project, corpus, ids)
    pairs.sort(key=lambda pair: str(pair["image_id"]))
    return pairs, ledger


def _refuse_strangers(corpus: str, stages: Iterable[StageCaptions], ids: set[str]) -> None:
    for made in stages:
        strangers = sorted((made.captions.keys() | made.reasons.keys()) - ids)
        if strangers:
            raise ArtefactError(
                f"captions of images that are not in the index, the first is '{strangers[0]}'",
                where=f"build/{made.stage}/{corpus}",
                way_out=f"run `{command(made.stage, corpus)}`",
            )


def _pair(entry: Entry, row: Row, *, with_image: bool) -> dict[str, Any]:
    of_corpus = {
        "corpus": entry.name,
        "sensor": row["sensor"] or entry.sensor,
        "licence": entry.licence,
        "redistribution": entry.redistribution and with_image,
        "citation": entry.citation,
        "source_url": entry.homepage,
    }
    return {name: of_corpus[name] if name in of_corpus else row[name] for name in PAIRS.names}


def _fate(
    row: Row, entry: Entry, stages: Sequence[StageCaptions], caption: Row | None, split: Row | None
) -> tuple[str, str]:
    """Decide what becomes of an image of the index: ``release``, or the stage that left it out and why.

    Raises:
        ArtefactError: a stage has not seen the image.
    """
    image_id = row["image_id"]
    if split is None:
        raise _unseen(image_id, "build/splits/splits.parquet", "sartext splits")
    optical = row["modality"] != "sar"
    by_rules_alone = {made.stage for made in stages} - {REWRITTEN_STAGE} == {CAPTIONS_STAGE}
    withdrawn = split["reason"].startswith(WITHDRAWN)
    if caption is None and not optical and by_rules_alone and not withdrawn:
        return _uncaptioned(image_id, entry, stages, TRAIN)
    if split["split"] is None:
        return "splits", split["reason"]
    if optical:
        return "candidate", OPTICAL
    if caption is None:
        return _uncaptioned(image_id, entry, stages, split["split"])
    if caption["method"] in BY_MODEL and split["split"] != TRAIN:
        by_model = f"captioned by a model ({caption['method']}), and {split['split']} takes no model's caption"
        return "candidate", by_model
    return RELEASE, ""


def _uncaptioned(image_id: str, entry: Entry, stages: Sequence[StageCaptions], split: str) -> tuple[str, str]:
    """The reason of the last stage that saw the image; only models may leave images unseen, outside train."""
    if not stages:
        return "candidate", UNLABELLED if entry.kind == "unlabelled" else NOT_LISTED
    for made in reversed(stages):
        if image_id in made.reasons:
            return made.stage, made.reasons[image_id]
    last = stages[-1].stage
    if last != CAPTIONS_STAGE and split != TRAIN:
        return "candidate", f"no label or caption by people, and {split} takes no model's caption"
    raise _unseen(image_id, f"build/{last}/{entry.name}", command(last, entry.name))


def _unseen(image_id: str, where: str, command: str) -> ArtefactError:
    return ArtefactError(f"image '{image_id}' is not in it", where=where, way_out=f"run `{command}`")


def _ledger_row(corpus: str, image_id: str, path: str, stage: str, reason: str) -> dict[str, str]:
    fate = RELEASED if stage == RELEASE else LEFT_OUT
    return dict(zip(LEDGER.names, (image_id, corpus, path, fate, stage, reason), strict=True))


def _quarantined_rows(project: Project, corpus: str, taken: Collection[str]) -> list[dict[str, str]]:
    """The ledger rows of the source images that the index left out; boxes and annotations are no images.

    An image whose id another one has (``taken``) is named by its path.
    """
    reasons: dict[str, list[str]] = {}
    ids: dict[str, str] = {}
    for fault in read_quarantine(project.corpus(corpus) / "quarantine.csv", "image"):
        reasons.setdefault(fault.path, []).append(": ".join(filter(None, (fault.reason, fault.detail))))
        ids.setdefault(fault.path, fault.image_id)
    used = {"", *taken}
    rows = []
    for path in sorted(reasons):
        image_id = ids[path] if ids[path] not in used else f"{corpus}/{path.removeprefix(f'data/{corpus}/')}"
        used.add(image_id)
        rows.append(_ledger_row(corpus, image_id, path, "corpus", "; ".join(reasons[path])))
    return rows


def _check_sums(project: Project, ledger: Iterable[Mapping[str, str]]) -> dict[str, dict[str, int]]:
    """Return the counts of the ledger per corpus, once they equal what the index counted when it found the files.

    Raises:
        ArtefactError: a corpus has more or fewer source images than fates.
    """
    counts: dict[str, Counter[str]] = {name: Counter() for name in project.parameters.corpora}
    for row in ledger:
        counts[row["corpus"]][row["fate"]] += 1
    for name, counted in counts.items():
        path = project.corpus(name) / "metrics.json"
        metrics = read_json(path)
        sources = metrics["images_found"] + metrics["optical_halves_found"]
        if sources != counted.total():
            raise ArtefactError(
                f"{sources} source images were found, but {counted.total()} have a fate",
                where=path,
                way_out=f"run `sartext corpus {name}` and `sartext splits` again",
            )
    return {
        name: {"sources": counted.total(), "released": counted[RELEASED], "left_out": counted[LEFT_OUT]}
        for name, counted in counts.items()
    }


def _measure(
    pairs: Sequence[Row], ledger: Sequence[Mapping[str, str]], counts: Mapping[str, Mapping[str, int]]
) -> dict[str, object]:
    by_split: dict[str, Counter[str]] = {name: Counter() for name in counts}
    for pair in pairs:
        by_split[pair["corpus"]][pair["split"]] += 1
    return {
        "pairs": len(pairs),
        "sources": len(ledger),
        "left_out": len(ledger) - len(pairs),
        "splits": dict(Counter(pair["split"] for pair in pairs)),
        "methods": dict(Counter(pair["method"] for pair in pairs)),
        "corpora": {name: {**counted, **by_split[name]} for name, counted in counts.items()},
        "left_out_by_reason": dict(Counter(_kind(row) for row in ledger if row["reason"])),
        "content_sha256": content_sha256(pairs),
    }


def _kind(row: Mapping[str, str]) -> str:
    """The stage and the kind of a reason, which names images and figures behind it."""
    kind = row["reason"].partition(":")[0]
    for copy, prefix in (("exact duplicate", "exact duplicate of "), ("compiled", "compiled from ")):
        kind = copy if kind.startswith(prefix) else kind
    return f"{row['stage']}: {kind}"

"""An image's whole story: annotation, facts, rule, caption, duplicates, split, gate rows and fate."""

import re
from collections import Counter
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import pyarrow.compute as pc

from sartext.catalogue.entry import Entry
from sartext.catalogue.loading import find_entry
from sartext.config import Project
from sartext.corpora.quarantine import Fault, read_quarantine
from sartext.errors import ArtefactError, nearest
from sartext.files import read_json, sha256_file
from sartext.narrator.methods import BY_MODEL
from sartext.release.candidate.joining import caption_folders
from sartext.release.candidate.ledger import CAPTIONS_STAGE, RELEASED
from sartext.release.gate.outcome import tally
from sartext.release.inputs import read_index
from sartext.release.splits.duplicates import read_duplicates
from sartext.tables import CAPTIONS, LEDGER, SPLITS, UNCAPTIONED, read_rows

Row = tuple[str, str]

CONTENT = "content.json"
NOT_YET = "not decided yet: run `make release`"
_BOXES_SHOWN = 20


def explain(project: Project, image_id: str) -> list[Row]:
    """Tell where an image came from, what was said about it, where it stands and what became of it.

    Stages that have not run yet are told as such.

    Returns:
        Headings with their texts, in the order of the story.

    Raises:
        ArtefactError: no source image has this id; the nearest known one is told.
    """
    corpus = _corpus_of(project, image_id)
    entry = find_entry(project, corpus)
    table = read_index(project, corpus)
    found = table.filter(pc.equal(table.column("image_id"), image_id)).to_pylist()
    faults = read_quarantine(project.corpus(corpus) / "quarantine.csv")
    fate = _ledger_row(project, image_id)
    if not found and fate is None and not _quarantined(faults, image_id):
        known = [*table.column("image_id").to_pylist(), *(one.image_id for one in faults if one.image_id)]
        close = get_close_matches(image_id, known, n=1, cutoff=0.5)
        way_out = f"did you mean '{close[0]}'?" if close else f"an id of this corpus is '{known[0]}'"
        raise ArtefactError(f"no source image is called '{image_id}'", where=corpus, way_out=way_out)
    story = [("image", image_id), ("corpus", f"{corpus}: {entry.title}")]
    if found:
        story += [*_source(found[0], entry), *_annotation(found[0], entry)]
    story += _faults(faults, image_id, fate)
    if found:
        story += [
            *_caption(project, corpus, found[0]),
            *_duplicates(project, image_id),
            *_split(project, image_id),
        ]
        story += _gate(project, image_id, fate)
    return [*story, _fate(project, fate)]


def _corpus_of(project: Project, image_id: str) -> str:
    corpora = project.parameters.corpora
    corpus, slash, _ = image_id.partition("/")
    if corpus not in corpora or not slash:
        raise ArtefactError(
            f"no source image is called '{image_id}': an id is CORPUS/NAME, and no corpus is called '{corpus}'",
            where="params.yaml: corpora",
            way_out=nearest(corpus, corpora),
        )
    return corpus


def _ledger_row(project: Project, image_id: str) -> Mapping[str, Any] | None:
    path = project.build / "ledger.parquet"
    rows = read_rows(path, LEDGER) if path.is_file() else []
    return next((row for row in rows if row["image_id"] == image_id), None)


def _quarantined(faults: list[Fault], image_id: str) -> bool:
    return any(one.kind == "image" and one.image_id == image_id for one in faults)


def _source(row: Mapping[str, Any], entry: Entry) -> list[Row]:
    window = "" if row["db_low"] is None else f", shown from {row['db_low']:g} to {row['db_high']:g} dB"
    told = [
        ("file", f"{row['path']} (SHA-256 {row['sha256']})"),
        (
            "picture",
            f"{row['width']} x {row['height']} pixels, {row['modality']}, {row['quantity']}, "
            f"polarisation {row['polarisation']}{window}",
        ),
        ("sensor and licence", f"{entry.sensor}; {entry.licence or 'no licence given'}"),
        ("place", row["scene_id"]),
    ]
    for heading, column in (("other half", "paired_path"), ("published split", "published_split")):
        if row[column]:
            told.append((heading, row[column]))
    return told


def _annotation(row: Mapping[str, Any], entry: Entry) -> list[Row]:
    told = []
    for one in row["objects"][:_BOXES_SHOWN]:
        corners = ", ".join(f"{one[side]:g}" for side in ("xmin", "ymin", "xmax", "ymax"))
        told.append(f"{one['label']} ({corners})")
    if row["objects"]:
        counts = Counter(one["label"] for one in row["objects"])
        summary = ", ".join(f"{count} {label}" for label, count in sorted(counts.items()))
        more = "; …" if len(row["objects"]) > _BOXES_SHOWN else ""
        objects = f"{summary}: {'; '.join(told)}{more}"
    else:
        objects = "no object" if entry.kind in {"detection", "segmentation"} else ""
    story = [("annotated objects", objects)] if objects else []
    cover = [f"{one['label']} {one['fraction']:.1%}" for one in row["regions"] if one["zone"] == "image"]
    if cover:
        story.append(("annotated land cover", ", ".join(cover)))
    return story + [("source caption", caption) for caption in row["captions"]]


def _faults(faults: list[Fault], image_id: str, fate: Mapping[str, Any] | None) -> list[Row]:
    path = fate["path"] if fate else None
    told = [one for one in faults if one.image_id == image_id or one.path == path]
    return [("quarantine", f"{one.kind}: {one.reason} {one.detail}".rstrip()) for one in told]


def _caption(project: Project, corpus: str, row: Mapping[str, Any]) -> list[Row]:
    """The caption that counts; without one, what each stage that looked for one says."""
    if row["modality"] != "sar":
        return []
    told: list[Row] = []
    for stage, folder in caption_folders(project, corpus).items():
        if not folder.is_dir():
            told.append(("caption", NOT_YET))
            continue
        for one in read_rows(folder / "captions.parquet", CAPTIONS):
            if one["image_id"] == row["image_id"]:
                return [("facts", one["facts"]), *_rule(one, folder), ("caption", one["caption"])]
        by = "none" if stage == CAPTIONS_STAGE else f"none by {stage}"
        reasons = read_rows(folder / "uncaptioned.parquet", UNCAPTIONED)
        told += [("caption", f"{by}: {one['reason']}") for one in reasons if one["image_id"] == row["image_id"]]
    return told


def _rule(caption: Mapping[str, Any], folder: Path) -> list[Row]:
    """How a caption was made; of a model's, what the model said and what it had to reach."""
    score = "" if caption["score"] is None else f", score {caption['score']:.3f}"
    told = [("rule", f"{caption['method']} (version {caption['method_version']}{score})")]
    if caption["model_sha256"]:
        told += [("model", f"SHA-256 {caption['model_sha256']}"), *_thresholds(folder)]
    heading = "said by the model" if caption["method"] in BY_MODEL else "rewritten from"
    return [*told, (heading, caption["source_caption"])] if caption["source_caption"] else told


def _thresholds(folder: Path) -> list[Row]:
    path = folder / "metrics.json"
    metrics = read_json(path) if path.is_file() else {}
    if "least_similarity" in metrics:
        return [("threshold", f"similarity of image and caption {metrics['least_similarity']:.3f}")]
    told = [
        f"{kind}: {', '.join(f'{name} {least:.3f}' for name, least in of.items()) or 'not released'}"
        for kind, of in (metrics.get("thresholds") or {}).items()
    ]
    return [("thresholds", "; ".join(told))] if told else []


def _duplicates(project: Project, image_id: str) -> list[Row]:
    path = project.build / "splits" / "duplicates.csv"
    told: list[Row] = []
    for one in read_duplicates(path) if path.is_file() else []:
        if image_id not in {one["image_id"], one["duplicate_of"]}:
            continue
        other = one["duplicate_of"] if one["image_id"] == image_id else one["image_id"]
        if one["kind"] == "near":
            figures = f"correlation {one['correlation']}, {one['hash_distance']} bits of the hash differ"
        else:
            figures = f"the annotations differ in {one['differs']}" if one["differs"] else "annotated alike"
        told.append((f"{one['kind']} duplicate", f"{other} ({figures})"))
    return told


def _split(project: Project, image_id: str) -> list[Row]:
    path = project.build / "splits" / "splits.parquet"
    if not path.is_file():
        return [("split", NOT_YET)]
    rows = read_rows(path, SPLITS)
    mine = next((row for row in rows if row["image_id"] == image_id), None)
    if mine is None:
        return [("split", NOT_YET)]
    story = []
    for heading, column in (("cluster", "cluster_id"), ("group", "group_id")):
        members = sum(row[column] == mine[column] for row in rows)
        story.append((heading, f"{mine[column]} ({members} image{'s' if members > 1 else ''})"))
    if mine["benchmark"]:
        story.append(("benchmark", mine["benchmark"]))
    return [*story, ("split", f"{mine['split'] or 'none'}: {mine['reason']}")]


def _gate(project: Project, image_id: str, fate: Mapping[str, Any] | None) -> list[Row]:
    if fate is None:
        return [("gate", NOT_YET)]
    if fate["fate"] != RELEASED:
        return []
    verdict = _verdict(project)
    if verdict is None:
        return [("gate", NOT_YET)]
    rows = [(suite["name"], row) for suite in verdict["suites"] for row in suite["expectations"]]
    story = [("gate", f"{'passed' if verdict['passed'] else 'refused'}: {tally([row for _, row in rows])}")]
    return story + [
        (f"gate: {suite}", f"{row['severity']}: {row['name']}: {row['detail']}")
        for suite, row in rows
        if not row["passed"] and _names(str(row["detail"]), image_id)
    ]


def _verdict(project: Project) -> dict[str, Any] | None:
    path = project.build / "quality" / "gate.json"
    return dict(read_json(path)) if path.is_file() else None


def _names(text: str, image_id: str) -> bool:
    # 'ssdd/0001' is not named by 'ssdd/00012'
    return re.search(rf"(?<![\w./-]){re.escape(image_id)}(?![\w/-])", text) is not None


def _fate(project: Project, fate: Mapping[str, Any] | None) -> Row:
    if fate is None:
        return "fate", NOT_YET
    if fate["fate"] != RELEASED:
        return "fate", f"{fate['fate']} by stage {fate['stage']}: {fate['reason']}"
    verdict = _verdict(project)
    if verdict is not None and not verdict["passed"]:
        return "fate", "refused by the gate"
    version = _published(project) if verdict is not None else None
    return "fate", f"released in {version}" if version else "in the candidate"


def _published(project: Project) -> str | None:
    """The version that holds the candidate: what was published last is what was assembled after this verdict.

    The candidate itself is not hashed again; that takes as long as the gate's reading of it.
    """
    record = project.build / "publication" / "publication.json"
    assembled = project.build / "release"
    if not (record.is_file() and (assembled / CONTENT).is_file()):
        return None
    told, content = read_json(record), read_json(assembled / CONTENT)
    of_verdict = content.get("files", {}).get("quality/gate.json") == sha256_file(
        project.build / "quality" / "gate.json"
    )
    same = told.get("content_sha256") == content.get("content_sha256")
    return str(told["version"]) if of_verdict and same and "version" in told else None

"""An image's whole story: annotation, facts, rule, caption, duplicates, split, gate rows and fate."""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from sartext.catalogue.entry import Entry
from sartext.catalogue.loading import find_entry
from sartext.config import Project
from sartext.corpora.quarantine import Fault, read_quarantine
from sartext.errors import ArtefactError, nearest
from sartext.files import read_json, sha256_file
from sartext.narrator.statements import Statement
from sartext.release.candidate import CAPTIONS_STAGE, RELEASED, caption_folders, command
from sartext.release.gate.verdict import tally
from sartext.release.inputs import read_index
from sartext.release.manifest import CONTENT
from sartext.release.splits.duplicates import read_duplicates
from sartext.tables import ACQUISITION_NAMES, CAPTIONS, LEDGER, SPLITS, UNCAPTIONED, read_rows

Row = tuple[str, str]
"""A heading and its text."""

_BOXES_SHOWN = 20


def _not_yet(command: str) -> str:
    return f"not decided yet: run `{command}`"


def explain(project: Project, image_id: str) -> list[Row]:
    """Return where an image came from, what was said about it, where it stands and what became of it.

    Headings with their texts; a stage that has not run yet, or not on this image, is named with its command.

    Raises:
        ArtefactError: no source image has this id, the message names an id that has; or the corpus is not indexed.
    """
    corpus = _corpus_of(project, image_id)
    entry = find_entry(project, corpus)
    table = read_index(project, corpus)
    row = next(iter(table.filter(pc.equal(table.column("image_id"), image_id)).to_pylist()), None)
    faults = read_quarantine(project.corpus(corpus) / "quarantine.csv")
    fate = _row_of(project.build / "ledger.parquet", LEDGER, image_id)
    quarantined = any(fault.kind == "image" and fault.image_id == image_id for fault in faults)
    if row is None and fate is None and not quarantined:
        known = sorted({*table.column("image_id").to_pylist(), *(fault.image_id for fault in faults)} - {""})
        raise ArtefactError(
            f"no source image is called '{image_id}'", where=corpus, way_out=_known_ids(image_id, known)
        )
    gate = project.build / "quality" / "gate.json"
    verdict = read_json(gate) if gate.is_file() else None
    story = [("image", image_id), ("corpus", f"{corpus}: {entry.title}")]
    if row is None:
        return [*story, *_faults(faults, image_id, fate), _fate(project, verdict, fate)]
    return [
        *story,
        *_source(row, entry),
        *_annotation(row, entry),
        *_faults(faults, image_id, fate),
        *_caption(project, corpus, row),
        *_duplicates(project, image_id),
        *_split(project, image_id),
        *_gate(verdict, image_id, fate),
        _fate(project, verdict, fate),
    ]


def _known_ids(image_id: str, known: Sequence[str]) -> str:
    """Name the id that was meant, or where the ids of the corpus begin and end.

    Another number is another image, however alike the digits are: only an id with the same numbers can be meant.
    """
    alike = [name for name in known if _numbers(name) == _numbers(image_id)]
    close = get_close_matches(image_id, alike, n=1, cutoff=0.5)
    if close:
        return f"did you mean '{close[0]}'?"
    return (
        f"its {len(known):,} ids run from '{known[0]}' to '{known[-1]}'" if known else "the corpus has no images"
    )


def _numbers(image_id: str) -> list[int]:
    return [int(digits) for digits in re.findall(r"\d+", image_id.partition("/")[2])]


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


def _source(row: Mapping[str, Any], entry: Entry) -> list[Row]:
    window = "" if row["db_low"] is None else f", shown from {row['db_low']:g} to {row['db_high']:g} dB"
    picture = f"{row['width']} x {row['height']} pixels, {row['modality']}, {row['quantity']}, "
    conditions = f"conditions: {entry.conditions_in_words}"
    rows = [
        ("file", f"{row['path']} (SHA-256 {row['sha256']})"),
        ("picture", f"{picture}polarisation {row['polarisation']}{window}"),
        (
            "acquisition",
            ", ".join(f"{name} {row[name]}" for name in ACQUISITION_NAMES if row[name] is not None) or "unknown",
        ),
        ("sensor and licence", f"{entry.sensor}; {entry.licence or 'no licence given'} ({conditions})"),
        ("place", row["scene_id"]),
    ]
    further = (("other half", row["paired_path"]), ("published split", row["published_split"]))
    return [*rows, *((heading, text) for heading, text in further if text)]


def _annotation(row: Mapping[str, Any], entry: Entry) -> list[Row]:
    boxes = []
    for box in row["objects"][:_BOXES_SHOWN]:
        corners = ", ".join(f"{box[side]:g}" for side in ("xmin", "ymin", "xmax", "ymax"))
        boxes.append(f"{box['label']} ({corners})")
    story = []
    if boxes:
        counts = Counter(box["label"] for box in row["objects"])
        summary = ", ".join(f"{count} {label}" for label, count in sorted(counts.items()))
        more = "; …" if len(row["objects"]) > _BOXES_SHOWN else ""
        story.append(("annotated objects", f"{summary}: {'; '.join(boxes)}{more}"))
    elif entry.kind in {"detection", "segmentation"}:
        story.append(("annotated objects", "no object"))
    if row["scene_class"]:
        story.append(("annotated scene", row["scene_class"]))
    whole = [
        f"{region['label']} {region['fraction']:.1%}" for region in row["regions"] if region["zone"] == "image"
    ]
    if whole:
        story.append(("annotated land cover", ", ".join(whole)))
    return story + [("source caption", caption) for caption in row["captions"]]


def _faults(faults: list[Fault], image_id: str, fate: Mapping[str, Any] | None) -> list[Row]:
    path = fate["path"] if fate else None
    own = [fault for fault in faults if fault.image_id == image_id or fault.path == path]
    return [("quarantine", f"{fault.kind}: {fault.reason} {fault.detail}".rstrip()) for fault in own]


def _caption(project: Project, corpus: str, row: Mapping[str, Any]) -> list[Row]:
    """The caption that counts; without one, what each stage that looked for one says."""
    if row["modality"] != "sar":
        return []
    story: list[Row] = []
    for stage, folder in caption_folders(project, corpus).items():
        caption = _row_of(folder / "captions.parquet", CAPTIONS, row["image_id"])
        if caption is not None:
            return [
                ("facts", caption["facts"]),
                *_rule(caption, folder),
                ("caption", caption["caption"]),
                *_more(caption),
            ]
        left_out = _row_of(folder / "uncaptioned.parquet", UNCAPTIONED, row["image_id"])
        by = "none" if stage == CAPTIONS_STAGE else f"none by {stage}"
        reason = f"{by}: {left_out['reason']}" if left_out else _not_yet(command(stage, corpus))
        story.append(("caption", reason))
    return story


def _row_of(path: Path, schema: pa.Schema, image_id: str) -> Mapping[str, Any] | None:
    """The row of an image in a table of a stage; nothing where the stage has not run, or not on this image."""
    rows = read_rows(path, schema) if path.is_file() else []
    return next((row for row in rows if row["image_id"] == image_id), None)


def _more(caption: Mapping[str, Any]) -> list[Row]:
    """The detailed caption, where it says more."""
    said_in_detail = caption["caption_detailed"]
    return [("in detail", said_in_detail)] if said_in_detail != caption["caption"] else []


def _rule(caption: Mapping[str, Any], folder: Path) -> list[Row]:
    """How a caption was made; of a model's, what the model said and what it had to reach."""
    score = "" if caption["score"] is None else f", score {caption['score']:.3f}"
    rows = [("rule", f"{caption['method']} (version {caption['method_version']}{score})")]
    if caption["model_sha256"]:
        rows += [("model", f"SHA-256 {caption['model_sha256']}"), *_thresholds(folder)]
        rows += _proofs(caption["proof"])
    if caption["model"]:
        rows.append(("model", f"{caption['model']}, prompt {caption['prompt_sha256'][:12]}"))
    heading = "said by the model" if caption["model_sha256"] else "rewritten from"
    return [*rows, (heading, caption["source_caption"])] if caption["source_caption"] else rows


def _proofs(record: str | None) -> list[Row]:
    """Each statement of a caption by models, with its score and what proposed it."""
    rows = json.loads(record)["statements"] if record else []
    return [
        ("proven", f"{Statement(row['kind'], row['label'], row['value']).words} ({row['score']:.2f}, {row['by']})")
        for row in rows
    ]


def _thresholds(folder: Path) -> list[Row]:
    path = folder / "metrics.json"
    metrics = read_json(path) if path.is_file() else {}
    if "least_similarity" in metrics:
        return [("threshold", f"similarity of image and caption {metrics['least_similarity']:.3f}")]
    thresholds = [
        f"{kind}: {', '.join(f'{name} {least:.3f}' for name, least in of.items()) or 'not released'}"
        for kind, of in (metrics.get("thresholds") or {}).items()
    ]
    return [("thresholds", "; ".join(thresholds))] if thresholds else []


def _duplicates(project: Project, image_id: str) -> list[Row]:
    path = project.build / "splits" / "duplicates.csv"
    story: list[Row] = []
    for pair in read_duplicates(path) if path.is_file() else []:
        if image_id not in {pair["image_id"], pair["duplicate_of"]}:
            continue
        other = pair["duplicate_of"] if pair["image_id"] == image_id else pair["image_id"]
        if pair["kind"] == "near":
            figures = f"correlation {pair['correlation']}, {pair['hash_distance']} bits of the hash differ"
        else:
            figures = f"the annotations differ in {pair['differs']}" if pair["differs"] else "annotated alike"
        heading = "compilation" if pair["kind"] == "compiled" else f"{pair['kind']} duplicate"
        story.append((heading, f"{other} ({figures})"))
    return story


def _split(project: Project, image_id: str) -> list[Row]:
    path = project.build / "splits" / "splits.parquet"
    rows = read_rows(path, SPLITS) if path.is_file() else []
    assigned = next((row for row in rows if row["image_id"] == image_id), None)
    if assigned is None:
        return [("split", _not_yet("sartext splits"))]
    story = []
    for heading, column in (("cluster", "cluster_id"), ("group", "group_id")):
        members = sum(row[column] == assigned[column] for row in rows)
        story.append((heading, f"{assigned[column]} ({members} image{'s' if members > 1 else ''})"))
    if assigned["benchmark"]:
        story.append(("benchmark", assigned["benchmark"]))
    return [*story, ("split", f"{assigned['split'] or 'none'}: {assigned['reason']}")]


def _gate(verdict: Mapping[str, Any] | None, image_id: str, fate: Mapping[str, Any] | None) -> list[Row]:
    if fate is None or fate["fate"] != RELEASED:
        return []
    if verdict is None:
        return [("gate", _not_yet("sartext quality"))]
    # 'ssdd/0001' is not named by 'ssdd/00012'
    named = re.compile(rf"(?<![\w./-]){re.escape(image_id)}(?![\w/-])")
    rows = [(suite["name"], row) for suite in verdict["suites"] for row in suite["expectations"]]
    result = "passed" if verdict["passed"] else "refused"
    return [("gate", f"{result}: {tally([row for _, row in rows])}")] + [
        (f"gate: {suite}", f"{row['severity']}: {row['name']}: {row['detail']}")
        for suite, row in rows
        if not row["passed"] and named.search(str(row["detail"]))
    ]


def _fate(project: Project, verdict: Mapping[str, Any] | None, fate: Mapping[str, Any] | None) -> Row:
    if fate is None:
        return "fate", _not_yet("sartext candidate")
    if fate["fate"] != RELEASED:
        return "fate", f"{fate['fate']} by stage {fate['stage']}: {fate['reason']}"
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
    published, content = read_json(record), read_json(assembled / CONTENT)
    verdict = sha256_file(project.build / "quality" / "gate.json")
    of_verdict = content.get("files", {}).get("quality/gate.json") == verdict
    same = published.get("content_sha256") == content.get("content_sha256")
    return str(published["version"]) if of_verdict and same and "version" in published else None

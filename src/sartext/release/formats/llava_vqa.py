"""SAR-VQA: questions with the facts that prove their answers, in LLaVA's JSON lines, per split."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from sartext.config import ReleaseParameters
from sartext.corpora.quarantine import read_quarantine
from sartext.files import write_text
from sartext.release.formats.open_clip_csv import IMAGES
from sartext.release.material import SPLITS, Material
from sartext.vqa.claims import Doubt
from sartext.vqa.making import Source, make_questions
from sartext.vqa.question import TYPES, Question, lines_of, read_splits

FOLDER = "vqa"

DOUBTS: Mapping[str, Doubt] = {
    "box-outside": Doubt.OBJECTS,
    "box-without-area": Doubt.OBJECTS,
    "component-too-small": Doubt.OBJECTS,
    "unknown-code": Doubt.PIXELS,
    "unknown-colour": Doubt.PIXELS,
}
"""Why something of an annotation is not in the index of its corpus, and what the image then lacks."""


def write(material: Material, folder: Path, parameters: ReleaseParameters) -> None:
    """Write ``vqa/<split>.jsonl`` below ``folder``, sorted by id; one for every split that the release has.

    ``image`` is the path that ``csv/`` gives, null where the image is withheld.
    """
    rows = {row["image_id"]: row for row in material.pairs}
    questions = make_questions(
        Source(material.pairs, material.catalogue, doubtful_images(material)), parameters.vqa
    )
    paths: dict[str, str | None] = {}
    for one in questions:
        if one.image_id not in paths:
            path = material.image_path(rows[one.image_id])
            paths[one.image_id] = path and f"{IMAGES}/{path}"
    for split in material.splits():
        told = [replace(one, image=paths[one.image_id]) for one in questions if one.split == split]
        write_text(folder / FOLDER / f"{split}.jsonl", lines_of(told))


def doubtful_images(material: Material) -> dict[str, Doubt]:
    """Return the images whose annotation was not taken in as a whole when their corpus was indexed.

    What was repaired or told twice is no doubt: the source's own boxes are counted.
    """
    found: dict[str, Doubt] = {}
    for name in material.catalogue:
        for fault in read_quarantine(material.project.corpus(name) / "quarantine.csv"):
            doubt = DOUBTS.get(fault.reason, Doubt.NONE)
            if doubt:
                found[fault.image_id] = max(doubt, found.get(fault.image_id, doubt))
    return found


def describe(folder: Path) -> dict[str, Any] | None:
    """Return the counts of the questions of a release, by split, type and corpus; None where it has none."""
    if not (folder / FOLDER).is_dir():
        return None
    splits = read_splits(folder)
    questions = [one for found in splits.values() for one in found]
    return {
        "questions": len(questions),
        "images": len({one.image_id for one in questions}),
        "splits": {split: _counted(splits[split], "type", TYPES) for split in SPLITS if split in splits},
        "corpora": {
            name: _counted([one for one in questions if one.corpus == name], "type", TYPES)
            for name in sorted({one.corpus for one in questions})
        },
    }


def _counted(questions: Iterable[Question], field: str, order: Iterable[str]) -> Mapping[str, int]:
    counts = Counter(getattr(one, field) for one in questions)
    return {name: counts[name] for name in order if counts[name]}

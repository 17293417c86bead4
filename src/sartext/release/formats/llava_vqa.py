"""SAR-VQA: questions with the facts that prove their answers, in LLaVA's JSON lines, per split."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

from sartext.config import ReleaseParameters
from sartext.corpora.quarantine import read_quarantine
from sartext.errors import ArtefactError
from sartext.files import write_text
from sartext.narrator.facts import Facts, from_json
from sartext.release.formats.format import Format, Material, Pair, Pairs
from sartext.release.inputs import SPLIT_NAMES
from sartext.release.manifest import IMAGES
from sartext.vqa.claims import Doubt
from sartext.vqa.making import Source, make_questions
from sartext.vqa.proof import proves
from sartext.vqa.question import TYPES, Question, lines_of, read_questions, read_splits, to_row

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
    source = Source(material.pairs, material.catalogue, doubtful_images(material))
    questions = make_questions(source, parameters.vqa)
    paths: dict[str, str | None] = {}
    for question in questions:
        if question.image_id not in paths:
            path = material.image_path(rows[question.image_id])
            paths[question.image_id] = path and f"{IMAGES}/{path}"
    for split in material.splits():
        of_split = [question for question in questions if question.split == split]
        placed = [replace(question, image=paths[question.image_id]) for question in of_split]
        write_text(folder / FOLDER / f"{split}.jsonl", lines_of(placed))


def doubtful_images(material: Material) -> dict[str, Doubt]:
    """Return the images whose annotation was not taken in as a whole when their corpus was indexed.

    What was repaired or stated twice is no doubt: the source's own boxes are counted.
    """
    doubts: dict[str, Doubt] = {}
    for name in material.catalogue:
        for fault in read_quarantine(material.project.corpus(name) / "quarantine.csv"):
            doubt = DOUBTS.get(fault.reason, Doubt.NONE)
            if doubt:
                doubts[fault.image_id] = max(doubt, doubts.get(fault.image_id, doubt))
    return doubts


def statistics(folder: Path) -> dict[str, object]:
    """Return the counts of the questions of a release, by split, type and corpus."""
    splits = read_splits(folder)
    questions = [question for of_split in splits.values() for question in of_split]
    corpora = sorted({question.corpus for question in questions})
    return {
        "vqa": {
            "questions": len(questions),
            "images": len({question.image_id for question in questions}),
            "splits": {split: _by_type(splits[split]) for split in SPLIT_NAMES if split in splits},
            "corpora": {name: _by_type(row for row in questions if row.corpus == name) for name in corpora},
        }
    }


def _by_type(questions: Iterable[Question]) -> dict[str, int]:
    counts = Counter(question.type for question in questions)
    return {kind: counts[kind] for kind in TYPES if counts[kind]}


def verify(folder: Path, pairs: Pairs) -> dict[str, str]:
    """Return what is wrong with the questions of a release, by file or by id.

    There is a file for every split. An image that is asked about is in the release, and its corpus, split, group
    and path are those of the Parquet files; the answer follows from its facts, see `vqa.proof`.
    """
    splits = sorted({pair.split for pair in pairs.values()})
    files = {path.name for path in FORMAT.files(folder)} - {f"{split}.jsonl" for split in splits}
    wrong = {f"{FOLDER}/{name}": "not the file of a split" for name in files}
    for split in splits:
        try:
            questions = read_questions(folder / FOLDER / f"{split}.jsonl")
        except ArtefactError as error:
            wrong[f"{FOLDER}/{split}.jsonl"] = error.what
            continue
        if [question.id for question in questions] != sorted(question.id for question in questions):
            wrong[f"{FOLDER}/{split}.jsonl"] = "its rows are not sorted by id"
        known: dict[str, Facts] = {}
        for question in questions:
            problem = _problem(question, split, pairs.get(question.image_id), known)
            if problem:
                wrong[question.id] = problem
    return wrong


def _problem(question: Question, split: str, pair: Pair | None, known: dict[str, Facts]) -> str:
    """What is wrong with one question; ``known`` are the facts that were read before."""
    if pair is None:
        return "the question is about an image that is not in the release"
    if (question.corpus, question.group_id) != (pair.corpus, pair.group_id):
        return "the question has another corpus or group than its image"
    if not question.split == split == pair.split:
        return f"the question stands in split {split}, its image in {pair.split}"
    if question.image != (pair.path and f"{IMAGES}/{pair.path}"):
        return "the question names another image file"
    if not question.id.startswith(f"{question.image_id}:"):
        return "the id does not begin with the image's"
    if question.image_id not in known:
        known[question.image_id] = from_json(pair.facts)
    proven = proves(to_row(question), known[question.image_id])
    return "" if proven else "the answer does not follow from the facts"


FORMAT = Format(
    name="llava-vqa",
    description="Questions with the facts that prove their answers, as LLaVA's trainer reads them",
    patterns=(f"{FOLDER}/*.jsonl",),
    subject="question",
    write=write,
    verify=verify,
    extracted=True,
    statistics=statistics,
    tasks=("visual-question-answering",),
    section="{% include 'vqa.md' %}",
)

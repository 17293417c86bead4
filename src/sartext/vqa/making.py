"""SAR-VQA from the pairs of a release: claims, those of them that are asked, and their words."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from sartext.catalogue.entry import Entry
from sartext.config import VqaParameters
from sartext.narrator.facts import Facts, from_json
from sartext.narrator.methods import ANNOTATED
from sartext.vqa.balance import Candidate, balanced
from sartext.vqa.claims import Claim, Doubt, Image, claims_of, turned
from sartext.vqa.question import Question
from sartext.vqa.subjects import Annotation, annotation_of
from sartext.vqa.wording import asked

Row = Mapping[str, Any]


@dataclass(frozen=True)
class Source:
    """What the questions on the pairs of a release are made from.

    Args:
        pairs: rows with ``image_id``, ``corpus``, ``split``, ``group_id``, ``method`` and ``facts``.
        catalogue: the entry of each corpus.
        doubtful: images whose annotation lacks something, and what, see `claims`.
    """

    pairs: Iterable[Row]
    catalogue: Mapping[str, Entry]
    doubtful: Mapping[str, Doubt] = field(default_factory=dict)


def make_questions(source: Source, parameters: VqaParameters) -> list[Question]:
    """Return the questions on the pairs of a release, sorted by id; their ``image`` is None.

    A corpus's questions depend on its own pairs, its entry and the seed alone.
    """
    parts: dict[tuple[str, str], list[Row]] = defaultdict(list)
    for row in source.pairs:
        if row["method"] in ANNOTATED:  # what a model or an optical caption says is no proof
            parts[row["corpus"], row["split"]].append(row)
    annotations = {name: annotation_of(source.catalogue[name]) for name, _ in parts}
    questions = [
        question
        for (corpus, _), rows in sorted(parts.items())
        for question in _of_part(rows, annotations[corpus], source.doubtful, parameters)
    ]
    return sorted(questions, key=lambda question: question.id)


def _of_part(
    rows: Iterable[Row], annotation: Annotation, doubtful: Mapping[str, Doubt], parameters: VqaParameters
) -> list[Question]:
    """The questions on the images of one corpus in one split."""
    claims: list[tuple[Row, str, Claim]] = []
    candidates: list[Candidate] = []
    for row in sorted(rows, key=lambda row: str(row["image_id"])):
        image_id = row["image_id"]
        facts = from_json(row["facts"])
        doubt = doubtful.get(image_id, Doubt.NONE)
        for claim in claims_of(Image(facts, annotation, parameters.largest_count, doubt)):
            name = _name(image_id, claim)
            asked_as = (
                turned(claim) if len(claim.subjects) == 2 and _draw(parameters.seed, "order", name) % 2 else claim
            )
            candidates.append(_candidate(len(claims), image_id, asked_as, _draw(parameters.seed, "rank", name)))
            claims.append((row, name, asked_as))
    chosen = balanced(candidates, parameters.per_image)
    return [_question(*claims[candidate.key], annotation, parameters.seed) for candidate in chosen]


def _candidate(key: int, image_id: str, claim: Claim, rank: int) -> Candidate:
    """Where the answer is one of two classes, their order is chance and no stratum of its own."""
    ordered = claim.form in {"more", "larger"}
    classes = claim.subjects if ordered else tuple(sorted(claim.subjects))
    return Candidate(key, image_id, claim.type, claim.form, classes, claim.answer, rank)


def _question(row: Row, name: str, claim: Claim, annotation: Annotation, seed: int) -> Question:
    return Question(
        id=name,
        image_id=row["image_id"],
        image=None,
        corpus=row["corpus"],
        split=row["split"],
        group_id=row["group_id"],
        type=claim.type,
        form=claim.form,
        subjects=claim.subjects,
        text=asked(claim, annotation.subjects, _draw(seed, "wording", name)),
        answer=claim.answer,
        facts=evidence(claim.facts, claim.exhaustive),
    )


def evidence(facts: Facts, exhaustive: Iterable[str] = ()) -> dict[str, Any]:
    """Return facts as a question's row has them; the same keys in every row."""
    return {
        "objects": [
            {name: getattr(fact, name) for name in ("label", "noun", "plural", "count", "center", "outside")}
            for fact in facts.objects
        ],
        "cover": [
            {name: getattr(fact, name) for name in ("label", "noun", "fraction", "share", "zone")}
            for fact in facts.cover
        ],
        "present": [{name: getattr(fact, name) for name in ("label", "noun", "plural")} for fact in facts.present],
        "scene": facts.scene,
        "exhaustive": sorted(exhaustive),
    }


def _name(image_id: str, claim: Claim) -> str:
    """The id of a question: the order in which classes are named is no part of it."""
    return ":".join([image_id, claim.form, *(subject.replace(" ", "-") for subject in claim.subjects)])


def _draw(seed: int, what: str, name: str) -> int:
    return int.from_bytes(blake2b(f"{seed}/{what}/{name}".encode(), digest_size=8).digest(), "big")

"""SAR-VQA from the pairs of a release: claims, those of them that are asked, and their words.

So many of each answer are asked that knowing the question alone earns no more than chance. A stratum is what a
question tells without its picture: corpus, split, form and classes. Within it a closed question (yes or no, one of
two) is asked equally often for each answer, an open one at most as often as for the median answer; a stratum of
one answer is not asked. Then the types of a corpus are brought to similar sizes.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from sartext.catalogue.entry import Entry
from sartext.config import VqaParameters
from sartext.narrator.facts import Facts, from_json
from sartext.narrator.methods import ANNOTATED
from sartext.vqa.claims import Claim, Doubt, Image, claims_of, turned
from sartext.vqa.question import Question
from sartext.vqa.subjects import Annotation, annotation_of, worded

Row = Mapping[str, Any]

OPEN_FORMS = frozenset({"how-many", "where-many", "zone", "dominant"})
"""Forms with more than two answers; the others are closed."""

RARE = 0.1
"""Answers under this share of the most frequent one do not lower the cap of an open question."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A claim that could be asked: ``key`` is where it is found again, ``rank`` the order among equals.

    ``classes`` is what the question tells beside its form; ``answer`` is true.
    """

    key: int
    image_id: str
    type: str
    form: str
    classes: tuple[str, ...]
    answer: str
    rank: int

    @property
    def stratum(self) -> tuple[str, tuple[str, ...]]:
        """What the question tells without its picture."""
        return self.form, self.classes


@dataclass
class _Stratum:
    """The candidates of a stratum by answer, each in the order of their ranks, and how often it was used.

    An image has at most one candidate in a stratum.
    """

    answers: dict[str, deque[Candidate]]
    cap: int
    closed: bool
    rank: int
    used: int = 0

    def take(self, room: Counter[str]) -> list[Candidate]:
        """Return one candidate of every answer, of images that have room; nothing where the stratum is used up."""
        if self.used == self.cap:
            return []
        for waiting in self.answers.values():
            while waiting and room[waiting[0].image_id] <= 0:
                waiting.popleft()
        ready = [waiting for waiting in self.answers.values() if waiting]
        if len(ready) < (len(self.answers) if self.closed else 2):
            return []
        self.used += 1
        taken = [waiting.popleft() for waiting in ready]
        room.subtract(candidate.image_id for candidate in taken)
        return taken


def balanced(candidates: Iterable[Candidate], per_image: int) -> list[Candidate]:
    """Return the candidates of one corpus and split that are asked, at most ``per_image`` about one image."""
    groups: dict[str, dict[object, list[Candidate]]] = defaultdict(lambda: defaultdict(list))
    room: Counter[str] = Counter()
    for candidate in candidates:
        groups[candidate.type][candidate.stratum].append(candidate)
        room[candidate.image_id] = per_image
    strata: dict[str, list[_Stratum]] = {}
    for type_, rows in sorted(groups.items()):
        of_type = [stratum for group in rows.values() if (stratum := _stratum(group))]
        strata[type_] = sorted(of_type, key=lambda stratum: stratum.rank)
    sizes = sorted(size for of_type in strata.values() if (size := sum(map(_size, of_type))))
    limit = sizes[len(sizes) // 2] if sizes else 0  # the (upper) median of the types that can be asked
    return list(_chosen(strata, limit, room))


def cap_of(counts: Sequence[int], *, closed: bool) -> int:
    """Return how often an answer is asked at most, from how often each could be.

    The fewest for a closed question; the lower median of those that are not rare for an open one; 0 if there is
    only one answer.
    """
    if len(counts) < 2:
        return 0
    if closed:
        return min(counts)
    common = sorted(count for count in counts if count >= RARE * max(counts))
    if len(common) < 2:
        return max(count for count in counts if count < max(counts))
    return common[(len(common) - 1) // 2]


def _stratum(candidates: Sequence[Candidate]) -> _Stratum | None:
    answers: dict[str, deque[Candidate]] = {}
    for candidate in sorted(candidates, key=lambda candidate: (candidate.answer, candidate.rank)):
        answers.setdefault(candidate.answer, deque()).append(candidate)
    closed = candidates[0].form not in OPEN_FORMS
    cap = cap_of([len(queue) for queue in answers.values()], closed=closed)
    return _Stratum(answers, cap, closed, min(candidate.rank for candidate in candidates)) if cap else None


def _size(stratum: _Stratum) -> int:
    return sum(min(len(queue), stratum.cap) for queue in stratum.answers.values())


def _chosen(strata: Mapping[str, list[_Stratum]], limit: int, room: Counter[str]) -> Iterator[Candidate]:
    """One round of one stratum of every type in turn, so that no type uses up the images before another."""
    counts: Counter[str] = Counter()
    waiting = {type_: deque(of_type) for type_, of_type in strata.items()}
    while any(waiting.values()):
        for type_, queue in waiting.items():
            taken: list[Candidate] = []
            while queue and not taken:
                stratum = queue.popleft()
                taken = stratum.take(room) if counts[type_] < limit else []
                if taken:
                    queue.append(stratum)
            counts[type_] += len(taken)
            yield from taken


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
        facts, doubt = from_json(row["facts"]), doubtful.get(image_id, Doubt.NONE)
        for straight in claims_of(Image(facts, annotation, parameters.largest_count, doubt)):
            claim, name = straight, _name(image_id, straight)
            if len(claim.subjects) == 2 and _draw(parameters.seed, "order", name) % 2:
                claim = turned(claim)
            candidates.append(_candidate(len(claims), image_id, claim, _draw(parameters.seed, "rank", name)))
            claims.append((row, name, claim))
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
        text=worded(claim.form, claim.subjects, annotation.subjects, _draw(seed, "wording", name)),
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

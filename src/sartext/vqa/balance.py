"""Which claims are asked: so many of each answer that knowing the question alone earns no more than chance.

A stratum is what a question tells without its picture: corpus, split, form and classes. Within it a closed
question (yes or no, one of two) is asked equally often for each answer, an open one at most as often as for the
median answer; a stratum of one answer is not asked. Then the types of a corpus are brought to similar sizes.
"""

from collections import Counter, defaultdict, deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

OPEN_FORMS = frozenset({"how-many", "where-many", "zone", "dominant"})
"""Forms with more than two answers; the others are closed."""

RARE = 0.1
"""Answers under this share of the most frequent one do not lower the cap of an open question."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """A claim that could be asked.

    Args:
        key: where it is found again.
        image_id: of its image.
        type: of the question.
        form: of the question.
        classes: what else the question tells.
        answer: that is true.
        rank: decides the order among equals.
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
    """Return the candidates of one corpus and split that are asked.

    Args:
        candidates: all that could be.
        per_image: the most questions about one image.
    """
    by_type = _by_type(candidates)
    room = Counter(
        {
            candidate.image_id: per_image
            for rows in by_type.values()
            for group in rows.values()
            for candidate in group
        }
    )
    strata: dict[str, list[_Stratum]] = {}
    for type_, rows in sorted(by_type.items()):
        of_type = [stratum for group in rows.values() if (stratum := _stratum(group))]
        strata[type_] = sorted(of_type, key=lambda stratum: stratum.rank)
    sizes = [size for of_type in strata.values() if (size := sum(map(_size, of_type)))]
    return list(_chosen(strata, _limit(sizes), room))


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


def _by_type(candidates: Iterable[Candidate]) -> Mapping[str, Mapping[object, list[Candidate]]]:
    by_type: dict[str, dict[object, list[Candidate]]] = defaultdict(lambda: defaultdict(list))
    for candidate in candidates:
        by_type[candidate.type][candidate.stratum].append(candidate)
    return by_type


def _stratum(candidates: Sequence[Candidate]) -> _Stratum | None:
    answers: dict[str, deque[Candidate]] = {}
    for candidate in sorted(candidates, key=lambda candidate: (candidate.answer, candidate.rank)):
        answers.setdefault(candidate.answer, deque()).append(candidate)
    closed = candidates[0].form not in OPEN_FORMS
    cap = cap_of([len(queue) for queue in answers.values()], closed=closed)
    return _Stratum(answers, cap, closed, min(candidate.rank for candidate in candidates)) if cap else None


def _size(stratum: _Stratum) -> int:
    return sum(min(len(queue), stratum.cap) for queue in stratum.answers.values())


def _limit(sizes: Sequence[int]) -> int:
    """The most questions of a type: the (upper) median size of the types that can be asked."""
    return sorted(sizes)[len(sizes) // 2] if sizes else 0


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

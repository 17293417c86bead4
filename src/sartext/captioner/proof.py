"""What is stated of an image, what speaks for it, and what is released: CoCa proposes, the grounder proves.

What the grounder holds and CoCa left out is proposed too. A released record of facts is consistent: a class has
one number, its places add up to that, one share, and the shares leave room for each other.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import floor

from sartext.captioner.captioner import UNFINISHED, ModelCaption
from sartext.captioner.plausibility import under_objects
from sartext.captioner.scores import Figures
from sartext.captioner.thresholds import Rules
from sartext.files import canonical_json
from sartext.models.grounder.evidence import MapModel, logit
from sartext.models.grounder.maps import IMAGE, Grounding
from sartext.narrator.annotated import ZONE_FRACTION
from sartext.narrator.facts import CoverFact, Facts, ObjectFact, PresentFact
from sartext.narrator.statements import (
    COVER_CLASS,
    COVER_SHARE,
    COVER_ZONE,
    OBJECT_CLASS,
    OBJECT_COUNT,
    OBJECT_ZONE,
    SCENE,
    Statement,
    read_facts,
    seen_fact,
    statements_of,
)
from sartext.narrator.vocabulary import LARGEST_COUNT, SHARES, ZONES, Vocabulary, bare, share_word

BELOW = "no statement reaches its threshold"
BY_CAPTION, BY_MAP = "caption and map", "map"
"""What proposed a statement that the maps bear out: CoCa's caption, or the maps alone."""

ZONE_AREA = 0.25
"""Share of the image that a zone is."""

_LEAST = {word: bound for bound, word in SHARES}
_ZONE_NAMES = {words: zone for zone, words in ZONES.items()}


@dataclass(frozen=True)
class Candidate:
    """A statement that may be released, and the figures that its score is made of.

    ``figures``: the logit of its probability by the maps; that of its class's presence, 0 of a scene; 1 where the
    caption says it too, -1 where that says otherwise, 0 where it says nothing on it; the caption's mean
    log-probability, and its similarity with the image.
    """

    statement: Statement
    figures: Figures
    said: bool


@dataclass(frozen=True)
class Proof:
    """A released statement, its score, and what proposed it: ``BY_CAPTION`` or ``BY_MAP``."""

    statement: Statement
    score: float
    by: str


@dataclass(frozen=True)
class Decision:
    """What became of an image.

    Args:
        reason: why nothing is released, or nothing.
        unread: why CoCa's caption could not be read, or nothing.
        candidates: everything that was proposed, with its score.
        facts: those that are released.
        proofs: of the released statements.
    """

    reason: str = ""
    unread: str = ""
    candidates: tuple[tuple[Candidate, float], ...] = ()
    facts: Facts | None = None
    proofs: tuple[Proof, ...] = ()

    @property
    def score(self) -> float | None:
        """Of the least sure statement that is released."""
        return min((proof.score for proof in self.proofs), default=None)

    @property
    def by_map_alone(self) -> bool:
        """Whether CoCa's caption holds none of what is released."""
        return all(proof.by == BY_MAP for proof in self.proofs)

    @property
    def accepted(self) -> frozenset[Statement]:
        """The released statements."""
        return frozenset(proof.statement for proof in self.proofs)

    def record(self, grounder_sha256: str | None) -> str:
        """Return as JSON the hash of the grounder's weights, and each statement with its score and proof."""
        rows = [
            {
                "kind": proof.statement.kind,
                "label": proof.statement.label,
                "value": proof.statement.value,
                "score": proof.score,
                "by": proof.by,
            }
            for proof in self.proofs
        ]
        return canonical_json({"grounder_sha256": grounder_sha256, "statements": rows})


def propose(
    written: ModelCaption, grounding: Grounding, maps: MapModel, vocabulary: Vocabulary
) -> tuple[list[Candidate], str]:
    """Return everything that CoCa's caption or the maps state of an image, and why the caption is unread."""
    read = read_facts(written.text, vocabulary) if written.finished else UNFINISHED
    said = () if isinstance(read, str) else statements_of(read)
    proposed = maps.statements(grounding)
    chances = {**{statement: maps.probability(statement, grounding) for statement in said}, **proposed}
    candidates = [
        Candidate(
            statement,
            (*map_figures(statement, chance, grounding), _agreement(statement, said), *written.figures),
            statement in said,
        )
        for statement, chance in chances.items()
    ]
    return candidates, read if isinstance(read, str) else ""


def map_figures(statement: Statement, chance: float, grounding: Grounding) -> tuple[float, float]:
    """Return the figures of a statement that come from the grounder; ``chance`` is its probability by the maps."""
    return logit(chance), grounding.presence.get(statement.label, 0.0)


def _agreement(statement: Statement, said: Sequence[Statement]) -> float:
    if statement in said:
        return 1.0
    subject = _subject(statement)
    return -1.0 if any(_subject(other) == subject for other in said) else 0.0


def _subject(statement: Statement) -> tuple[str, str, str]:
    """What a statement gives a value to: two that differ only in the value contradict each other."""
    place = statement.value.partition(" ")[2] if statement.kind == OBJECT_ZONE else ""
    return statement.kind, statement.label, place


def decide(
    written: ModelCaption, grounding: Grounding, maps: MapModel, vocabulary: Vocabulary, rules: Rules
) -> Decision:
    """Decide which statements about an image are released."""
    candidates, unread = propose(written, grounding, maps, vocabulary)
    scored = tuple((each, rules[each.statement.kind].fit.score(each.figures)) for each in candidates)
    passed = {
        each.statement: score
        for each, score in scored
        if rules[each.statement.kind].accepts(each.statement.label, score)
    }
    there = [statement.label for statement in passed if statement.kind == OBJECT_CLASS]
    untrue = under_objects(there, grounding, vocabulary)
    passed = {statement: score for statement, score in passed.items() if statement.label not in untrue}
    facts = consistent_facts(passed, grounding, vocabulary)
    stated = statements_of(facts)
    if not stated:
        return Decision(BELOW, unread, scored)
    said = {each.statement for each in candidates if each.said}
    proofs = tuple(Proof(each, passed[each], BY_CAPTION if each in said else BY_MAP) for each in stated)
    return Decision("", unread, scored, facts, proofs)


def consistent_facts(passed: Mapping[Statement, float], grounding: Grounding, vocabulary: Vocabulary) -> Facts:
    """Return the facts that the surest of the statements make, without a contradiction.

    Args:
        passed: the score of each statement that may be released.
        grounding: gives the fraction of land cover whose share is released.
        vocabulary: the nouns.
    """
    objects: list[ObjectFact] = []
    cover: list[CoverFact] = []
    present: list[PresentFact] = []
    for statement in passed:
        if statement.kind == OBJECT_CLASS and statement.label in vocabulary.things:
            counted = _counted(statement.label, passed)
            names = vocabulary.things[statement.label]
            fact = ObjectFact(*names, sum(counted), *counted) if counted else None
            if fact:
                objects.append(fact)
            else:
                present.append(PresentFact(*names))
        elif statement.kind == COVER_CLASS and statement.label in vocabulary.stuff:
            share = _best(passed, COVER_SHARE, statement.label)
            if share is None:
                present.append(seen_fact(statement.label, vocabulary))
            else:
                cover.append(_covering(statement.label, share, passed, grounding, vocabulary))
    cover, crowded = _with_room(_placed(cover, passed), passed)
    present += [seen_fact(bare(fact.noun), vocabulary) for fact in crowded]
    scenes = {each.label: score for each, score in passed.items() if each.kind == SCENE}
    scene = max(scenes, key=scenes.__getitem__, default=None)
    spelled = {name.casefold(): name for name in vocabulary.scenes}
    alone = spelled.get(scene) if scene and not (objects or cover or present) else None
    return Facts(
        objects=tuple(sorted(objects, key=lambda fact: (-fact.count, fact.noun))),
        cover=tuple(sorted(cover, key=lambda fact: (-fact.fraction, fact.noun))),
        scene=None if alone in vocabulary.scene_classes else alone,
        scene_class=alone if alone in vocabulary.scene_classes else None,
        present=tuple(sorted(present, key=lambda fact: (fact.stuff, fact.noun))),
    )


def _counted(label: str, passed: Mapping[Statement, float]) -> tuple[int, int] | None:
    """The surest numbers in the center and outside it whose sum is a number that may be stated."""
    counts = {int(each.value) for each in passed if each.kind == OBJECT_COUNT and each.label == label}
    places: dict[str, dict[int, float]] = {"center": {0: 1.0}, "outside": {0: 1.0}}
    for each, score in passed.items():
        if each.kind == OBJECT_ZONE and each.label == label:
            number, _, place = each.value.partition(" ")
            places[place][int(number)] = score
    combined = {
        (center, outside): min(sure_inside, sure_outside)
        for center, sure_inside in places["center"].items()
        for outside, sure_outside in places["outside"].items()
        if min(center + outside, LARGEST_COUNT + 1) in counts
    }
    return max(combined, key=lambda numbers: combined[numbers], default=None)


def _best(passed: Mapping[Statement, float], kind: str, label: str) -> str | None:
    values = {each.value: score for each, score in passed.items() if (each.kind, each.label) == (kind, label)}
    return max(values, key=lambda value: values[value], default=None)


def _covering(
    label: str, share: str, passed: Mapping[Statement, float], grounding: Grounding, vocabulary: Vocabulary
) -> CoverFact:
    """The fraction is the one that is seen where that is called so, else the middle of what is."""
    bounds = [1.0, *(bound for bound, _ in SHARES)]
    place = [word for _, word in SHARES].index(share)
    seen = round(grounding.shares[label][IMAGE], 4) if label in grounding.stuff else -1.0
    fraction = (
        seen if 0.0 <= seen <= 1.0 and share_word(seen) == share else (bounds[place] + bounds[place + 1]) / 2
    )
    zone = _best(passed, COVER_ZONE, label)
    return CoverFact(*vocabulary.stuff[label], round(fraction, 4), share, _ZONE_NAMES[zone] if zone else None)


def _placed(cover: Iterable[CoverFact], passed: Mapping[Statement, float]) -> list[CoverFact]:
    """Keep zones from the surest on as long as what lies mostly in one fits into it."""
    room = dict.fromkeys(ZONES, ZONE_AREA)

    def sureness(fact: CoverFact) -> float:
        return passed[Statement(COVER_ZONE, bare(fact.noun), ZONES[fact.zone])] if fact.zone else 1.0

    kept = []
    for fact in sorted(cover, key=sureness, reverse=True):
        needed = ZONE_FRACTION * _LEAST[fact.share]
        if fact.zone and needed <= room[fact.zone]:
            room[fact.zone] -= needed
            kept.append(fact)
        else:
            kept.append(replace(fact, zone=None))
    return kept


def _with_room(
    cover: Iterable[CoverFact], passed: Mapping[Statement, float]
) -> tuple[list[CoverFact], list[CoverFact]]:
    """Keep shares from the surest on as long as they fit into the image together; return those that do not too."""
    sure = sorted(cover, key=lambda fact: -passed[Statement(COVER_SHARE, bare(fact.noun), fact.share)])
    kept: list[CoverFact] = []
    crowded: list[CoverFact] = []
    for fact in sure:
        fits = sum(_LEAST[each.share] for each in (*kept, fact)) <= 1.0
        (kept if fits else crowded).append(fact)
    slack = sum(fact.fraction - _LEAST[fact.share] for fact in kept)
    excess = sum(fact.fraction for fact in kept) - 1.0
    if excess > 0:  # the fractions must fit too, each within its word
        part = excess / slack
        kept = [replace(fact, fraction=_lowered(fact, part)) for fact in kept]
    return kept, crowded


def _lowered(fact: CoverFact, part: float) -> float:
    least = _LEAST[fact.share]
    return max(least, floor((fact.fraction - part * (fact.fraction - least)) * 1e4) / 1e4)

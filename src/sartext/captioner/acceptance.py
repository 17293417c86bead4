"""Which facts of a caption pass their thresholds, and the caption that is made of them.

Objects are stated with number and place where both pass, else as "at least one" where the class does; land cover
is stated where its share passes, without its zone where that does not. What does not pass is left unsaid, so a
released caption states fewer things than the narrator did, and each of them wholly.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from sartext.captioner.captioner import ModelCaption
from sartext.captioner.thresholds import Rules
from sartext.narrator.facts import Facts, PresentFact
from sartext.narrator.nouns import Vocabulary, bare
from sartext.narrator.statements import (
    COVER_CLASS,
    COVER_SHARE,
    COVER_ZONE,
    OBJECT_CLASS,
    OBJECT_KINDS,
    SCENE,
    Statement,
    read_facts,
    statements_of,
)

UNFINISHED = "unfinished within the greatest length"
BELOW = "no statement reaches its threshold"


@dataclass(frozen=True)
class Decision:
    """What became of a caption.

    Args:
        reason: why nothing of it is released, or nothing.
        read: the facts that it states, None where it could not be read.
        facts: those that are released.
        score: of the least sure statement that is released.
    """

    reason: str = ""
    read: Facts | None = None
    facts: Facts | None = None
    score: float | None = None

    def statements(self) -> Iterator[tuple[Statement, bool]]:
        """Yield what was said, and whether it is released."""
        released = frozenset(statements_of(self.facts)) if self.facts else frozenset()
        for statement in statements_of(self.read) if self.read else ():
            yield statement, statement in released


def decide(caption: ModelCaption, vocabulary: Vocabulary, rules: Rules) -> Decision:
    """Decide which facts of a caption are released."""
    if not caption.finished:
        return Decision(UNFINISHED)
    read = read_facts(caption.text, vocabulary)
    if isinstance(read, str):
        return Decision(read)
    scores = {kind: rule.fit.score(caption.figures) for kind, rule in rules.items()}

    def passes(kind: str, noun: str) -> bool:
        return kind in rules and rules[kind].accepts(bare(noun), scores[kind])

    objects = tuple(fact for fact in read.objects if all(passes(kind, fact.noun) for kind in OBJECT_KINDS))
    cover = tuple(
        replace(fact, zone=fact.zone if fact.zone and passes(COVER_ZONE, fact.noun) else None)
        for fact in read.cover
        if passes(COVER_CLASS, fact.noun) and passes(COVER_SHARE, fact.noun)
    )
    whole = {fact.noun for fact in objects}
    named = (*(PresentFact(fact.label, fact.noun, fact.plural) for fact in read.objects), *read.present)
    present = tuple(fact for fact in named if fact.noun not in whole and passes(OBJECT_CLASS, fact.noun))
    scene = read.scene if read.scene and passes(SCENE, read.scene) else None
    if not (objects or cover or present or scene):
        return Decision(BELOW, read)
    facts = Facts(objects=objects, cover=cover, scene=scene, present=present)
    return Decision("", read, facts, min(scores[statement.kind] for statement in statements_of(facts)))

"""Which facts of a caption pass their thresholds, and the caption that is made of them.

Objects are told with number and place where both pass, else as "at least one" where the class does; land cover is
told where its share passes, without its zone where that does not. What does not pass is left unsaid, so a released
caption tells fewer things than the narrator did, and each of them wholly.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from sartext.captioner.captioner import Told
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
        kept = frozenset(statements_of(self.facts)) if self.facts else frozenset()
        for one in statements_of(self.read) if self.read else ():
            yield one, one in kept


def decide(told: Told, vocabulary: Vocabulary, rules: Rules) -> Decision:
    """Decide which facts of a caption are released."""
    if not told.finished:
        return Decision(UNFINISHED)
    read = read_facts(told.text, vocabulary)
    if isinstance(read, str):
        return Decision(read)
    scores = {kind: rule.fit.score(told.figures) for kind, rule in rules.items()}

    def passes(kind: str, noun: str) -> bool:
        return kind in rules and rules[kind].accepts(bare(noun), scores[kind])

    objects = tuple(one for one in read.objects if all(passes(kind, one.noun) for kind in OBJECT_KINDS))
    cover = tuple(
        replace(one, zone=one.zone if one.zone and passes(COVER_ZONE, one.noun) else None)
        for one in read.cover
        if passes(COVER_CLASS, one.noun) and passes(COVER_SHARE, one.noun)
    )
    whole = {one.noun for one in objects}
    named = (*(PresentFact(one.label, one.noun, one.plural) for one in read.objects), *read.present)
    present = tuple(one for one in named if one.noun not in whole and passes(OBJECT_CLASS, one.noun))
    scene = read.scene if read.scene and passes(SCENE, read.scene) else None
    if not (objects or cover or present or scene):
        return Decision(BELOW, read)
    facts = Facts(objects=objects, cover=cover, scene=scene, present=present)
    return Decision("", read, facts, min(scores[statement.kind] for statement in statements_of(facts)))

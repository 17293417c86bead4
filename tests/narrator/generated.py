"""Records of facts drawn at random: every kind that an annotation or a narrator gives, with counts up to forty."""

from random import Random

from sartext.narrator.facts import CoverFact, Facts, ObjectFact, PresentFact
from sartext.narrator.vocabulary import ZONES, share_word

THINGS = (
    ("ship", "ships"),
    ("aircraft", "aircraft"),
    ("storage tank", "storage tanks"),
    ("aircraft of another type", "aircraft of another type"),
    ("bridge", "bridges"),
)
COVER = ("water", "forest", "crops", "built-up areas", "bare soil", "an oil spill", "snow or ice", "roads")
SCENES = ("a residential area", "farmland", "industrial facilities", "one or more ships")


def objects(random: Random, classes: int) -> tuple[ObjectFact, ...]:
    """Objects of as many classes, in the center, outside it or both."""
    found = []
    for noun, plural in random.sample(THINGS, classes):
        few = random.choice([(1, 0), (0, 1), (random.randint(0, 4), random.randint(0, 4))])
        center, outside = random.choice([few, few, (random.randint(0, 25), random.randint(0, 25))])
        center = center or int(not outside)
        found.append(ObjectFact(noun, noun, plural, center + outside, center, outside))
    return tuple(sorted(found, key=lambda fact: (-fact.count, fact.noun)))


def cover(random: Random, classes: int) -> tuple[CoverFact, ...]:
    """Land cover of as many classes, the dominant one first."""
    weights = sorted((random.random() ** 2 + 0.01 for _ in range(classes)), reverse=True)
    whole = sum(weights) * random.choice([1, 1, 1.2])
    facts = []
    for noun, weight in zip(random.sample(COVER, classes), weights, strict=True):
        fraction = weight / whole
        zone = random.choice([None, None, *ZONES]) if fraction < 0.8 else None
        facts.append(CoverFact(noun, noun, fraction, share_word(fraction), zone))
    return tuple(facts)


def present(random: Random) -> tuple[PresentFact, ...]:
    """Classes that a model saw, without how many or how much."""
    things = [PresentFact(noun, noun, plural) for noun, plural in random.sample(THINGS, random.randint(0, 2))]
    stuff = [PresentFact(noun, noun, noun, stuff=True) for noun in random.sample(COVER[:5], random.randint(0, 3))]
    return tuple(things + stuff) or (PresentFact("ship", "ship", "ships"),)


def facts_with(random: Random, kind: str) -> Facts:
    """A record of a kind: ``objects``, ``cover``, ``both``, ``present``, ``scene`` or ``scene class``."""
    if kind == "present":
        return Facts(present=present(random))
    if kind == "scene":
        return Facts(scene=random.choice(["open sea", "land without open water"]))
    if kind == "scene class":
        return Facts(scene_class=random.choice(SCENES))
    return Facts(
        objects=objects(random, random.choice([1, 1, 2, 3, 4])) if kind in {"objects", "both"} else (),
        cover=cover(random, random.randint(1, 6)) if kind in {"cover", "both"} else (),
    )


KINDS = ("objects", "cover", "both", "present", "scene", "scene class")

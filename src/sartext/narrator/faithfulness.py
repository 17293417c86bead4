"""Reading a caption back and comparing it with its facts.

This module knows nothing of the grammar that wrote the caption: it finds numbers, nouns, shares and zones in the
text, puts together what belongs together, and compares. Every word must be accounted for.
"""

from sartext.catalogue.entry import Entry
from sartext.narrator.facts import CoverFact, Facts, ObjectFact, PresentFact, from_json
from sartext.narrator.quotation import quotation_errors
from sartext.narrator.reading import Reading, Stated, read_caption
from sartext.narrator.vocabulary import LARGEST_COUNT, ZONES, number_word, share_word

OPTICAL = frozenset({"optical-rules", "optical-model"})
"""Methods whose captions quote an optical caption, a person's or a model's."""


def contradictions(caption: str, facts_json: str, method: str, entry: Entry | None) -> list[str]:
    """Return everything in a caption that its facts do not bear out, and every fact that it leaves unsaid.

    Args:
        caption: the text.
        facts_json: its facts, as ``facts.to_json`` wrote them.
        method: how it was made (``a2c``, ``sa2c``, ``narrator``; ``optical-rules``, ``optical-model``).
        entry: the corpus, whose nouns are recognised beside those of the facts; or nothing. An unlabelled corpus
            declares no classes.

    Returns:
        One line per contradiction; an empty list where the caption is faithful and complete.

    Raises:
        ArtefactError: the facts are no record of facts.
    """
    facts = from_json(facts_json)
    if method in OPTICAL:
        return quotation_errors(caption, facts)
    nouns = _nouns(facts, entry)
    reading = read_caption(caption, nouns, facts.scene)
    return [
        *_inconsistent(facts),
        *reading.problems,
        *_compare_objects(reading, facts.objects),
        *_compare_present(reading, facts.present),
        *_compare_cover(reading, facts.cover),
        *_compare_scene(caption, reading, facts),
    ]


def _nouns(facts: Facts, entry: Entry | None) -> dict[str, tuple[str, str]]:
    """Every noun that may stand in a caption, in lower case: its label, and ``one``, ``many`` or ``cover``."""
    nouns: dict[str, tuple[str, str]] = {}
    for known in entry.classes if entry else ():
        if known.stuff:
            for form in (known.noun, known.plural):
                nouns[form.casefold()] = (known.label, "cover")
        else:
            _add_thing(nouns, known.label, known.noun, known.plural)
    for one in facts.objects:
        _add_thing(nouns, one.label, one.noun, one.plural)
    for some in facts.present:
        _add_thing(nouns, some.label, some.noun, some.plural)
    for cover in facts.cover:
        nouns[_bare(cover.noun)] = (cover.label, "cover")
    return nouns


def _add_thing(nouns: dict[str, tuple[str, str]], label: str, noun: str, plural: str) -> None:
    nouns[plural.casefold()] = (label, "many")
    nouns[noun.casefold()] = (label, "any" if noun == plural else "one")


def _bare(noun: str) -> str:
    text = noun.casefold()
    for article in ("an ", "a "):
        text = text.removeprefix(article)
    return text


def _inconsistent(facts: Facts) -> list[str]:
    problems = [
        f"facts: {one.count} {one.plural} are not {one.center} in and {one.outside} outside the center"
        for one in facts.objects
        if one.count != one.center + one.outside or one.count < 1
    ]
    problems += [
        f"facts: {cover.fraction} of {cover.noun} is not '{cover.share}'"
        for cover in facts.cover
        if share_word(cover.fraction) != cover.share
    ]
    return problems


def _compare_objects(reading: Reading, objects: tuple[ObjectFact, ...]) -> list[str]:
    known = {one.label for one in objects}
    problems = [
        f"names '{label}', of which the facts have none" for label in reading.objects if label not in known
    ]
    for one in objects:
        stated = reading.objects.get(one.label)
        if stated is None:
            problems.append(f"does not name the {one.plural} of the facts")
        else:
            problems.extend(_compare_counts(stated, one))
    return problems


def _compare_counts(stated: Stated, fact: ObjectFact) -> list[str]:
    problems = []
    total = stated.total
    if total is None:
        parts = (stated.center or 0, stated.outside or 0)
        total = min(sum(parts), LARGEST_COUNT + 1)
    placed = stated.center is not None or stated.outside is not None
    for where, said, true in (
        ("", total, fact.count),
        (" in the center", stated.center or 0, fact.center),
        (" outside the center", stated.outside or 0, fact.outside),
    ):
        if where and not placed:
            continue
        if said != min(true, LARGEST_COUNT + 1):
            problems.append(f"says {_count(said)} {fact.plural}{where}; the facts say {_count(true)}")
    if not placed:
        problems.append(f"does not say where the {fact.plural} are")
    return problems


def _compare_present(reading: Reading, present: tuple[PresentFact, ...]) -> list[str]:
    known = {one.label for one in present}
    unsaid = [one for one in present if one.label not in reading.present]
    return [
        *(f"says that there is '{label}'; the facts do not" for label in reading.present if label not in known),
        *(f"does not name the {one.plural} of the facts" for one in unsaid),
    ]


def _count(count: int) -> str:
    return number_word(count)


def _compare_cover(reading: Reading, cover: tuple[CoverFact, ...]) -> list[str]:
    known = {one.label for one in cover}
    problems = [
        f"names cover '{label}', of which the facts have none" for label in reading.cover if label not in known
    ]
    for one in cover:
        stated = reading.cover.get(one.label)
        if stated is None:
            problems.append(f"does not name the {one.noun} of the facts")
            continue
        share, zone = stated
        if share != one.share:
            problems.append(f"says {share} is {one.noun}; the facts say {one.share}")
        if zone != (ZONES.get(one.zone, one.zone) if one.zone else None):
            problems.append(f"places {one.noun} in zone {zone}; the facts say {one.zone}")
    if cover and not problems and next(iter(reading.cover)) != cover[0].label:
        problems.append(f"does not name {cover[0].noun}, the dominant class, first")
    return problems


def _compare_scene(caption: str, reading: Reading, facts: Facts) -> list[str]:
    if facts.scene is None:
        return [] if reading.objects or reading.cover or reading.present else ["states nothing"]
    return [] if facts.scene.casefold() in caption.casefold() else [f"does not say '{facts.scene}'"]

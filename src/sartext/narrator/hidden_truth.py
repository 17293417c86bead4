"""The truth that a simulated corpus keeps aside: it measures captions, and decides nothing else."""

from collections import Counter
from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

from sartext.catalogue.loading import PACKAGED, load_entry
from sartext.config import Project
from sartext.errors import ArtefactError
from sartext.files import read_json
from sartext.narrator.annotated import PLACES_AND_SIZES, STUFF_FRACTION, Naming, object_facts
from sartext.narrator.facts import CoverFact, Facts
from sartext.narrator.optical_statements import ALL, optical_statements
from sartext.narrator.statements import (
    COVER_CLASS,
    COVER_SHARE,
    OBJECT_CLASS,
    OBJECT_COUNT,
    Statement,
    judge,
    statements_of,
)
from sartext.narrator.vocabulary import Vocabulary, bare, share_word, vocabulary_of

TRUTH = "hidden_truth.json"
READ_KINDS = (OBJECT_CLASS, OBJECT_COUNT, COVER_CLASS, COVER_SHARE)
"""What captions of optical images are read for."""

Row = Mapping[str, Any]


def read_truth(project: Project, corpus: str) -> dict[str, Any] | None:
    """Return what a simulated corpus hides, by the name of the image file; None where it hides nothing."""
    path = project.source(corpus) / TRUTH
    truth: dict[str, Any] | None = read_json(path) if path.is_file() else None
    return truth


def true_facts(truth: Mapping[str, Any], row: Row, vocabulary: Vocabulary) -> Facts:
    """Return the facts of one image's truth, in the nouns of the vocabulary; an ArtefactError where it is none."""
    things = tuple(vocabulary.things.values())
    codes = {label: place * PLACES_AND_SIZES for place, (label, _, _) in enumerate(things)}
    nouns = dict(vocabulary.stuff.values())
    try:
        boxes = [
            (thing["label"], *map(float, thing["box"])) for thing in truth["objects"] if thing["label"] in codes
        ]
        names = ("label", "xmin", "ymin", "xmax", "ymax")
        objects = [{**dict(zip(names, box, strict=True)), "angle": None} for box in boxes]
        shares = {label: float(share) for label, share in truth["cover"].items()}
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ArtefactError(f"no truth of an image ({error})", where=f"{row['path']}: {TRUTH}") from error
    counted, _ = object_facts(objects, row["width"], row["height"], Naming(TRUTH, things, codes))
    cover = [
        CoverFact(label, nouns[label], share, share_word(share))
        for label, share in shares.items()
        if label in nouns and share >= STUFF_FRACTION
    ]
    return Facts(objects=counted.objects, cover=tuple(sorted(cover, key=lambda fact: (-fact.fraction, fact.noun))))


def optical_figures(truth: Mapping[str, Any], captions: Iterable[tuple[Row, str]]) -> dict[str, object]:
    """Return the precision of what captions of optical images state of the SAR images, by kind of statement.

    They are read for the classes of the embedded corpora, whatever the project captions.

    That a land cover is all there is, is true where the truth holds no object, and of no other cover as much as
    `STUFF_FRACTION`.

    Args:
        truth: see `read_truth`.
        captions: rows of the corpus's index, of SAR images, each with its caption.

    Raises:
        ArtefactError: the truth is none.
    """
    entries = map(load_entry, sorted(PACKAGED.glob("*.yaml")))
    vocabulary = vocabulary_of(entry for entry in entries if entry.embedded)
    decided = {*vocabulary.things, *vocabulary.stuff}
    stated: Counter[str] = Counter()
    right: Counter[str] = Counter()
    sentences = unread = 0
    for row, caption in captions:
        image_truth = truth.get(PurePosixPath(row["path"]).name)
        if image_truth is not None:
            reading = optical_statements(caption, vocabulary)
            sentences += caption.count(".")
            unread += len(reading.unread)
            for statement, is_true in judge(reading.statements, _true(image_truth, row, vocabulary), decided):
                stated[statement.kind] += 1
                right[statement.kind] += is_true
    kinds = {kind: _precision(right[kind], stated[kind]) for kind in READ_KINDS}
    total = _precision(right.total(), stated.total())
    return {"statements": {**kinds, "all": total}, "sentences": sentences, "partly_unread": unread}


def _true(truth: Mapping[str, Any], row: Row, vocabulary: Vocabulary) -> tuple[Statement, ...]:
    facts = true_facts(truth, row, vocabulary)
    covers = [label for label, share in truth["cover"].items() if share >= STUFF_FRACTION]
    alone = [] if truth["objects"] or len(covers) != 1 else facts.cover
    return (*statements_of(facts), *(Statement(COVER_SHARE, bare(fact.noun), ALL) for fact in alone))


def _precision(true: int, of: int) -> dict[str, object]:
    return {"statements": of, "true": true, "precision": round(true / of, 4) if of else None}

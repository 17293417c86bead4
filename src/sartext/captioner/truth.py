"""The hidden truth of a simulated unlabelled corpus: read only to measure captions, after they were decided."""

from collections.abc import Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

from sartext.captioner.acceptance import Decision
from sartext.config import Project
from sartext.errors import ArtefactError
from sartext.files import read_json
from sartext.narrator.annotated import PLACES_AND_SIZES, STUFF_FRACTION, Naming, object_facts
from sartext.narrator.facts import CoverFact, Facts
from sartext.narrator.nouns import Vocabulary
from sartext.narrator.statements import COVER_ZONE, KINDS, SCENE, judge, statements_of
from sartext.narrator.vocabulary import share_word

TRUTH = "hidden_truth.json"

Row = Mapping[str, Any]


def read_truth(project: Project, corpus: str) -> dict[str, Any] | None:
    """Return what a corpus hides, by the name of the image file; None where it hides nothing.

    Raises:
        ArtefactError: the file is damaged.
    """
    path = project.source(corpus) / TRUTH
    if not path.is_file():
        return None
    truth: dict[str, Any] = read_json(path)
    return truth


def measure(
    truth: Mapping[str, Any], decisions: Iterable[tuple[Row, Decision]], vocabulary: Vocabulary
) -> dict[str, dict[str, dict[str, object]]]:
    """Return the precision of released and of withheld statements, by type.

    Args:
        truth: see ``read_truth``: boxes in pixels, and shares of land cover, of all that the simulation knows.
        decisions: rows of the corpus's index, with what was decided of each image's caption.
        vocabulary: what captions talk about; what of it the truth does not name is not in the image.

    The truth has no zones of land cover and no scenes: those are not judged. A rejected statement is one that was
    read and not released, whatever the reason.

    Raises:
        ArtefactError: the truth is none.
    """
    counts = {kind: {"accepted": [0, 0], "rejected": [0, 0]} for kind in KINDS if kind not in {COVER_ZONE, SCENE}}
    everything = {*vocabulary.things, *vocabulary.stuff, *(scene.casefold() for scene in vocabulary.scenes)}
    for row, decision in decisions:
        image_truth = truth.get(PurePosixPath(row["path"]).name)
        if image_truth is None or decision.read is None:
            continue
        kept = dict(decision.statements())
        for statement, right in judge(
            statements_of(decision.read), statements_of(true_facts(image_truth, row, vocabulary)), everything
        ):
            if statement.kind in counts:
                count = counts[statement.kind]["accepted" if kept[statement] else "rejected"]
                count[0] += right
                count[1] += 1
    return {
        kind: {verdict: _figure(*count) for verdict, count in verdicts.items()}
        for kind, verdicts in counts.items()
    }


def true_facts(truth: Mapping[str, Any], row: Row, vocabulary: Vocabulary) -> Facts:
    """Return the facts of one image's truth, in the nouns of the vocabulary.

    Raises:
        ArtefactError: the truth is none.
    """
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


def _figure(right: int, of: int) -> dict[str, object]:
    return {"statements": of, "true": right, "precision": round(right / of, 4) if of else None}

"""How a claim is asked: a small grammar, several wordings of each form.

The wording is chosen by the hash of the question's id, so it tells nothing of the answer. A closed question names
the answers that it takes.
"""

from collections.abc import Mapping

from sartext.vqa.claims import Claim
from sartext.vqa.subjects import Subject

_ZONES = "upper left, upper right, lower left, lower right or middle"

THINGS: dict[str, tuple[str, ...]] = {
    "exists": (
        "Are there any {x} in this image?",
        "Can any {x} be seen in this SAR image?",
        "Does this image show any {x}?",
        "Does the SAR image contain any {x}?",
    ),
    "how-many": (
        "How many {x} are there in this image?",
        "How many {x} does this SAR image show?",
        "What is the number of {x} in this image?",
        "How many {x} can be seen?",
    ),
    "where-one": (
        "Is the {singular} in the center or outside the center of this image?",
        "Where does the {singular} lie: in the center or outside the center?",
        "Where is the {singular} in this SAR image: in the center or outside the center?",
    ),
    "where-many": (
        "Are the {x} in the center of this image, outside the center, or both?",
        "Where do the {x} lie: in the center, outside the center, or both?",
        "Where are the {x} in this SAR image: in the center, outside the center, or both?",
    ),
    "mostly-where": (
        "Are more of the {x} in the center or outside the center of this image?",
        "Where do most of the {x} lie: in the center or outside the center?",
        "Where are there more {x}: in the center or outside the center?",
    ),
    "more": (
        "Are there more {x} than {y} in this image?",
        "Does this SAR image show more {x} than {y}?",
        "Is the number of {x} larger than the number of {y}?",
    ),
    "most-numerous": (
        "Which are more numerous in this image: {x} or {y}?",
        "Are there more {x} or more {y} in this SAR image?",
        "Which does this image show more of: {x} or {y}?",
    ),
    "shown": (
        "Which of the two does this image show: {x} or {y}?",
        "Does this SAR image show {x} or {y}?",
        "Which can be seen in this image: {x} or {y}?",
    ),
}
"""Wordings of questions on things; ``{x}`` and ``{y}`` are plurals, ``{singular}`` the singular."""

STUFF: dict[str, tuple[str, ...]] = {
    "exists": (
        "Can you see any {of} in this image?",
        "Can any {of} be seen in this SAR image?",
        "Does this image show any {of}?",
        "Is any part of this SAR image covered by {x}?",
    ),
    "zone": (
        f"Where does the greater part of the {{of}} lie: {_ZONES}?",
        f"Which part of this image holds most of the {{of}}: {_ZONES}?",
        f"In which part of this SAR image can most of the {{of}} be found: {_ZONES}?",
    ),
    "larger": (
        "Is more of this image covered by {x} than by {y}?",
        "Is a larger part of this SAR image covered by {x} than by {y}?",
        "Is more of this SAR image made up of {x} than of {y}?",
    ),
    "largest": (
        "Which covers more of this image: {x} or {y}?",
        "Which of the two covers a larger part of this SAR image: {x} or {y}?",
        "Is more of this image covered by {x} or by {y}?",
    ),
    "shown": (
        "Which of the two does this image show: {x} or {y}?",
        "Does this SAR image show {x} or {y}?",
        "Which can be seen in this image: {x} or {y}?",
    ),
}
"""Wordings of questions on land cover; ``{x}`` and ``{y}`` as captions say them, ``{of}`` without article."""

OPEN: dict[str, tuple[str, ...]] = {
    "dominant": (
        "Which land cover dominates this image?",
        "What covers the largest part of this SAR image?",
        "What is the main land cover in this image?",
        "Which land cover takes up most space in this SAR image?",
    ),
    "only": (
        "Does this image show nothing but {scene}?",
        "Is {scene} all that this SAR image shows?",
        "Is there only {scene} in this image?",
    ),
}


def asked(claim: Claim, subjects: Mapping[str, Subject], style: int) -> str:
    """Return a claim as a question.

    Args:
        claim: what is asked.
        subjects: of its corpus, by key.
        style: any number; decides the wording.
    """
    if claim.form in OPEN:
        options = OPEN[claim.form]
        return options[style % len(options)].format(scene="".join(claim.subjects))
    first, last = subjects[claim.subjects[0]], subjects[claim.subjects[-1]]
    options = (STUFF if first.stuff else THINGS)[claim.form]
    return options[style % len(options)].format(
        x=first.plural,
        y=last.plural,
        singular=first.noun,
        of=first.key,
    )

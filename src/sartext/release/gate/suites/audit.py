"""Suite ``audit``: what people said of this very candidate, where ``gate.audit`` of ``params.yaml`` demands it."""

from collections.abc import Sequence
from typing import Any

from sartext.config import Parameters
from sartext.config.data import AuditParameters
from sartext.errors import counted
from sartext.release.gate.suite import Frame, Inputs, Measure, Suite, Unjudged, extreme, without

CANDIDATE = "this candidate"
NOBODY = "nobody rated it"
NOT_DEMANDED = "gate.audit of params.yaml demands no audit"

BEST = 5.0
"""What an expectation is given that is not judged."""

WAY_OUT = "run `sartext audit export`, rate, `sartext audit import FILE`"


def _demanded(inputs: Inputs) -> AuditParameters | None:
    return inputs.parameters.gate.audit


def _candidate(inputs: Inputs) -> list[str]:
    return [CANDIDATE]


def _shortage(inputs: Inputs) -> list[str]:
    """What lacks to the demanded number of images, with the way out."""
    demanded = _demanded(inputs)
    if demanded is None:
        return [""]
    by_raters = inputs.audit.get("images_by_raters", [])
    images = by_raters[demanded.raters - 1] if len(by_raters) >= demanded.raters else 0
    if images >= demanded.least_items:
        return [""]
    people = "1 person" if demanded.raters == 1 else f"{demanded.raters} people each"
    others = inputs.other_audits
    foreign = f" ({counted(others, 'other candidate')} with ratings)" if others else ""
    return [f"{images} of {demanded.least_items} images are rated by {people}{foreign}; {WAY_OUT}"]


def _groups(inputs: Inputs) -> list[dict[str, Any]]:
    """The figures of each corpus and method; the whole comes first in the audit, and is not among them."""
    return list(inputs.audit.get("groups", []))[1:]


def _kinds(inputs: Inputs) -> list[str]:
    return [f"{group['corpus']}, {group['method']}" for group in _groups(inputs)] or [CANDIDATE]


def _means(groups: Sequence[dict[str, Any]]) -> list[float]:
    values = [group["correctness"]["value"] for group in groups]
    return [BEST if value is None else value for value in values] or [BEST]


def _unjudged(subjects: Measure) -> Unjudged:
    """What of a frame is not judged: nothing where an audit is demanded and there."""

    def unjudged(inputs: Inputs) -> tuple[list[str], str]:
        if _demanded(inputs) is None:
            return list(subjects(inputs)), NOT_DEMANDED
        return ([], "") if inputs.audit.get("images") else (list(subjects(inputs)), NOBODY)

    return unjudged


def _not_demanded(inputs: Inputs) -> tuple[list[str], str]:
    return ([CANDIDATE], NOT_DEMANDED) if _demanded(inputs) is None else ([], "")


def _least(parameters: Parameters) -> float:
    return parameters.gate.audit.least_correctness if parameters.gate.audit else 1.0


SUITE = Suite(
    "audit",
    "What people said of this very candidate, where the parameters demand it",
    frames=(
        Frame(
            "candidate",
            "candidate",
            _candidate,
            {"shortage": _shortage, "correctness": lambda inputs: _means(inputs.audit.get("groups", [])[:1])},
        ),
        Frame("kinds", "corpora and methods", _kinds, {"correctness": lambda inputs: _means(_groups(inputs))}),
    ),
    checks=(
        without("rated by enough people", "candidate", "shortage", "candidates", unjudged=_not_demanded),
        extreme(
            "mean correctness",
            "candidate",
            "correctness",
            "1 to 5",
            side="Min",
            limit=_least,
            unjudged=_unjudged(_candidate),
        ),
        extreme(
            "mean correctness of each corpus and method",
            "kinds",
            "correctness",
            "1 to 5",
            side="Min",
            limit=_least,
            severity="warning",  # of few images each
            unjudged=_unjudged(_kinds),
        ),
    ),
)

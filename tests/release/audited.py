"""Files of ratings, as the audit page saves them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sartext.release.audit.ratings import FORM, SCALES
from sartext.release.audit.sample import SampleParameters, Showing, draw
from sartext.release.audit.storing import Candidate, Stored, audited_candidate, store
from tests.release.built import Built

SAMPLE = SampleParameters(size=20, seed=3, floor=2, repeats=4)

Rate = Callable[[Showing], dict[str, Any]]


def candidate(built: Built) -> Candidate:
    return audited_candidate(built.project)


def all_of(value: int | None, comment: str = "") -> Rate:
    """The same rating of everything."""
    return lambda _: {**dict.fromkeys(SCALES, value), "comment": comment}


BEST = all_of(5)


def ratings(built: Built, rater: str = "rater-a", rate: Rate = BEST, **changes: Any) -> dict[str, Any]:
    """What a rater saves who rated the whole sample; ``changes`` replace parts of the file."""
    audited = candidate(built)
    rated = [{**showing._asdict(), **rate(showing)} for showing in draw(audited.pairs, SAMPLE)]
    content = {"form": FORM, "candidate_sha256": audited.sha256, "sample": SAMPLE.model_dump()}
    return {**content, "rater": rater, "ratings": rated, **changes}


def saved(built: Built, content: object) -> Path:
    """A file beside the project; text is written as it is."""
    path = built.root.parent / "saved.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def imported(built: Built, content: object, *, replace: bool = False) -> Stored:
    return store(built.project, candidate(built), saved(built, content), replace=replace)

"""A rater's file: what the audit page saves, and what is asked of it before it counts."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from sartext.config.section import Section, explain_validation
from sartext.errors import AuditError, counted
from sartext.release.audit.sample import SampleParameters, Showing, draw

FORM = "sartext-audit-1"
"""Names the form of the file; raised when the form, or what a sample of given parameters holds, changes."""

RATER = r"^[a-z0-9][a-z0-9\-]{0,30}$"
"""A pseudonym: it names the file, and the card of a release."""

SCALES = ("correctness", "completeness", "fluency")

FILE_LIMIT = 1 << 24
"""Bytes of a rater's file; ten thousand ratings with long comments are less."""

AS_SAVED = "take the file as the audit page saved it"


class Rating(Section):
    """What a rater said of one showing of an image: 1 to 5 on each scale, null where nothing was said."""

    image_id: str
    showing: int = Field(ge=1, le=2, strict=True)
    correctness: int | None = Field(None, ge=1, le=5, strict=True)
    completeness: int | None = Field(None, ge=1, le=5, strict=True)
    fluency: int | None = Field(None, ge=1, le=5, strict=True)
    comment: str = Field("", max_length=2000)

    @property
    def place(self) -> Showing:
        """The place of the sample that it is about."""
        return Showing(self.image_id, self.showing)

    @property
    def given(self) -> bool:
        """Whether it says anything."""
        return bool(self.comment) or any(self.scale(name) is not None for name in SCALES)

    def scale(self, name: str) -> int | None:
        """Return the rating on one of ``SCALES``."""
        value: int | None = getattr(self, name)
        return value


class Ratings(Section):
    """A rater's file."""

    form: Literal["sartext-audit-1"]
    candidate_sha256: str = Field(pattern=r"^[0-9a-f]{64}$")
    sample: SampleParameters
    rater: str = Field(pattern=RATER)
    ratings: tuple[Rating, ...]

    @property
    def by_place(self) -> dict[Showing, Rating]:
        """The ratings that say anything, by their place."""
        return {rating.place: rating for rating in self.ratings if rating.given}

    @property
    def complete(self) -> int:
        """How many of them are given on every scale."""
        return sum(all(rating.scale(name) is not None for name in SCALES) for rating in self.by_place.values())

    @property
    def summary(self) -> str:
        """The rater and how many ratings there are, in words."""
        given = len(self.by_place)
        return f"rater {self.rater}: {counted(given, 'rating')}, {given - self.complete} of them in part"


def read_ratings(path: Path) -> Ratings:
    """Return a rater's file of the right form; whether it fits a candidate is asked by `check`.

    Raises:
        AuditError: the file is absent, too large, no JSON, cut off, of another form, or a rating is out of range.
    """
    if not path.is_file():
        raise AuditError("no such file", where=path, way_out="name the file that the page saved")
    try:
        if path.stat().st_size > FILE_LIMIT:
            raise AuditError("too large for ratings", where=path, way_out=AS_SAVED)
        content = path.read_bytes().removeprefix(b"\xef\xbb\xbf")
    except OSError as error:
        raise AuditError(
            f"cannot be read ({error.strerror})", where=path, way_out="check its owner and permissions"
        ) from error
    try:
        return Ratings.model_validate_json(content)
    except ValidationError as error:
        problem = error.errors()[0]
        if problem["type"] == "json_invalid":
            raise AuditError(problem["msg"], where=path, way_out=AS_SAVED) from error
        what, way_out = explain_validation(error, Ratings, path)
        raise AuditError(what, where=path, way_out=way_out) from error


def check(ratings: Ratings, content: str, pairs: Sequence[Mapping[str, Any]], where: Path) -> None:
    """Raise an error unless the ratings are about a sample of this very candidate, each about a place of its own.

    Args:
        ratings: a rater's file.
        content: the identity of the candidate.
        pairs: its rows.
        where: the file, for the error.

    Raises:
        AuditError: they are about another candidate, an image that their sample does not hold, or the same showing
            twice, or they say nothing.
    """
    if ratings.candidate_sha256 != content:
        raise AuditError(
            f"rates another candidate ({ratings.candidate_sha256[:12]}; this one is {content[:12]})",
            where=where,
            way_out="import it where that candidate is, or export and rate this one",
        )
    counts = Counter(rating.place for rating in ratings.ratings)
    twice = next((place for place, count in counts.items() if count > 1), None)
    if twice:
        raise AuditError(
            f"rates showing {twice.showing} of '{twice.image_id}' twice", where=where, way_out=AS_SAVED
        )
    strangers = sorted(counts.keys() - set(draw(pairs, ratings.sample)))
    if strangers:
        shown = f"showing {strangers[0].showing} of '{strangers[0].image_id}'"
        raise AuditError(
            f"rates what its sample does not hold: {shown}, {len(strangers)} in all", where=where, way_out=AS_SAVED
        )
    if not ratings.by_place:
        raise AuditError("rates nothing", where=where, way_out="rate some images on the page and save again")

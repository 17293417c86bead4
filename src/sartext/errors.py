"""The exception tree: every error says what, where and the way out, on one line."""

from collections.abc import Iterable
from difflib import get_close_matches


class SarTextError(Exception):
    """An error that a person can act on.

    Args:
        what: what is wrong, with the offending value.
        where: the file, parameter or image it was found in.
        way_out: what to do next; a command to type where there is one.
        further: other errors of the same file, which a command line shows below, a line each.
    """

    def __init__(
        self, what: str, *, where: object = None, way_out: str = "", further: "tuple[SarTextError, ...]" = ()
    ) -> None:
        self.what = what
        self.where = "" if where is None else str(where)
        self.way_out = way_out
        self.further = further
        super().__init__(what)

    def __str__(self) -> str:
        more = f" (and {len(self.further)} more)" if self.further else ""
        return f"{self._line}{more}"

    @property
    def lines(self) -> list[str]:
        """The error and the further ones, a line each."""
        return [self._line, *(line for error in self.further for line in error.lines)]

    @property
    def _line(self) -> str:
        place = f"{self.where}: " if self.where else ""
        remedy = f"; {self.way_out}" if self.way_out else ""
        return " ".join(f"{place}{self.what}{remedy}".split())

    def __reduce__(self) -> tuple[object, ...]:
        return _rebuild, (type(self), self.what, self.where, self.way_out, self.further)


def _rebuild(
    kind: type[SarTextError], what: str, where: str, way_out: str, further: tuple[SarTextError, ...]
) -> SarTextError:
    return kind(what, where=where or None, way_out=way_out, further=further)


class ParameterError(SarTextError):
    """A parameter is unknown, absent or out of range."""


class CatalogueError(SarTextError):
    """A corpus is unknown, or its catalogue file is wrong."""


class CorpusError(SarTextError):
    """A corpus on disk cannot be used."""


class ArchiveError(SarTextError):
    """An archive is unsafe or cannot be unpacked."""


class SimulationError(SarTextError):
    """The embedded corpora cannot be made, or differ from their pin."""


class PinError(SarTextError):
    """`data/` and `data.dvc` disagree."""


class ArtefactError(SarTextError):
    """A stage output is missing, foreign or damaged."""


class GateError(SarTextError):
    """The quality gate did not let a candidate through."""


class AuditError(SarTextError):
    """A candidate cannot be audited by people, or ratings of it cannot be used."""


class ReleaseError(SarTextError):
    """A release cannot be assembled, published or verified."""


class ModelError(SarTextError):
    """A model cannot be built, loaded or saved."""


class TrainingError(SarTextError):
    """A training cannot start or go on."""


class DivergenceError(TrainingError):
    """The loss or the gradient of a training is no number any more."""


class DecodingError(SarTextError):
    """Images cannot be captioned as asked."""


class EvaluationError(SarTextError):
    """Predictions, embeddings or a model cannot be scored as asked."""


class EndpointError(SarTextError):
    """A language model's endpoint cannot be used; its answers up to then are kept."""


class TrackingError(SarTextError):
    """The tracking server cannot be used; what was to be tracked is kept."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ``"did you mean 'x'?"`` for the nearest known name, or the names that are known."""
    names = sorted(known)
    close = get_close_matches(name, names, n=1, cutoff=0.5)
    if close:
        return f"did you mean '{close[0]}'?"
    return f"known: {', '.join(names)}" if names else "none is known"


def counted(count: int, singular: str, plural: str = "") -> str:
    """Return a count with its noun: ``1 corpus``, ``1,200 images``; without a plural, an s is added."""
    return f"{count:,} {singular if count == 1 else plural or f'{singular}s'}"

"""Suite ``narration``: what the narrator wrote, against the truth where a corpus keeps one hidden.

The figures are the narrator's own (``build/narrated/<c>/metrics.json``): how many of its statements are true, of
those that its thresholds accepted and of those that they rejected, and how much of the truth is stated.
"""

from collections.abc import Callable

from sartext.config import Parameters
from sartext.narrator.statements import OBJECT_COUNT, OBJECT_KINDS, OBJECT_ZONE
from sartext.release.gate.suite import Check, Frame, Inputs, Measure, Suite, Unjudged, extreme

OBJECTS, COVER = "objects", "cover"
NAMES = {OBJECTS: "objects", COVER: "land cover"}

SHARE = 0.01
"""Accepted images of a corpus below which its narration is of little use."""

DECIMALS = 6
"""Of a shortfall: one of exactly what is tolerated must not fail by the last bit of a float."""

NOBODY = "no corpus"
"""The subject where no corpus is narrated: all expectations are about it, and say that nothing was judged."""


def _subjects(inputs: Inputs) -> list[str]:
    return list(inputs.parameters.narrated) or [NOBODY]


def _truth(inputs: Inputs, corpus: str, verdict: str, kind: str) -> tuple[int, int]:
    """How many statements of a kind are true, and how many there are whose truth is known."""
    hidden = inputs.narrated.get(corpus, {}).get("hidden_truth") or {}
    counts = [count[verdict] for name, count in hidden.items() if (name in OBJECT_KINDS) is (kind == OBJECTS)]
    return sum(count["true"] for count in counts), sum(count["statements"] for count in counts)


def _of_type(inputs: Inputs, corpus: str, verdict: str, kinds: tuple[str, ...]) -> tuple[int, int]:
    """How many statements of some types are true, and how many there are, of all types where none is named."""
    hidden = inputs.narrated.get(corpus, {}).get("hidden_truth") or {}
    counts = [count[verdict] for name, count in hidden.items() if not kinds or name in kinds]
    return sum(count["true"] for count in counts), sum(count["statements"] for count in counts)


def _share_of(verdict: str, kinds: tuple[str, ...]) -> Measure:
    def measure(inputs: Inputs) -> list[float]:
        counts = [_of_type(inputs, corpus, verdict, kinds) for corpus in _subjects(inputs)]
        return [true / of if of else 1.0 for true, of in counts]

    return measure


TYPES: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "all": ("precision of all accepted statements", "accepted", ()),
    "counts": ("precision of accepted counts", "accepted", (OBJECT_COUNT,)),
    "places": ("precision of accepted places", "accepted", (OBJECT_ZONE,)),
    "recall": ("share of the truth that accepted statements state", "recall", ()),
}
"""By column: name of the expectation, what is counted, and of which types of statements."""


def _precision(verdict: str, kind: str) -> Measure:
    def measure(inputs: Inputs) -> list[float]:
        counts = [_truth(inputs, corpus, verdict, kind) for corpus in _subjects(inputs)]
        return [true / of if of else 1.0 for true, of in counts]

    return measure


def _wanted(parameters: Parameters, kind: str) -> float:
    narration = parameters.narration
    return narration.precision_objects if kind == OBJECTS else narration.precision_cover


def _gaps(inputs: Inputs, corpus: str) -> list[float]:
    """What each kind of accepted statements lacks to its stated precision, where there are enough statements."""
    counts = {kind: _truth(inputs, corpus, "accepted", kind) for kind in NAMES}
    enough = inputs.parameters.narration.fewest
    return [_wanted(inputs.parameters, kind) - true / of for kind, (true, of) in counts.items() if of >= enough]


def _shortfall(inputs: Inputs) -> list[float]:
    return [round(max([0.0, *_gaps(inputs, corpus)]), DECIMALS) for corpus in _subjects(inputs)]


def _share(inputs: Inputs, corpus: str) -> float | None:
    """The share of images that were accepted; a corpus without an image in the train split has none."""
    share: float | None = inputs.narrated[corpus]["share_accepted"] if corpus in inputs.narrated else None
    return share


def _shares(inputs: Inputs) -> list[float]:
    shares = [_share(inputs, corpus) for corpus in _subjects(inputs)]
    return [1.0 if share is None else float(share) for share in shares]


def _unknown(why: str, known: Callable[[Inputs, str], object]) -> Unjudged:
    """The corpora of which nothing is known, and why; first of all, that no corpus is narrated."""

    def unjudged(inputs: Inputs) -> tuple[list[str], str]:
        narrated = inputs.parameters.narrated
        if not narrated:
            return [NOBODY], "no corpus is narrated"
        fewest = inputs.parameters.narration.fewest
        return [corpus for corpus in narrated if not known(inputs, corpus)], why.format(fewest=fewest)

    return unjudged


def _precision_check(verdict: str, kind: str) -> Check:
    """The precision of one kind; that of rejected statements is shown beside it, and need reach nothing."""
    return extreme(
        f"precision of {verdict} statements on {NAMES[kind]}",
        "narrated",
        f"{verdict}_{kind}",
        "share of statements",
        side="Min",
        limit=lambda parameters: _wanted(parameters, kind) if verdict == "accepted" else 0.0,
        severity="warning",
        unjudged=_unknown(
            f"no {verdict} statement on {NAMES[kind]} whose truth is known",
            lambda inputs, corpus: _truth(inputs, corpus, verdict, kind)[1],
        ),
    )


def _type_check(column: str) -> Check:
    name, verdict, kinds = TYPES[column]
    return extreme(
        name,
        "narrated",
        column,
        "share of statements",
        side="Min",
        limit=lambda parameters: parameters.narration.precision_objects if verdict == "accepted" else 0.0,
        severity="warning",
        unjudged=_unknown(
            "no such statement whose truth is known",
            lambda inputs, corpus: _of_type(inputs, corpus, verdict, kinds)[1],
        ),
    )


_PAIRS = [(verdict, kind) for verdict in ("accepted", "rejected") for kind in NAMES]

SUITE = Suite(
    "narration",
    "What the narrator wrote, against the truth where a corpus keeps one hidden",
    frames=(
        Frame(
            "narrated",
            "corpora",
            _subjects,
            {
                **{f"{verdict}_{kind}": _precision(verdict, kind) for verdict, kind in _PAIRS},
                **{column: _share_of(verdict, kinds) for column, (_, verdict, kinds) in TYPES.items()},
                "shortfall": _shortfall,
                "share": _shares,
            },
        ),
    ),
    checks=(
        extreme(
            "no precision far below what is stated",
            "narrated",
            "shortfall",
            "share of statements",
            side="Max",
            # less is a warning, as few statements scatter
            limit=lambda parameters: parameters.gate.precision_shortfall,
            unjudged=_unknown("fewer than {fewest} accepted statements whose truth is known", _gaps),
        ),
        *(_precision_check(verdict, kind) for verdict, kind in _PAIRS),
        *map(_type_check, TYPES),
        extreme(
            "share of accepted images",
            "narrated",
            "share",
            "share of images",
            side="Min",
            limit=lambda _: SHARE,
            severity="warning",
            unjudged=_unknown("no image is narrated", lambda inputs, corpus: _share(inputs, corpus) is not None),
        ),
    ),
)

"""Suite ``rewording``: captions that a language model put into other words are answers to what it was given."""

from collections.abc import Iterator
from typing import Any

from sartext.narrator.methods import METHODS
from sartext.narrator.rewording import repeated, things
from sartext.narrator.vocabulary import coarsest
from sartext.release.gate.suite import Frame, Inputs, Suite, extreme

NOBODY = "no corpus"
"""The subject where no language model wrote: its expectation says that nothing was judged."""


def _reworded(inputs: Inputs) -> dict[str, list[dict[str, Any]]]:
    """The rows that a language model worded, by corpus."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for row in inputs.pairs:
        if row["method"] in METHODS and METHODS[row["method"]].reworded:
            rows.setdefault(row["corpus"], []).append(row)
    return dict(sorted(rows.items()))


def _subjects(inputs: Inputs) -> list[str]:
    return list(_reworded(inputs)) or [NOBODY]


def _repeated_share(inputs: Inputs) -> list[float]:
    """The share of each corpus's captions that stand for more different facts than one caption may."""
    return list(_shares(inputs)) or [0.0]


def _shares(inputs: Inputs) -> Iterator[float]:
    for corpus, rows in _reworded(inputs).items():
        resolution = coarsest(inputs.catalogue[corpus])
        facts = [(row["caption"], things(row["source_caption"] or "", resolution)) for row in rows]
        often = repeated(facts)
        yield sum(caption.casefold() in often for caption, _ in facts) / len(facts)


def _nobody(inputs: Inputs) -> tuple[list[str], str]:
    return ([], "") if _reworded(inputs) else ([NOBODY], "no caption is by a language model")


SUITE = Suite(
    "rewording",
    "Captions that a language model put into other words are answers to what it was given",
    frames=(Frame("reworded", "corpora", _subjects, {"repeated_share": _repeated_share}),),
    checks=(
        extreme(
            "share of one answer for many different facts",
            "reworded",
            "repeated_share",
            "share of a corpus",
            side="Max",
            limit=lambda parameters: parameters.gate.repeated_answers,
            unjudged=_nobody,
        ),
    ),
)

"""Suite ``optical``: what captions by way of optical images state of the SAR images, where a truth is kept hidden.

The figures are those of the stages that write the captions (``metrics.json`` in ``build/captions/<c>``,
``build/optical-captions/<c>`` and ``build/rewritten/<c>``): how many of their statements are true, of those that
can be read.
"""

from pathlib import Path

from sartext.files import read_json
from sartext.narrator.methods import BY_MODEL, OPTICAL_LLM
from sartext.narrator.rewriting import OPTICAL_MODEL, OPTICAL_RULES
from sartext.narrator.statements import COVER_KINDS, OBJECT_KINDS
from sartext.release.gate.suite import Check, Frame, Inputs, Measure, Suite, Unjudged, extreme

PRECISION = 0.85
"""Share of the statements that must be true."""

KINDS = {"objects": OBJECT_KINDS, "land cover": COVER_KINDS}
METHODS = (OPTICAL_RULES.name, OPTICAL_MODEL.name, OPTICAL_LLM.name)

NOBODY = "no corpus"
"""The subject where a method captions none: its expectations say that nothing was judged."""


def _folders(inputs: Inputs, method: str) -> list[Path]:
    """The folders of the corpora whose truth is known."""
    project, parameters = inputs.project, inputs.parameters
    if method == OPTICAL_MODEL.name:
        folders = [project.optical_captions(corpus) for corpus in parameters.optical_captions]
    elif method == OPTICAL_LLM.name:
        folders = [project.rewritten(corpus) for corpus in parameters.rewritten]
    else:
        folders = [project.captions(corpus) for corpus in parameters.captions]
    written = [folder for folder in folders if (folder / "metrics.json").is_file()]
    return [folder for folder in written if "hidden_truth" in read_json(folder / "metrics.json")]


def _counts(folder: Path, kind: str) -> tuple[int, int]:
    """How many statements of a kind are true, and how many there are."""
    figures = read_json(folder / "metrics.json")["hidden_truth"]["statements"]
    of_kind = [figures[name] for name in KINDS[kind] if name in figures]
    return sum(figure["true"] for figure in of_kind), sum(figure["statements"] for figure in of_kind)


def _subjects(method: str) -> Measure:
    return lambda inputs: [folder.name for folder in _folders(inputs, method)] or [NOBODY]


def _precision(method: str, kind: str) -> Measure:
    def measure(inputs: Inputs) -> list[float]:
        fewest = inputs.parameters.narration.fewest
        counts = [_counts(folder, kind) for folder in _folders(inputs, method)]
        return [true / of if of >= fewest else 1.0 for true, of in counts] or [1.0]

    return measure


def _few(method: str, kind: str) -> Unjudged:
    """The corpora with too few statements to be judged."""

    def unjudged(inputs: Inputs) -> tuple[list[str], str]:
        folders, fewest = _folders(inputs, method), inputs.parameters.narration.fewest
        if not folders:
            return [NOBODY], "no corpus is captioned so whose truth is known"
        few = [folder.name for folder in folders if _counts(folder, kind)[1] < fewest]
        return few, f"fewer than {fewest} statements on {kind} whose truth is known"

    return unjudged


def _check(method: str, kind: str) -> Check:
    return extreme(
        f"precision of {method} statements on {kind}",
        method,
        kind,
        "share of statements",
        side="Min",
        limit=lambda _: PRECISION,
        # what a model says of another picture is no better than the model; rules have no such excuse
        severity="warning" if method in BY_MODEL else "critical",
        unjudged=_few(method, kind),
    )


SUITE = Suite(
    "optical",
    "What captions by way of optical images state, against the truth where a corpus keeps one hidden",
    frames=tuple(
        Frame(method, "corpora", _subjects(method), {kind: _precision(method, kind) for kind in KINDS})
        for method in METHODS
    ),
    checks=tuple(_check(method, kind) for method in METHODS for kind in KINDS),
)

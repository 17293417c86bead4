"""Suite ``images``: each file decodes to the pixels that were indexed, and shows something."""

from collections import defaultdict
from functools import partial
from typing import Any

from sartext.progress import map_parallel
from sartext.release.gate.checks import Check, Frame, Measure, Suite, without
from sartext.release.gate.inputs import Inputs
from sartext.release.gate.pictures import Look, look, measured_classes

_NEEDED = ("image_id", "corpus", "path", "quantity", "db_low", "db_high")


def _looks(inputs: Inputs) -> list[Look]:
    """Look at every image once; the measures of the suite share the result."""
    known: list[Look] | None = inputs.shared.get("looks")
    if known is None:
        rows = [{name: row[name] for name in _NEEDED} for row in inputs.pairs]
        work = partial(look, inputs.project.root, inputs.catalogue)
        known = inputs.shared["looks"] = list(map_parallel(work, rows, "checking images"))
    return known


def _faults(inputs: Inputs) -> list[str]:
    return [one.fault for one in _looks(inputs)]


def _differences(inputs: Inputs) -> list[str]:
    return [
        _difference(one, row, inputs.index.get(row["image_id"]))
        for one, row in zip(_looks(inputs), inputs.pairs, strict=True)
    ]


def _difference(one: Look, row: dict[str, Any], indexed: dict[str, Any] | None) -> str:
    if indexed is None:
        return "not in the index"
    if one.fault:
        return "cannot be compared"
    odd = [
        name
        for name in ("sha256", "pixels_sha256", "width", "height")
        if not row[name] == indexed[name] == getattr(one, name)
    ]
    return f"{', '.join(odd)} of file, index and candidate differ" if odd else ""


def _side(pick: Any) -> Measure:  # noqa: ANN401 - min or max
    return lambda inputs: [pick(row["width"], row["height"]) for row in inputs.pairs]


def _constant(inputs: Inputs) -> list[str]:
    return ["every pixel has the same value" if one.constant else "" for one in _looks(inputs)]


def _saturated(inputs: Inputs) -> list[float]:
    return [one.saturated for one in _looks(inputs)]


def _backscatter(inputs: Inputs) -> list[str]:
    """Say of each corpus which classes have a mean outside the range that the catalogue expects."""
    sums: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0.0, 0.0])
    for row, one in zip(inputs.pairs, _looks(inputs), strict=True):
        for label, (total, count) in one.backscatter.items():
            sums[row["corpus"], label][0] += total
            sums[row["corpus"], label][1] += count
    return [_outside(inputs, corpus, sums) for corpus in _corpora(inputs)]


def _outside(inputs: Inputs, corpus: str, sums: dict[tuple[str, str], list[float]]) -> str:
    found = []
    for label, (low, high) in measured_classes(inputs.catalogue[corpus]).items():
        total, count = sums.get((corpus, label), (0.0, 0.0))
        if count and not low <= total / count <= high:
            found.append(f"{label} {total / count:.1f} dB, expected {low:g} to {high:g}")
    return "; ".join(found)


def _corpora(inputs: Inputs) -> list[str]:
    return sorted(set(inputs.column("corpus")))


SUITE = Suite(
    "images",
    frames=(
        Frame(
            "candidate",
            "images",
            lambda inputs: inputs.column("image_id"),
            {
                "fault": _faults,
                "difference": _differences,
                "short_side": _side(min),
                "long_side": _side(max),
                "constant": _constant,
                "saturated": _saturated,
            },
        ),
        Frame("corpora", "corpora", _corpora, {"backscatter": _backscatter}),
    ),
    checks=(
        without("every image decodes", "candidate", "fault", "images"),
        without("the pixels that were indexed", "candidate", "difference", "images"),
        Check(
            "long enough sides",
            "candidate",
            "ExpectColumnValuesToBeBetween",
            lambda gate: {"column": "short_side", "min_value": gate.image_side[0]},
            "images",
        ),
        Check(
            "short enough sides",
            "candidate",
            "ExpectColumnValuesToBeBetween",
            lambda gate: {"column": "long_side", "max_value": gate.image_side[1]},
            "images",
        ),
        without("no constant image", "candidate", "constant", "images"),
        Check(
            "no saturated image",
            "candidate",
            "ExpectColumnValuesToBeBetween",
            lambda gate: {"column": "saturated", "max_value": gate.saturated_share},
            "images",
        ),
        without("mean backscatter of each class", "corpora", "backscatter", "corpora", severity="warning"),
    ),
)

"""Suite ``images``: each file decodes to the pixels that were indexed, and shows something."""

from collections import defaultdict
from collections.abc import Mapping
from functools import partial
from typing import Any

from sartext.catalogue.entry import Entry
from sartext.progress import map_parallel, track
from sartext.release.gate.checks import Check, Frame, Measure, Suite, without
from sartext.release.gate.inputs import Inputs
from sartext.release.gate.pictures import Look, look, masks_of, measured_classes

WORTH_PROCESSES = 50_000_000
"""Pixels in all from which several processes save more time than their start costs."""

_NEEDED = ("image_id", "corpus", "path", "quantity", "db_low", "db_high")


def _looks(inputs: Inputs) -> list[Look]:
    """Look at every image once; the measures of the suite share the result."""
    known: list[Look] | None = inputs.shared.get("looks")
    if known is None:
        masks = _masks(inputs)
        rows = [{**{name: row[name] for name in _NEEDED}, "mask": masks.get(row["path"])} for row in inputs.pairs]
        work = partial(look, inputs.project.root, inputs.catalogue)
        few = sum(row["width"] * row["height"] for row in inputs.pairs) < WORTH_PROCESSES
        title = "checking images"
        looks = track(map(work, rows), title, len(rows)) if few else map_parallel(work, rows, title)
        known = inputs.shared["looks"] = list(looks)
    return known


def _masks(inputs: Inputs) -> dict[str, str]:
    found: dict[str, str] = {}
    for corpus in _corpora(inputs):
        paths = [row["path"] for row in inputs.pairs if row["corpus"] == corpus]
        found.update(masks_of(inputs.project.root, inputs.catalogue[corpus], paths))
    return found


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
    sums: dict[str, dict[str, tuple[float, int]]] = defaultdict(dict)
    for row, one in zip(inputs.pairs, _looks(inputs), strict=True):
        of_corpus = sums[row["corpus"]]
        for label, (total, count) in one.backscatter.items():
            before = of_corpus.get(label, (0.0, 0))
            of_corpus[label] = (before[0] + total, before[1] + count)
    return [outside(inputs.catalogue[corpus], sums[corpus]) for corpus in _corpora(inputs)]


def outside(entry: Entry, sums: Mapping[str, tuple[float, int]]) -> str:
    """Say which classes have a mean dB outside their expected range, given sum and number of pixels of each."""
    found = []
    for label, (low, high) in measured_classes(entry).items():
        total, count = sums.get(label, (0.0, 0))
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
            lambda parameters: {"column": "short_side", "min_value": parameters.gate.image_side[0]},
            "images",
        ),
        Check(
            "short enough sides",
            "candidate",
            "ExpectColumnValuesToBeBetween",
            lambda parameters: {"column": "long_side", "max_value": parameters.gate.image_side[1]},
            "images",
        ),
        without("no constant image", "candidate", "constant", "images"),
        Check(
            "no saturated image",
            "candidate",
            "ExpectColumnValuesToBeBetween",
            lambda parameters: {"column": "saturated", "max_value": parameters.gate.saturated_share},
            "images",
        ),
        without("mean backscatter of each class", "corpora", "backscatter", "corpora", severity="warning"),
    ),
)

"""Suite ``provenance``: where each pair comes from, and what may be done with it."""

import math
import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from sartext.narrator.methods import BY_MODEL, METHODS, SCORED
from sartext.release.gate.suite import Frame, Inputs, Measure, Suite, of_column, of_pairs, without
from sartext.release.licences import Conditions, conflicts_of, may_be_given_on, unknown_conditions

_LICENCE = re.compile(
    r"not-stated|https?://\S+|[A-Za-z0-9][A-Za-z0-9.+-]*(?: (?:AND|OR|WITH) [A-Za-z0-9][A-Za-z0-9.+-]*)*"
)
_SHA256 = re.compile(r"[0-9a-f]{64}")
_OPTIONAL = {"model_sha256", "prompt_sha256"}

Row = Mapping[str, Any]


def _licence(value: str | None) -> str:
    if value is None or not value.strip():
        return "absent (write not-stated where the source states none)"
    return "" if _LICENCE.fullmatch(value) else f"'{value}' is no SPDX id, address or not-stated"


def _redistribution(row: Row) -> str:
    if row["redistribution"] is None:
        return "absent"
    unfounded = row["redistribution"] and row["licence"] == "not-stated"
    return "redistribution is claimed without a stated licence" if unfounded else ""


def _origin(row: Row) -> str:
    columns = ("citation", "source_url", "sensor")
    return "; ".join(f"{name} is absent" for name in columns if not (row[name] or "").strip())


def _method(row: Row) -> str:
    if row["method"] not in METHODS:
        return f"unknown method '{row['method']}'"
    return "" if row["method_version"].strip() else "no method version"


def _model(row: Row) -> str:
    misplaced = row["method"] in BY_MODEL and row["split"] != "train"
    return f"a caption by {row['method']} in {row['split']}" if misplaced else ""


def _score(row: Row) -> str:
    if row["method"] not in SCORED:
        return ""
    if row["model_sha256"] is None:
        return "no hash of the model that wrote it"
    return "" if row["score"] is not None and math.isfinite(row["score"]) else "no score"


def _language_model(row: Row) -> str:
    reworded = row["method"] in METHODS and METHODS[row["method"]].reworded
    if not reworded:
        return f"a caption by {row['method']} names a language model" if row["model"] else ""
    return "" if (row["model"] or "").strip() and row["prompt_sha256"] else "no language model or prompt"


def _withdrawn(inputs: Inputs) -> list[str]:
    reasons = {each.digest: each.reason for each in inputs.parameters.release.withdrawn}
    found = ((reasons.get(row["sha256"]), reasons.get(row["pixels_sha256"])) for row in inputs.pairs)
    return [f"withdrawn: {one or other}" if one or other else "" for one, other in found]


def _of_licences(judge: Callable[[str, Mapping[str, Conditions], set[str]], str]) -> Measure:
    """Measure the corpora that the candidate holds something of by what is said of their licences."""

    def measure(inputs: Inputs) -> list[str]:
        conditions = {name: inputs.catalogue[name].conditions for name in inputs.released_corpora}
        with_images = {row["corpus"] for row in inputs.pairs if may_be_given_on(row)}
        return [judge(name, conditions, with_images) for name in conditions]

    return measure


def _hashes(row: Row) -> str:
    hashes = {name: value for name, value in row.items() if name.endswith("sha256")}
    hashes = {name: value for name, value in hashes.items() if value is not None or name not in _OPTIONAL}
    wrong = [name for name, value in hashes.items() if value is None or not _SHA256.fullmatch(value)]
    return "; ".join(f"{name} is no SHA-256" for name in wrong)


SUITE = Suite(
    "provenance",
    "Where each pair comes from, and what may be done with it",
    frames=(
        Frame(
            "candidate",
            "pairs",
            of_column("image_id"),
            {
                "licence": of_column("licence", _licence),
                "redistribution": of_pairs(_redistribution),
                "origin": of_pairs(_origin),
                "method": of_pairs(_method),
                "model": of_pairs(_model),
                "score": of_pairs(_score),
                "language_model": of_pairs(_language_model),
                "hashes": of_pairs(_hashes),
                "withdrawn": _withdrawn,
            },
        ),
        Frame(
            "corpora",
            "corpora",
            lambda inputs: inputs.released_corpora,
            {
                "forbidden": _of_licences(partial(conflicts_of, blocking=True)),
                "conflicts": _of_licences(partial(conflicts_of, blocking=False)),
                "unknown": _of_licences(unknown_conditions),
            },
        ),
    ),
    checks=(
        without("licence", "candidate", "licence", "pairs"),
        without("right to redistribute", "candidate", "redistribution", "pairs"),
        without("citation, source address and sensor", "candidate", "origin", "pairs"),
        without("known caption method", "candidate", "method", "pairs"),
        without("model captions only in train", "candidate", "model", "captions"),
        without("model and score of model captions", "candidate", "score", "captions"),
        without("language model and prompt", "candidate", "language_model", "captions"),
        without("hashes", "candidate", "hashes", "pairs"),
        without("no withdrawn image", "candidate", "withdrawn", "pairs"),
        without("no image that its licence forbids", "corpora", "forbidden", "corpora"),
        without("licences that go together", "corpora", "conflicts", "corpora", severity="warning"),
        without("known conditions of licences", "corpora", "unknown", "corpora", severity="warning"),
    ),
)

"""Suite ``provenance``: where each pair comes from, and what may be done with it."""

import math
import re

from sartext.narrator.methods import BY_MODEL, METHODS, SCORED
from sartext.release.gate.suite import Frame, Inputs, Suite, without

_LICENCE = re.compile(
    r"not-stated|https?://\S+|[A-Za-z0-9][A-Za-z0-9.+-]*(?: (?:AND|OR|WITH) [A-Za-z0-9][A-Za-z0-9.+-]*)*"
)
_SHA256 = re.compile(r"[0-9a-f]{64}")


def _licence(inputs: Inputs) -> list[str]:
    return [_licence_problem(value) for value in inputs.column("licence")]


def _licence_problem(value: str | None) -> str:
    if value is None or not value.strip():
        return "absent (write not-stated where the source states none)"
    return "" if _LICENCE.fullmatch(value) else f"'{value}' is no SPDX id, address or not-stated"


def _redistribution(inputs: Inputs) -> list[str]:
    return [_redistribution_problem(row["redistribution"], row["licence"]) for row in inputs.pairs]


def _redistribution_problem(right: bool | None, licence: str | None) -> str:
    if right is None:
        return "absent"
    return "redistribution is claimed without a stated licence" if right and licence == "not-stated" else ""


def _blank(column: str, value: object) -> str:
    return "" if isinstance(value, str) and value.strip() else f"{column} is absent"


def _origin(inputs: Inputs) -> list[str]:
    columns = ("citation", "source_url", "sensor")
    return ["; ".join(filter(None, (_blank(name, row[name]) for name in columns))) for row in inputs.pairs]


def _method(inputs: Inputs) -> list[str]:
    return [_method_problem(row["method"], row["method_version"]) for row in inputs.pairs]


def _method_problem(method: str, version: str) -> str:
    if method not in METHODS:
        return f"unknown method '{method}'"
    return "" if version.strip() else "no method version"


def _model(inputs: Inputs) -> list[str]:
    return [
        f"a caption by {row['method']} in {row['split']}"
        if row["method"] in BY_MODEL and row["split"] != "train"
        else ""
        for row in inputs.pairs
    ]


def _score(inputs: Inputs) -> list[str]:
    return [
        _score_problem(row["model_sha256"], row["score"]) if row["method"] in SCORED else ""
        for row in inputs.pairs
    ]


def _score_problem(model: str | None, score: float | None) -> str:
    if model is None:
        return "no hash of the model that wrote it"
    return "" if score is not None and math.isfinite(score) else "no score"


def _hashes(inputs: Inputs) -> list[str]:
    return ["; ".join(filter(None, map(_hash_problem, row.items()))) for row in inputs.pairs]


def _hash_problem(item: tuple[str, object]) -> str:
    name, value = item
    if name not in {"sha256", "pixels_sha256", "model_sha256", "prompt_sha256"}:
        return ""
    optional = name in {"model_sha256", "prompt_sha256"}
    if value is None and optional:
        return ""
    return "" if isinstance(value, str) and _SHA256.fullmatch(value) else f"{name} is no SHA-256"


SUITE = Suite(
    "provenance",
    "Where each pair comes from, and what may be done with it",
    frames=(
        Frame(
            "candidate",
            "pairs",
            lambda inputs: inputs.column("image_id"),
            {
                "licence": _licence,
                "redistribution": _redistribution,
                "origin": _origin,
                "method": _method,
                "model": _model,
                "score": _score,
                "hashes": _hashes,
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
        without("hashes", "candidate", "hashes", "pairs"),
    ),
)

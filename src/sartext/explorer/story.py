"""What a release itself knows of an image: its statements and their proof, its story, all its columns."""

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sartext.errors import ReleaseError
from sartext.narrator.facts import Facts
from sartext.narrator.methods import METHODS
from sartext.narrator.statements import Statement, statements_of
from sartext.release.gate.verdict import in_words, tally
from sartext.release.manifest import WAY_OUT

Row = Mapping[str, Any]

Heading = tuple[str, str]
"""A heading and its text."""

ANNOTATION, OPTICAL = "annotation", "optical caption"

_SENSING = ("band", "polarisation", "second_polarisation", "acquired", "orbit", "look")


def statements_with_proof(row: Row, facts: Facts) -> list[tuple[str, float | None, str]]:
    """Return what a caption states: words, score if it has one, and what proves it.

    Raises:
        ReleaseError: the column ``proof`` is no record of a proof.
    """
    if row.get("proof"):
        try:
            proven = json.loads(row["proof"])["statements"]
            return [
                (
                    Statement(each["kind"], each["label"], each["value"]).words,
                    float(each["score"]),
                    str(each["by"]),
                )
                for each in proven
            ]
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise ReleaseError(
                f"the proof of '{row['image_id']}' is no record of statements ({error!r})",
                where="data/*.parquet",
                way_out=WAY_OUT,
            ) from error
    method = str(row["method"])
    by = ANNOTATION if method in METHODS and METHODS[method].annotated else method
    stated = [(statement.words, None, by) for statement in statements_of(facts)]
    return [*stated, *((clause, None, OPTICAL) for clause in facts.statements)]


def story_of(row: Row, *, identity: str, group: int, cluster: int, neither: str = "") -> list[Heading]:
    """Return where an image comes from, how its caption was made, where it stands and what became of it.

    Args:
        row: its row in the release.
        identity: name and version of the release.
        group: images of the release in its group, itself included.
        cluster: those in its cluster of near-duplicates.
        neither: why no picture of it is shown; empty where one is.
    """
    return [
        *_made(row),
        *_sensing(row),
        ("source file", _stated(row.get("source_path"))),
        ("group", f"{_stated(row.get('group_id'))}: {_images(group)} that must stay in one split"),
        *([("near-duplicates", f"{_images(cluster)} in its cluster")] if cluster > 1 else []),
        *([("benchmark", str(row["benchmark"]))] if row.get("benchmark") else []),
        ("split", str(row["split"])),
        *([("picture", neither)] if neither else []),
        ("fate", f"released in {identity}"),
    ]


def _made(row: Row) -> Iterator[Heading]:
    name = str(row["method"])
    told = f": {METHODS[name].description}" if name in METHODS else ""
    yield "caption by", f"{name} (version {_stated(row.get('method_version'))}){told}"
    if row.get("source_caption"):
        yield "written from", str(row["source_caption"])
    if row.get("score") is not None:
        meaning = METHODS[name].score if name in METHODS else ""
        yield "score", f"{row['score']:.3f}{f': {meaning}' if meaning else ''}"
    if row.get("model"):
        yield "language model", f"{row['model']}, prompt {_stated(row.get('prompt_sha256'))}"
    if row.get("model_sha256"):
        yield "model", f"SHA-256 {row['model_sha256']}"


def _sensing(row: Row) -> Iterator[Heading]:
    known = [f"{name} {row[name]}".replace("_", " ") for name in _SENSING if row.get(name) is not None]
    if row.get("resolution_m") is not None:
        known.append(f"resolution {row['resolution_m']:g} m")
    yield "sensor", ", ".join([_stated(row.get("sensor")), *known])


def _stated(value: object) -> str:
    return "not stated" if value in {None, ""} else str(value)


def _images(count: int) -> str:
    return "one image" if count == 1 else f"{count:,} images"


def columns_of(row: Row) -> list[tuple[str, str | None]]:
    """Return all columns of a row but its pictures, as texts; None for what is null."""
    return [(name, None if value is None else _text(value)) for name, value in row.items()]


def _text(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return str(value)


def gate_rows(verdict: Mapping[str, Any], corpora: Sequence[str]) -> tuple[str, dict[str, list[Heading]]]:
    """Return what the gate said in all, and of each corpus the rows that name it: question and outcome."""
    rows = [(suite["name"], row) for suite in verdict["suites"] for row in suite["expectations"]]
    result = "passed" if verdict["passed"] else "refused"
    named = {corpus: re.compile(rf"(?<![\w./-]){re.escape(corpus)}(?![\w-])") for corpus in corpora}
    of_corpus = {
        corpus: [
            (f"{suite}: {row['name']}", f"{in_words(row)}: {row['detail']}")
            for suite, row in rows
            if pattern.search(f"{row['name']} {row['detail']}")
        ]
        for corpus, pattern in named.items()
    }
    return f"{result}: {tally([row for _, row in rows])}", of_corpus

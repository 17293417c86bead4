"""Suite ``splits``: nothing that is tested on was seen in training."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from sartext.release.gate.suite import Frame, Inputs, Suite, of_column, without
from sartext.release.inputs import SPLIT_NAMES


def _members(inputs: Inputs, column: str) -> dict[str, dict[str, list[str]]]:
    """Image ids by value of a column and by split; the value of the split table counts beside the candidate's."""
    members: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for row in inputs.pairs:
        decided = inputs.splits.get(row["image_id"], {}).get(column, row[column])
        for value in {row[column], decided}:
            members[value][row["split"]].append(row["image_id"])
    return members


def _together(name: str, rows: str, column: str) -> Frame:
    """A frame of the values of a column, each of which must stand in one split."""
    return Frame(
        name,
        rows,
        lambda inputs: sorted(_members(inputs, column)),
        {"sides": lambda inputs: [_across(by_split) for _, by_split in sorted(_members(inputs, column).items())]},
    )


def _across(by_split: dict[str, list[str]]) -> str:
    if len(by_split) < 2:
        return ""
    return ", ".join(f"{ids[0]} in {split}" for split, ids in sorted(by_split.items()))


def _decision(inputs: Inputs) -> list[str]:
    return [_decision_problem(inputs.splits.get(row["image_id"]), row["split"]) for row in inputs.pairs]


def _decision_problem(decided: Mapping[str, Any] | None, split: str) -> str:
    if decided is None:
        return "not in the split table"
    if decided["split"] is None:
        return f"left out by the split table ({decided['reason']})"
    return "" if decided["split"] == split else f"{split}, but decided as {decided['split']}"


def _benchmark(inputs: Inputs) -> list[str]:
    complaints = []
    for row in inputs.pairs:
        named = {row["benchmark"], inputs.index.get(row["image_id"], {}).get("benchmark")} - {None}
        complaints.append(f"image of {', '.join(sorted(named))}" if named and row["split"] == "train" else "")
    return complaints


SUITE = Suite(
    "splits",
    "Nothing that is tested on was seen in training",
    frames=(
        Frame(
            "candidate",
            "pairs",
            of_column("image_id"),
            {
                "name": of_column("split", lambda split: "" if split in SPLIT_NAMES else f"'{split}'"),
                "decision": _decision,
                "benchmark": _benchmark,
            },
        ),
        _together("clusters", "clusters", "cluster_id"),
        _together("groups", "groups", "group_id"),
        _together("pixels", "pictures", "pixels_sha256"),
    ),
    checks=(
        without("known split names", "candidate", "name", "pairs"),
        without("as the split table decided", "candidate", "decision", "pairs"),
        without("no benchmark image in train", "candidate", "benchmark", "pairs"),
        without("no near-duplicates in two splits", "clusters", "sides", "clusters"),
        without("no group in two splits", "groups", "sides", "groups"),
        without("no equal pixels in two splits", "pixels", "sides", "pictures"),
    ),
)

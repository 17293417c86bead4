"""Suite ``splits``: nothing that is tested on was seen in training."""

from collections import defaultdict
from collections.abc import Sequence

from sartext.release.gate.suite import Frame, Inputs, Measure, Suite, without
from sartext.release.inputs import SPLIT_NAMES


def _keys(column: str) -> Measure:
    return lambda inputs: sorted(_members(inputs, column))


def _members(inputs: Inputs, column: str) -> dict[str, dict[str, list[str]]]:
    """Image ids by value of a column and by split; the value of the split table counts beside the candidate's."""
    members: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for row in inputs.pairs:
        decided = inputs.splits.get(row["image_id"], {}).get(column, row[column])
        for value in {row[column], decided}:
            members[value][row["split"]].append(row["image_id"])
    return members


def _sides(column: str) -> Measure:
    def measure(inputs: Inputs) -> Sequence[str]:
        members = _members(inputs, column)
        return [_across(members[value]) for value in sorted(members)]

    return measure


def _across(by_split: dict[str, list[str]]) -> str:
    if len(by_split) < 2:
        return ""
    return ", ".join(f"{ids[0]} in {split}" for split, ids in sorted(by_split.items()))


def _decision(inputs: Inputs) -> list[str]:
    return [_decision_problem(inputs, row["image_id"], row["split"]) for row in inputs.pairs]


def _decision_problem(inputs: Inputs, image_id: str, split: str) -> str:
    decided = inputs.splits.get(image_id)
    if decided is None:
        return "not in the split table"
    if decided["split"] is None:
        return f"left out by the split table ({decided['reason']})"
    return "" if decided["split"] == split else f"{split}, but decided as {decided['split']}"


def _name(inputs: Inputs) -> list[str]:
    return ["" if split in SPLIT_NAMES else f"'{split}'" for split in inputs.column("split")]


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
            lambda inputs: inputs.column("image_id"),
            {"name": _name, "decision": _decision, "benchmark": _benchmark},
        ),
        Frame("clusters", "clusters", _keys("cluster_id"), {"sides": _sides("cluster_id")}),
        Frame("groups", "groups", _keys("group_id"), {"sides": _sides("group_id")}),
        Frame("pixels", "pictures", _keys("pixels_sha256"), {"sides": _sides("pixels_sha256")}),
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

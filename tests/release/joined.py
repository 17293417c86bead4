"""A small project with every way in and out of the candidate, and what is looked up in a candidate."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from sartext.config import Project
from sartext.corpora.quarantine import Fault
from sartext.errors import ArtefactError
from sartext.release.candidate import build_candidate
from sartext.release.splits import decide_splits
from sartext.tables import INDEX, LEDGER, PAIRS, SPLITS, write_table
from tests.release.indexed import boxes, image_row, make_project, rows_by_id, scene, write_captions, write_corpus


def write_splits(project: Project, splits: Mapping[str, str | None], reason: str = "-") -> None:
    """Write what the stage splits writes: the split of each image, train where none is named."""
    rows = []
    for path in sorted(project.build.glob("corpus/*/index.parquet")):
        for image_id in rows_by_id(path, INDEX):
            row = dict.fromkeys(("image_id", "cluster_id", "group_id"), image_id)
            split = splits.get(image_id, "train")
            rows.append({**row, "split": split, "benchmark": None, "reason": reason})
    write_table(project.build / "splits" / "splits.parquet", SPLITS, rows)


RELEASED = ["pairs/s1_a", "ships/1", "ships/4"]
UNLABELLED = "SAR image without labels, of a corpus that params.yaml does not list under narrated"
UNLISTED = "SAR image of a corpus that params.yaml does not list under captions"
LEFT_OUT = {
    "bare/1": ("candidate", UNLABELLED),
    "pairs/s1_b": ("captions", "nothing that SAR shows"),
    "pairs/s2_a": ("candidate", "optical image, kept for training"),
    "pairs/s2_b": ("candidate", "optical image, kept for training"),
    "plain/1": ("candidate", UNLISTED),
    "ships/2": ("splits", "exact duplicate of ships/1"),
    "ships/3": ("captions", "no object, and no mask"),
    "ships/broken": ("corpus", "no-annotation; truncated-image: half of it"),
    "ships/gone": ("corpus", "empty-file"),
}


def joined(root: Path) -> Project:
    """Ships (a copy, one without caption, two unusable), pairs, and corpora that nobody captions."""
    corpora = {
        "ships": {"licence": "not-stated", "redistribution": False, "sensor": "RadarSat-2"},
        "pairs": {"kind": "pairs"},
        "bare": {"kind": "unlabelled"},
        "plain": {},
    }
    project = make_project(root, corpora, ["ships", "pairs"])
    _ships(project)
    rows = []
    for number, name in enumerate("ab"):
        place = {"scene_id": f"pairs:{name}"}
        optical = {**place, "modality": "optical", "captions": ["A lake."], "suffix": ".jpg"}
        rows.append(image_row(project, f"pairs/s1_{name}", scene(10 + number), **place))
        rows.append(image_row(project, f"pairs/s2_{name}", scene(20 + number), **optical))
    write_corpus(project, "pairs", rows)
    write_captions(
        project,
        "pairs",
        {"pairs/s1_a": "There is a lake in this SAR image."},
        {"pairs/s1_b": "nothing that SAR shows"},
        method="optical-rules",
        source_caption="A blue lake.",
    )
    write_corpus(project, "bare", [image_row(project, "bare/1", scene(30))])
    write_corpus(project, "plain", [image_row(project, "plain/1", scene(31), objects=boxes("ship"))])
    decide_splits(project)
    return project


def _ships(project: Project) -> None:
    rows = [
        image_row(project, "ships/1", scene(1), objects=boxes("ship", "ship", "bridge")),
        image_row(project, "ships/2", scene(1), objects=boxes("ship", "ship")),
        image_row(project, "ships/3", scene(3)),
        image_row(project, "ships/4", scene(4), objects=boxes("ship")),
    ]
    faults = [
        Fault("data/ships/broken.png", "ships/broken", "truncated-image", "half of it", "image"),
        Fault("data/ships/broken.png", "ships/broken", "no-annotation", "", "image"),
        Fault("data/ships/gone.png", "ships/gone", "empty-file", "", "image"),
        Fault("data/ships/4.png", "ships/4", "box-nan", "box 2", "box"),
        Fault("nowhere.png", "", "no-image", "in all.xml", "annotation"),
    ]
    write_corpus(project, "ships", rows, faults)
    sentence = "There is one ship in this SAR image."
    captions = {"ships/1": "There are two ships.", "ships/2": "There are two ships.", "ships/4": sentence}
    write_captions(project, "ships", captions, {"ships/3": "no object, and no mask"}, facts='{"objects":[]}')


def pairs_of(project: Project) -> dict[str, dict[str, Any]]:
    """Build the candidate; its pairs by image id."""
    build_candidate(project)
    return rows_by_id(project.build / "candidate" / "pairs.parquet", PAIRS)


def ledger_of(project: Project) -> dict[str, dict[str, Any]]:
    """Build the candidate; its ledger by image id."""
    build_candidate(project)
    return rows_by_id(project.build / "ledger.parquet", LEDGER)


def assert_no_candidate(project: Project, message: str) -> None:
    """The candidate is refused."""
    with pytest.raises(ArtefactError, match=message):
        build_candidate(project)

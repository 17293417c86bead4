"""The small real corpora of scene labels and of dense labels, indexed as the catalogue declares them."""

from collections import Counter

import numpy as np
import pytest

from sartext.catalogue.loading import PACKAGED, load_entry
from sartext.corpora.images import decode, picture, read_image
from sartext.corpora.index import build_index
from sartext.corpora.listing import scene_of
from sartext.corpora.patches import across_splits, named_overlaps, position_of
from sartext.release.splits import decide_splits
from sartext.tables import INDEX, SPLITS, read_rows
from tests.corpora.making import real_project, shares

pytestmark = pytest.mark.realdata


def test_dsn_terrasar_patches_have_their_folder_as_class(indexed):
    metrics, rows, faults = indexed("dsn-tsx")
    published = {
        "industrial-facilities": 251,
        "railways": 272,
        "residential": 310,
        "ships": 180,
        "storage-tanks": 288,
    }
    assert metrics["scene_classes"] == published
    assert (len(rows), metrics["images_absent"]) == (1301, 312)
    assert not faults
    # nearly every patch overlaps others of its scene
    assert metrics["scenes"] == 81
    assert {row["db_low"] for row in rows.values()} == {None}


def test_dsn_complex_patches_are_shown_in_decibels_over_the_corpus(indexed, project):
    metrics, rows, faults = indexed("dsn-slc")
    assert Counter(metrics["scene_classes"].values()) == {100: 8}
    assert metrics["splits"] == {"train": 698, "validation": 102}
    # 1,750 patches are not in the sample, and each list has a heading
    assert {fault.reason for fault in faults} == {"listed-without-image"}
    assert len(faults) == 1750 + 1
    entry = load_entry(PACKAGED / "dsn-slc.yaml")
    assert len({(row["db_low"], row["db_high"]) for row in rows.values()}) == 1
    brightness = {label: [] for label in metrics["scene_classes"]}
    for row in list(rows.values())[::7]:
        brightness[row["scene_class"]].append(picture(project.root, row, entry).mean())
    means = {label: sum(values) / len(values) for label, values in brightness.items()}
    assert min(means, key=means.get) == "water"
    assert means["water"] + 20 < means["forest"] < means["skyscrapers"]


def test_the_published_list_of_dsn_leaks(realdata, indexed):
    """245 of the 320 validation patches overlap a training patch, by the names in the lists."""
    metrics, _, _ = indexed("dsn-slc")
    assert metrics["published_splits_overlapping"]["validation"] == 64  # of the 102 that are there
    assert metrics["lines"][1].startswith(
        "published split 'validation' leaks (recorded, not obeyed): 64 of 102 images"
    )
    entry = load_entry(PACKAGED / "dsn-slc.yaml")
    listed = [
        (split, line.split(",")[0])
        for split in ("train", "val")
        for line in (realdata / f"DSN/lists/slc_{split}_3.txt").read_text().splitlines()[1:]
    ]
    positions = [position_of(entry.position, name, scene_of(entry.scene, name), (64, 64)) for _, name in listed]
    rows = [{"published_split": split} for split, _ in listed]
    assert Counter(split for split, _ in listed) == {"train": 2230, "val": 320}
    assert across_splits(rows, named_overlaps(positions))["val"] == 245


@pytest.mark.slow
def test_no_overlap_of_dsn_patches_crosses_the_splits(realdata, tmp_path):
    """By the pixels themselves: every piece of 6 x 6 stands in one group, and so in one split."""
    if not (realdata / "DSN").is_dir():
        pytest.skip("no DSN among the real corpora")
    project = real_project(tmp_path, dict.fromkeys(("dsn-tsx", "dsn-slc"), realdata / "DSN"))
    rows = []
    for name in project.parameters.corpora:
        build_index(project, name)
        rows += read_rows(project.corpus(name) / "index.parquet", INDEX)
    decide_splits(project)
    splits = {row["image_id"]: row for row in read_rows(project.build / "splits/splits.parquet", SPLITS)}
    groups = {}
    for row in rows:
        group = splits[row["image_id"]]["group_id"]
        for piece in pieces_of(decode(read_image(project.root / row["path"]))):
            groups.setdefault(piece, set()).add(group)
    assert len(groups) > 300_000
    assert sum(len(held) > 1 for held in groups.values()) == 0
    sides = {}
    for row in splits.values():
        sides.setdefault(row["group_id"], set()).add(row["split"])
    assert {len(held - {None}) for held in sides.values()} == {1}
    assert set().union(*sides.values()) == {"train", "validation", "test", None}


def pieces_of(values):
    """Pieces of 6 x 6 pixels that are no flat ground, one of eight, chosen by the value of their first pixel."""
    windows = np.lib.stride_tricks.sliding_window_view(values, (6, 6)).reshape(-1, 36)
    chosen = windows[(np.abs(windows[:, 0]).astype(np.int64) % 8 == 5) & (np.abs(windows).std(axis=1) > 6)]
    return {piece.tobytes() for piece in chosen}


def test_polsf_follows_the_legend_that_the_backscatter_bears_out(indexed):
    _, rows, faults = indexed("polsf")
    (row,) = rows.values()
    pixels = 1024 * 900
    assert shares(row) == pytest.approx(
        {
            "bare-soil": 13701 / pixels,
            "mountains": 62731 / pixels,
            "water": 329566 / pixels,
            "urban": 342795 / pixels,
            "vegetation": 53509 / pixels,
        }
    )
    assert [(fault.reason, fault.detail) for fault in faults] == [("unknown-code", "119298 pixels (0: 119298)")]
    assert row["scene_id"] == "polsf/SF"


def test_luojiaset_refuses_files_that_are_copies_of_others(indexed):
    metrics, rows, faults = indexed("luojiaset-osfcr")
    assert set(rows) == {"ROIs_01_s1_p4", "ROIs_01_s1_p22", "ROIs_01_s1_p23"}
    assert {(fault.image_id.split("/")[1], fault.reason) for fault in faults} == {
        ("ROIs_01_s2_p1", "misplaced-file"),
        ("ROIs_01_s2_cloudy_p3", "misplaced-file"),
    }
    assert metrics["scenes"] == 1
    assert shares(rows["ROIs_01_s1_p4"]) == pytest.approx({"code-5": 1558 / 65536, "code-6": 63978 / 65536})

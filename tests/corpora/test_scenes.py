"""Scene classes by folder and by list, and patches that were cut from one scene."""

import numpy as np
import pytest
from pydantic import ValidationError

from sartext.catalogue.entry import Entry
from sartext.corpora.patches import blocks_of, named_overlaps, position_of
from sartext.errors import CatalogueError, CorpusError
from tests.corpora.making import BASE, encoded, npy, picture

CLASSES = [
    {"label": "forest", "source": ["wood"], "noun": "a forest", "plural": "forests", "hypernym": "vegetation"},
    {"label": "water", "noun": "open water", "plural": "open water", "hypernym": "water"},
]
FOLDERS = {
    "kind": "scene-classification",
    "images": ["*/*.png"],
    "annotations": {"format": "scene-folder", "image": "^([^/]+)/"},
    "classes": CLASSES,
    "quarantine_limit": 1.0,
}
LISTS = {**FOLDERS, "images": ["images/*"], "annotations": {"format": "scene-list", "files": ["lists/*"]}}
PATCHES = {**FOLDERS, "scene": "_(S\\d)_", "position": "_(\\d+)_(\\d+)\\.png$"}
SCENE = np.random.default_rng(5).integers(0, 256, (400, 400), dtype=np.uint8)


def patch(x, y, side=64):
    return encoded(SCENE[y : y + side, x : x + side])


def classes(corpus):
    return {name: row["scene_class"] for name, row in corpus.rows().items()}


def places(corpus):
    return {name: row["scene_id"].removeprefix("made/") for name, row in corpus.rows().items()}


def test_the_folder_of_an_image_is_its_class(corpus):
    corpus.declare(**FOLDERS)
    for number, name in enumerate(["wood/a", "Water/b", "wood/c"]):
        corpus.put(f"{name}.png", picture(seed=number))
    metrics = corpus.index()
    assert classes(corpus) == {"a": "forest", "b": "water", "c": "forest"}
    assert metrics["scene_classes"] == {"forest": 2, "water": 1}
    assert corpus.faults() == []


def test_a_folder_without_a_class_of_the_catalogue_is_left_out_by_name(corpus):
    corpus.declare(**FOLDERS)
    for number, name in enumerate(["wood/a", "desert/b"]):
        corpus.put(f"{name}.png", picture(seed=number))
    corpus.index()
    assert [(fault.image_id, fault.reason, fault.detail) for fault in corpus.faults()] == [
        ("made/b", "unknown-class", "'desert'")
    ]
    corpus.declare(**{**FOLDERS, "quarantine_limit": 0.05})
    with pytest.raises(CorpusError, match=r"name them in `classes` of catalogue/made\.yaml: 'desert'"):
        corpus.index()


@pytest.mark.parametrize("separator", [",", "\t", "  ", " ; "])
def test_a_list_names_images_and_classes_under_a_heading_or_none(corpus, separator):
    corpus.declare(**LISTS)
    for number, name in enumerate("ab"):
        corpus.put(f"images/{name}.png", picture(seed=number))
    lines = [("path", "class"), ("images/a.png", "wood"), ("b", "water")]
    corpus.put("lists/all.txt", "\r\n".join(separator.join(line) for line in lines) + "\r\n")
    corpus.index()
    assert classes(corpus) == {"a": "forest", "b": "water"}
    assert [(fault.path, fault.reason) for fault in corpus.faults()] == [("path", "annotation-without-image")]


def test_an_image_that_lists_give_two_classes_or_none_is_left_out(corpus):
    corpus.declare(**LISTS)
    for number, name in enumerate("abcd"):
        corpus.put(f"images/{name}.png", picture(seed=number))
    corpus.put("lists/1.csv", "a,wood\nb,wood\nd,wood\n")
    corpus.put("lists/2.csv", "b,water\nd,wood\n")
    corpus.put("lists/3.csv", "a\n")
    corpus.index()
    assert classes(corpus) == {"a": "forest", "d": "forest"}
    assert corpus.reasons() == {"b": "conflicting-annotations", "c": "no-annotation"}
    details = {fault.reason: fault.detail for fault in corpus.faults()}
    assert details["conflicting-annotations"] == "'wood' in lists/1.csv, 'water' in lists/2.csv"
    assert details["not-a-list"] == "line 1: a name and a class are expected"


def test_labels_without_images_are_no_corpus(corpus):
    corpus.declare(**LISTS)
    corpus.put("lists/1.csv", "a,wood\n")
    with pytest.raises(CorpusError, match=r"no image matches images/\*"):
        corpus.index()


def test_equal_pixels_in_two_classes_are_of_neither(corpus):
    corpus.declare(**FOLDERS)
    for name, seed in (("wood/a", 1), ("water/b", 1), ("wood/c", 2), ("wood/d", 2)):
        corpus.put(f"{name}.png", picture(seed=seed))
    corpus.index()
    assert classes(corpus) == {"c": "forest", "d": "forest"}
    assert {(fault.reason, fault.detail) for fault in corpus.faults("image")} == {
        ("two-classes", "equal pixels stand in forest and water")
    }


def test_patches_that_overlap_directly_or_through_others_are_one_place(corpus):
    corpus.declare(**PATCHES)
    for name, x, y in (("a", 0, 0), ("b", 63, 0), ("c", 120, 60), ("d", 0, 64), ("e", 200, 200)):
        corpus.put(f"wood/{name}_S1_{x}_{y}.png", patch(x, y))
    corpus.put("wood/f_S2_0_0.png", picture(64, 64, seed=9))
    corpus.index()
    assert places(corpus) == {
        "a_S1_0_0": "a_S1_0_0", "b_S1_63_0": "a_S1_0_0", "c_S1_120_60": "a_S1_0_0",
        "d_S1_0_64": "d_S1_0_64", "e_S1_200_200": "e_S1_200_200", "f_S2_0_0": "f_S2_0_0",
    }  # fmt: skip


def test_patches_that_share_pixels_are_one_place_whatever_their_names_say(corpus):
    corpus.declare(**PATCHES)
    corpus.put("water/a_S1_0_0.png", patch(0, 0))
    corpus.put("wood/b_S2_300_300.png", patch(40, 49))
    # nothing is recognised in flat ground
    for name in ("c_S3_0_0", "d_S3_300_300"):
        corpus.put(f"wood/{name}.png", encoded(np.uint8(9) * (SCENE[:64, :64] > 250)))
    corpus.index()
    assert places(corpus) == {
        "a_S1_0_0": "a_S1_0_0", "b_S2_300_300": "a_S1_0_0", "c_S3_0_0": "c_S3_0_0", "d_S3_300_300": "d_S3_300_300",
    }  # fmt: skip


@pytest.mark.parametrize("kind", [np.uint8, np.uint16, np.complex64, np.float64])
def test_an_overlap_of_fifteen_pixels_is_recognised_in_values_of_any_type(kind):
    rng = np.random.default_rng(2)
    scene = rng.integers(0, 200, (140, 140)).astype(kind) * kind(1.25)
    for _ in range(20):
        x, y = rng.integers(0, 12, 2)
        first, second = scene[y : y + 64, x : x + 64], scene[y + 49 : y + 113, x + 49 : x + 113]
        assert np.intersect1d(blocks_of(first), blocks_of(second)).size
        apart = rng.integers(0, 200, (64, 64)).astype(kind) * kind(1.25)
        assert not np.intersect1d(blocks_of(first), blocks_of(apart)).size
    assert not blocks_of(scene[:7, :7]).size


def test_overlap_by_name_is_that_of_the_rectangles():
    rng = np.random.default_rng(3)
    named = [(f"S{scene}", int(x), int(y)) for scene, x, y in rng.integers(0, (2, 300, 300), (150, 3))]
    positions = [position_of(r"_(\d+)_(\d+)", f"a_{x}_{y}.png", scene, (40, 30)) for scene, x, y in named]
    pairs = [tuple(sorted(pair)) for pair in named_overlaps(positions)]
    assert len(pairs) == len(set(pairs)) > 50
    assert set(pairs) == {
        (first, second)
        for second, (scene, x, y) in enumerate(named)
        for first, (other, left, top) in enumerate(named[:second])
        if scene == other and abs(x - left) < 40 and abs(y - top) < 30
    }


def test_a_published_split_that_cuts_overlaps_apart_is_recorded_and_its_leak_counted(corpus):
    splits = {"train": "re:train", "test": "re:test"}
    corpus.declare(**PATCHES, splits=splits)
    for name, x in (("train_S1", 0), ("test_S1", 50), ("train2_S1", 60), ("test2_S1", 200)):
        corpus.put(f"wood/{name}_{x}_0.png", patch(x, 0))
    metrics = corpus.index()
    assert metrics["splits"] == {"test": 2, "train": 2}
    assert metrics["published_splits_overlapping"] == {"test": 1, "train": 2}


def test_a_patch_that_does_not_say_where_it_lies_is_left_out(corpus):
    corpus.declare(**PATCHES)
    corpus.put("wood/a_S1_0_0.png", patch(0, 0))
    corpus.put("wood/b_S1.png", patch(90, 0))
    corpus.index()
    assert corpus.reasons() == {"b_S1": "no-position"}


def test_a_position_has_two_numbers_and_no_optical_half():
    whole = {"name": "made", **BASE, **PATCHES}
    assert Entry.model_validate(whole).position
    for wrong in ({"position": "_(\\d+)"}, {"pairing": {"image": "a", "file": "b"}}):
        with pytest.raises(ValidationError, match="`position`"):
            Entry.model_validate({**whole, **wrong})


def test_an_annotation_in_the_place_of_its_image_is_named(corpus):
    mask = {"format": "mask", "files": ["masks/*"], "image": "^images/", "file": "masks/"}
    water = {**CLASSES[1], "code": 1, "stuff": True}
    corpus.declare(
        kind="segmentation", images=["images/*"], annotations=mask, classes=[water], quarantine_limit=1.0
    )
    codes = encoded(np.ones((30, 40), dtype=np.uint8))
    corpus.put("images/a.png", picture(seed=1))
    corpus.put("images/b.png", codes)
    for name in "ab":
        corpus.put(f"masks/{name}.png", codes)
    corpus.index()
    assert [(fault.image_id, fault.reason, fault.detail) for fault in corpus.faults()] == [
        ("made/b", "misplaced-file", "masks/b.png is the same file, byte for byte")
    ]


def test_complex_patches_are_stretched_over_the_corpus(corpus):
    corpus.declare(**{**FOLDERS, "images": ["*/*.npy"], "quantity": "complex"})
    rng = np.random.default_rng(4)
    for name, level in (("water/a", 1.0), ("wood/b", 30.0)):
        values = level * (rng.normal(size=(32, 32)) + 1j * rng.normal(size=(32, 32)))
        values[0, 0] = 0
        corpus.put(f"{name}.npy", npy(values.astype(np.complex64)))
    parts = rng.normal(size=(32, 32, 2)).astype(np.float32)
    corpus.put("water/c.npy", npy(parts))
    corpus.put("water/d.npy", npy(parts[..., 0]))
    corpus.index()
    rows = corpus.rows()
    assert corpus.reasons() == {"d": "missing-band"}
    assert {(row["db_low"], row["db_high"]) for row in rows.values()} == {
        (rows["a"]["db_low"], rows["a"]["db_high"])
    }
    assert -30 < rows["a"]["db_low"] < 0 < 30 < rows["a"]["db_high"] < 45


def test_a_format_needs_what_it_reads_classes_by(corpus):
    corpus.declare(**{**FOLDERS, "annotations": {"format": "scene-folder"}})
    corpus.put("wood/a.png", picture())
    with pytest.raises(CatalogueError, match="'scene-folder' needs `image`"):
        corpus.index()

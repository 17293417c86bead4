"""SAR-optical pairs by a naming rule."""

import json

import pytest

from tests.corpora.making import picture

SEASONS = {
    "kind": "pairs",
    "images": ["*A/*_s1_*.png"],
    "pairing": {"image": r"A/(.+)_s1_(.+)$", "file": r"B/\1_s2_\2"},
    "scene": r"(ROIs\d+)_([a-z]+)_s1_(\d+)_p",
    "splits": {"train": "re:^trainA/"},
    "polarisation": "VV",
    "quarantine_limit": 1.0,
}


@pytest.fixture
def pairs(corpus):
    corpus.declare(**SEASONS)
    for number in (1, 2):
        corpus.put(f"trainA/ROIs1970_fall_s1_2_p{number}.png", picture(seed=number))
        corpus.put(f"trainB/ROIs1970_fall_s2_2_p{number}.png", picture(mode="RGB", seed=number))
    return corpus


def test_both_halves_are_rows_that_point_at_each_other_and_share_the_scene(pairs):
    metrics = pairs.index()
    rows = pairs.rows()
    sar, optical = rows["ROIs1970_fall_s1_2_p1"], rows["ROIs1970_fall_s2_2_p1"]
    assert (sar["modality"], optical["modality"]) == ("sar", "optical")
    assert sar["paired_path"] == optical["path"] == "data/made/trainB/ROIs1970_fall_s2_2_p1.png"
    assert optical["paired_path"] == sar["path"]
    assert {row["scene_id"] for row in rows.values()} == {"made/ROIs1970_fall_2"}
    assert {row["published_split"] for row in rows.values()} == {"train"}
    assert (metrics["images_found"], metrics["optical_halves_found"], metrics["indexed"]) == (2, 2, 4)


def test_a_half_stays_without_the_other(pairs):
    pairs.put("trainA/ROIs1970_fall_s1_2_p1.png", b"damaged")
    pairs.put("trainA/ROIs1970_fall_s1_2_p3.png", picture(seed=3))
    pairs.put("trainB/ROIs1970_fall_s2_2_p2.png", b"damaged")
    pairs.index()
    rows = pairs.rows()
    for name in ("s1_2_p3", "s1_2_p2", "s2_2_p1"):
        assert rows[f"ROIs1970_fall_{name}"]["paired_path"] is None
    assert pairs.reasons() == dict.fromkeys(("ROIs1970_fall_s1_2_p1", "ROIs1970_fall_s2_2_p2"), "not-an-image")
    assert pairs.reasons("annotation") == {"ROIs1970_fall_s1_2_p3": "no-optical-half"}


def test_halves_of_one_stem_have_two_ids(corpus):
    rule = {"images": ["sar/*"], "pairing": {"image": "^sar/", "file": "opt/"}, "scene": None}
    corpus.declare(**{**SEASONS, **rule})
    corpus.put("sar/059.png", picture())
    corpus.put("opt/059.png", picture(mode="RGB"))
    corpus.index()
    rows = corpus.rows()
    assert set(rows) == {"059", "059_optical"}
    assert {row["scene_id"] for row in rows.values()} == {"made/059"}


def test_optical_captions_go_to_the_optical_half(pairs):
    pairs.declare(**SEASONS, optical_captions={"format": "karpathy", "files": ["captions.json"]})
    said = [{"filename": "ROIs1970_fall_s2_2_p1.png", "split": "train", "sentences": [{"raw": "A field ."}]}]
    pairs.put("captions.json", json.dumps({"images": said}))
    pairs.index()
    texts = {name: row["captions"] for name, row in pairs.rows().items() if row["captions"]}
    assert texts == {"ROIs1970_fall_s2_2_p1": ["A field."]}
    (pairs.folder / "captions.json").unlink()
    pairs.index()  # welcome, not owed
    assert len(pairs.rows()) == 4
    assert [fault.reason for fault in pairs.faults()] == ["no-caption-file"]

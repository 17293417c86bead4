"""A corpus's index becomes captions, each with its facts, and every image left out has a reason."""

import json

import pytest

from sartext.errors import ArtefactError, CatalogueError
from sartext.narrator import stage
from sartext.narrator.facts import from_json
from sartext.narrator.stage import caption_corpus
from sartext.tables import CAPTIONS, UNCAPTIONED, read_rows, write_table

from .examples import box, entry_of, index_row, project_of, region


def caption(root, rows, entry=None, **narrator):
    """Caption a corpus of these rows: what was counted, the rows with a caption, and why others have none."""
    project = project_of(root, entry or entry_of(), rows, **narrator)
    counts = caption_corpus(project, "toy")
    captioned = read_rows(project.captions("toy") / "captions.parquet", CAPTIONS)
    uncaptioned = read_rows(project.captions("toy") / "uncaptioned.parquet", UNCAPTIONED)
    reasons = {row["image_id"]: row["reason"] for row in uncaptioned}
    return counts, {row["image_id"]: row for row in captioned}, reasons


def test_detection_is_captioned_by_counting_and_placing(tmp_path):
    rows = [
        index_row("toy/a", [box("ship", 30, 30), box("ship", 32, 32), box("ship", 4, 4), box("bridge", 60, 60)]),
        index_row("toy/b"),
        index_row("toy/c", [box("ship", 5, 5)]),
    ]
    counts, captioned, uncaptioned = caption(tmp_path, rows, paraphrase=False)
    assert captioned["toy/a"]["caption"] == (
        "There are three ships and one bridge in this SAR image. "
        "Two ships are in the center; one ship and one bridge are outside the center."
    )
    assert captioned["toy/c"]["caption"] == "There is one ship in this SAR image. It is outside the center."
    assert {row["method"] for row in captioned.values()} == {"a2c"}
    assert from_json(captioned["toy/a"]["facts"]).objects[0].count == 3
    assert uncaptioned == {"toy/b": "no objects and no mask proves the background"}
    assert (counts["captions"], counts["images"]) == (2, 3)
    assert counts["uncaptioned"] == {"no objects and no mask proves the background": 1}


def test_segmentation_is_captioned_by_shares_and_zones_and_then_objects(tmp_path):
    rows = [
        index_row("toy/a", [box("ship", 30, 30)], region("water", 0.7) + region("forest", 0.3, upper_left=0.8)),
        index_row("toy/b", [], region("not-water", 1.0)),
    ]
    _, captioned, uncaptioned = caption(tmp_path, rows, entry_of("segmentation"), paraphrase=False)
    assert captioned["toy/a"]["caption"] == (
        "Water covers most of this SAR image. Forest covers about a quarter of it, mostly in the upper left. "
        "There is one ship in this SAR image. It is in the center."
    )
    assert uncaptioned == {"toy/b": "the mask holds nothing that a caption may tell"}


def test_an_image_without_objects_shows_the_background_that_its_mask_proves(tmp_path):
    rows = [index_row("toy/a", [], region("not-water", 1.0)), index_row("toy/b")]
    entry = entry_of("segmentation", background="land without open water")
    _, captioned, uncaptioned = caption(tmp_path, rows, entry, paraphrase=False)
    assert captioned["toy/a"]["caption"] == "This SAR image shows land without open water."
    assert uncaptioned == {"toy/b": "no objects and no mask proves the background"}


def test_a_pair_is_captioned_from_the_optical_half(tmp_path):
    rows = [
        index_row("toy/s1", paired="o1"),
        index_row("toy/o1", modality="optical", paired="s1", captions=["There is a river with green water."]),
        index_row("toy/s2", paired="o2"),
        index_row("toy/o2", modality="optical", paired="s2"),
        index_row("toy/s3", paired="o3"),
        index_row("toy/o3", modality="optical", paired="s3", captions=["The sky is cloudy."]),
    ]
    _, captioned, uncaptioned = caption(tmp_path, rows, entry_of("pairs"))
    assert captioned["toy/s1"]["caption"] == "There is a river with water."
    assert captioned["toy/s1"]["source_caption"] == "There is a river with green water."
    assert captioned["toy/s1"]["method"] == "optical-rules"
    assert uncaptioned["toy/o1"] == "optical image"
    assert uncaptioned["toy/s2"] == "no optical caption"
    assert uncaptioned["toy/s3"].startswith("no caption survives rewriting: ")


def test_equal_inputs_give_equal_bytes_whatever_the_batches(tmp_path, monkeypatch):
    rows = [index_row(f"toy/{number:04}", [box("ship", number % 64, 30)]) for number in range(300)]
    for name in ("first", "second"):
        caption(tmp_path / name, rows)
    first, second = (path.read_bytes() for path in tmp_path.glob("*/build/captions/toy/captions.parquet"))
    assert first == second
    monkeypatch.setattr(stage, "ROWS", 7)
    assert list(caption(tmp_path / "in batches", rows)[1]) == [row["image_id"] for row in rows]


def test_another_seed_says_the_same_facts_in_other_words(tmp_path):
    rows = [index_row(f"toy/{number:02}", [box("ship", 30, 30), box("ship", 2, 3)]) for number in range(20)]
    texts, facts = [], []
    for seed in (1, 2):
        _, captioned, _ = caption(tmp_path / str(seed), rows, seed=seed)
        texts.append([row["caption"] for row in captioned.values()])
        facts.append([row["facts"] for row in captioned.values()])
    assert texts[0] != texts[1]
    assert facts[0] == facts[1]
    assert len(set(texts[0])) > 5


def test_a_corpus_without_images_gives_empty_tables(tmp_path):
    counts, *tables = caption(tmp_path, [])
    assert counts["captions"] == 0
    assert tables == [{}, {}]


@pytest.mark.parametrize("kind", ["unlabelled", "captions"])
def test_a_corpus_that_rules_cannot_caption_is_an_error(tmp_path, kind):
    project = project_of(tmp_path, entry_of(kind), [index_row("toy/a")])
    with pytest.raises(CatalogueError, match="take 'toy' out of `captions`"):
        caption_corpus(project, "toy")
    assert not project.captions("toy").exists()


def test_an_unknown_class_is_an_error_that_names_the_nearest(tmp_path):
    project = project_of(tmp_path, entry_of(), [index_row("toy/a", [box("shipp", 5, 5)])])
    with pytest.raises(ArtefactError, match="did you mean 'ship'"):
        caption_corpus(project, "toy")
    assert not list(project.captions("toy").iterdir())


def test_a_missing_or_damaged_index_is_an_error(tmp_path):
    project = project_of(tmp_path, entry_of(), [])
    index = project.corpus("toy") / "index.parquet"
    damages = {
        "not a readable Parquet file": lambda: index.write_bytes(b"nothing"),
        "run `sartext corpus toy`": index.unlink,
        "another schema": lambda: write_table(index, CAPTIONS, []),
    }
    for message, damage in damages.items():
        damage()
        with pytest.raises(ArtefactError, match=message):
            caption_corpus(project, "toy")


def test_an_image_id_that_comes_twice_is_an_error(tmp_path):
    rows = [index_row("toy/a", [box("ship", 5, 5)]), index_row("toy/a", [box("ship", 9, 5)])]
    with pytest.raises(ArtefactError, match="twice"):
        caption(tmp_path, rows)


def test_boxes_without_area_are_dropped_and_counted(tmp_path):
    rows = [index_row("toy/a", [box("ship", 30, 30), box("ship", 200, 30), box("ship", float("nan"), 3)])]
    counts, captioned, _ = caption(tmp_path, rows, paraphrase=False)
    assert counts["dropped_boxes"] == 2
    assert json.loads(captioned["toy/a"]["facts"])["objects"][0]["count"] == 1

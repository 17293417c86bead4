"""A corpus's index becomes captions, each with its facts, and every image left out has a reason."""

import json

import pytest

from sartext.errors import ArtefactError, CatalogueError
from sartext.narrator import stage
from sartext.narrator.facts import from_json
from sartext.narrator.stage import caption_corpus
from sartext.tables import CAPTIONS, INDEX, UNCAPTIONED, read_rows, write_table

from .examples import box, entry_of, index_row, project_of, region


def captions_of(project, name="toy"):
    folder = project.captions(name)
    captioned = read_rows(folder / "captions.parquet", CAPTIONS)
    uncaptioned = read_rows(folder / "uncaptioned.parquet", UNCAPTIONED)
    return {row["image_id"]: row for row in captioned}, {row["image_id"]: row["reason"] for row in uncaptioned}


def test_detection_is_captioned_by_counting_and_placing(tmp_path):
    rows = [
        index_row("toy/a", [box("ship", 30, 30), box("ship", 32, 32), box("ship", 4, 4), box("bridge", 60, 60)]),
        index_row("toy/b"),
        index_row("toy/c", [box("ship", 5, 5)]),
    ]
    project = project_of(tmp_path, entry_of(), rows, paraphrase=False)
    result = caption_corpus(project, "toy")
    captioned, uncaptioned = captions_of(project)
    assert captioned["toy/a"]["caption"] == (
        "There are three ships and one bridge in this SAR image. "
        "Two ships are in the center; one ship and one bridge are outside the center."
    )
    assert captioned["toy/c"]["caption"] == "There is one ship in this SAR image. It is outside the center."
    assert {row["method"] for row in captioned.values()} == {"a2c"}
    assert from_json(captioned["toy/a"]["facts"]).objects[0].count == 3
    assert uncaptioned == {"toy/b": "no objects and no mask proves the background"}
    assert result["captions"] == 2
    assert result["images"] == 3
    assert result["uncaptioned"] == {"no objects and no mask proves the background": 1}


def test_segmentation_is_captioned_by_shares_and_zones_and_then_objects(tmp_path):
    rows = [
        index_row("toy/a", [box("ship", 30, 30)], region("water", 0.7) + region("forest", 0.3, upper_left=0.8)),
        index_row("toy/b", [], region("not-water", 1.0)),
    ]
    project = project_of(tmp_path, entry_of("segmentation"), rows, paraphrase=False)
    caption_corpus(project, "toy")
    captioned, uncaptioned = captions_of(project)
    assert captioned["toy/a"]["caption"] == (
        "Water covers most of this SAR image. Forest covers about a quarter of it, mostly in the upper left. "
        "There is one ship in this SAR image. It is in the center."
    )
    assert uncaptioned == {"toy/b": "the mask holds nothing that a caption may tell"}


def test_an_image_without_objects_shows_the_background_that_its_mask_proves(tmp_path):
    rows = [index_row("toy/a", [], region("not-water", 1.0)), index_row("toy/b")]
    project = project_of(
        tmp_path, entry_of("segmentation", background="land without open water"), rows, paraphrase=False
    )
    caption_corpus(project, "toy")
    captioned, uncaptioned = captions_of(project)
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
    project = project_of(tmp_path, entry_of("pairs"), rows)
    caption_corpus(project, "toy")
    captioned, uncaptioned = captions_of(project)
    assert captioned["toy/s1"]["caption"] == "There is a river with water."
    assert captioned["toy/s1"]["source_caption"] == "There is a river with green water."
    assert captioned["toy/s1"]["method"] == "optical-rules"
    assert uncaptioned["toy/o1"] == "optical image"
    assert uncaptioned["toy/s2"] == "no optical caption"
    assert uncaptioned["toy/s3"].startswith("no caption survives rewriting: ")


def test_equal_inputs_give_equal_bytes_whatever_the_batches(tmp_path, monkeypatch):
    rows = [index_row(f"toy/{number:04}", [box("ship", number % 64, 30)]) for number in range(300)]
    written = []
    for name in ("one", "two"):
        project = project_of(tmp_path / name, entry_of(), rows)
        caption_corpus(project, "toy")
        written.append((project.captions("toy") / "captions.parquet").read_bytes())
    assert written[0] == written[1]
    monkeypatch.setattr(stage, "ROWS", 7)
    project = project_of(tmp_path / "three", entry_of(), rows)
    caption_corpus(project, "toy")
    assert [row["image_id"] for row in read_rows(project.captions("toy") / "captions.parquet", CAPTIONS)] == [
        row["image_id"] for row in rows
    ]


def test_another_seed_says_the_same_facts_in_other_words(tmp_path):
    rows = [index_row(f"toy/{number:02}", [box("ship", 30, 30), box("ship", 2, 3)]) for number in range(20)]
    texts, facts = [], []
    for seed in (1, 2):
        project = project_of(tmp_path / str(seed), entry_of(), rows, seed=seed)
        caption_corpus(project, "toy")
        captioned, _ = captions_of(project)
        texts.append([row["caption"] for row in captioned.values()])
        facts.append([row["facts"] for row in captioned.values()])
    assert texts[0] != texts[1]
    assert facts[0] == facts[1]
    assert len(set(texts[0])) > 5


def test_a_corpus_without_images_gives_empty_tables(tmp_path):
    project = project_of(tmp_path, entry_of(), [])
    assert caption_corpus(project, "toy")["captions"] == 0
    assert captions_of(project) == ({}, {})


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
    index.write_bytes(b"nothing")
    with pytest.raises(ArtefactError, match="not a readable Parquet file"):
        caption_corpus(project, "toy")
    index.unlink()
    with pytest.raises(ArtefactError, match="run `sartext corpus toy`"):
        caption_corpus(project, "toy")
    write_table(index, CAPTIONS, [])
    with pytest.raises(ArtefactError, match="another schema"):
        caption_corpus(project, "toy")


def test_an_image_id_that_comes_twice_is_an_error(tmp_path):
    project = project_of(tmp_path, entry_of(), [])
    rows = [index_row("toy/a", [box("ship", 5, 5)]), index_row("toy/a", [box("ship", 9, 5)])]
    write_table(project.corpus("toy") / "index.parquet", INDEX, rows)
    with pytest.raises(ArtefactError, match="twice"):
        caption_corpus(project, "toy")


def test_boxes_without_area_are_dropped_and_counted(tmp_path):
    rows = [index_row("toy/a", [box("ship", 30, 30), box("ship", 200, 30), box("ship", float("nan"), 3)])]
    project = project_of(tmp_path, entry_of(), rows, paraphrase=False)
    assert caption_corpus(project, "toy")["dropped_boxes"] == 2
    captioned, _ = captions_of(project)
    assert json.loads(captioned["toy/a"]["facts"])["objects"][0]["count"] == 1

"""The benchmark measures what it says, on a small scale."""

from benchmarks import a2c, annotations


def test_the_generated_annotations_are_read_and_captioned(tmp_path):
    annotations.generate_coco(tmp_path / "one", 200)
    annotations.generate_coco(tmp_path / "two", 200)
    assert [path.read_bytes() for path in sorted((tmp_path / "one").iterdir())] == [
        path.read_bytes() for path in sorted((tmp_path / "two").iterdir())
    ]
    figures = a2c.run_a2c(tmp_path / "one")
    assert figures["captions"] == 200
    assert figures["objects"] >= 200
    assert figures["text"] > 0 < figures["read"]


def test_the_generated_regions_are_captioned(tmp_path):
    annotations.generate_index(tmp_path / "index.parquet", 300)
    annotations.generate_masks(tmp_path / "masks", 2)
    figures = a2c.run_sa2c(tmp_path / "index.parquet")
    assert figures["captions"] == 300
    assert figures["text"] > 0 < figures["read"]

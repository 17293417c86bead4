"""`sartext release extract --yolo`: labels beside the images that are read back as the boxes they came from."""

from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from sartext.cli.commands import cli
from sartext.errors import ReleaseError
from sartext.files import read_json, write_json
from sartext.release.verification import extract
from sartext.tables import INDEX, read_rows
from tests.corpora.making import DETECTION, Corpus
from tests.release.built import Built, Row


def boxes(rows: list[Row]) -> dict[str, list[Row]]:
    """The boxes of each image, by its name without the folders."""
    return {row["image_id"].rsplit("/", 1)[-1]: row["objects"] for row in rows if "broken" not in row["image_id"]}


def test_our_own_reader_reads_the_labels_back_as_the_boxes_of_the_index(
    published: Path, assembled_once: Built, tmp_path: Path
) -> None:
    corpus = Corpus(tmp_path / "project")
    labels = {"format": "yolo", "files": ["labels/alpha/*.txt"], "class_list": "data.yaml"}
    corpus.declare(**{**DETECTION, "images": ["images/alpha/*.png"], "annotations": labels})
    done = CliRunner().invoke(
        cli, ["release", "extract", str(published), "--to", str(corpus.folder), "--yolo"], catch_exceptions=False
    )
    assert done.exit_code == 0, done.output
    corpus.index()
    read = boxes(list(corpus.rows().values()))
    source = boxes(read_rows(assembled_once.root / "build/corpus/alpha/index.parquet", INDEX))
    assert read.keys() == source.keys()
    for name, objects in source.items():
        assert [box["label"] for box in read[name]] == [box["label"] for box in objects]
        for found, box in zip(read[name], objects, strict=True):
            sides = ("xmin", "ymin", "xmax", "ymax")
            assert [found[side] for side in sides] == pytest.approx([box[side] for side in sides], abs=1e-4)


def test_data_yaml_names_the_classes_and_lists_of_annotated_images_alone(published: Path, tmp_path: Path) -> None:
    metrics = extract(published, tmp_path / "files", yolo=True)
    data = yaml.safe_load((tmp_path / "files/data.yaml").read_text())
    assert data == {"train": "train.txt", "val": "validation.txt", "test": "test.txt", "names": {0: "ship"}}
    for split, count in {"train": 18, "validation": 6, "test": 6}.items():
        listed = (tmp_path / f"files/{split}.txt").read_text().splitlines()
        assert len(listed) == count
        for image in listed:
            assert (tmp_path / "files" / image).is_file()
            label = image.replace("/images/", "/labels/").replace(".png", ".txt")
            assert (tmp_path / "files" / label).is_file()
    assert metrics["boxes"] == read_json(published / "statistics.json")["coco"]["boxes"]


def test_no_labels_are_written_unless_they_are_asked_for(published: Path, tmp_path: Path) -> None:
    assert "boxes" not in extract(published, tmp_path / "files")
    assert not (tmp_path / "files/labels").exists()


def test_a_release_without_boxes_says_so_and_writes_nothing(release: Path, tmp_path: Path) -> None:
    for path in (release / "coco").glob("*_instances.json"):
        path.unlink()
    with pytest.raises(ReleaseError, match=r"holds no boxes.*list `coco`"):
        extract(release, tmp_path / "files", yolo=True)
    assert not (tmp_path / "files").exists()


@pytest.mark.parametrize("name", ["../../out.png", "/etc/x.png", "images/../../x.png"])
def test_a_label_never_climbs_out(release: Path, tmp_path: Path, name: str) -> None:
    path = release / "coco/train_instances.json"
    document = read_json(path)
    document["images"][0]["file_name"] = name
    write_json(path, document)
    with pytest.raises(ReleaseError, match="unsafe path"):
        extract(release, tmp_path / "files", yolo=True)


def test_a_class_name_is_text_in_data_yaml_whatever_it_holds(release: Path, tmp_path: Path) -> None:
    hostile = '<script>alert("x")</script>: {a: !!python/object:os.system}\n- b'
    for path in (release / "coco").glob("*_instances.json"):
        document = read_json(path)
        document["categories"][0]["name"] = hostile
        write_json(path, document)
    extract(release, tmp_path / "files", yolo=True)
    assert yaml.safe_load((tmp_path / "files/data.yaml").read_text())["names"] == {0: hostile}

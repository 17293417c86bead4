"""``croissant.json``: valid Croissant 1.1, and every record is read through it, offline."""

import json
import socket
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from sartext.files import sha256_file
from sartext.release.formats.parquet import COLUMNS
from sartext.release.inputs import data_files


@pytest.fixture
def dataset(published: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The release as mlcroissant reads it, where nothing can be reached."""
    mlcroissant = pytest.importorskip("mlcroissant")

    def refused(*arguments: object, **options: object) -> None:
        raise AssertionError("the network is asked")

    monkeypatch.setattr(socket, "create_connection", refused)
    monkeypatch.setattr(socket, "getaddrinfo", refused)
    return mlcroissant.Dataset(jsonld=str(published / "croissant.json"))


def described(published: Path) -> dict[str, Any]:
    return dict(json.loads((published / "croissant.json").read_text()))


def test_it_is_valid_croissant_1_1(dataset: Any) -> None:
    assert dataset.metadata.ctx.is_v1_1()
    assert dataset.metadata.version == "1.0.0"
    assert dataset.metadata.ctx.issues.errors == set()


def plain(value: object) -> object:
    """A value as the Parquet files have it."""
    if isinstance(value, bytes):
        return value.decode("utf-8")
    return None if value is None or value != value else value


def test_every_record_is_read_and_is_its_row(published: Path, dataset: Any) -> None:
    rows = pa.concat_tables([pq.read_table(path) for path in data_files(published)]).to_pylist()
    records = {plain(record["pairs/image_id"]): record for record in dataset.records("pairs")}
    assert len(records) == len(rows) == 40
    for row in rows:
        record = records[row["image_id"]]
        for name in COLUMNS:
            value = record[f"pairs/{name}"]
            if name in {"image", "second_image"}:
                assert (value is None) == (row[name] is None), name
                assert value is None or value.size == (row["width"], row["height"])
            else:
                assert plain(value) == row[name], name


def test_every_question_is_read_and_is_its_row(published: Path, dataset: Any) -> None:
    rows = pa.concat_tables([pq.read_table(path) for path in sorted((published / "vqa").glob("*.parquet"))])
    records = {plain(record["questions/id"]): record for record in dataset.records("questions")}
    assert len(records) == rows.num_rows > 10
    for row in rows.to_pylist():
        record = {name.split("/")[1]: plain(value) for name, value in records[row["id"]].items()}
        assert {"question", "answer", "image_id"} <= record.keys()
        assert record == {name: row[name] for name in record}


def test_every_file_of_the_content_is_named_with_its_hash(published: Path) -> None:
    files = [entry for entry in described(published)["distribution"] if entry["@type"] == "cr:FileObject"]
    manifest = json.loads((published / "MANIFEST.json").read_text())
    assert {entry["contentUrl"] for entry in files} == set(manifest["files"]) - set(manifest["documents"])
    for entry in files:
        path = published / entry["contentUrl"]
        assert entry["sha256"] == sha256_file(path)
        assert entry["contentSize"] == f"{path.stat().st_size} B"


def test_origin_licences_and_radar_are_told_as_far_as_they_are_known(published: Path) -> None:
    told = described(published)
    assert [corpus["@id"] for corpus in told["prov:wasDerivedFrom"]] == ["corpus/alpha", "corpus/beta"]
    assert told["prov:wasGeneratedBy"]["@type"] == "prov:Activity"
    assert told["license"] == ["https://spdx.org/licenses/CC-BY-4.0.html", "not-stated"]
    assert told["isLiveDataset"] is False
    assert told["sar:platform"] == ["Sentinel-1"]
    assert "sar:instrument_mode" not in told
    assert told["rai:dataCollectionMissingData"].startswith("10 images are withheld")

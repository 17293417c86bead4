"""The second polarisation of an image is released beside the first, proven and extracted; facts are filters."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from sartext.config import ReleaseParameters
from sartext.corpora.images import decode
from sartext.release.formats import parquet
from sartext.release.formats.format import Material
from sartext.release.verification import extract
from sartext.tables import PAIRS
from tests.corpora.making import DETECTION, Corpus, tiff

PRODUCT = "S1A_IW_GRDH_1SDV_20180131T051234_20180131T051259_020397_022D4F_1A2B"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A release in Parquet of one image of two polarisations and one of a single one."""
    corpus = Corpus(tmp_path / "project")
    fields = {"kind": "unlabelled", "annotations": None, "images": ["*.tif"], "quantity": "db", "calibrated": True}
    corpus.declare(**{**DETECTION, **fields}, bands={"VV": 1, "VH": 2}, sensor="Sentinel-1", redistribution=True)
    random = np.random.default_rng(0)
    bands = 10 * np.log10(random.gamma(4, 0.02, (2, 32, 32)))
    corpus.put(f"{PRODUCT}.tif", tiff(bands.astype(np.float32)))
    bands[1] = np.nan
    corpus.put("single.tif", tiff(bands.astype(np.float32)))
    corpus.index()
    rows = [
        {**dict.fromkeys(PAIRS.names, "x"), **row, "corpus": "made", "split": "train", "licence": "CC0-1.0"}
        for row in corpus.rows().values()
    ]
    pairs = [
        {**row, "redistribution": True, "score": None} for row in sorted(rows, key=lambda row: row["image_id"])
    ]
    parquet.write(Material(corpus.project, {"made": corpus.load()}, pairs), tmp_path / "out", ReleaseParameters())
    return tmp_path / "out"


def rows_of(folder: Path) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = pq.read_table(next(folder.glob("data/*"))).to_pylist()
    return rows


def problems_of(folder: Path, rows: list[dict[str, Any]]) -> list[str]:
    """What is wrong with the images of a release that holds these rows instead of its own."""
    path = next(folder.glob("data/*"))
    pq.write_table(pa.Table.from_pylist(rows, schema=parquet.SCHEMA), path)
    return [pair.problem for pair in parquet.read_pairs(folder).values()]


def test_both_polarisations_are_released_proven_and_extracted(folder: Path, tmp_path: Path) -> None:
    assert {pair.problem for pair in parquet.read_pairs(folder).values()} == {""}
    dual, single = rows_of(folder)
    assert (dual["polarisation"], dual["second_polarisation"]) == ("VV", "VH")
    assert dual["second_image"]["path"] == f"made/{PRODUCT}.VH.png"
    assert decode(dual["second_image"]["bytes"]).shape == (32, 32)
    assert single["second_image"] is None
    assert extract(folder, tmp_path / "files")["images"] == 2
    assert (tmp_path / f"files/images/made/{PRODUCT}.VH.png").read_bytes() == dual["second_image"]["bytes"]


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"second_image": None}, "the second polarisation is missing"),
        ({"second_image_sha256": "0"}, "is not the one of second_image_sha256"),
        ({"second_polarisation": None}, "a second polarisation of nothing"),
        ({"second_image": {"bytes": b"x", "path": "x"}}, "is not the one of second_image_sha256"),
        ({"image": None, "image_sha256": None}, "a second polarisation of nothing"),
    ],
)
def test_a_second_polarisation_that_is_not_that_of_its_row_is_found(
    folder: Path, change: dict[str, object], problem: str
) -> None:
    dual, single = rows_of(folder)
    problems = problems_of(folder, [{**dual, **change}, single])
    assert problem in problems[0]
    assert problems[1] == ""


def test_an_image_named_as_another_is_found_before_extracting_overwrites_that(folder: Path) -> None:
    dual, single = rows_of(folder)
    for column in ("image", "second_image"):
        forged = {**dual[column], "path": single["image"]["path"]}
        problems = problems_of(folder, [{**dual, column: forged}, single])
        assert f"is named '{single['image']['path']}', not 'made/{PRODUCT}." in problems[0]
        assert problems[1] == ""


def test_an_image_that_is_named_as_the_second_polarisation_of_another_is_found(folder: Path) -> None:
    dual, single = rows_of(folder)
    name = dual["second_image"]["path"]
    clash = {**single, "image_id": name.removesuffix(".png"), "image": {**single["image"], "path": name}}
    assert problems_of(folder, [dual, clash]) == ["", f"another image is named '{name}' too"]


def test_facts_of_acquisition_filter_the_rows(folder: Path) -> None:
    recent = (pc.field("band") == "C") & (pc.field("look") == "right") & (pc.field("acquired") >= "2018")
    table = pq.read_table(folder / "data", filters=recent)
    assert table.column("image_id").to_pylist() == [f"made/{PRODUCT}"]

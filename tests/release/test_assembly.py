"""An assembled release: what it holds, in which form, always the same bytes; and the pictures it withholds."""

import csv
import hashlib
import io
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from PIL import Image

from sartext.corpora.images import Unusable
from sartext.errors import ArtefactError, CatalogueError, ParameterError, ReleaseError
from sartext.files import sha256_tree
from sartext.release.assembly import assemble
from sartext.release.formats.parquet import ROW_GROUP, SCHEMA
from sartext.release.pictures import SourcePictures
from sartext.release.verification import extract
from tests.release.built import Built
from tests.release.sealing import flip


def rows(assembled: Built) -> dict[str, dict[str, object]]:
    files = sorted((assembled.release / "data").glob("*.parquet"))
    return {row["image_id"]: row for path in files for row in pq.read_table(path).to_pylist()}


def test_it_holds_every_pair_once_in_the_file_of_its_split(assembled: Built) -> None:
    for path in (assembled.release / "data").glob("*.parquet"):
        splits = set(pq.read_table(path, columns=["split"]).column("split").to_pylist())
        assert splits == {path.name.split("-")[0]}
    assert rows(assembled).keys() == {row["image_id"] for row in assembled.pairs()}


def test_files_are_cut_at_rows_per_file_and_say_how_many_there_are(assembled: Built) -> None:
    names = sorted(path.name for path in (assembled.release / "data").iterdir())
    assert names[1:4] == [f"train-{number:05}-of-00003.parquet" for number in range(3)]
    sizes = [pq.read_metadata(assembled.release / "data" / name).num_rows for name in names[1:4]]
    assert sizes == [10, 10, 4]
    first = pq.read_metadata(assembled.release / "data" / names[1])
    assert first.row_group(0).num_rows <= ROW_GROUP


def test_an_image_is_the_source_file_and_decodes(assembled: Built) -> None:
    row = rows(assembled)["alpha/0004"]
    image = row["image"]
    assert isinstance(image, dict)
    assert image["path"] == "alpha/0004.png"
    assert image["bytes"] == (assembled.root / "data/alpha/images/0004.png").read_bytes()
    assert hashlib.sha256(image["bytes"]).hexdigest() == row["image_sha256"] == row["sha256"]
    assert Image.open(io.BytesIO(image["bytes"])).size == (row["width"], row["height"])


def test_an_image_whose_licence_is_not_stated_is_withheld_but_its_row_is_there(assembled: Built) -> None:
    withheld = [row for row in rows(assembled).values() if row["corpus"] == "beta"]
    assert len(withheld) == 10
    assert all(row["image"] is None and row["image_sha256"] is None for row in withheld)
    assert all(row["sha256"] and row["caption"] and row["facts"] for row in withheld)


def test_a_licence_that_forbids_passing_on_withholds_too(judged: Built) -> None:
    judged.set_pair(0, redistribution=False)
    judged.assemble()
    assert rows(judged)["alpha/0000"]["image"] is None


def test_a_format_is_refused_without_those_that_it_is_made_from(judged: Built) -> None:
    judged.parameters(release={"formats": ["parquet", "chat"]})
    with pytest.raises(
        ParameterError, match=r"'chat' is made from 'llava-vqa', which is not listed.*list `llava-vqa`"
    ):
        assemble(judged.project)
    assert not judged.release.exists()


def test_the_order_in_which_formats_are_listed_changes_no_byte(assembled: Built) -> None:
    before = sha256_tree(assembled.release)
    names = assembled.project.parameters.release.formats
    assembled.parameters(release={"formats": list(reversed(names)), "rows_per_file": 10})
    assemble(assembled.project)
    assert sha256_tree(assembled.release) == before


def test_hugging_face_finds_an_image_feature(assembled: Built) -> None:
    schema = pq.read_schema(assembled.release / "data/test-00000-of-00001.parquet")
    features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
    assert features["image"] == {"_type": "Image"}
    assert features["caption"] == {"dtype": "string", "_type": "Value"}
    assert list(features) == schema.names == SCHEMA.names


def test_the_csv_names_each_image_that_extraction_writes(assembled: Built, tmp_path: Path) -> None:
    extract(assembled.release, tmp_path / "files")
    with (tmp_path / "files/csv/train.csv").open(newline="") as stream:
        lines = list(csv.DictReader(stream, delimiter="\t"))
    captions = {row["caption"]: row["image_id"] for row in assembled.pairs() if row["split"] == "train"}
    assert len(lines) == 18  # those of beta are withheld
    for line in lines:
        assert (tmp_path / "files" / line["filepath"]).is_file()
        assert line["title"] in captions
    source = assembled.root / "data/alpha/images/0001.png"
    assert (tmp_path / "files/images/alpha/0001.png").read_bytes() == source.read_bytes()


def test_extraction_leaves_a_filled_folder_alone(assembled: Built, tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(ReleaseError, match="not empty"):
        extract(assembled.release, tmp_path)
    assert (tmp_path / "mine.txt").read_text() == "mine"


def test_licences_are_told_per_corpus(assembled: Built) -> None:
    with (assembled.release / "LICENSES.csv").open(newline="") as stream:
        licences = {row["corpus"]: row for row in csv.DictReader(stream)}
    columns = ("licence", "redistribution", "conditions", "pairs", "images")
    alpha, beta = ([licences[corpus][name] for name in columns] for corpus in ("alpha", "beta"))
    assert alpha == ["CC-BY-4.0", "yes", "citation, share-alike", "30", "30"]
    assert beta == ["not-stated", "no", "unknown", "10", "0"]


def test_the_same_inputs_give_the_same_bytes_here_and_elsewhere(assembled: Built, tmp_path: Path) -> None:
    before = sha256_tree(assembled.release)
    first = assemble(assembled.project)
    assert sha256_tree(assembled.release) == before
    shutil.copytree(assembled.root, tmp_path / "elsewhere/deeper")
    assert assemble(Built(tmp_path / "elsewhere/deeper").project) == first


@pytest.mark.parametrize(("damage", "message"), [(flip, "changed"), (Path.unlink, "cannot be read")])
def test_an_image_that_changed_after_the_gate_stops_it_and_the_old_release_stays(
    assembled: Built, damage: Callable[[Path], None], message: str
) -> None:
    before = sha256_tree(assembled.release)
    damage(assembled.root / "data/alpha/images/0007.png")
    with pytest.raises(ReleaseError, match=rf"data/alpha/images/0007\.png.*{message}"):
        assemble(assembled.project)
    assert sha256_tree(assembled.release) == before
    assert list((assembled.root / "build").glob("*release*")) == [assembled.release]


def test_it_tells_what_it_holds(judged: Built) -> None:
    metrics = assemble(judged.project)
    assert (metrics["pairs"], metrics["images"]) == (40, 30)
    corpora = metrics["corpora"]
    assert isinstance(corpora, dict)
    assert corpora["alpha"]["splits"] == {"train": 18, "validation": 6, "test": 6}
    assert len(metrics["examples"]) == 6  # type: ignore[arg-type]


def test_every_image_of_the_project_is_read_whatever_its_licence(built: Built) -> None:
    sources = SourcePictures(built.project)
    for row in built.pairs():
        with Image.open(built.root / row["path"]) as image:
            assert (sources.read(row["image_id"]) == np.asarray(image)).all()
        assert sources.row(row["image_id"])["sha256"] == row["sha256"]


def test_an_index_is_read_once_and_only_when_it_is_asked_for(built: Built) -> None:
    (built.root / "build/corpus/beta/index.parquet").unlink()
    sources = SourcePictures(built.project)
    sources.read("alpha/0001")
    (built.root / "build/corpus/alpha/index.parquet").unlink()
    sources.read("alpha/0002")
    with pytest.raises(ArtefactError, match=r"index is missing.*sartext corpus beta"):
        sources.read("beta/0001")


def test_an_image_that_is_unknown_or_gone_is_an_error(built: Built) -> None:
    sources = SourcePictures(built.project)
    with pytest.raises(ArtefactError, match=r"no image 'alpha/9999'.*sartext corpus alpha"):
        sources.read("alpha/9999")
    with pytest.raises((CatalogueError, ArtefactError), match="gamma"):
        sources.read("gamma/0001")
    (built.root / "data/alpha/images/0001.png").unlink()
    with pytest.raises(Unusable, match="unreadable-file"):
        sources.read("alpha/0001")

"""Shards: what is in them, that plain readers of WebDataset and our own find the same, and that bytes repeat."""

import io
import json
import math
import shutil
import tarfile
from pathlib import Path

import numpy as np
import pytest
import yaml
from PIL import Image

from orchestration.build import SAMPLE_FOLDERS
from sartext.catalogue.loading import PACKAGED, find_entry, load_entry
from sartext.config import Project
from sartext.corpora.images import picture
from sartext.corpora.index import build_index
from sartext.errors import ArtefactError, SimulationError, TrainingError
from sartext.files import sha256_tree
from sartext.models.squashing import squash, three_channels
from sartext.narrator.stage import caption_corpus
from sartext.release.inputs import read_splits
from sartext.release.splits import decide_splits
from sartext.simulation.rendering import Task, number_of, render_image, sar_file
from sartext.tables import CAPTIONS, INDEX, SHARDS, read_rows
from sartext.training.augmentation import names_a_side
from sartext.training.shards.reading import Shards, decode_stored, open_shards
from sartext.training.shards.selection import Chosen
from sartext.training.shards.writing import _describe, write_shards
from tests.release.indexed import rows_by_id
from tests.training.mini import CAPTIONED, beside, write_parameters


def copy_of(mini_project: Project, root: Path, **sections: object) -> Project:
    """A project of its own on the same data and artefacts, with other parameters."""
    write_parameters(root, **sections)
    return beside(mini_project, root, "data", "build/corpus", "build/captions", "build/splits")


def test_only_training_and_validation_are_in_the_shards(mini_project: Project, shards: Shards) -> None:
    splits = read_splits(mini_project)
    pairs = [pair for split in ("train", "validation", "test") for pair in shards.rows(split)]
    assert {pair.split for pair in pairs} == {"train", "validation"}
    for pair in pairs:
        row = splits[pair.image_id]
        assert (row["split"], row["benchmark"], row["group_id"]) == (pair.split, None, pair.group_id)
    held = {row["image_id"] for row in splits.values() if row["split"] == "test"}
    assert held
    for path in mini_project.build.glob("shards/*/*.tar"):
        with tarfile.open(path) as tar:
            names = {name.partition(".")[0] for name in tar.getnames()}
        assert not names & held
        split = path.name.partition("-")[0]
        assert {splits[name]["split"] for name in names} == {split}


def test_every_captioned_image_is_there_with_its_captions(mini_project: Project, shards: Shards) -> None:
    splits = read_splits(mini_project)
    pairs = {pair.image_id: pair for split in ("train", "validation") for pair in shards.rows(split)}
    expected = {}
    for name in mini_project.parameters.corpora:
        for row in read_rows(mini_project.corpus(name) / "index.parquet", INDEX):
            if row["modality"] == "optical" and row["captions"]:
                expected[row["image_id"]] = tuple(row["captions"])
    for name in CAPTIONED:
        for row in read_rows(mini_project.captions(name) / "captions.parquet", CAPTIONS):
            expected[row["image_id"]] = (row["caption"],)
    usable = {image_id: texts for image_id, texts in expected.items() if splits[image_id]["split"] != "test"}
    assert {image_id: pair.captions for image_id, pair in pairs.items()} == usable
    assert {pair.modality for pair in pairs.values() if pair.method == "optical"} == {"optical"}
    assert {pair.corpus for pair in pairs.values() if pair.modality == "optical"} == {"sim-optical", "sim-pairs"}


def test_a_picture_is_the_whole_image_squashed(mini_project: Project, shards: Shards) -> None:
    for corpus in ("sim-ships", "sim-landcover", "sim-optical"):
        entry = find_entry(mini_project, corpus)
        rows = rows_by_id(mini_project.corpus(corpus) / "index.parquet", INDEX)
        pair = next(pair for pair in shards.rows("train") if pair.corpus == corpus)
        expected = squash(picture(mini_project.root, rows[pair.image_id], entry), shards.side)
        np.testing.assert_array_equal(three_channels(shards.picture(pair)), expected)


def test_the_tar_files_are_samples_of_webdataset(mini_project: Project, shards: Shards) -> None:
    """Keys without dots; the parts of a sample stand together, and are told by what follows the first dot."""
    pairs = {pair.image_id: pair for pair in shards.rows("train")}
    for path in sorted(mini_project.build.glob("shards/*/train-*.tar")):
        samples: list[tuple[str, dict[str, bytes]]] = []
        with tarfile.open(path) as tar:
            for member in tar:
                assert (member.mtime, member.uid, member.gid, member.uname, member.gname) == (0, 0, 0, "", "")
                key, _, part = member.name.partition(".")
                if not samples or samples[-1][0] != key:
                    samples.append((key, {}))
                samples[-1][1][part] = tar.extractfile(member).read()  # type: ignore[union-attr]
        assert len({key for key, _ in samples}) == len(samples)
        assert [key for key, _ in samples] == sorted(key for key, _ in samples)
        for key, parts in samples:
            pair = pairs[key]
            assert parts["txt"].decode() == pair.captions[0]
            assert json.loads(parts["json"])["captions"] == list(pair.captions)
            with Image.open(io.BytesIO(parts["png"])) as image:
                np.testing.assert_array_equal(np.asarray(image), shards.picture(pair))
            assert len(parts) == 2 + pair.looks + ("mask.png" in parts)
            assert ("mask.png" in parts) == (pair.mask_size is not None) == bool(pair.regions)


def test_simulated_sar_images_have_looks_of_the_same_scene_with_other_speckle(shards: Shards) -> None:
    for corpus in CAPTIONED:
        pair = next(pair for pair in shards.rows("train") if pair.corpus == corpus and pair.modality == "sar")
        assert pair.looks == 2
        first, second = (shards.picture(pair, look).astype(float) for look in range(2))
        assert (first != second).mean() > 0.5
        missing = [(pixels == 0).reshape(8, 8, 8, 8).all(axis=(1, 3)) for pixels in (first, second)]
        np.testing.assert_array_equal(*missing)
        assert abs(first.mean() - second.mean()) < 40
    assert {pair.looks for pair in shards.rows("train") if pair.modality == "optical"} == {1}
    assert {pair.looks for pair in shards.rows("validation")} == {1}


def test_objects_shine_at_the_same_place_in_every_look(shards: Shards) -> None:
    ships = [pair for pair in shards.rows("train") if pair.corpus == "sim-ships" and len(pair.objects) == 1]
    assert ships
    for pair in ships:
        box = pair.objects[0]
        place = np.s_[int(box["ymin"]) : int(box["ymax"]), int(box["xmin"]) : int(box["xmax"])]
        for look in range(2):
            shown = shards.picture(pair, look).astype(float)
            assert shown[place].max() > np.quantile(shown, 0.98)


def test_the_same_inputs_give_the_same_bytes_in_any_number_of_processes(
    mini_project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project = copy_of(mini_project, tmp_path)
    monkeypatch.setattr("sartext.training.shards.writing.SERIAL_BELOW", 0)
    monkeypatch.setenv("SARTEXT_WORKERS", "2")
    write_shards(project, "sar")
    assert sha256_tree(project.shards("sar")) == sha256_tree(mini_project.shards("sar"))


def test_a_new_tar_file_begins_at_the_stated_size(mini_project: Project, tmp_path: Path) -> None:
    project = copy_of(mini_project, tmp_path, shards={"side": 96, "looks": 1, "megabytes": 1})
    write_shards(project, "optical")
    files = sorted(path.name for path in project.shards("optical").glob("train-*.tar"))
    assert files[:2] == ["train-00000.tar", "train-00001.tar"]
    with open_shards(project.shards("optical")) as shards:
        assert shards.side == 96
        for pair in shards.rows("train"):
            assert shards.picture(pair).shape[:2] == (96, 96)
    smaller = open_shards(mini_project.shards("sar")).folders
    with pytest.raises(TrainingError, match=r"different sides: 64, 96 pixels.*shards\.side"):
        Shards([*smaller, project.shards("optical")])


def test_no_corpora_at_all_are_no_error_here(mini_project: Project, tmp_path: Path) -> None:
    project = copy_of(mini_project, tmp_path, captions=[], optical_captions=[])
    (project.build / "captions").unlink()
    assert write_shards(project, "sar")["pairs"] == 0
    assert read_rows(project.shards("sar") / "index.parquet", SHARDS) == []
    assert open_shards(project.shards("sar")).rows("train") == []


def test_other_looks_need_the_parameters_of_the_corpus(mini_project: Project, tmp_path: Path) -> None:
    simulation = {**mini_project.parameters.simulation.model_dump(), "seed": 1}
    project = copy_of(mini_project, tmp_path, simulation=simulation)
    with pytest.raises(ArtefactError, match=r"renders another image.*sartext simulate --missing"):
        write_shards(project, "sar")
    assert not project.shards("sar").exists()


def test_a_damaged_shard_is_named(mini_project: Project, tmp_path: Path) -> None:
    folder = tmp_path / "sar"
    shutil.copytree(mini_project.shards("sar"), folder)
    pair = open_shards(folder).rows("train")[3]
    path = folder / pair.shard
    content = bytearray(path.read_bytes())
    content[pair.offsets[0] + pair.sizes[0] // 2] ^= 1
    for damaged, message in (
        (bytes(content), rf"{pair.shard}: the picture of '{pair.image_id}' .* checksum"),
        (bytes(content[: pair.offsets[0] + 100]), "cut short"),
        (None, pair.shard),
    ):
        path.unlink()
        if damaged is not None:
            path.write_bytes(damaged)
        with pytest.raises(ArtefactError, match=message):
            open_shards(folder).picture(pair)


def test_a_picture_of_another_program_is_refused() -> None:
    stream = io.BytesIO()
    Image.fromarray(np.arange(64, dtype=np.uint8).reshape(8, 8)).save(stream, "PNG")
    for content, reason in ((b"GIF89a", "no PNG"), (stream.getvalue()[:-30], "cut short")):
        with pytest.raises(ValueError, match=reason):
            decode_stored(content)


def test_missing_shards_say_the_command(mini_project: Project, tmp_path: Path) -> None:
    with pytest.raises(ArtefactError, match=r"run `sartext shards sar`$"):
        open_shards(tmp_path / "shards" / "sar")
    with pytest.raises(ArtefactError, match=r"`sartext shards optical` and `sartext shards sar`"):
        open_shards(tmp_path / "shards")
    shutil.copytree(mini_project.shards("optical"), tmp_path / "shards" / "optical")
    with pytest.raises(ArtefactError, match=r"there are no sar shards; run `sartext shards sar`$"):
        open_shards(tmp_path / "shards")


def test_a_file_name_leads_to_the_scene_that_it_shows(mini_project: Project) -> None:
    simulation = mini_project.parameters.simulation
    for corpus in (*CAPTIONED, "sim-unlabelled"):
        for number in (0, 5):
            files = render_image(Task(corpus, number, simulation)).files
            path = next(path for path in files if not path.startswith(("masks", "s2")))
            assert number_of(corpus, f"data/{corpus}/{path}") == number
            assert sar_file(Task(corpus, number, simulation)) == files[path]
            assert sar_file(Task(corpus, number, simulation, look=1)) != files[path]
    with pytest.raises(SimulationError, match=r"no image of the embedded corpus.*shards\.looks to 1"):
        number_of("sim-pairs", "data/sim-pairs/s1/000001.png")


def test_a_corpus_whose_no_data_value_is_no_number_can_be_described(mini_project: Project) -> None:
    entry = load_entry(PACKAGED / "sen1floods11.yaml")
    assert entry.nodata is not None and math.isnan(entry.nodata)
    described = _describe(mini_project, "optical", [Chosen({}, {}, entry)])
    assert json.loads(json.dumps(described, allow_nan=False))["corpora"][entry.name]["nodata"] is None


@pytest.mark.realdata
def test_real_corpora_become_shards(realdata: Path, tmp_path: Path) -> None:
    """Images of several sizes, masks with no-data, captions that people wrote."""
    captioned = ("sar-aircraft", "oil-spill", "terramesh")
    (tmp_path / "data").mkdir()
    for name in (*captioned, "rsicd"):
        (tmp_path / "data" / name).symlink_to(realdata / SAMPLE_FOLDERS[name])
    parameters = {
        "corpora": {name: {"catalogue": str(PACKAGED / f"{name}.yaml")} for name in (*captioned, "rsicd")},
        "captions": list(captioned),
        "shards": {"side": 96, "smallest_object": 4, "looks": 4},
    }
    (tmp_path / "params.yaml").write_text(yaml.safe_dump(parameters))
    project = Project(tmp_path)
    for name in project.parameters.corpora:
        build_index(project, name)
    for name in captioned:
        caption_corpus(project, name)
    decide_splits(project)
    for data, fewest in (("optical", 50), ("sar", 10)):
        assert write_shards(project, data)["pairs"] > fewest
    with open_shards(project.build / "shards") as shards:
        pairs = shards.rows("train") + shards.rows("validation")
        for pair in pairs:
            assert shards.picture(pair).shape[:2] == (96, 96)
            assert pair.looks == 1  # nobody can render these again
            for box in pair.objects:
                for lower, upper in ((box["xmin"], box["xmax"]), (box["ymin"], box["ymax"])):
                    assert 0 <= lower <= upper - 4 <= 92
        texts = [text for pair in pairs if pair.method == "optical" for text in pair.captions]
        assert 0 < np.mean([names_a_side(text) for text in texts]) < 0.2

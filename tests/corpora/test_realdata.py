"""The small real corpora, indexed as the catalogue declares them."""

import gzip
import re
import zipfile
from collections import Counter

import pytest

from sartext.archives import unpack
from sartext.catalogue.loading import PACKAGED, load_entry
from sartext.corpora.images import picture, release_bytes
from sartext.corpora.index import build_index
from sartext.errors import CorpusError
from sartext.tables import INDEX, read_rows
from tests.corpora.making import real_project, share_of, shares

pytestmark = pytest.mark.realdata


def test_ssdd(indexed):
    metrics, rows, faults = indexed("ssdd")
    assert len(rows) == 1038
    assert metrics["images_without_objects"] == 0
    boxes = [box for row in rows.values() for box in row["objects"]]
    assert sum(box["xmin"] == 0 or box["ymin"] == 0 for box in boxes) == 7
    assert all(box["angle"] is not None for box in boxes)
    assert not read_kind(faults, "box")
    assert Counter(row["published_split"] for row in rows.values()) == {"train": 928, "test": 110}
    assert len(rows) - len({row["pixels_sha256"] for row in rows.values()}) == 20
    assert metrics["images_absent"] == 122
    assert Counter(fault.reason for fault in faults) == {"listed-without-image": 122}


def read_kind(faults, kind):
    return [fault for fault in faults if fault.kind == kind]


def test_hrsid_keeps_what_has_a_record_and_names_the_rest(indexed):
    metrics, rows, faults = indexed("hrsid")
    assert len(rows) == 18
    assert {fault.reason for fault in read_kind(faults, "image")} == {"no-annotation"}
    assert len(read_kind(faults, "image")) == 6
    assert metrics["reasons"]["annotation"] == {"annotation-without-image": 3070 + 10}
    assert {row["published_split"] for row in rows.values()} == {"train"}
    assert rows["P0001_1800_2600_3600_4400"]["scene_id"] == "hrsid/P0001"


def test_sar_aircraft(indexed):
    metrics, rows, _ = indexed("sar-aircraft")
    assert sorted(rows) == [f"00043{number}" for number in range(60, 69)]
    assert metrics["reasons"] == {"annotation": {"annotation-without-image": 4359}, "box": {}, "image": {}}
    assert metrics["objects"]["a320-321"] == 4
    assert {box["source_label"] for row in rows.values() for box in row["objects"]} >= {"A320/321", "other"}


def test_ls_ssdd_keeps_tiles_without_ships(indexed):
    metrics, rows, faults = indexed("ls-ssdd")
    assert len(rows) == 6
    assert metrics["images_without_objects"] == 4
    assert not faults
    assert {row["scene_id"] for row in rows.values()} == {"ls-ssdd/01"}


def test_oil_spill_takes_no_anti_aliasing_for_a_ship_and_loses_no_small_spill(indexed):
    _, rows, faults = indexed("oil-spill")
    assert len(rows) == 20
    assert rows["img_0032"]["objects"] == []
    assert len(rows["img_0013"]["objects"]) == 1
    assert sum(bool(row["objects"]) for row in rows.values()) == 11
    spill = share_of(rows["img_0030"], "oil-spill")
    assert spill["fraction"] == pytest.approx(726 / (1250 * 650))
    assert spill["largest_component"] == 428
    stray = {fault.image_id[-4:]: fault.detail for fault in faults if fault.reason == "unknown-colour"}
    assert stray == {"0016": "2 pixels of 2 colours", "0032": "104 pixels of 99 colours"}


def test_terramesh_pairs_masks_and_decibels(indexed, project):
    metrics, rows, faults = indexed("terramesh")
    assert (metrics["images_found"], metrics["optical_halves_found"], len(rows)) == (5, 5, 10)
    assert not faults
    row = rows["282D_485L_3_3"]
    expected = {"water": 0.518, "trees": 0.3725, "bare": 0.066, "rangeland": 0.0434}
    assert shares(row) == pytest.approx(expected, abs=1e-3)
    assert shares(rows["609U_541L_3_0"]) == {"snow": 1.0}
    assert row["paired_path"] == rows["282D_485L_3_3_optical"]["path"]
    assert row["scene_id"] == rows["282D_485L_3_3_optical"]["scene_id"] == "terramesh/282D_485L"
    shown = picture(project.root, row, load_entry(PACKAGED / "terramesh.yaml"))
    assert shown[150:224, 150:224].mean() + 50 < shown[:80, :80].mean(), "water is darker than trees"


def test_sen1floods11_masks_its_no_data(indexed):
    _, rows, faults = indexed("sen1floods11")
    (row,) = rows.values()
    valid = 512 * 512 - 99
    assert shares(row) == pytest.approx({"not-water": 192010 / valid, "water": 70035 / valid})
    assert (row["db_low"], row["db_high"], row["polarisation"]) == (-25, 0, "VV")
    assert not faults


def test_sen1_2(indexed):
    metrics, rows, faults = indexed("sen1-2")
    assert metrics["published_splits_sharing_places"] == {"test": 3, "train": 13}, (
        "every test image has its scene in train"
    )
    assert Counter(row["modality"] for row in rows.values()) == {"sar": 50, "optical": 50}
    assert all(row["paired_path"] for row in rows.values())
    assert Counter(row["published_split"] for row in rows.values()) == {"train": 94, "test": 6}
    scenes = {row["scene_id"] for row in rows.values()}
    assert scenes >= {"sen1-2/ROIs1970_fall_2", "sen1-2/ROIs1868_summer_59"}
    assert not faults


def test_rsicd(indexed, realdata):
    metrics, rows, _ = indexed("rsicd")
    assert len(rows) == 1017
    assert {len(row["captions"]) for row in rows.values()} == {5}
    assert Counter(row["published_split"] for row in rows.values()) == {"train": 800, "test": 217}
    texts = [text for row in rows.values() for text in row["captions"]]
    assert not [text for text in texts if " ." in text or "\u2019" in text]
    assert all(text and text == text.strip() for text in texts)
    listed = realdata / "RSICD" / "rsicd_precomp"
    names = gzip.decompress((listed / "train_filename.txt.gz").read_bytes()).decode().split("\n")
    lines = gzip.decompress((listed / "train_caps.txt.gz").read_bytes()).decode().split("\n")
    last = max(place for place, name in enumerate(names) if name.removesuffix(".jpg") in rows)
    said = [line.replace("\u2019", "'").removesuffix(" .") for line in lines[5 * last : 5 * last + 5]]
    assert [text.rstrip(".") for text in rows[names[last].removesuffix(".jpg")]["captions"]] == said
    assert metrics["reasons"]["annotation"] == {"annotation-without-image": 10921 - 1017}


def test_rsitmd_has_captions_but_no_images(indexed):
    with pytest.raises(CorpusError, match="sartext corpora add rsitmd"):
        indexed("rsitmd")


@pytest.mark.parametrize(
    ("name", "images", "all_images"), [("ucm-captions", 3, 2100), ("sydney-captions", 1, 613)]
)
def test_karpathy_corpora(indexed, name, images, all_images):
    metrics, rows, _ = indexed(name)
    assert len(rows) == images
    assert {len(row["captions"]) for row in rows.values()} == {5}
    assert metrics["reasons"]["annotation"] == {"annotation-without-image": all_images - images}
    assert {row["published_split"] for row in rows.values()} == {"train"}
    assert not [text for row in rows.values() for text in row["captions"] if "formland" in text]


def test_sixteen_bit_amplitude_is_stretched_and_its_wedge_is_black(indexed, project):
    _, rows, _ = indexed("gf3-quadpol")
    row = rows["1_HH"]
    entry = load_entry(PACKAGED / "gf3-quadpol.yaml")
    shown = picture(project.root, row, entry)
    assert 20 < row["db_low"] < row["db_high"] < 72
    assert not shown[0, 0]
    assert 60 < shown[300:, 300:].mean() < 200
    assert release_bytes(project.root, row, entry).startswith(b"\x89PNG")


def test_pair_of_one_name(indexed):
    _, rows, _ = indexed("volkov-s1s2")
    assert set(rows) == {"059", "059_optical"}


def test_two_float_bands_in_decibels(indexed, project):
    _, rows, _ = indexed("sen12ms-cr")
    assert len(rows) == 2
    entry = load_entry(PACKAGED / "sen12ms-cr.yaml")
    for row in rows.values():
        assert picture(project.root, row, entry).shape == (256, 256)


def test_opensarship_from_a_folder_of_zips(realdata, tmp_path):
    folder = realdata / "OpenSARShip2-sample"
    (tmp_path / "unzipped").mkdir()
    unpack(folder, tmp_path / "unzipped")
    with zipfile.ZipFile(next(folder.glob("*.zip"))) as packed:
        identifiers = re.findall(rb"<(?:MMSI|IMO|Name|Callsign)>([^<]{2,})<", packed.read("Ship.xml"))
    project = real_project(tmp_path, {"opensarship": tmp_path / "unzipped"})
    metrics = build_index(project, "opensarship")
    assert (metrics["indexed"], metrics["left_out"], metrics["scenes"]) == (9, 0, 1)
    assert metrics["scene_classes"] == {"cargo": 9}
    # this scene has courses in tenths of degrees; all but one (20.8 degrees) are none that could be
    assert metrics["reasons"]["annotation"] == {"impossible-course": 8}
    folder = project.corpus("opensarship")
    said = (folder / "quarantine.csv").read_bytes() + (folder / "metrics.json").read_bytes()
    said += repr(read_rows(folder / "index.parquet", INDEX)).encode()
    assert len(identifiers) == 32, "four ships have no IMO number"
    assert not [identifier for identifier in identifiers if identifier in said]

"""The small real corpora, indexed as the catalogue declares them."""

import gzip
import zipfile
from collections import Counter

import numpy as np
import pytest

from orchestration.build import SAMPLE_FOLDERS as SAMPLE
from sartext.catalogue.loading import PACKAGED, load_entry
from sartext.corpora.images import decode, picture, read_image, release_bytes
from sartext.corpora.index import build_index
from sartext.corpora.listing import scene_of
from sartext.corpora.patches import across_splits, named_overlaps, position_of
from sartext.corpora.quarantine import read_quarantine
from sartext.errors import CorpusError
from sartext.release.splits import decide_splits
from sartext.tables import INDEX, SPLITS, read_rows
from tests.corpora.making import real_project, share_of

pytestmark = pytest.mark.realdata

FOLDERS = {
    **SAMPLE,
    "rsitmd": "RSITMD-captions",
    "ucm-captions": "UCM-captions",
    "sydney-captions": "Sydney-captions",
    "gf3-quadpol": "GF3-quadpol-uint16",
    "volkov-s1s2": "Volkov-S1S2-1024",
    "sen12ms-cr": "SEN12MS_CR_SARColorData",
    "opensarship": "OpenSARShip2-sample",
}


@pytest.fixture(scope="module")
def project(realdata, tmp_path_factory):
    folders = {name: realdata / folder for name, folder in FOLDERS.items()}
    return real_project(tmp_path_factory.mktemp("real"), folders)


@pytest.fixture
def indexed(project):
    """Index a corpus; give its metrics, its rows by stem and its faults."""

    def index(name):
        if not (project.root / "data" / name).is_dir():
            pytest.skip(f"no {FOLDERS[name]} among the real corpora")
        metrics = build_index(project, name)
        folder = project.corpus(name)
        rows = {row["image_id"].split("/")[1]: row for row in read_rows(folder / "index.parquet", INDEX)}
        faults = read_quarantine(folder / "quarantine.csv")
        assert (metrics["indexed"], metrics["left_out"]) == (len(rows), len(read_kind(faults, "image")))
        return metrics, rows, faults

    return index


def shares(row):
    return {region["label"]: region["fraction"] for region in row["regions"] if region["zone"] == "image"}


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
    assert (row["db_low"], row["db_high"], row["polarisation"]) == (-25, 0, "VV+VH")
    assert not faults


def test_sen1_2(indexed):
    _, rows, faults = indexed("sen1-2")
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


def test_dsn_terrasar_patches_have_their_folder_as_class(indexed):
    metrics, rows, faults = indexed("dsn-tsx")
    published = {
        "industrial-facilities": 251,
        "railways": 272,
        "residential": 310,
        "ships": 180,
        "storage-tanks": 288,
    }
    assert metrics["scene_classes"] == published
    assert (len(rows), metrics["images_absent"]) == (1301, 312)
    assert not faults
    # nearly every patch overlaps others of its scene
    assert metrics["scenes"] == 81
    assert {row["db_low"] for row in rows.values()} == {None}


def test_dsn_complex_patches_are_shown_in_decibels_over_the_corpus(indexed, project):
    metrics, rows, faults = indexed("dsn-slc")
    assert Counter(metrics["scene_classes"].values()) == {100: 8}
    assert metrics["splits"] == {"train": 698, "validation": 102}
    # 1,750 patches are not in the sample, and each list has a heading
    assert {fault.reason for fault in faults} == {"listed-without-image"}
    assert len(faults) == 1750 + 1
    entry = load_entry(PACKAGED / "dsn-slc.yaml")
    assert len({(row["db_low"], row["db_high"]) for row in rows.values()}) == 1
    brightness = {label: [] for label in metrics["scene_classes"]}
    for row in list(rows.values())[::7]:
        brightness[row["scene_class"]].append(picture(project.root, row, entry).mean())
    means = {label: sum(values) / len(values) for label, values in brightness.items()}
    assert min(means, key=means.get) == "water"
    assert means["water"] + 20 < means["forest"] < means["skyscrapers"]


def test_the_published_list_of_dsn_leaks(realdata, indexed):
    """245 of the 320 validation patches overlap a training patch, by the names in the lists."""
    metrics, _, _ = indexed("dsn-slc")
    assert metrics["published_splits_overlapping"]["validation"] == 64  # of the 102 that are there
    entry = load_entry(PACKAGED / "dsn-slc.yaml")
    listed = [
        (split, line.split(",")[0])
        for split in ("train", "val")
        for line in (realdata / f"DSN/lists/slc_{split}_3.txt").read_text().splitlines()[1:]
    ]
    positions = [position_of(entry.position, name, scene_of(entry.scene, name), (64, 64)) for _, name in listed]
    rows = [{"published_split": split} for split, _ in listed]
    assert Counter(split for split, _ in listed) == {"train": 2230, "val": 320}
    assert across_splits(rows, named_overlaps(positions))["val"] == 245


@pytest.mark.slow
def test_no_overlap_of_dsn_patches_crosses_the_splits(realdata, tmp_path):
    """By the pixels themselves: every piece of 6 x 6 stands in one group, and so in one split."""
    if not (realdata / "DSN").is_dir():
        pytest.skip("no DSN among the real corpora")
    project = real_project(tmp_path, dict.fromkeys(("dsn-tsx", "dsn-slc"), realdata / "DSN"))
    rows = []
    for name in project.parameters.corpora:
        build_index(project, name)
        rows += read_rows(project.corpus(name) / "index.parquet", INDEX)
    decide_splits(project)
    splits = {row["image_id"]: row for row in read_rows(project.build / "splits/splits.parquet", SPLITS)}
    groups = {}
    for row in rows:
        group = splits[row["image_id"]]["group_id"]
        for piece in pieces_of(decode(read_image(project.root / row["path"]))):
            groups.setdefault(piece, set()).add(group)
    assert len(groups) > 300_000
    assert sum(len(held) > 1 for held in groups.values()) == 0
    sides = {}
    for row in splits.values():
        sides.setdefault(row["group_id"], set()).add(row["split"])
    assert {len(held - {None}) for held in sides.values()} == {1}
    assert set().union(*sides.values()) == {"train", "validation", "test", None}


def pieces_of(values):
    """Pieces of 6 x 6 pixels that are no flat ground, one of eight, chosen by the value of their first pixel."""
    windows = np.lib.stride_tricks.sliding_window_view(values, (6, 6)).reshape(-1, 36)
    chosen = windows[(np.abs(windows[:, 0]).astype(np.int64) % 8 == 5) & (np.abs(windows).std(axis=1) > 6)]
    return {piece.tobytes() for piece in chosen}


def test_polsf_follows_the_legend_that_the_backscatter_bears_out(indexed):
    _, rows, faults = indexed("polsf")
    (row,) = rows.values()
    pixels = 1024 * 900
    assert shares(row) == pytest.approx(
        {
            "bare-soil": 13701 / pixels,
            "mountains": 62731 / pixels,
            "water": 329566 / pixels,
            "urban": 342795 / pixels,
            "vegetation": 53509 / pixels,
        }
    )
    assert [(fault.reason, fault.detail) for fault in faults] == [("unknown-code", "119298 pixels (0: 119298)")]
    assert row["scene_id"] == "polsf/SF"


def test_luojiaset_refuses_files_that_are_copies_of_others(indexed):
    metrics, rows, faults = indexed("luojiaset-osfcr")
    assert set(rows) == {"ROIs_01_s1_p4", "ROIs_01_s1_p22", "ROIs_01_s1_p23"}
    assert {(fault.image_id.split("/")[1], fault.reason) for fault in faults} == {
        ("ROIs_01_s2_p1", "misplaced-file"),
        ("ROIs_01_s2_cloudy_p3", "misplaced-file"),
    }
    assert metrics["scenes"] == 1
    assert shares(rows["ROIs_01_s1_p4"]) == pytest.approx({"code-5": 1558 / 65536, "code-6": 63978 / 65536})


def test_opensarship_once_its_scene_is_unzipped(realdata, tmp_path):
    archive = next((realdata / "OpenSARShip2-sample").glob("*.zip"))
    with zipfile.ZipFile(archive) as packed:
        packed.extractall(tmp_path / "unzipped" / archive.stem)
    project = real_project(tmp_path, {"opensarship": tmp_path / "unzipped"})
    metrics = build_index(project, "opensarship")
    assert (metrics["indexed"], metrics["left_out"], metrics["scenes"]) == (9, 0, 1)

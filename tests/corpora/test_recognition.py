"""What `sartext corpora add` recognises in a folder, and the catalogue file that it proposes."""

import json

import numpy as np
import pytest
import yaml

from sartext.archives import unpack
from sartext.catalogue import load_catalogue, load_entry
from sartext.catalogue.entry import Annotations
from sartext.config import Project
from sartext.corpora.formats import FORMATS
from sartext.corpora.layout import FileGroup
from sartext.corpora.recognition import recognise
from sartext.corpora.recognition.annotations import count_annotations
from sartext.corpora.recognition.proposal import propose
from sartext.errors import CatalogueError
from tests.conftest import ROOT
from tests.corpora.making import encoded, npy, picture, tiff, voc

CATALOGUE = load_catalogue(Project(ROOT))


@pytest.fixture
def folder(tmp_path):
    place = tmp_path / "download"
    place.mkdir()

    def put(path, content):
        target = place / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content.encode() if isinstance(content, str) else content)

    put.folder = place
    return put


def found_in(put):
    return recognise(put.folder, CATALOGUE)


def proposed(put, tmp_path, **filled):
    """The proposal for a folder as a file, and as an entry once its gaps are filled in."""
    path = tmp_path / "mine.yaml"
    proposal = propose(found_in(put), "mine", "mine.zip", CATALOGUE)
    path.write_text(proposal.text)
    with pytest.raises(CatalogueError, match="unfinished: still to be filled in are") as caught:
        load_entry(path)
    content = yaml.safe_load(proposal.text)
    gaps = dict.fromkeys(("sensor", "licence", "citation", "homepage"), "not stated")
    path.write_text(yaml.safe_dump({**content, **gaps, **filled}, sort_keys=False))
    return caught.value.what, load_entry(path, FORMATS.names)


def test_a_corpus_of_the_catalogue_is_recognised_by_its_class_names(folder):
    for number in range(3):
        folder(f"images/{number}.jpg", picture(form="JPEG", seed=number))
    boxes = [(name, 1, 2, 9, 9) for name in ("A220", "A320/321", "Boeing737")]
    annotations = (voc(*boxes, filename=f"{number}.jpg") for number in range(3))
    folder("labels/annotations.xml", f"<annotations>{''.join(annotations)}</annotations>")
    fit = found_in(folder).corpus
    assert (fit.entry.name, fit.images) == ("sar-aircraft", 3)
    assert fit.describe() == "sar-aircraft (3 of 4,368 published images; 3 of its 7 classes)"


def test_a_class_that_a_corpus_does_not_have_makes_it_another_one(folder):
    folder("images/1.jpg", picture(form="JPEG"))
    boxes = [(name, 1, 2, 9, 9) for name in ("A220", "A320/321", "Boeing737", "tank")]
    folder("labels/annotations.xml", f"<annotations>{voc(*boxes, filename='1.jpg')}</annotations>")
    assert not found_in(folder).fits


def test_a_corpus_below_other_folders_is_recognised_by_its_names(folder):
    for side, kind in (("A", "s1"), ("B", "s2")):
        for number in range(3):
            folder(f"download v1/indata/train{side}/ROIs1970_fall_{kind}_2_p{number}.png", picture(seed=number))
    folder("download v1/README.md", "pairs")
    assert found_in(folder).corpus.entry.name == "sen1-2"


def test_ships_in_the_layout_of_many_corpora_are_not_taken_for_one_of_them(folder):
    for number in range(3):
        folder(f"JPEGImages/{number:06}.jpg", picture(form="JPEG", seed=number))
        folder(f"Annotations/{number:06}.xml", voc(("ship", 1, 2, 9, 9)))
    found = found_in(folder)
    assert found.corpus is None
    assert "ssdd" in {fit.entry.name for fit in found.fits}


def test_yolo_labels_are_described_with_their_class_list(folder, tmp_path):
    folder("data.yaml", "names: [ship, 'fishing boat']\n")
    for split in ("train", "val"):
        for number in range(3):
            folder(f"images/{split}/{split}{number}.png", picture(seed=number))
            folder(f"labels/{split}/{split}{number}.txt", "0 0.5 0.5 0.2 0.2\n1 0.25 0.25 0.1 0.1\n")
    (sighting,) = found_in(folder).annotations
    assert (sighting.annotated, sighting.labels) == (6, (("ship", 6), ("fishing boat", 6)))
    gaps, entry = proposed(folder, tmp_path, classes=[{"label": "x", "noun": "x", "plural": "x", "hypernym": "x"}])
    assert gaps.endswith("sensor, licence, citation, homepage, classes (hypernym of fishing-boat)")
    assert entry.annotations.model_dump(exclude_defaults=True) == {
        "format": "yolo",
        "files": ("labels/*/*.txt",),
        "class_list": "data.yaml",
    }
    assert (entry.kind, entry.images, entry.quantity) == ("detection", ("images/*/*.png",), "display")
    assert set(entry.splits) == {"train", "val"}
    assert (entry.published.images, entry.published.objects) == (None, None), (
        "what is here is no statement of theirs"
    )
    assert "\n# published: {images: 6, objects: 12}" in (
        propose(found_in(folder), "mine", "mine.zip", CATALOGUE).text
    )


def test_a_class_that_a_known_corpus_has_is_called_as_there(folder, tmp_path):
    folder("images/1.png", picture())
    folder("xml/1.xml", voc(("Ship", 1, 2, 9, 9)))
    entry = proposed(folder, tmp_path)[1]
    (kind,) = entry.classes
    assert (kind.source, kind.noun, kind.plural, kind.hypernym) == (("Ship",), "ship", "ships", "vessel")


def test_masks_are_described_with_their_legend_and_nouns_as_gaps(folder, tmp_path):
    for number in range(3):
        codes = np.zeros((16, 16), np.uint8)
        codes[:8], codes[8:12] = 3, 7
        folder(f"images/{number}.png", picture(16, 16, seed=number))
        folder(f"gt/{number}_mask.png", encoded(codes))
    found = found_in(folder)
    assert [sighting.declared.format for sighting in found.annotations] == ["mask"]
    gaps, entry = proposed(
        folder, tmp_path, classes=[{"label": "x", "code": 3, "noun": "x", "plural": "x", "hypernym": "x"}]
    )
    assert "classes (noun, plural, hypernym of code-0, code-3, code-7)" in gaps
    assert entry.kind == "segmentation"
    assert (entry.annotations.image, entry.annotations.file) == (r"^images/(.+)\.png$", r"gt/\g<1>_mask.png")


def test_pairs_are_told_from_masks_and_sar_from_optical(folder, tmp_path):
    for number in range(4):
        folder(f"{number}/opt{number}.png", picture(seed=number, mode="RGB"))
        folder(f"{number}/sar{number}.png", picture(seed=number))
    entry = proposed(folder, tmp_path)[1]
    assert (entry.kind, entry.images) == ("pairs", ("*/sar*.png",))
    assert entry.pairing.file == r"\g<1>/opt\g<2>.png"


def test_folders_of_classes_are_scenes(folder, tmp_path):
    for name in ("forest", "water", "town"):
        for number in range(3):
            folder(f"patches/{name}/{name}{number}.npy", npy(np.ones((8, 8), np.complex64) * number))
    gaps, entry = proposed(folder, tmp_path, classes=[{"label": "x", "noun": "x", "plural": "x", "hypernym": "x"}])
    assert (entry.kind, entry.quantity) == ("scene-classification", "complex")
    assert entry.annotations.image == "^([^/]+)/"
    assert "noun, hypernym of town" in gaps, "a caption needs its article, or none"


def test_captions_in_lines_find_the_file_of_names_beside_them(folder, tmp_path):
    for number in range(3):
        folder(f"images/{number}.png", picture(seed=number, mode="RGB"))
    folder("text/train_names.txt", "".join(f"{number}.png\n" for number in range(3)))
    folder("text/train_caps.txt", "a ship lies in the harbour .\n" * 6)
    entry = proposed(folder, tmp_path)[1]
    assert (entry.kind, entry.modality) == ("captions", "optical")
    assert (entry.annotations.files, entry.annotations.names) == (
        ("text/train_caps.txt",),
        ("text/train_names.txt",),
    )


def test_captions_in_json_are_described_without_their_images(folder):
    captions = {"images": [{"filename": "1.tif", "split": "train", "sentences": [{"raw": "a ship"}]}]}
    folder("dataset.json", json.dumps(captions))
    found = found_in(folder)
    assert [(each.declared.format, each.unmatched, each.captions) for each in found.annotations] == [
        ("karpathy", 1, 1)
    ]
    assert found.images is None


def test_a_quantity_that_is_not_evident_is_a_gap_and_decibels_are_not(folder, tmp_path):
    folder("1.tif", tiff(np.full((8, 8), 300, np.uint16)))
    assert "quantity" in proposed(folder, tmp_path, quantity="amplitude")[0]
    folder("1.tif", tiff(np.linspace(-30, 2, 64, dtype=np.float32).reshape(8, 8)))
    gaps, entry = proposed(folder, tmp_path)
    assert "quantity" not in gaps
    assert entry.quantity == "db"


def test_the_licence_that_a_file_names_is_shown_and_not_believed(folder, tmp_path):
    folder("1.png", picture())
    folder("LICENSE", "MIT License\n\nmore\n")
    text = propose(found_in(folder), "mine", "mine.zip", CATALOGUE).text
    assert "licence: FILL IN" in text
    assert "seen: LICENSE: MIT License" in text
    assert "redistribution: false" in text


def test_a_folder_of_nothing_of_use_is_described_as_such(folder):
    folder("notes.txt", "hello\n")
    folder("broken.json", "{")
    folder("table.csv", "a,b\n1,2\n")
    found = found_in(folder)
    assert (found.corpus, found.images, found.annotations) == (None, None, ())


KNOWN = {
    "DSN": {"dsn-tsx", "dsn-slc"},
    "GF3-quadpol-uint16": {"gf3-quadpol"},
    "HRSID": {"hrsid"},
    "LS-SSDD": {"ls-ssdd"},
    "LuojiaSET-OSFCR": {"luojiaset-osfcr"},
    "OilSpill-M4D": {"oil-spill"},
    "PolSF": {"polsf"},
    "RSICD": {"rsicd"},
    "SAR-AIRcraft-1.0": {"sar-aircraft"},
    "SEN1-2": {"sen1-2"},
    "SEN12MS_CR_SARColorData": {"sen12ms-cr"},
    "SSDD": {"ssdd"},
    "Sen1Floods11-sample": {"sen1floods11"},
    "Sydney-captions": {"sydney-captions"},
    "TerraMesh-examples": {"terramesh"},
    "UCM-captions": {"ucm-captions"},
    "Volkov-S1S2-1024": {"volkov-s1s2"},
}
"""The real folders that are corpora of the catalogue."""

DESCRIBED = {
    "RSITMD-captions": ("lines", 0, 23715),
    "SAR-HUB-json": ("coco", 8602, 0),
    "SSDD-four-forms": ("coco", 8, 0),
    "captions-modified": ("karpathy", 0, 13565),
}
"""The others by the format, the boxes and the captions of what lies there."""

POSSIBLE = {"GF3-quadpol-uint16", "Volkov-S1S2-1024"}
"""Known corpora of a layout that nothing tells from others."""


@pytest.mark.realdata
@pytest.mark.parametrize("name", KNOWN)
def test_a_real_folder_is_the_corpus_that_it_is(realdata, name):
    fits = recognise(realdata / name, CATALOGUE).fits
    assert KNOWN[name] <= {fit.entry.name for fit in fits}
    assert {fit.entry.name for fit in fits if fit.sure} == (set() if name in POSSIBLE else KNOWN[name])


@pytest.mark.realdata
@pytest.mark.parametrize("name", DESCRIBED)
def test_a_real_folder_of_no_known_corpus_is_described(realdata, name):
    first = recognise(realdata / name, CATALOGUE).annotations[0]
    assert (first.declared.format, first.objects, first.captions) == DESCRIBED[name]


@pytest.mark.realdata
def test_a_real_corpus_in_a_zip_is_recognised_once_unpacked(realdata, tmp_path):
    unpack(realdata / "OpenSARShip2-sample", tmp_path)
    fit = recognise(tmp_path, CATALOGUE).corpus
    assert (fit.entry.name, fit.images) == ("opensarship", 9)


@pytest.mark.realdata
def test_every_real_folder_is_accounted_for(realdata):
    folders = {item.name for item in realdata.iterdir() if item.is_dir()}
    assert folders - {"OpenSARShip2-sample"} <= KNOWN.keys() | DESCRIBED.keys()


def test_masks_in_common_colours_are_not_taken_for_a_corpus_whose_legend_nobody_saw(folder):
    colours = np.zeros((16, 16, 3), np.uint8)
    colours[:8, :, 2], colours[8:12, :, 0] = 255, 255
    for number in range(3):
        folder(f"images/{number}.png", picture(16, 16, seed=number))
        folder(f"labels/{number}.png", encoded(colours))
    assert found_in(folder).corpus is None


def test_every_annotation_of_a_large_corpus_is_counted(tmp_path):
    images = FileGroup("*/*.png", tuple(f"harbour/{number}.png" for number in range(30_000)))
    declared = Annotations(format="scene-folder", image="^([^/]+)/")
    counts = count_annotations(tmp_path, images, FORMATS["scene-folder"], declared)
    assert (counts.annotated, counts.labels) == (30_000, (("harbour", 30_000),))

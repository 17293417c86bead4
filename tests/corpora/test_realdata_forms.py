"""The same real images in several annotation formats: the boxes agree, and so do the captions."""

from collections import Counter
from pathlib import PurePosixPath

import pytest
from defusedxml import ElementTree

from sartext.corpora.cleaning import clean_boxes, label_table
from sartext.corpora.formats.coco import read_coco
from sartext.corpora.formats.voc import read_voc
from sartext.corpora.formats.yolo import read_yolo
from sartext.corpora.quarantine import Unusable
from sartext.corpora.reading import Source
from sartext.corpora.shapes import side_angle
from sartext.narrator.annotated import naming, object_facts
from sartext.narrator.realisation import canonical
from tests.corpora.making import DETECTION, SHIP, Corpus

pytestmark = pytest.mark.realdata

PIXEL = 1.0

SHIPS = {**SHIP, "source": ["ship", "0"]}


@pytest.fixture
def read(realdata, tmp_path):
    """Index real images under annotations of our choice; give their rows, their captions and the corpus."""

    def index(name, images, annotations, links):
        corpus = Corpus(tmp_path / name, "made")
        corpus.root.mkdir()
        corpus.declare(**{**DETECTION, "images": images, "annotations": annotations, "classes": [SHIPS]})
        for link, target in links.items():
            if not (realdata / target).exists():
                pytest.skip(f"no {target} among the real corpora")
            (corpus.folder / link).symlink_to(realdata / target)
        corpus.index()
        names = naming(corpus.load())
        rows = corpus.rows()
        captions = {
            image: canonical(object_facts(row["objects"], row["width"], row["height"], names)[0])
            for image, row in rows.items()
        }
        return rows, captions, corpus

    return index


def sides(row):
    """The corners of the boxes of an image, sorted."""
    return sorted((box["xmin"], box["ymin"], box["xmax"], box["ymax"]) for box in row["objects"])


def furthest(rows, others):
    """The largest difference in pixels of any two sides of the same boxes, over the images of both."""
    gaps = [0.0]
    for image in rows.keys() & others.keys():
        boxes, matched = sides(rows[image]), sides(others[image])
        assert len(boxes) == len(matched), image
        for box in boxes:
            nearest = min(matched, key=lambda other: sum(abs(a - b) for a, b in zip(box, other, strict=True)))
            matched.remove(nearest)
            gaps.append(max(abs(a - b) for a, b in zip(box, nearest, strict=True)))
    return max(gaps)


FOUR_FORMS = {
    "boxes": ("VOC", "voc", "four/JPEGImages*/*.jpg", "four/Annotations*/*.xml"),
    "turned boxes": ("VOCOBB", "voc", "four/JPEGImages*/*.jpg", "four/Annotations*/*.xml"),
    "polygons": ("VOCSEG", "voc", "four/JPEGImages*/*.jpg", "four/Annotations*/*.xml"),
    "coco": ("coco", "coco", "four/images/*.jpg", "four/annotations/*.json"),
}


def test_one_image_in_four_forms_has_one_caption(read):
    said, boxes = {}, {}
    for form, (folder, name, images, files) in FOUR_FORMS.items():
        annotations = {"format": name, "files": [files]}
        rows, said[form], corpus = read(form, [images], annotations, {"four": f"SSDD-four-forms/{folder}"})
        boxes[form] = {image: len(row["objects"]) for image, row in rows.items()}
        assert not corpus.faults()
    first = said.pop("boxes")
    assert set(first) == {"000001", "000002", "000006", "000015"}
    assert said == dict.fromkeys(said, first)
    assert all(each == {"000001": 1, "000002": 1, "000006": 3, "000015": 3} for each in boxes.values())


@pytest.fixture
def ssdd(realdata, corpus):
    """Read the boxes of SSDD from files of a format; images have the sizes that its XML gives them."""
    folder = realdata / "SSDD" / "Annotations"
    sizes = {}
    for file in folder.glob("*.xml"):
        size = ElementTree.parse(file).find("size")
        sizes[file.stem] = int(size.findtext("width")), int(size.findtext("height"))

    def rows(reader, files, angle=None):
        annotations = {"format": "voc", "files": ["*"], "angle": angle}
        entry = corpus.declare(**{**DETECTION, "annotations": annotations, "classes": [SHIPS]}).load()
        names, refused = naming(entry), Counter()
        found, captions = {}, {}
        for file in sorted(files):
            size_of = sizes.get(file.stem)
            try:
                records = reader(Source(file.parent, file.name, entry, size_of=lambda _, size=size_of: size))
            except Unusable as error:
                refused[error.reason] += 1
                continue
            for record in records:
                image = file.stem if file.stem in sizes else PurePosixPath(record.name).stem
                refused.update(reason for reason, _ in record.left_out)
                if image in sizes:
                    width, height = sizes[image]
                    objects, _ = clean_boxes(record.boxes, width, height, label_table(entry))
                    found[image] = {"objects": objects, "width": width, "height": height}
                    captions[image] = canonical(object_facts(objects, width, height, names)[0])
        return found, captions, refused

    return rows


def on_the_border(row):
    """Whether the centre of a box lies within a pixel of the border of the center of the image."""
    borders = [(side / 4, side * 3 / 4) for side in (row["width"], row["height"])]
    return any(
        abs((box[f"{axis}min"] + box[f"{axis}max"]) / 2 - border) <= PIXEL
        for box in row["objects"]
        for axis, sides_of_center in zip("xy", borders, strict=True)
        for border in sides_of_center
    )


def test_ssdd_as_coco_has_the_boxes_and_the_captions_of_its_voc(ssdd, realdata):
    rows, captions, told = ssdd(read_voc, (realdata / "SSDD" / "Annotations").glob("*.xml"))
    assert not told
    coco, said, told = ssdd(read_coco, (realdata / "SAR-HUB-json").glob("SSDD_*.json.gz"))
    assert not told
    assert len(coco) == len(rows) == 1038
    assert sum(len(row["objects"]) for row in coco.values()) == 2301
    assert furthest(rows, coco) <= PIXEL
    unlike = {image for image in captions if captions[image] != said[image]}
    assert unlike == {"000092", "000158", "000252", "000966", "001099"}
    assert all(on_the_border(rows[image]) for image in unlike), "a fraction of a pixel decides where a ship is"


def test_ssdd_as_yolo_has_the_boxes_of_its_voc(ssdd, realdata):
    rows, captions, _ = ssdd(read_voc, (realdata / "SSDD" / "Annotations").glob("*.xml"))
    yolo, said, told = ssdd(read_yolo, (realdata / "SSDD" / "labels_yolo").rglob("*.txt"))
    assert not told
    assert len(yolo) == 189
    assert furthest(rows, yolo) == pytest.approx(PIXEL), "its converter took one from the upper left corners"
    assert all(on_the_border(rows[image]) for image in said if said[image] != captions[image])


SSDD_ANGLE = {"unit": "degrees", "side": "width", "sense": "clockwise"}


@pytest.mark.parametrize(
    ("wrong", "refused"),
    [({"unit": "radians"}, 900), ({"side": "height"}, 850), ({"sense": "anticlockwise"}, 600)],
    ids=["unit", "side", "sense"],
)
def test_a_wrong_convention_for_ssdd_is_refused_loudly_and_the_right_one_nowhere(ssdd, realdata, wrong, refused):
    files = list((realdata / "SSDD" / "Annotations").glob("*.xml"))
    assert not ssdd(read_voc, files, SSDD_ANGLE)[2]
    assert ssdd(read_voc, files, {**SSDD_ANGLE, **wrong})[2]["angle-convention"] > refused


def test_the_angles_of_ssdd_are_those_of_its_corners(realdata):
    """The sense of the stated convention, which upright boxes cannot tell."""
    gaps = []
    for file in sorted((realdata / "SSDD" / "Annotations").glob("*.xml")):
        for element in ElementTree.parse(file).iter("rotated_bndbox"):
            numbers = {child.tag.removeprefix("rotated_bbox_"): float(child.text) for child in element}
            angle = side_angle([(numbers[f"x{place}"], numbers[f"y{place}"]) for place in (1, 2, 3, 4)])
            if max(numbers["w"], numbers["h"]) >= 40:  # corners are whole pixels
                gaps.append(abs((numbers["theta"] - angle + 45) % 90 - 45))
    assert len(gaps) > 1000
    assert max(gaps) < 3


def test_ls_ssdd_has_the_same_boxes_in_three_formats(read):
    images = {"images": "LS-SSDD/images"}
    annotations = {"format": "voc", "files": ["annotations/*.xml"]}
    links = {**images, "annotations": "LS-SSDD/annotations"}
    voc, captions, _ = read("voc", ["images/*.jpg"], annotations, links)
    annotations = {"format": "coco", "files": ["json/LS_SSDD*.json.gz"]}
    coco, said, corpus = read("coco", ["images/*.jpg"], annotations, {**images, "json": "SAR-HUB-json"})
    assert said == captions, "its category id is text"
    assert sides_of(coco) == sides_of(voc)
    assert sum(not row["objects"] for row in coco.values()) == 4
    assert Counter(fault.reason for fault in corpus.faults()) == {"annotation-without-image": 8994}
    annotations = {"format": "yolo", "files": ["labels/*.txt"]}
    yolo, _, corpus = read("yolo", ["images/*.jpg"], annotations, {**images, "labels": "LS-SSDD/annotations_yolo"})
    assert furthest(voc, yolo) < 1e-9
    assert corpus.reasons() == dict.fromkeys(["01_1_1", "01_1_2", "01_1_3", "01_2_17"], "no-annotation")


def sides_of(rows):
    return {image: sides(row) for image, row in rows.items()}


def test_the_odd_json_of_hrsid_is_read(realdata, corpus):
    folder = realdata / "HRSID" / "annotations"
    records = {
        file.name: read_coco(Source(folder, file.name, corpus.declare(**DETECTION).load()))
        for file in folder.glob("*.json")
    }
    counts = {name: (len(found), sum(len(record.boxes) for record in found)) for name, found in records.items()}
    assert counts == {"offshore_train.json": (3088, 6113), "inshore_test_EXTRACT.json": (10, 139)}
    assert not [record.left_out for found in records.values() for record in found if record.left_out]
    boxes = [box for record in records["inshore_test_EXTRACT.json"] for box in record.boxes]
    assert sum((box.xmin, box.xmax) == (0, 0) for box in boxes) == 1, "left out later, as a box without area"

"""Whatever bytes a file of boxes holds, its reader makes records or gives a reason: no bad file stops a build."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sartext.catalogue.entry import AngleConvention, Annotations, CorpusClass, Entry
from sartext.corpora.cleaning import clean_boxes
from sartext.corpora.formats import FORMATS
from sartext.corpora.quarantine import Unusable
from sartext.corpora.reading import Source
from tests.corpora.making import BASE, SHIP, voc

FORMS = """<object><name>ship</name><difficult>1</difficult><robndbox><cx>20</cx><cy>15</cy><w>9</w><h>4</h>
<angle>0.4</angle><x1>1</x1><y1>2</y1><x2>3</x2><y2>4</y2></robndbox><segm><point>2,3</point></segm></object>"""

MASK = {"size": [30, 40], "counts": "00b0"}

COCO = {
    "images": [{"id": 1, "file_name": "1.png", "width": 40, "height": 30}, {"id": "1", "file_name": "2.png"}],
    "categories": [{"id": 0, "name": "ship"}],
    "annotations": [
        {"id": 1, "image_id": 1, "category_id": 0, "bbox": [1, 1, 5, 5], "segmentation": [[1, 1, 6, 1, 6, 6]]},
        {"id": 1, "image_id": "1", "category_id": "0", "segmentation": MASK, "iscrowd": 0},
        {"id": 2, "image_id": 1, "category_id": 0, "segmentation": {"size": [2, 2], "counts": [1, 2, 1]}},
    ],
}

SOUND = {
    "voc": "<?xml version='1.0' encoding='utf-8'?>" + voc(("ship", 1, 2, 9, 9), extra=FORMS),
    "coco": json.dumps(COCO),
    "yolo": "0 0.5 0.5 0.1 0.1\n1 0.2 0.2 0.1 0.1\n",
    "yolo-oriented": "0 0.5 0.5 0.6 0.5 0.6 0.6 0.5 0.6\n",
    "dota": "imagesource:GF-3\ngsd:1\n1 1 9 1 9 9 1 9 ship 1\n",
}

PIECES = [
    b"",
    b"\x00",
    b"nan",
    b"inf",
    b"-1e999",
    b"\xff\xfe",
    b"\xc4\xea",
    b"[",
    b"{}",
    b"null",
    b"<a>",
    b"</",
    b"9" * 400,
]


@st.composite
def damaged(draw, sound):
    """A sound file in which a few stretches of bytes are replaced."""
    content = sound.encode()
    for _ in range(draw(st.integers(1, 4))):
        place = draw(st.integers(0, len(content)))
        length = draw(st.integers(0, 12))
        piece = draw(st.sampled_from(PIECES) | st.binary(max_size=6))
        content = content[:place] + piece + content[place + length :]
    return content


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("damaged")


@pytest.mark.parametrize("name", SOUND)
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_a_damaged_file_gives_records_or_a_reason(folder, name, data):
    (folder / "1.txt").write_bytes(data.draw(damaged(SOUND[name]) | st.binary(max_size=80)))
    angle = AngleConvention(unit="radians", side="width", sense="clockwise")
    declared = Annotations(format=name, files=("*",), angle=angle)
    fields = {**BASE, "name": "made", "kind": "detection", "images": ("*",), "classes": (CorpusClass(**SHIP),)}
    source = Source(folder, "1.txt", Entry(**fields, annotations=declared), size_of=lambda _: (40, 30))
    try:
        records = FORMATS[name].read(source)
    except Unusable as reason:
        assert reason.reason
        return
    for record in records:
        assert record.name or name == "voc"
        try:
            objects, _ = clean_boxes(record.boxes, 40, 30, {"ship": "ship", "0": "ship", "1": "ship"})
        except Unusable:
            continue
        for box in objects:
            assert 0 <= box["xmin"] < box["xmax"] <= 40
            assert 0 <= box["ymin"] < box["ymax"] <= 30
            assert box["angle"] is None or 0 <= box["angle"] < 90
            assert box["difficulty"] in {None, 0, 1, 2}


@pytest.mark.parametrize("encoding", ["undefined", "idna", "hex", "zlib", "utf-7", "punycode", "rot13", "utf-16"])
def test_an_encoding_that_is_none_of_text_is_no_stop(folder, encoding):
    (folder / "1.xml").write_bytes(f"<?xml version='1.0' encoding='{encoding}'?>{voc()}".encode())
    fields = {**BASE, "name": "made", "kind": "detection", "images": ("*",)}
    try:
        assert len(FORMATS["voc"].read(Source(folder, "1.xml", Entry(**fields)))) == 1
    except Unusable as reason:
        assert reason.reason == "not-xml"

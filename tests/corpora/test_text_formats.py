"""Boxes in text files: YOLO, YOLO with four corners, and DOTA."""

import pytest

from sartext.corpora.formats.dota import looks_like_dota
from sartext.corpora.reading import Source
from sartext.errors import CorpusError
from tests.corpora.making import DETECTION, SHIP, corners, picture

SHIP_AND_PLANE = [
    {**SHIP, "source": ["ship", "1"]},
    {"label": "plane", "source": ["plane", "0"], "noun": "plane", "plural": "planes", "hypernym": "aircraft"},
]


@pytest.fixture
def labelled(corpus):
    """Declare a format, and put the label file of one picture of 40 x 30 pixels, beside a good second one."""

    def put(name, text, **annotations):
        declared = {"format": name, "files": ["labels/*"], **annotations}
        corpus.declare(**{**DETECTION, "annotations": declared, "classes": SHIP_AND_PLANE})
        for image in (1, 2):
            corpus.put(f"images/{image}.png", picture(seed=image))
        corpus.put("labels/1.txt", text)
        corpus.put("labels/2.txt", "")
        return corpus

    return put


def found(corpus):
    return corners(corpus.rows()["1"])


@pytest.mark.parametrize(
    "text", ["1 0.5 0.5 0.25 0.2", "1 0.5 0.5 0.25 0.2\r\n\r\n", "\ufeff1.0 0.5 0.5 2.5e-1 0.2\n"]
)
def test_yolo_is_centre_and_size_in_shares(labelled, text):
    corpus = labelled("yolo", text)
    corpus.index()
    assert found(corpus) == [("ship", 15, 12, 25, 18)]
    assert not corpus.faults()


def test_an_empty_file_says_that_nothing_is_there_and_no_file_says_nothing(labelled):
    corpus = labelled("yolo", "1 0.5 0.5 0.25 0.2")
    corpus.put("images/3.png", picture(seed=3))
    corpus.index()
    assert corpus.rows()["2"]["objects"] == []
    assert corpus.reasons() == {"3": "no-annotation"}


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("labels/classes.txt", "plane\nship\n\n"),
        ("labels/obj.names", "\ufeffplane\r\nship"),
        ("data.yaml", "train: images\nnc: 2\nnames: [plane, ship]\n"),
        ("data.yaml", "names:\n  1: ship\n  0: plane\n"),
    ],
)
def test_a_class_list_names_the_numbers(labelled, path, content):
    corpus = labelled("yolo", "1 0.5 0.5 0.25 0.2\n0 0.5 0.5 0.5 0.2\n2 0.1 0.1 0.1 0.1", class_list=path)
    corpus.put(path, content)
    corpus.put("labels/2.txt", "0 0.5 0.5 0.25 0.2")
    corpus.index()
    assert [box["source_label"] for box in corpus.rows()["2"]["objects"]] == ["plane"]
    assert [(fault.image_id, str(fault.detail)) for fault in corpus.faults()] == [("made/1", "'2'")]


@pytest.mark.parametrize(
    "damage",
    [None, "nc: 2\n", "names: [plane\n", "names: ship\n", "names: [[plane], ship]\n", "[" * 20000],
    ids=["absent", "no names", "no YAML", "no list", "no names in it", "deep"],
)
def test_a_class_list_that_is_not_there_or_damaged_stops_the_corpus_with_its_name(labelled, damage):
    corpus = labelled("yolo", "1 0.5 0.5 0.25 0.2", class_list="data.yaml")
    if damage:
        corpus.put("data.yaml", damage)
    with pytest.raises(CorpusError, match=r"no-class-list 2.*data\.yaml"):
        corpus.index()


@pytest.mark.parametrize(
    ("line", "box", "reason"),
    [
        ("1 0.0 0.5 0.5 0.2", [("ship", 0, 12, 10, 18)], "box-clipped"),
        ("1 0.9 0.5 0.5 0.2", [("ship", 26, 12, 40, 18)], "box-clipped"),
        ("1 1.2 0.5 0.1 0.1", [], "box-outside"),
        ("1 -3.0 0.5 0.1 0.1", [], "box-outside"),
        ("1 0.5 0.5 0.1 0", [], "box-without-area"),
    ],
)
def test_a_box_beyond_the_image_is_clipped_or_dropped_and_the_image_stays(labelled, line, box, reason):
    corpus = labelled("yolo", f"{line}\n1 0.5 0.5 0.25 0.2\n")
    corpus.index()
    assert found(corpus) == [*box, ("ship", 15, 12, 25, 18)]
    assert [(fault.reason, fault.detail, fault.kind) for fault in corpus.faults()] == [(reason, "1 of 2", "box")]


def test_a_box_on_the_sides_of_the_image_is_not_clipped_for_its_decimals(labelled):
    corpus = labelled("yolo", "1 0.499999 0.5000004 0.999999 1.000001\n")
    corpus.index()
    assert found(corpus) == [("ship", 0, 0, 40, 30)]
    assert not corpus.faults()


@pytest.mark.parametrize(
    ("text", "reason", "detail"),
    [
        ("1 0.5 0.5 0.1", "not-yolo", "line 1: 4 words"),
        ("\n1 0.5 0.5 0.1 0.1 0.97", "not-yolo", "line 2: 6 words"),
        ("1 20 15 10 6", "not-normalised", "line 1"),
        ("1 20 15 1 1", "boxes-outside", "1 of 1"),
        ("1 0.5 nan 0.1 0.1", "box-not-a-number", "1 of 1"),
        ("1 0.5 0.5 inf 0.1", "box-not-a-number", "1 of 1"),
        ("1 0.5 0.5 -0,1 0.1", "box-not-a-number", "1 of 1"),
        ("nan 0.5 0.5 0.1 0.1", "unknown-class", "'nan'"),
        ("7 0.5 0.5 0.1 0.1", "unknown-class", "'7'"),
    ],
)
def test_what_is_no_label_costs_its_image_only(labelled, text, reason, detail):
    corpus = labelled("yolo", text)
    corpus.index()
    (fault,) = corpus.faults()
    assert (fault.image_id, fault.reason) == ("made/1", reason)
    assert fault.detail.startswith(detail)
    assert set(corpus.rows()) == {"2"}


SQUARE = ["0.5 0.2", "0.65 0.4", "0.5 0.6", "0.35 0.4"]  # pixels (20, 6), (26, 12), (20, 18), (14, 12)


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (0, 2, 1, 3), (2, 3, 0, 1)])
def test_corners_in_any_order_are_one_turned_box(labelled, order):
    oriented = labelled("yolo-oriented", "1 " + " ".join(SQUARE[place] for place in order))
    oriented.index()
    (box,) = oriented.rows()["1"]["objects"]
    assert [box[side] for side in ("xmin", "ymin", "xmax", "ymax")] == pytest.approx([14, 6, 26, 18])
    assert box["angle"] == pytest.approx(45)


DOTA = "imagesource:GF-3\ngsd:null\n10 5 30 9 29 14 9 10 ship 1\n"


def test_dota_has_headings_a_difficulty_and_an_angle(labelled):
    corpus = labelled("dota", DOTA + "1 1 9 1 9 9 1 9 plane 2\n1 1 8 1 8 9 1 9 plane\n1 1 7 1 7 9 1 9 plane 0")
    corpus.index()
    objects = corpus.rows()["1"]["objects"]
    assert [box["difficulty"] for box in objects] == [1, 2, None, 0], "no object is left out for its difficulty"
    assert found(corpus)[:2] == [("ship", 9, 5, 30, 14), ("plane", 1, 1, 9, 9)]
    assert objects[0]["angle"] == pytest.approx(11.3099, abs=1e-3)
    assert not corpus.faults()


def test_labels_with_four_corners_in_shares_are_not_taken_for_dota(labelled):
    text = "1 0.5 0.2 0.65 0.4 0.5 0.6 0.35 0.4"
    corpus = labelled("yolo-oriented", text)
    assert not looks_like_dota(Source(corpus.folder, "labels/1.txt", corpus.load()))
    corpus.put("labels/1.txt", DOTA)
    assert looks_like_dota(Source(corpus.folder, "labels/1.txt", corpus.load()))


def test_a_polygon_in_shares_is_not_taken_for_dota(labelled):
    corpus = labelled("dota", "0 0.1 0.1 0.2 0.1 0.2 0.2 0.15 0.25 0.1 0.2\n")
    assert not looks_like_dota(Source(corpus.folder, "labels/1.txt", corpus.load()))


def test_dota_of_headings_only_holds_nothing(labelled):
    corpus = labelled("dota", "imagesource:GF-3\ngsd:0.5")
    corpus.index()
    assert corpus.rows()["1"]["objects"] == []


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("1 1 9 1 9 9 1 9", "not-dota: line 3: 8 words"),
        ("1 1 9 1 9 9 1 inf ship 0", "box-not-a-number: 1 of 2"),
        ("1 1 9 1 9 9 ship 0 1 1", "box-not-a-number|unknown-class"),
    ],
)
def test_what_is_no_dota_costs_its_image_only(labelled, line, reason):
    corpus = labelled("dota", DOTA.replace("gsd:null", "gsd:nan").rstrip("\n").replace("\n10", f"\n{line}\n10"))
    corpus.index()
    (fault,) = corpus.faults()
    told = f"{fault.reason}: {fault.detail}"
    assert any(told.startswith(each) for each in reason.split("|"))
    assert set(corpus.rows()) == {"2"}


def test_a_repeated_line_is_one_object(labelled):
    corpus = labelled("dota", "10 5 30 9 29 14 9 10 ship 1\n9 10 10 5 30 9 29 14 ship 0\n")
    corpus.index()
    assert len(found(corpus)) == 1
    assert corpus.reasons("box") == {"1": "repeated-box"}

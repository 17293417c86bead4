"""Pascal VOC in all the ways in which real corpora write it."""

import pytest

from sartext.corpora.formats.voc import read_voc
from sartext.corpora.quarantine import Unusable
from sartext.corpora.reading import Source
from tests.corpora.making import DETECTION, corners, picture, voc
from tests.corpora.making import SHIP as KIND

SHIP = ("ship", 5, 6, 15, 16)


def objects(corpus, image="1"):
    return corners(corpus.rows()[image])


def test_one_file_per_image(detection):
    detection.add("1", SHIP, filename="1.png")
    detection.index()
    assert objects(detection) == [("ship", 5, 6, 15, 16)]


@pytest.mark.parametrize("name", ["all.xml", "all.xml.gz"])
def test_one_file_for_all_images_names_absent_ones(detection, name):
    for image in (1, 2):
        detection.put(f"images/{image}.png", picture(seed=image))
    many = "".join(voc(SHIP, filename=f"{image}.png") for image in (1, 2, 3))
    declaration = "<?xml version='1.0' encoding='utf-8'?>"
    detection.put(f"annotations/{name}", f"{declaration}\n<annotations>{many}</annotations>")
    metrics = detection.index()
    assert set(detection.rows()) == {"1", "2"}
    assert metrics["reasons"]["annotation"] == {"annotation-without-image": 1}
    assert [fault.path for fault in detection.faults("annotation")] == ["3.png"]
    assert metrics["left_out"] == 0  # an annotation without an image is no image


@pytest.mark.parametrize(
    ("image", "annotation", "filename"),
    [("01_1_1", "01_1_1", "01_1_1.xml"), ("a", "0001", "C:\\corpus\\images\\a.jpg")],
    ids=["by the stem", "a file named otherwise by its filename"],
)
def test_what_an_annotation_belongs_to(detection, image, annotation, filename):
    detection.put(f"images/{image}.png", picture())
    detection.put(f"annotations/{annotation}.xml", voc(SHIP, filename=filename, extra="<path>JPEGImages</path>"))
    detection.index()
    assert len(objects(detection, image)) == 1


@pytest.mark.parametrize("image", ["000001.JPG", "000001.jpeg", "000001.png"])
@pytest.mark.parametrize("filename", ["000001", "000001.jpg", "scene_7_0_256", "JPEGImages", "000002.jpg", ""])
def test_the_file_on_disk_is_found_by_the_stem_of_its_own_annotation(corpus, image, filename):
    corpus.declare(**DETECTION)
    other = ("ship", 1, 1, 9, 9)
    corpus.put(f"images/{image}", picture(form="PNG"))
    corpus.put("annotations/000001.xml", voc(SHIP, filename=filename))
    corpus.put("images/000002.png", picture(seed=2))
    corpus.put("annotations/000002.xml", voc(other, filename="000001.jpg"))
    corpus.index()
    assert (objects(corpus, "000001"), objects(corpus, "000002")) == ([SHIP], [other])
    assert not corpus.faults()


def test_a_stem_of_two_images_is_ambiguous_and_both_are_named(detection):
    for suffix, seed in (("jpg", 1), ("png", 2)):
        detection.put(f"images/a.{suffix}", picture(seed=seed))
    detection.put("annotations/a.xml", voc(SHIP, filename="a"))
    detection.add("b", SHIP, seed=3)
    detection.index()
    told = {fault.path: fault.reason for fault in detection.faults("image")}
    assert told == dict.fromkeys(["data/made/images/a.jpg", "data/made/images/a.png"], "ambiguous-annotation")


def test_image_without_objects_is_kept(detection):
    detection.add("1", filename="1.png")
    assert detection.index()["images_without_objects"] == 1
    assert objects(detection) == []


def test_depth_may_differ_but_not_the_size(detection):
    for image, width in (("right", 40), ("wrong", 41), ("unstated", 0)):
        detection.put(f"images/{image}.png", picture(mode="RGB", seed=width))
        detection.put(f"annotations/{image}.xml", voc(SHIP, width=width))
    detection.index()
    assert set(detection.rows()) == {"right", "unstated"}
    assert detection.reasons() == {"wrong": "size-mismatch"}


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + voc(SHIP).encode(),
        voc(SHIP).replace("><", ">\r\n<").encode(),
        ('<?xml version="1.0" encoding="utf-16"?>' + voc(SHIP)).encode("utf-16"),
        ('<?xml version="1.0" encoding="gb2312"?>' + voc(SHIP, extra="<a>\u8239</a>")).encode("gb2312"),
        ('<?xml version="1.0" encoding="GBK"?>' + voc(SHIP, extra="<a>\u9ed1</a>")).encode("gbk"),
        ("<?xml version='1.0' encoding='gb2312'?>" + voc(SHIP, extra="<a>\u4dae</a>")).encode("gb18030"),
        voc(SHIP).replace("><", ">\n\t<").encode(),
    ],
    ids=["bom", "crlf", "utf-16", "gb2312", "gbk", "gb18030", "tabs"],
)
def test_encodings_and_line_ends_that_are_sound(detection, content):
    detection.put("images/1.png", picture())
    detection.put("annotations/1.xml", content)
    detection.index()
    assert objects(detection) == [("ship", 5, 6, 15, 16)]
    assert detection.faults() == []


def test_broken_encoding_is_read_and_counted_and_in_a_class_name_is_an_unknown_class(detection):
    detection.put("images/1.png", picture())
    detection.put("annotations/1.xml", voc(SHIP, extra="<owner>M?ller</owner>").encode().replace(b"?", b"\xfc"))
    detection.put("images/2.png", picture(seed=2))
    detection.put("annotations/2.xml", voc(("sh?p", 1, 1, 9, 9)).encode().replace(b"?", b"\xfc"))
    detection.index()
    assert objects(detection) == [("ship", 5, 6, 15, 16)]
    assert detection.reasons("annotation") == {"1": "broken-encoding"}
    assert detection.reasons() == {"2": "unknown-class"}


@pytest.mark.parametrize(("declared", "written"), [("utf-8", "gb18030"), ("gb2312", "utf-8"), ("x-none", "gbk")])
def test_another_encoding_than_the_declared_one_is_read_and_counted(corpus, declared, written):
    corpus.declare(**{**DETECTION, "classes": [{**KIND, "source": ["\u8239"]}]})
    corpus.put("images/1.png", picture())
    text = f"<?xml version='1.0' encoding='{declared}'?>" + voc(("\u8239", 5, 6, 15, 16))
    corpus.put("annotations/1.xml", text.encode(written))
    corpus.index()
    assert objects(corpus) == [("ship", 5, 6, 15, 16)]
    assert corpus.reasons("annotation") == {"1": "broken-encoding"}


def test_tags_are_the_same_in_upper_and_lower_case(detection):
    detection.put("images/1.png", picture())
    written = voc(SHIP, extra="<Difficult>1</Difficult>").replace("object", "Object").replace("xmin", "Xmin")
    written = written.replace("</bndbox></Object>", "</bndbox><Difficult>1</Difficult></Object>")
    detection.put("annotations/1.xml", written.replace("annotation>", "Annotation>"))
    detection.index()
    (box,) = detection.rows()["1"]["objects"]
    assert (box["xmin"], box["difficulty"]) == (5, 1)


@pytest.mark.parametrize("end", [voc(("ship", 1, 1, 3, 3)), "<?xml version='1.0'?>" + voc(), "\x00\x00", "</a>"])
def test_text_after_the_end_is_told_and_the_first_document_kept(detection, end):
    detection.add("1")
    first = "<?xml version='1.0' encoding='utf-8'?>\n" + voc(SHIP, extra="<a>\u8239</a>")
    detection.put("annotations/1.xml", first + end)
    detection.index()
    assert objects(detection) == [("ship", 5, 6, 15, 16)]
    (fault,) = detection.faults()
    after = f"{len(end)} characters after the end of the first document"
    assert (fault.reason, fault.detail, fault.kind) == ("text-after-end", after, "annotation")


BOMB = """<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>
<annotation><object><name>&b;</name></object></annotation>"""


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (BOMB, "xml-bomb"),
        ('<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><annotation>&x;</annotation>', "xml-bomb"),
        ("<annotation><object>", "not-xml"),
        (voc(SHIP)[:-20] + voc(SHIP), "not-xml"),
        ("", "not-xml"),
        ("<html></html>", "not-voc"),
        ("<annotations></annotations>", "ambiguous-annotation"),
    ],
)
def test_damaged_file_costs_its_image_only(detection, content, reason):
    detection.add("1", seed=1)
    detection.put("annotations/1.xml", content)
    detection.add("2", SHIP, seed=2)
    detection.index()
    assert detection.reasons() == {"1": reason}
    assert set(detection.rows()) == {"2"}


def test_damaged_gzip_is_a_reason(detection):
    (detection.folder / "a.xml.gz").write_bytes(b"\x1f\x8b\x08\x00damaged")
    with pytest.raises(Unusable, match="damaged-gzip"):
        read_voc(Source(detection.folder, "a.xml.gz", detection.load()))


def test_object_without_a_box_costs_the_image_because_it_would_be_miscounted(detection):
    detection.add("1", SHIP, extra="<object><name>ship</name></object>")
    detection.add("2", SHIP, seed=2)
    detection.index()
    assert set(detection.rows()) == {"2"}
    assert detection.reasons() == {"1": "box-not-a-number"}


def test_objects_may_lie_in_an_element_of_their_own(detection):
    detection.put("images/a.png", picture())
    detection.put(
        "annotations/a.xml",
        voc(SHIP).replace("<object>", "<objects><object>").replace("</object>", "</object></objects>"),
    )
    detection.index()
    assert len(detection.rows()["a"]["objects"]) == 1


def test_an_object_of_two_boxes_costs_the_image_because_it_would_be_miscounted(detection):
    detection.add("good", SHIP)
    detection.put("images/a.png", picture(seed=1))
    box = "<bndbox><xmin>1</xmin><ymin>1</ymin><xmax>5</xmax><ymax>5</ymax></bndbox>"
    detection.put("annotations/a.xml", voc(SHIP).replace("</object>", f"{box}</object>"))
    detection.index()
    assert detection.reasons() == {"a": "not-voc"}

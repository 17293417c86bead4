"""One object in several forms: upright, turned by an angle, four corners, a polygon."""

import pytest

from tests.corpora.making import DETECTION, corners, picture

WIDTH_DEGREES = {"unit": "degrees", "side": "width", "sense": "clockwise"}
WIDTH_RADIANS = {**WIDTH_DEGREES, "unit": "radians"}
HEIGHT_DEGREES = {**WIDTH_DEGREES, "side": "height"}


@pytest.fixture
def turned(corpus):
    """Index one picture of 40 x 30 pixels whose VOC file has these objects, under a stated convention."""

    def index(*objects, angle=None):
        annotations = {**DETECTION["annotations"], "angle": angle}
        corpus.declare(**{**DETECTION, "annotations": annotations})
        for image in (1, 2):
            corpus.put(f"images/{image}.png", picture(seed=image))
        written = "".join(f"<object><name>ship</name>{forms}</object>" for forms in objects)
        corpus.put("annotations/1.xml", f"<annotation>{written}</annotation>")
        corpus.put("annotations/2.xml", "<annotation></annotation>")
        corpus.index()
        return corpus

    return index


def upright(*sides):
    return "<bndbox>{}</bndbox>".format(_tags(zip(("xmin", "ymin", "xmax", "ymax"), sides, strict=True)))


def robndbox(*numbers):
    """As roLabelImg writes it."""
    return "<robndbox>{}</robndbox>".format(_tags(zip(("cx", "cy", "w", "h", "angle"), numbers, strict=True)))


def rotated(*numbers, points=()):
    """As SSDD writes it: an angle, corners or both."""
    names = [f"rotated_bbox_{name}" for name in ("cx", "cy", "w", "h", "theta")]
    return f"<rotated_bndbox>{_tags(zip(names, numbers, strict=False))}{numbered(points)}</rotated_bndbox>"


def numbered(points):
    places = enumerate(points, start=1)
    return _tags(
        (f"{axis}{place}", value) for place, point in places for axis, value in zip("xy", point, strict=True)
    )


def segm(*points):
    return "<segm>{}</segm>".format("".join(f"<point>{x},{y}</point>" for x, y in points))


def _tags(pairs):
    return "".join(f"<{name}>{value}</{name}>" for name, value in pairs)


# one ship of 20 x 4 pixels about (20, 15), its bow turned clockwise by 30 degrees from the x axis
SHIP = (10.34, 8.27, 29.66, 21.73)
CORNERS = ((12.34, 8.27), (29.66, 18.27), (27.66, 21.73), (10.34, 11.73))
WRITTEN = {
    "degrees of the width": (robndbox(20, 15, 20, 4, 30), WIDTH_DEGREES),
    "degrees of the width, the sides swapped": (robndbox(20, 15, 4, 20, 120), WIDTH_DEGREES),
    "negative degrees": (rotated(20, 15, 4, 20, -60), WIDTH_DEGREES),
    "radians of the width": (robndbox(20, 15, 20, 4, 0.5235988), WIDTH_RADIANS),
    "radians, half a turn on": (robndbox(20, 15, 20, 4, 3.6651914), WIDTH_RADIANS),
    "degrees of the height": (rotated(20, 15, 4, 20, 30), HEIGHT_DEGREES),
    "anticlockwise": (robndbox(20, 15, 20, 4, -30), {**WIDTH_DEGREES, "sense": "anticlockwise"}),
    "corners": (rotated(points=CORNERS).replace("rotated_bndbox", "robndbox"), None),
    "corners in bndbox": (rotated(points=CORNERS).replace("rotated_bndbox", "bndbox"), None),
    "corners beside an angle that nothing explains": (rotated(20, 15, 20, 4, 30, points=CORNERS[::-1]), None),
}


@pytest.mark.parametrize("form", WRITTEN)
def test_every_convention_gives_the_same_box_and_angle(turned, form):
    written, angle = WRITTEN[form]
    corpus = turned(written, angle=angle)
    (box,) = corpus.rows()["1"]["objects"]
    assert [box[side] for side in ("xmin", "ymin", "xmax", "ymax")] == pytest.approx(SHIP, abs=0.01)
    assert box["angle"] == pytest.approx(30, abs=0.1)
    assert not corpus.faults()


@pytest.mark.parametrize("form", sorted(WRITTEN.keys() - {"corners in bndbox"}))
def test_an_upright_box_comes_first(turned, form):
    written, angle = WRITTEN[form]
    corpus = turned(written + upright(11, 9, 29, 21), angle=angle)
    assert corners(corpus.rows()["1"]) == [("ship", 11, 9, 29, 21)]
    assert not corpus.faults()


def test_without_a_statement_an_angle_is_not_guessed(turned):
    corpus = turned(robndbox(20, 15, 20, 4, 0.52), upright(1, 1, 5, 5))
    assert corpus.reasons() == {"1": "angle-convention"}
    (fault,) = corpus.faults()
    assert "state `angle` in `annotations` of the catalogue file" in fault.detail
    assert set(corpus.rows()) == {"2"}


def test_without_a_statement_an_upright_box_is_taken_and_no_angle_recorded(turned):
    corpus = turned(robndbox(20, 15, 20, 4, 0.52) + upright(*SHIP))
    (box,) = corpus.rows()["1"]["objects"]
    assert box["angle"] is None
    assert not corpus.faults()


@pytest.mark.parametrize(
    ("written", "stated", "told"),
    [
        (robndbox(20, 15, 20, 4, 30), WIDTH_RADIANS, "stated in radians, and there is an angle of 30"),
        (robndbox(20, 15, 20, 4, 0.5236), WIDTH_DEGREES, "the boxes fit radians of the width"),
        (robndbox(20, 15, 20, 4, 30), HEIGHT_DEGREES, "the boxes fit degrees of the width"),
        (robndbox(20, 15, 4, 20, 30), WIDTH_DEGREES, "the boxes fit degrees of the height"),
        (
            rotated(20, 15, 20, 4, -30, points=CORNERS),
            WIDTH_DEGREES,
            "stated clockwise, the corners turn the other way",
        ),
    ],
)
def test_a_file_that_contradicts_the_stated_convention_is_refused(turned, written, stated, told):
    corpus = turned(written + upright(*SHIP), angle=stated)
    (fault,) = corpus.faults()
    assert (fault.image_id, fault.reason) == ("made/1", "angle-convention")
    assert told in fault.detail


@pytest.mark.parametrize(
    "other",
    [
        robndbox(5, 5, 20, 4, 30),
        robndbox(20, 15, 20, 4, "nan"),
        robndbox("inf", 15, 20, 4, 30),
        rotated(points=[(1, 1), (5, 1), (5, 5), (1, 5)]),
        segm((1, 1), (5, 1), (5, 5)),
        segm((11, 9), ("nan", 9), (29, 21)),
        "<segm></segm>",
    ],
)
def test_a_form_of_something_else_is_told_and_the_upright_box_stays(turned, other):
    corpus = turned(upright(11, 9, 29, 21) + other, upright(1, 1, 5, 5), angle=WIDTH_DEGREES)
    assert corners(corpus.rows()["1"]) == [("ship", 11, 9, 29, 21), ("ship", 1, 1, 5, 5)]
    assert [(fault.reason, fault.detail, fault.kind) for fault in corpus.faults()] == [
        ("forms-differ", "1 of 2", "annotation")
    ]


def test_a_polygon_gives_the_box_around_it(turned):
    points = ((3, 2), (22, 4), (20, 13), (5, 12))
    polygon = f"<polygon>{numbered(points)}</polygon>"
    corpus = turned(segm(*points), polygon + upright(0, 0, 0, 0), upright(3, 2, 22, 13) + segm(*points, (3.5, 14)))
    assert corners(corpus.rows()["1"]) == [("ship", 3, 2, 22, 13)], "all three are one object"
    reasons = [(fault.reason, fault.detail) for fault in corpus.faults()]
    assert reasons == [("box-from-other-form", "1 of 3"), ("repeated-box", "2 of 3")]


@pytest.mark.parametrize(
    "damaged", [robndbox(20, 15, 20, 4, "inf"), segm((1, "x"), (5, 5)), robndbox("nan", 1, 2, 3, 4), "<segm/>"]
)
def test_a_damaged_form_alone_costs_its_image(turned, damaged):
    corpus = turned(damaged, upright(1, 1, 5, 5), angle=WIDTH_DEGREES)
    assert corpus.reasons() == {"1": "box-not-a-number"}
    assert set(corpus.rows()) == {"2"}

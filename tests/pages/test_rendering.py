"""Pages from templates: every text is escaped, a page needs no other file, tables say what their cells are of."""

import re
from xml.etree import ElementTree as ET

import pytest
from jinja2 import UndefinedError

from sartext.pages import Cell, Row, Table, _environment, listed, render
from sartext.pages.marks import Look

HOSTILE = "<script>alert('ship & \"bridge\"')</script>"


def macro(call: str, **context: object) -> str:
    names = "table, charts, legend, unfolded, facts"
    source = f'{{% from "pages/templates/macros.html" import {names} %}}{{{{ {call} }}}}'
    return _environment().from_string(source).render(**context)


def test_a_page_stands_alone_in_light_and_dark() -> None:
    page = render("pages/templates/base.html", title="a <page>")
    assert "<title>a &lt;page&gt;</title>" in page
    assert "prefers-color-scheme: dark" in page
    assert "&#" not in page and "url(" not in page and "@import" not in page
    assert page == render("pages/templates/base.html", title="a <page>")


def test_what_a_template_lacks_is_an_error() -> None:
    with pytest.raises(UndefinedError, match="title"):
        render("pages/templates/base.html")


def test_every_cell_of_a_table_is_escaped_and_says_its_figure() -> None:
    cells = [
        Cell(HOSTILE, look=Look(1)),
        HOSTILE,
        Cell("1.5", detail="[1, 2]", figure='a|"b"', kind="better"),
        Cell("not computed", figure="c", kind="none", note=1),
        Cell("better", mark="better"),
    ]
    heads = ["name", "words", "value", "other", "verdict"]
    html = macro(
        "table(data, caption)", data=Table(heads, [Row(cells, HOSTILE)], ["words"], [HOSTILE]), caption=HOSTILE
    )
    root = ET.fromstring(html)
    assert "<script" not in html
    assert {cell.get("data-figure") for cell in root.iter("td")} == {None, 'a|"b"', "c"}
    assert "".join(root.itertext()).count("alert(") == 5
    value, other = (cell for cell in root.iter("td") if cell.get("data-figure"))
    assert ("".join(value.itertext()), value.get("class")) == ("1.5 [1, 2]", "better")
    assert "".join(other.itertext()) == "not computed1"
    assert [head.get("class") for head in root.iter("th")][:3] == [None, "text", None]


def test_neighbours_of_one_group_stand_below_its_name() -> None:
    rows = [Row([name], group) for name, group in (("a", "first"), ("b", "first"), ("c", "second"))]
    html = macro("table(data, 'caption')", data=Table(["name"], rows))
    assert re.findall(r'rowgroup"><span>(.*?)<|"row">(.*?)<', html) == [
        ("first", ""), ("", "a"), ("", "b"), ("second", ""), ("", "c"),
    ]  # fmt: skip


def test_nothing_is_drawn_of_nothing() -> None:
    assert not macro("table(data, '')", data=Table(["name"], [])).strip()
    assert not macro("charts([])").strip()
    assert not macro("unfolded('more', ' ')").strip()


def test_names_are_listed_as_a_sentence_has_them() -> None:
    assert [listed(["a"]), listed(["a", "b"]), listed(["a", "b", "c"])] == ["a", "a and b", "a, b and c"]

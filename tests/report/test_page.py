"""The page and its JSON: the same numbers, no outside links, equal bytes, and words that the figures bear out."""

import re
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from sartext.config import Project
from sartext.errors import ArtefactError
from sartext.evaluation.figures import Figure, difference, read_figures, write_figures
from sartext.evaluation.registry import shown
from sartext.files import read_json, sha256_tree, write_json
from sartext.report.stage import write_report
from tests.report.conftest import COMMIT, CONTENT
from tests.report.evaluations import BENCHMARK, GROUNDING, OTHER, VARIANTS

EMPTY = {"img", "meta", "link", "br", "circle", "line", "polyline"}


def page_of(project: Project) -> str:
    """Write the report, and read its page."""
    write_report(project)
    return (project.build / "report" / "index.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def made(template: Project) -> Project:
    """A project with its report; nothing in it is changed."""
    write_report(template)
    return template


@pytest.fixture(scope="module")
def page(made: Project) -> str:
    return (made.build / "report" / "index.html").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def report(made: Project) -> dict[str, Any]:
    return dict(read_json(made.build / "report" / "report.json"))


class Cells(HTMLParser):
    """Collects what each element that names a figure shows, and checks that elements nest."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[tuple[str, str | None]] = []
        self.found: list[tuple[str, str]] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in EMPTY:
            self.open.append((tag, dict(attrs).get("data-figure")))

    def handle_endtag(self, tag: str) -> None:
        if tag in EMPTY:
            return
        opened, figure = self.open.pop()
        assert opened == tag
        if figure is not None:
            self.found.append((figure, "".join(self.text)))
            self.text = []

    def handle_data(self, data: str) -> None:
        if any(figure is not None for _, figure in self.open):
            self.text.append(data)


def cells(page: str) -> Iterator[tuple[str, str]]:
    parser = Cells()
    parser.feed(page)
    assert not parser.open
    return iter(parser.found)


def test_every_number_of_the_tables_is_in_the_json(page: str, report: dict[str, Any]) -> None:
    known = {"|".join(figure.place): figure for figure in (Figure(**row) for row in report["figures"])}
    found = list(cells(page))
    assert len(found) > 1000
    for place, text in found:
        figure = known[place]
        if figure.value is None:
            assert re.fullmatch(r"not computed\d+", text), place
        else:
            value, interval = shown(figure)
            assert text in {f"{value} {interval}".strip(), value}, place


def test_no_cell_of_a_table_of_figures_has_a_number_of_its_own(page: str) -> None:
    for body in re.findall(r"<tbody>.*?</tbody>", page, re.DOTALL):
        for classes, content in re.findall(r"<td( [^>]*)?>(.*?)</td>", body, re.DOTALL):
            if 'class="value"' in content:
                assert "data-figure" in classes + content


def test_the_best_that_never_sees_the_image_stands_beside_every_headline_figure(
    page: str, report: dict[str, Any]
) -> None:
    never_see = {row["name"] for row in report["variants"] if row["blind"]}
    assert "nearest-train" not in never_see, "it looks through the eyes of a model"
    best = {(row["task"], row["metric"]): row for row in report["blind"] if row["benchmark"] == BENCHMARK.name}
    for (task, metric), row in best.items():
        place = {"task": task, "metric": metric, "benchmark": BENCHMARK.name, "subset": "all"}
        rivals = [figure for figure in report["figures"] if figure.items() >= place.items()]
        values = [figure["value"] for figure in rivals if figure["variant"] in never_see]
        assert row in rivals and row["value"] == max(values)
    for task, metric, variant in (
        ("retrieval", "distinct_facts.mean_recall", "constant-ranking"),
        ("captioning", "cider_d", "most-frequent"),
        ("vqa", "oa", "constant-per-corpus"),
        ("foils", "mean_accuracy", "text-prior"),
    ):
        value, _ = shown(Figure(**best[task, metric]))
        assert best[task, metric]["variant"] == variant
        assert f"best without the image: {value} ({variant})" in page


def test_the_json_holds_release_benchmarks_and_every_figure(report: dict[str, Any]) -> None:
    assert report["release"]["content_sha256"] == CONTENT
    assert report["release"]["version"] == "1.2.0"
    assert [row["name"] for row in report["benchmarks"]] == [BENCHMARK.name, OTHER.name]
    wanted = {"task", "metric", "variant", "value", "low", "high", "n", "benchmark", "subset", "reason"}
    assert all(row.keys() == wanted for row in report["figures"])
    assert all(row["value"] is not None or row["reason"] for row in report["figures"])
    assert sorted(row["name"] for row in report["variants"]) == sorted(variant.name for variant in VARIANTS)


def test_the_page_needs_nothing_from_outside(page: str) -> None:
    assert re.findall(r'(?:src|href)="(?!#|data:)[^"]*"', page) == []
    assert not re.findall(r"url\(|<script|@import", page)


def test_equal_inputs_give_equal_bytes(made: Project, project: Project) -> None:
    for _ in range(2):
        write_report(project)
        assert sha256_tree(project.build / "report") == sha256_tree(made.build / "report")


def test_the_page_holds_no_place_of_this_machine(made: Project, page: str) -> None:
    assert str(made.root) not in page
    assert str(Path.home()) not in page or str(Path.home()) == "/"


def test_every_section_is_linked_and_every_picture_is_described(page: str) -> None:
    for name in re.findall(r'<a href="#([a-z]+)"', page):
        assert f'<section id="{name}"' in page
    assert all('alt="' in element for element in re.findall(r"<img [^>]*>", page))
    assert all("aria-label" in element or "aria-hidden" in element for element in re.findall(r"<svg [^>]*>", page))
    assert all("<th scope=" in element for element in re.findall(r"<thead>.*?</thead>", page))


def test_the_claims_stand_beside_the_papers_figures(page: str) -> None:
    section = page[page.index('id="claims"') : page.index('id="retrieval"')]
    paper = ("+16.43 on OSdataset-512", "+12.97", "+10.54 on HRSID", "+10.0", "version 1", "more than 10\u00d7")
    for text in (*paper, "no pretrained weights were loaded", "CoreNLP"):
        assert text in section


def test_the_grounder_stands_beside_what_a_corpus_shows_most_often_by_corpus_and_class(page: str) -> None:
    section = page.partition('<section id="grounding"')[2].partition("</section>")[0]
    subsets = ("all", "corpus:sim-ships", "corpus:sim-landcover", "class:water", "part:sim-objects/ship")
    for subset, variant in product(subsets, GROUNDING):
        assert re.search(rf'data-figure="grounding\|release-test\|{subset}\|\w+\|{variant}"', section), subset
    assert '<b>grounder</b> in grounding, average precision: <span class="better">better than</span>' in page


def test_provenance_names_release_commit_data_and_benchmarks(page: str) -> None:
    section = page[page.index('id="provenance"') :]
    for text in ("sar-text 1.2.0", CONTENT, COMMIT, BENCHMARK.sha256, "d41d8cd98f00b204e9800998ecf8427e.dir"):
        assert text in section


def test_text_of_models_cannot_break_the_page(project: Project) -> None:
    path = project.build / "evaluation" / "captioning" / "details.json"
    content = read_json(path)
    content["captions"][0]["captions"]["sar-rs-coca"]["text"] = "<script>alert('ship & \"bridge\"')</script>"
    write_json(path, content)
    page = page_of(project)
    assert "<script" not in page
    assert "<script>alert" in unescape(page)


def findings_of(project: Project) -> str:
    page = page_of(project)
    found = re.search(r'<ul class="findings">.*?</ul>', page, re.DOTALL)
    assert found is not None
    return found[0]


def change(project: Project, task: str, place: tuple[str, ...], **bounds: float) -> None:
    path = project.build / "evaluation" / task / "figures.json"
    figures = read_figures(path)
    changed = [replace(figure, **bounds) if figure.place == place else figure for figure in figures]  # type: ignore[arg-type]
    assert changed != figures
    write_figures(path, changed)


def test_the_verdict_turns_with_the_interval_of_the_difference(project: Project) -> None:
    metric = "distinct_facts.mean_recall"
    place = ("retrieval", BENCHMARK.name, "all", metric, difference("progressive", "mixed"))
    change(project, "retrieval", place, value=5.0, low=1.0, high=9.0)
    better = findings_of(project)
    change(project, "retrieval", place, value=-5.0, low=-9.0, high=-1.0)
    worse = findings_of(project)
    pattern = r"progressive</b>, retrieval.*?{} [^;]*mixed"
    assert re.search(pattern.format("better than</span>"), better)
    assert re.search(pattern.format("worse than</span>"), worse)


def test_a_model_that_does_not_beat_a_blind_baseline_is_not_called_better(project: Project) -> None:
    better = '<span class="mark better">better</span><span><b>sar-gpt</b> in answering'
    assert better in findings_of(project)
    for metric in ("oa", "aa"):
        place = ("vqa", BENCHMARK.name, "all", metric, "sar-gpt")
        change(project, "vqa", place, value=46.0, low=44.0, high=48.0)
    assert better not in findings_of(project)


def test_a_missing_release_names_the_command(project: Project) -> None:
    (project.build / "release" / "content.json").unlink()
    with pytest.raises(ArtefactError, match="make release"):
        write_report(project)


def test_a_failed_report_leaves_the_one_before(project: Project) -> None:
    write_report(project)
    before = sha256_tree(project.build / "report")
    (project.build / "evaluation" / "vqa" / "figures.json").unlink()
    with pytest.raises(ArtefactError):
        write_report(project)
    assert sha256_tree(project.build / "report") == before


def test_a_release_that_is_not_published_is_told_so(project: Project) -> None:
    (project.build / "publication" / "publication.json").unlink()
    assert "these bytes are not published" in page_of(project)


def test_runs_and_times_are_beside_the_report_and_not_in_it(project: Project, page: str) -> None:
    log = project.build / "log" / "checkpoint@sar-rs-clip.json"
    write_json(log, {"stage": "checkpoint@sar-rs-clip", "seconds": 41.25, "metrics": {}})
    assert page_of(project) == page
    assert "41.2" in (project.build / "log" / "runs.html").read_text(encoding="utf-8")

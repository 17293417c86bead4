"""The text of a release as numbers of words, in which the page finds words, beginnings of words and phrases."""

import re
import unicodedata
from array import array
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from sartext.explorer.shards import packed, write_shard

ROWS = 8192
"""Rows of a script."""

BETWEEN = 0
"""Stands between two texts of a row, so that no phrase reaches from one into the other."""

_WORD = re.compile(r"[^\W_]+")


def words_of(text: str) -> list[str]:
    """Return the words of a text in lower case: runs of letters and digits of any script, as in the page."""
    return _WORD.findall(unicodedata.normalize("NFKC", text).lower())


class WordColumn:
    """The words of all rows, each word written once."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}
        self._tokens = array("I")
        self._ends = array("I")

    def add(self, texts: Iterable[str]) -> None:
        """Add the texts of the next row; a text that stands twice counts once."""
        for text in dict.fromkeys(texts):
            for word in words_of(text):
                self._tokens.append(self._known.setdefault(word, len(self._known) + 1))
            self._tokens.append(BETWEEN)
        self._ends.append(len(self._tokens))

    def write(self, site: Path) -> None:
        """Write ``data/words.js``, the sorted vocabulary, and ``data/words/<number>.js``."""
        # by UTF-16, as the page compares texts
        vocabulary = sorted(self._known, key=lambda word: word.encode("utf-16-be", "surrogatepass"))
        rank = np.zeros(len(vocabulary) + 1, dtype=np.uint32)
        rank[[self._known[word] for word in vocabulary]] = np.arange(1, len(vocabulary) + 1, dtype=np.uint32)
        ends = np.frombuffer(self._ends, dtype=np.uint32).astype(np.int64)
        tokens = np.frombuffer(self._tokens, dtype=np.uint32)
        write_shard(site, "words", vocabulary)
        for number, first in enumerate(range(0, len(ends), ROWS)):
            of_rows = ends[first : first + ROWS]
            start = int(ends[first - 1]) if first else 0
            part = rank[tokens[start : int(of_rows[-1])]]
            lengths = np.diff(of_rows, prepend=start)
            write_shard(site, f"words/{number}", {"lengths": packed(lengths), "tokens": packed(part)})

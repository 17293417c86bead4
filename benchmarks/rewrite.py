"""Optical captions rewritten by rules, on one core: how many a second, and how much of what they name is left.

A thousand captions of RSICD where the small real corpora are (``SARTEXT_REALDATA``). Seconds are of processor
time, so that waiting for other work on the machine does not count; the least of three runs counts.
"""

import gzip
import os
import re
from collections.abc import Sequence
from pathlib import Path
from time import process_time

from benchmarks.rows import Row
from sartext.narrator.lexicon import GENERIC, MOVING, SINGULAR, SYNONYMS, VISIBLE
from sartext.narrator.rewriting import rewrite

CAPTIONS = 1000
LEAST_PER_SECOND = 2000
RESOLUTION = 3.0
RUNS = 3
FILE = Path("RSICD") / "rsicd_precomp" / "train_caps.txt.gz"


def measure() -> list[Row]:
    """Return the rows of its table."""
    captions = published_captions(Path(os.environ.get("SARTEXT_REALDATA", "../shared/realdata")))
    if not captions:
        return [Row("rewrite.captions_per_second", None, "1/s", "RSICD is not there: set SARTEXT_REALDATA")]
    seconds = []
    for _ in range(RUNS):
        start = process_time()
        texts = rewritten(captions)
        seconds.append(process_time() - start)
    named, kept = objects_kept(captions, texts)
    of = f"{len(captions):,} captions of RSICD at {RESOLUTION:g} m, one core"
    left = sum(bool(text) for text in texts) / len(captions)
    return [
        Row("rewrite.captions_per_second", len(captions) / min(seconds), "1/s", of, least=LEAST_PER_SECOND),
        Row("rewrite.captions_left", left, "of captions", "those of which a sentence is left"),
        Row(
            "rewrite.objects_kept",
            kept / named,
            "of objects",
            f"{named:,} that stay in place and that SAR shows there",
        ),
    ]


def published_captions(realdata: Path, count: int = CAPTIONS) -> list[str]:
    """Return different captions of RSICD, evenly taken from its training file; none where it is not there."""
    if not (realdata / FILE).is_file():
        return []
    with gzip.open(realdata / FILE, "rt", encoding="utf-8") as lines:
        captions = list(dict.fromkeys(filter(None, map(str.strip, lines))))
    return [captions[number * len(captions) // count] for number in range(count)]


def rewritten(captions: Sequence[str]) -> list[str]:
    """Return what the rules leave of each caption."""
    return [" ".join(rewrite([caption], RESOLUTION).statements) for caption in captions]


def objects_kept(captions: Sequence[str], texts: Sequence[str]) -> tuple[int, int]:
    """Return how many objects that SAR shows the captions name, and how many of these the rewritten texts name."""
    named = [objects(caption) for caption in captions]
    kept = [before & objects(text) for before, text in zip(named, texts, strict=True)]
    return sum(map(len, named)), sum(map(len, kept))


def objects(caption: str) -> set[str]:
    """Return the nouns of a caption that SAR shows, in the singular, of those that mean the same the first.

    What moves is not among them: it need not be in the SAR image.
    """
    words = set(re.findall(r"[a-z]+", caption.casefold())) - MOVING
    nouns = {SINGULAR.get(word, word) for word in words if VISIBLE.get(word, 0.0) >= RESOLUTION} - GENERIC
    return {SYNONYMS.get(noun, noun) for noun in nouns}

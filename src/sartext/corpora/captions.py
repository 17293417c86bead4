"""Captions of optical images: Karpathy JSON, COCO captions and line-aligned text files.

Captions keep the words of their authors; only typography is evened out: white space, curly quotes, and the space
that tokenised corpora put before punctuation ("an airport .").
"""

import re
from collections import defaultdict
from pathlib import Path
from typing import Any

from sartext.corpora.quarantine import Unusable
from sartext.corpora.records import Record
from sartext.corpora.texts import read_json_text, read_text
from sartext.corpora.voc import BROKEN_ENCODING

QUOTES = str.maketrans({"\u2018": "'", "\u2019": "'", "\u02bc": "'", "\u201c": '"', "\u201d": '"', "\u00a0": " "})
SPACED = re.compile(r"\s+([.,;:!?])")


def clean_caption(text: str) -> str:
    """Return a caption with even typography; empty where nothing but punctuation is left."""
    even = SPACED.sub(r"\1", " ".join(text.translate(QUOTES).split()))
    return even if any(letter.isalnum() for letter in even) else ""


def clean_captions(captions: tuple[str, ...]) -> tuple[list[str], dict[str, int]]:
    """Return the usable captions of an image, in order, and how many were dropped by reason.

    Repeated captions stay: corpora pad to five, and how often they do is theirs to tell.
    """
    kept, dropped = [], {"blank-caption": 0, "broken-caption": 0}
    for text in captions:
        caption = clean_caption(text)
        if not caption:
            dropped["blank-caption"] += 1
        elif "\ufffd" in caption:
            dropped["broken-caption"] += 1
        else:
            kept.append(caption)
    return kept, {reason: count for reason, count in dropped.items() if count}


def read_karpathy(path: Path, source: str) -> list[Record]:
    """Return a record per image of a Karpathy JSON file (gzip allowed).

    ``raw`` is read, never ``tokens``: tokens keep misspellings that ``raw`` has corrected.

    Raises:
        Unusable: ``not-json``, ``not-karpathy``, or what `texts.read_content` raises.
    """
    content, sound = read_json_text(path)
    images = content.get("images") if isinstance(content, dict) else None
    if not isinstance(images, list):
        raise Unusable("not-karpathy", "there is no list of images")
    notes = () if sound else (BROKEN_ENCODING,)
    return [
        Record(
            name=one["filename"],
            source=source,
            captions=tuple(_sentences(one)),
            split=one["split"] if isinstance(one.get("split"), str) else None,
            notes=notes,
        )
        for one in images
        if isinstance(one, dict) and isinstance(one.get("filename"), str)
    ]


def _sentences(image: dict[str, Any]) -> list[str]:
    sentences = image.get("sentences")
    if not isinstance(sentences, list):
        return []
    return [one["raw"] for one in sentences if isinstance(one, dict) and isinstance(one.get("raw"), str)]


def read_lines(captions: Path, names: Path, source: str) -> list[Record]:
    """Return a record per image of a caption file and the file of image names that goes with it.

    A name stands on the line of each of its captions, or once for every k captions. A blank caption line holds its
    place; the blank line at a file's end is no entry.

    Raises:
        Unusable: ``unaligned-lines``, or what `texts.read_content` raises.
    """
    caption_text, caption_sound = read_text(captions)
    name_text, name_sound = read_text(names)
    listed = [name.strip() for name in name_text.rstrip().split("\n")]
    lines = caption_text.removesuffix("\n").split("\n")
    while len(lines) % len(listed) and not lines[-1].strip():
        lines.pop()
    if listed == [""] or not lines or len(lines) % len(listed):
        raise Unusable("unaligned-lines", f"{len(lines)} captions for {len(listed)} names")
    each = len(lines) // len(listed)
    grouped: dict[str, list[str]] = defaultdict(list)
    for number, line in enumerate(lines):
        grouped[listed[number // each]].append(line)
    notes = () if caption_sound and name_sound else (BROKEN_ENCODING,)
    return [Record(name, source, captions=tuple(given), notes=notes) for name, given in grouped.items() if name]

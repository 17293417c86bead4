"""Karpathy JSON: captions and the split of each image."""

from typing import Any

from sartext.corpora.quarantine import Unusable
from sartext.corpora.reading import BROKEN_ENCODING, AnnotationFormat, Record, Source, read_json_text


def read_karpathy(source: Source) -> list[Record]:
    """Return a record per image of a Karpathy JSON file (gzip allowed).

    ``raw`` is read, never ``tokens``: tokens keep misspellings that ``raw`` has corrected.

    Raises:
        Unusable: ``not-json``, ``not-karpathy``, or what `reading.read_content` raises.
    """
    content, sound = read_json_text(source.path)
    images = content.get("images") if isinstance(content, dict) else None
    if not isinstance(images, list):
        raise Unusable("not-karpathy", "there is no list of images")
    return [
        Record(
            name=image["filename"],
            source=source.file,
            captions=tuple(_sentences(image)),
            split=image["split"] if isinstance(image.get("split"), str) else None,
            notes=() if sound else (BROKEN_ENCODING,),
        )
        for image in images
        if isinstance(image, dict) and isinstance(image.get("filename"), str)
    ]


def _sentences(image: dict[str, Any]) -> list[str]:
    sentences = image.get("sentences")
    if not isinstance(sentences, list):
        return []
    return [
        sentence["raw"]
        for sentence in sentences
        if isinstance(sentence, dict) and isinstance(sentence.get("raw"), str)
    ]


FORMAT = AnnotationFormat(
    "karpathy", "captions with splits, JSON in the layout of Karpathy", "captions", "file", read_karpathy
)

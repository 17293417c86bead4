"""Karpathy JSON: captions and the split of each image."""

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
            captions=_sentences(image.get("sentences")),
            split=image["split"] if isinstance(image.get("split"), str) else None,
            notes=() if sound else (BROKEN_ENCODING,),
        )
        for image in images
        if isinstance(image, dict) and isinstance(image.get("filename"), str)
    ]


def _sentences(sentences: object) -> tuple[str, ...]:
    texts = (
        (item.get("raw") for item in sentences if isinstance(item, dict)) if isinstance(sentences, list) else ()
    )
    return tuple(text for text in texts if isinstance(text, str))


FORMAT = AnnotationFormat(
    "karpathy", "captions with splits, JSON in the layout of Karpathy", "captions", "file", read_karpathy
)

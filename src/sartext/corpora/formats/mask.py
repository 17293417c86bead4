"""Segmentation masks: an image file per image, in class codes or legend colours."""

from sartext.corpora.quarantine import Unusable
from sartext.corpora.reading import AnnotationFormat, Record, Source


def read_mask_file(source: Source) -> list[Record]:
    """Return the record of a mask: the class of each pixel, and what the legend does not explain.

    Raises:
        Unusable: as `masks.read_mask` or `images.read_image`.
    """
    from sartext.corpora.images import read_image  # loads numpy and Pillow, which listing the formats need not
    from sartext.corpora.masks import read_mask

    try:
        classes, left_out = read_mask(read_image(source.path), source.entry)
    except Unusable as error:
        raise Unusable(error.reason, f"mask {source.file}: {error.detail}") from error
    return [Record("", source.file, classes=classes, left_out=tuple(left_out.items()))]


FORMAT = AnnotationFormat(
    "mask", "a mask image per image, class codes or colours", "masks", "image", read_mask_file, ("image", "file")
)

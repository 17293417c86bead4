"""Segmentation masks: an image file per image, in class codes or legend colours."""

from typing import TYPE_CHECKING

from sartext.catalogue.entry import Annotations
from sartext.corpora.quarantine import Unusable
from sartext.corpora.reading import AnnotationFormat, Record, Source

if TYPE_CHECKING:
    from sartext.corpora.layout import Layout


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


def propose_masks(layout: "Layout", _: list[Annotations]) -> list[Annotations]:
    """Return a rule from images to each group of image files of few values whose names lead to it."""
    from sartext.corpora.naming import rule_between
    from sartext.corpora.samples import sample_of

    masks = [group for group in layout.images if sample_of(layout, group).is_mask]
    pictures = [group for group in layout.images if group not in masks]
    rules = [(group, rule_between(images, group)) for images in pictures for group in masks]
    return [
        Annotations(format="mask", files=(group.glob,), image=rule[0], file=rule[1])
        for group, rule in rules
        if rule
    ]


FORMAT = AnnotationFormat(
    "mask",
    "a mask image per image, class codes or colours",
    "masks",
    "image",
    read_mask_file,
    ("image", "file"),
    propose=propose_masks,
)

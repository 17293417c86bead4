"""A pair as training sees it: where its pictures lie and what may be said of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, eq=False)
class Pair:
    """One image and its captions, a row of the index of a folder of shards.

    Args:
        image_id: of the image.
        corpus: the corpus it belongs to.
        split: ``train`` or ``validation``.
        group_id: the group that the splits keep together.
        modality: ``optical`` or ``sar``.
        method: how it was captioned; ``a2c`` and ``sa2c`` captions are realised from ``objects`` and ``regions``.
        captions: the texts as they stand, at least one.
        facts: the record of them as JSON, None for optical captions.
        objects: rows of `tables.OBJECT` in pixels of model input.
        regions: rows of `tables.REGION`.
        folder: the place of its folder among those that were opened together.
        shard: the tar file in that folder.
        offsets: where the PNG of each look begins in it, in bytes.
        sizes: how long each is.
    """

    image_id: str
    corpus: str
    split: str
    group_id: str
    modality: str
    method: str
    captions: tuple[str, ...]
    facts: str | None
    objects: tuple[Mapping[str, Any], ...]
    regions: tuple[Mapping[str, Any], ...]
    folder: int
    shard: str
    offsets: tuple[int, ...]
    sizes: tuple[int, ...]

    @property
    def annotated(self) -> bool:
        """Whether its captions are realised from an annotation, and can be told anew for a turned image."""
        return bool(self.objects or self.regions)

    @property
    def looks(self) -> int:
        """The number of its pictures: the image, and renderings of the same scene with other speckle."""
        return len(self.offsets)

"""The boxes of a release's images, where the release holds them: ``coco/<split>_instances.json``."""

from collections.abc import Mapping, Sequence
from typing import Any

from sartext.errors import ReleaseError
from sartext.explorer.released import Release
from sartext.files import read_json
from sartext.release.manifest import IMAGES, WAY_OUT

Box = Mapping[str, Any]


class Boxes:
    """Reads the file of a split when an image of it is first asked for, and holds one split at a time."""

    def __init__(self, source: Release) -> None:
        self._source = source
        self._split = ""
        self._boxes: dict[str, list[Box]] = {}

    def of(self, split: str, image_id: str) -> Sequence[Box]:
        """Return the boxes of an image, each with ``label`` and ``bbox``; none where the release holds none.

        Raises:
            ReleaseError: the file of its split is damaged.
        """
        if split != self._split:
            name = f"coco/{split}_instances.json"
            self._boxes = self._read(name) if name in self._source.manifest["files"] else {}
            self._split = split
        return self._boxes.get(image_id, ())

    def _read(self, name: str) -> dict[str, list[Box]]:
        path = self._source.proven(name)
        content = read_json(path)
        try:
            labels = {kind["id"]: str(kind["name"]) for kind in content["categories"]}
            ids = {image["id"]: _image_id(image["file_name"]) for image in content["images"]}
            boxes: dict[str, list[Box]] = {}
            for each in content["annotations"]:
                box = {"label": labels[each["category_id"]], "bbox": [float(value) for value in each["bbox"]]}
                boxes.setdefault(ids[each["image_id"]], []).append(box)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ReleaseError(f"not COCO's instances ({error!r})", where=path, way_out=WAY_OUT) from error
        return boxes


def _image_id(file_name: str) -> str:
    """The id of an image by the name of its file, ``images/<corpus>/<stem>.<suffix>``."""
    return file_name.removeprefix(f"{IMAGES}/").rpartition(".")[0]

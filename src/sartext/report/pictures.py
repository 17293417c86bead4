"""Pictures inside the page, as ``data:`` addresses."""

import base64
from collections.abc import Mapping
from functools import cached_property
from html import escape
from pathlib import Path

from sartext.errors import ArtefactError

PNG = b"\x89PNG\r\n\x1a\n"


class Pictures:
    """The pictures of the report by image id; each file is read once.

    Args:
        paths: PNG files.
    """

    def __init__(self, paths: Mapping[str, Path]) -> None:
        self._paths = paths

    @cached_property
    def _addresses(self) -> dict[str, str]:
        return {image_id: _address(path) for image_id, path in self._paths.items()}

    def show(self, image_id: str, said: str) -> str:
        """Return the picture as an ``img`` element.

        Args:
            image_id: of the picture.
            said: for a reader who does not see it.
        """
        return (
            f'<img src="{self._addresses[image_id]}" alt="{escape(said, quote=True)}" '
            f'title="{escape(image_id, quote=True)}">'
        )


def _address(path: Path) -> str:
    content = path.read_bytes()
    if not content.startswith(PNG):
        raise ArtefactError("not a PNG picture", where=path, way_out="evaluate this task again")
    return f"data:image/png;base64,{base64.b64encode(content).decode('ascii')}"

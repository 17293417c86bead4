"""The data of a page that opens from disk: classic scripts, each of which hands one text of JSON to the page.

A page from disk may neither fetch files nor import modules; a script it may load, and drop again. What a script
holds is ASCII and parsed as JSON by the page, so no text of a release is ever code or markup.
"""

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

DATA = "data"
"""The folder of the scripts."""

Integers = npt.NDArray[np.integer[Any]]


def write_shard(site: Path, name: str, value: object) -> None:
    """Write ``data/<name>.js``, which gives the page a value of JSON by that name."""
    text = json.dumps(value, ensure_ascii=True, separators=(",", ":"), allow_nan=False)
    quoted = text.replace("\\", "\\\\").replace("'", "\\'")
    path = site / DATA / f"{name}.js"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"explorer.hold('{name}','{quoted}')\n", encoding="ascii", newline="\n")


def packed(values: Integers) -> dict[str, object]:
    """Return whole numbers from 0 as Base64 of little-endian bytes, 1, 2 or 4 each, as the largest needs."""
    largest = int(values.max()) if values.size else 0
    width = next(width for width in (1, 2, 4) if largest < 1 << (8 * width))
    return {"width": width, "base64": base64.b64encode(values.astype(f"<u{width}").tobytes()).decode()}


class Shards:
    """Items in order, a fixed number in each script ``data/<name>/<number>.js``.

    Args:
        site: the folder of the page.
        name: of the folder of the scripts.
        size: items of a script.
    """

    def __init__(self, site: Path, name: str, size: int) -> None:
        self._site = site
        self._name = name
        self._size = size
        self._items: list[object] = []
        self._written = 0

    def add(self, item: object) -> None:
        """Add an item; write the script that it fills."""
        self._items.append(item)
        if len(self._items) == self._size:
            self.close()

    def close(self) -> None:
        """Write what is left."""
        if self._items:
            write_shard(self._site, f"{self._name}/{self._written}", self._items)
            self._written += 1
            self._items = []

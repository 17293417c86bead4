"""SAR-optical pairs: the naming rule that leads from a SAR image to its optical half."""

import re
from pathlib import Path

from sartext.catalogue.entry import Pairing
from sartext.errors import CatalogueError


def renamed(image: str, file: str, path: str) -> str | None:
    """Return ``path`` with the match of ``image`` replaced by ``file``, or None where it does not match.

    Raises:
        CatalogueError: ``file`` names a group that ``image`` does not have.
    """
    try:
        replaced, count = re.subn(image, file, path, count=1)
    except (re.error, IndexError) as error:
        raise CatalogueError(f"'{file}' is no replacement for '{image}' ({error})", where="catalogue") from error
    return replaced if count else None


def optical_halves(folder: Path, pairing: Pairing, images: list[str]) -> dict[str, str]:
    """Return the optical half of each SAR image that has one, by paths below the corpus folder."""
    halves = {}
    for path in images:
        half = renamed(pairing.image, pairing.file, path)
        if half is not None and half != path and (folder / half).is_file():
            halves[path] = half
    return halves

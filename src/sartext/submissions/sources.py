"""Pictures that a release withholds, read from the folder of its sources as the release would show them."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sartext.catalogue.entry import Entry
from sartext.corpora.images import TIFF_MARKS, decode
from sartext.corpora.radiometry import to_db, to_grey
from sartext.errors import EvaluationError, nearest
from sartext.evaluation.benchmarks import Benchmark, Pixels, Sources

Catalogue = Mapping[str, Entry]


def sources_in(images: Path | None, catalogue: Catalogue) -> Sources:
    """Return the pictures of a folder, ``<corpus>/...`` as the release's column ``source_path`` says, or none.

    Raises:
        EvaluationError: there is no such folder; later, a picture is not the one that the release was made from.
    """
    if images is None:
        return Sources()
    if not images.is_dir():
        raise EvaluationError("no such folder", where=images, way_out="name the folder of the source images")

    def picture(row: Mapping[str, Any]) -> Pixels | None:
        path = images / row["source_path"]
        if not path.is_file():
            return None
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != row["sha256"]:
            raise EvaluationError(
                "not the image that the release was made from", where=path, way_out="get it from its source again"
            )
        if row["quantity"] == "display" and not content.startswith(TIFF_MARKS):
            return np.asarray(decode(content), dtype=np.uint8)
        entry = entry_of(row["corpus"], catalogue)  # only it knows the bands, and what they measure
        pixels = decode(content, entry.bands)
        if row["quantity"] != "display":
            pixels = to_grey(to_db(pixels, entry), row["db_low"], row["db_high"])
        return np.asarray(pixels, dtype=np.uint8)

    return Sources(picture=picture)


def entry_of(corpus: str, catalogue: Catalogue) -> Entry:
    """Return the entry of a corpus.

    Raises:
        EvaluationError: the catalogue lacks it.
    """
    if corpus not in catalogue:
        raise EvaluationError(
            f"the catalogue does not describe corpus '{corpus}'",
            way_out=f"put its file into catalogue/; {nearest(corpus, catalogue)}",
        )
    return catalogue[corpus]


def withheld_warning(benchmark: Benchmark, images: Path | None, *, sends: bool = False) -> str:
    """Return what is said of images that are not scored.

    Args:
        benchmark: that they are of.
        images: the folder of the source images, where one is named.
        sends: whether the pictures of the benchmark leave the machine.
    """
    count, first = len(benchmark.left_out), min(benchmark.left_out)
    withheld = f"{count} of {count + len(benchmark)} images of {benchmark.name} are withheld by their licence"
    if sends:
        return f"{withheld}: they are never sent to an endpoint, and not scored, the first is {first}"
    if images is not None:
        return f"{withheld}, not in {images} and not scored, the first is {first}"
    return f"{withheld} and not scored; get them from their source and name the folder: --images FOLDER"

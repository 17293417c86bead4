"""Parquet with the image bytes, one or more files per split, as Hugging Face ``datasets`` reads them."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from sartext.config import ReleaseParameters
from sartext.corpora.examination import pixels_sha256
from sartext.corpora.images import Unusable, decode
from sartext.errors import ReleaseError
from sartext.narrator.methods import METHODS
from sartext.progress import track
from sartext.release.formats.format import (
    Format,
    HubConfig,
    Material,
    Pair,
    Pairs,
    Row,
    image_name,
    second_name,
)
from sartext.release.inputs import SPLIT_NAMES, data_files
from sartext.release.manifest import WAY_OUT
from sartext.tables import PAIRS

ROW_GROUP = 100
"""Rows held in memory at a time; small groups let a viewer read a few images without the file."""

IMAGE = pa.struct([("bytes", pa.binary()), ("path", pa.string())])

_SCORED = sorted((method for method in METHODS if method.score), key=lambda method: method.name)
_SCORES = ", ".join(f"for `{method.name}` {method.score}" for method in _SCORED)

COLUMNS = {
    "image_id": "`<corpus>/<name>`, the same in every version",
    "image": "bytes of a PNG or JPEG file and its name; null where the image is withheld",
    "caption": "one English caption",
    "caption_detailed": "the same in other words, with sizes of boxes and shares in percent where an annotation "
    "proves them; else the caption",
    "facts": "JSON: the facts that the caption was made from",
    "corpus": "the corpus that the image comes from",
    "split": "`train`, `validation` or `test`",
    "method": "how the caption was made; see below",
    "method_version": "version of that method",
    "source_caption": "the caption that this one was made from; null if it was made from an annotation",
    "model_sha256": "SHA-256 of the model that wrote the caption, or the caption it is rewritten from; else null",
    "model": "name of the language model that worded the caption, at an endpoint; null without one",
    "prompt_sha256": "SHA-256 of the prompt of a language model; null without one",
    "proof": "JSON: of a caption by models each statement with its score and what proposed it; null without one",
    "score": f"what a model's caption was accepted by: {_SCORES}; null for the other methods",
    "width": "width of the image in pixels",
    "height": "height of the image in pixels",
    "modality": "`sar`",
    "sensor": "the sensor, as far as the corpus states it",
    "polarisation": "transmitted and received polarisation of what `image` shows",
    "quantity": "what the values of the source file are: `display`, `amplitude`, `intensity`, `complex` or `db`",
    "db_low": "backscatter in dB that is shown black; null for images that came as 8-bit pictures",
    "db_high": "backscatter in dB that is shown white; null for images that came as 8-bit pictures",
    "second_image": "the second polarisation of the same file; null where there is none, or the image is withheld",
    "second_polarisation": "polarisation of `second_image`; null where the source has no second one",
    "second_db_low": "backscatter in dB that is shown black in `second_image`",
    "second_db_high": "backscatter in dB that is shown white in `second_image`",
    "band": "radar band of the sensor; null where unknown, as the next five",
    "resolution_m": "resolution in metres",
    "acquired": "date of acquisition, with its time where it is known, as ISO 8601 writes it",
    "orbit": "`ascending` or `descending`",
    "look": "where the antenna looks: `right` or `left`",
    "scene_id": "the scene or place that the image was cut from",
    "group_id": "images that must stay in one split: of one scene or cluster",
    "cluster_id": "near-duplicates of each other",
    "benchmark": "the published benchmark whose test images hold this one; null for the others",
    "source_path": "the source file: `<corpus>/` and its path in the folder of that corpus",
    "sha256": "SHA-256 of the source file",
    "pixels_sha256": "SHA-256 of the decoded pixels of the source file",
    "image_sha256": "SHA-256 of the bytes in `image`; null where the image is withheld",
    "second_image_sha256": "SHA-256 of the bytes in `second_image`; null where there is none",
    "licence": "licence of the image, as its corpus states it",
    "redistribution": "whether the licence lets the image be passed on",
    "citation": "what to cite",
    "source_url": "homepage of the corpus",
}
"""The meaning of each column, as it stands on the dataset card."""

_OWN = {
    **dict.fromkeys(("image", "second_image"), IMAGE),
    **dict.fromkeys(("source_path", "image_sha256", "second_image_sha256"), pa.string()),
}
_TYPES = {name: _OWN[name] if name in _OWN else PAIRS.field(name).type for name in COLUMNS}


DTYPES = {"double": "float64"}
"""Hugging Face's name of an Arrow type where it is not Arrow's own."""

FEATURES = {
    name: {"_type": "Image"} if kind == IMAGE else {"dtype": DTYPES.get(str(kind), str(kind)), "_type": "Value"}
    for name, kind in _TYPES.items()
}

SCHEMA = pa.schema(list(_TYPES.items())).with_metadata(
    {"huggingface": json.dumps({"info": {"features": FEATURES}}, separators=(",", ":"))}
)


def write(material: Material, folder: Path, parameters: ReleaseParameters) -> None:
    """Write ``data/<split>-00000-of-0000N.parquet`` below ``folder``, holding one row group in memory."""
    target = folder / "data"
    target.mkdir(parents=True)
    for split, rows in material.splits().items():
        size = parameters.rows_per_file
        parts = [rows[start : start + size] for start in range(0, len(rows), size)]
        filled = track(_rows(material, rows), f"images of {split}", len(rows))
        for number, part in enumerate(parts):
            path = target / f"{split}-{number:05d}-of-{len(parts):05d}.parquet"
            _write_file(path, filled, len(part))


def _write_file(path: Path, filled: Iterator[dict[str, Any]], count: int) -> None:
    with pq.ParquetWriter(path, SCHEMA, compression="zstd", compression_level=3, version="2.6") as writer:
        for start in range(0, count, ROW_GROUP):
            group = [next(filled) for _ in range(min(ROW_GROUP, count - start))]
            writer.write_table(pa.Table.from_pylist(group, schema=SCHEMA), row_group_size=ROW_GROUP)


def _rows(material: Material, rows: list[Row]) -> Iterator[dict[str, Any]]:
    for row in rows:
        image, second = material.image(row), material.second_image(row)
        known = {name: row[name] for name in SCHEMA.names if name in row}
        yield {
            **known,
            "image": None if image is None else {"bytes": image.content, "path": image.path},
            "image_sha256": None if image is None else image.sha256,
            "second_image": None if second is None else {"bytes": second.content, "path": second.path},
            "second_image_sha256": None if second is None else second.sha256,
            "source_path": row["path"].removeprefix("data/"),
        }


def read_pairs(folder: Path) -> dict[str, Pair]:
    """Return the pairs of a release by image id, each with what is wrong with its image.

    An image that is the untouched source file is also compared pixel by pixel. No two images have one name, or
    extracting a release would write one over the other.

    Raises:
        ReleaseError: a file is no table of pairs.
    """
    pairs: dict[str, Pair] = {}
    taken: set[str] = set()
    files = data_files(folder)
    total = sum(pq.read_metadata(path).num_rows for path in files)
    for row in track(released_rows(files, READ), "verifying images", total):
        image, image_id = row["image"], row["image_id"]
        values = {name: row[name] for name in (*Pair._fields[:4], "group_id", "facts")}
        problem = "stands twice" if image_id in pairs else _image_problem(row) or _second_problem(row)
        problem = problem or _name_problem(row, taken)
        pairs[image_id] = Pair(**values, path=image["path"] if image else None, problem=problem)
    return pairs


READ = (
    *(*Pair._fields[:4], "group_id", "facts", "image_id", "image", "licence", "width", "height"),
    *("second_image", "second_polarisation"),
    *("sha256", "pixels_sha256", "image_sha256", "second_image_sha256"),
)
"""The columns that are read to verify images."""


def split_files(folder: Path) -> dict[str, list[Path]]:
    """Return the files of each split that a release has any of, in the order of the splits and of their names."""
    files = {split: sorted((folder / "data").glob(f"{split}-*.parquet")) for split in SPLIT_NAMES}
    return {split: of_split for split, of_split in files.items() if of_split}


def released_rows(files: Iterable[Path], columns: Sequence[str]) -> Iterator[dict[str, Any]]:
    """Yield the rows of files of a release in their order, a row group in memory at a time.

    Args:
        files: Parquet files of pairs.
        columns: what is read of them; ``image.path`` reads the name of an image without its bytes.

    Raises:
        ReleaseError: a file is no table of pairs.
    """
    for path in files:
        try:
            with pq.ParquetFile(path) as table:
                _require(table, [name.partition(".")[0] for name in columns], path)
                for batch in table.iter_batches(batch_size=ROW_GROUP, columns=list(columns)):
                    yield from batch.to_pylist()
        except (pa.ArrowInvalid, KeyError) as error:
            raise ReleaseError(f"not a table of pairs ({error})", where=path, way_out=WAY_OUT) from error


def _require(table: pq.ParquetFile, columns: Iterable[str], path: Path) -> None:
    """Raise a ReleaseError where a file lacks a column, as those of releases by another version may."""
    absent = next((name for name in columns if name not in table.schema_arrow.names), None)
    if absent:
        raise ReleaseError(
            f"has no column '{absent}'", where=path, way_out="verify it by the version of sartext that made it"
        )


def _image_problem(row: Mapping[str, Any]) -> str:
    image = row["image"]
    if image is None:
        return "" if row["image_sha256"] is None else "the image is missing"
    if row["licence"] in {None, "", "not-stated"}:
        return "an image without a stated licence"
    digest = hashlib.sha256(image["bytes"]).hexdigest()
    if digest != row["image_sha256"]:
        return "the image is not the one of image_sha256"
    try:
        return _pixel_problem(row, decode(image["bytes"]), untouched=digest == row["sha256"])
    except Unusable as error:
        return f"the image does not decode ({error})"


def _second_problem(row: Mapping[str, Any]) -> str:
    """Say what is wrong with the second polarisation: it stands where the first does and the source has one."""
    second = row["second_image"]
    if (second is not None) != (row["image"] is not None and row["second_polarisation"] is not None):
        return "the second polarisation is missing" if second is None else "a second polarisation of nothing"
    if second is None:
        return "" if row["second_image_sha256"] is None else "the second polarisation is missing"
    if hashlib.sha256(second["bytes"]).hexdigest() != row["second_image_sha256"]:
        return "the second polarisation is not the one of second_image_sha256"
    try:
        problem = _pixel_problem(row, decode(second["bytes"]), untouched=False)
    except Unusable as error:
        return f"the second polarisation does not decode ({error})"
    return f"second polarisation: {problem}" if problem else ""


def _name_problem(row: Mapping[str, Any], taken: set[str]) -> str:
    """Say which of a row's images has not the name that a release gives it, or one in ``taken``; add its names."""
    image, second = row["image"], row["second_image"]
    names = {}
    if image is not None:
        names[image_name(row["image_id"], image["bytes"])] = image["path"]
    if second is not None:
        names[second_name(row["image_id"], row["second_polarisation"])] = second["path"]
    for expected, path in names.items():
        if path != expected:
            return f"an image of it is named '{path}', not '{expected}'"
        if path in taken:
            return f"another image is named '{path}' too"
        taken.add(path)
    return ""


def _pixel_problem(row: Mapping[str, Any], pixels: npt.NDArray[Any], *, untouched: bool) -> str:
    if pixels.shape[:2] != (row["height"], row["width"]):
        return "the image has another size than its row"
    if untouched and pixels_sha256(pixels) != row["pixels_sha256"]:
        return "the pixels are not those of pixels_sha256"
    return ""


def verify(folder: Path, pairs: Pairs) -> dict[str, str]:
    """Return the images that are not those of their rows."""
    return {image_id: pair.problem for image_id, pair in pairs.items() if pair.problem}


FORMAT = Format(
    name="parquet",
    description="Images, captions, facts and provenance, as Hugging Face datasets reads them",
    patterns=("data/*.parquet",),
    subject="image",
    write=write,
    verify=verify,
    config=HubConfig("default", "data/{split}-*.parquet"),
)

"""What models are tested on: sets of images by name, read from a release, each with its facts and its hash.

``release-test`` is the test split of the release, ``sim-test`` the simulated part of it, and every benchmark that
the catalogue names is the part of it that bears that name. None of their images was trained on: splits are decided
before anything is trained, and the gate proves it.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from sartext.errors import EvaluationError, nearest
from sartext.files import canonical_json, sha256_text
from sartext.narrator.facts import Facts, from_json, normalise
from sartext.release.inputs import data_files

Pixels = npt.NDArray[np.uint8]
Row = Mapping[str, Any]

RELEASE_TEST = "release-test"
SIM_TEST = "sim-test"
SIMULATED = "sim-"
"""How the names of the embedded corpora begin."""

COLUMNS = (
    *("image_id", "caption", "facts", "corpus", "split", "method", "width", "height", "group_id", "benchmark"),
    *("pixels_sha256", "sha256", "source_path", "quantity", "db_low", "db_high"),
)
"""What is read of a release; the last ones are for `Sources`."""


@dataclass(frozen=True, eq=False)
class Example:
    """One image of a benchmark with its caption, the facts that it was realised from, and how it was made.

    Intervals are drawn over ``group_id``, the images that the splits keep together. ``width`` and ``height`` are
    of the source image in pixels, as are its ``boxes``, rows with ``label``, ``xmin``, ``ymin``, ``xmax``,
    ``ymax``; None where the annotation is not at hand (a release holds none).
    """

    image_id: str
    corpus: str
    group_id: str
    method: str
    caption: str
    facts: Facts
    width: int
    height: int
    pixels_sha256: str
    boxes: tuple[Row, ...] | None = None

    @cached_property
    def key(self) -> str:
        """Equal for images whose captions say the same: the normalised facts."""
        return normalise(self.facts)


@dataclass(frozen=True, eq=False)
class Benchmark:
    """A set of images by name, such as ``release-test``.

    Args:
        name: of the set.
        examples: sorted by image id, at least one.
        train: the train split's captions, sorted by image id.
        read: returns the picture of an image id: uint8, height x width, or height x width x 3.
        left_out: image ids whose picture is not at hand (withheld by licence), with the reason.
    """

    name: str
    examples: tuple[Example, ...]
    train: tuple[Example, ...]
    read: Callable[[str], Pixels]
    left_out: Mapping[str, str]

    def __len__(self) -> int:
        return len(self.examples)

    def pictures(self) -> Iterator[Pixels]:
        """Yield the pictures in the order of the examples."""
        return (self.read(example.image_id) for example in self.examples)

    @property
    def groups(self) -> list[str]:
        """The group of each example."""
        return [example.group_id for example in self.examples]

    @property
    def corpora(self) -> list[str]:
        """The corpora that it has images of."""
        return sorted({example.corpus for example in self.examples})

    @cached_property
    def sha256(self) -> str:
        """The hash of its definition: every image by id and pixels, and what is true of it."""
        definition = [[example.image_id, example.pixels_sha256, example.key] for example in self.examples]
        return sha256_text(canonical_json({"name": self.name, "examples": definition}))

    def describe(self) -> dict[str, Any]:
        """Return what a report says of it."""
        return {
            "name": self.name,
            "images": len(self),
            "groups": len(set(self.groups)),
            "distinct_facts": len({example.key for example in self.examples}),
            "corpora": {name: sum(example.corpus == name for example in self.examples) for name in self.corpora},
            "left_out": len(self.left_out),
            "sha256": self.sha256,
        }


@dataclass(frozen=True)
class Sources:
    """What a release does not hold: the picture of a row without one, the boxes of an image id; None if absent."""

    picture: Callable[[Row], Pixels | None] = lambda row: None
    boxes: Callable[[str], Sequence[Row] | None] = lambda image_id: None


def open_benchmarks(release: Path, sources: Sources | None = None) -> dict[str, Benchmark]:
    """Return the benchmarks that a release holds images of, by name; ``release-test`` is always the first.

    ``release`` is the folder of a published version, or ``build/release``.

    Raises:
        EvaluationError: it is no release, its test split is empty, or none of its pictures is at hand.
    """
    sources = sources or Sources()
    files = data_files(release)
    if not files:
        raise EvaluationError("no data/*.parquet", where=release, way_out="name the folder of a version")
    tables = {path: _rows(path) for path in files}
    rows = [row for table in tables.values() for row in table]
    train = tuple(_example(row, None) for row in _sorted(rows) if row["split"] == "train")
    tested = [row for row in _sorted(rows) if row["split"] == "test"]
    if not tested:
        raise EvaluationError("the release has no test split", where=release, way_out="raise `splits.test`")
    holding = [path for path, table in tables.items() if any(row["split"] == "test" for row in table)]
    pictures = _Pictures(holding, {row["image_id"]: row for row in tested}, sources)
    readable = filter(pictures.has, tested)
    at_hand = {row["image_id"]: _example(row, sources.boxes(row["image_id"])) for row in readable}
    benchmarks = {}
    for name, part in _parts(tested):
        ids = [row["image_id"] for row in part]
        examples = tuple(at_hand[image_id] for image_id in ids if image_id in at_hand)
        left_out = {image_id: "withheld by its licence" for image_id in ids if image_id not in at_hand}
        if examples:
            benchmarks[name] = Benchmark(name, examples, train, pictures.read, left_out)
    if RELEASE_TEST not in benchmarks:
        raise EvaluationError(
            f"the release withholds all {len(tested)} pictures of its test split",
            where=release,
            way_out="name the folder of the source images: --images FOLDER",
        )
    return benchmarks


def choose(benchmarks: Mapping[str, Benchmark], name: str) -> Benchmark:
    """Return a benchmark by name.

    Raises:
        EvaluationError: no picture of it is at hand.
    """
    if name not in benchmarks:
        way_out = nearest(name, benchmarks)
        if any(benchmark.left_out for benchmark in benchmarks.values()):
            way_out += " If the release withholds its pictures, name their folder: --images FOLDER"
        raise EvaluationError(f"the release holds no picture of a benchmark '{name}'", way_out=way_out)
    return benchmarks[name]


def _rows(path: Path) -> list[Row]:
    try:
        rows: list[Row] = pq.read_table(path, columns=list(COLUMNS)).to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise EvaluationError(
            f"not a table of a release ({error})", where=path, way_out="name the folder of a version"
        ) from error
    return rows


def _sorted(rows: Iterable[Row]) -> list[Row]:
    return sorted(rows, key=lambda row: str(row["image_id"]))


def _parts(tested: Sequence[Row]) -> Iterator[tuple[str, Sequence[Row]]]:
    yield RELEASE_TEST, tested
    simulated = [row for row in tested if row["corpus"].startswith(SIMULATED)]
    if simulated and len(simulated) < len(tested):
        yield SIM_TEST, simulated
    for name in sorted({row["benchmark"] for row in tested if row["benchmark"]}):
        yield name, [row for row in tested if row["benchmark"] == name]


def _example(row: Row, boxes: Sequence[Row] | None) -> Example:
    return Example(
        **{name: row[name] for name in ("image_id", "corpus", "group_id", "method", "caption", "width", "height")},
        facts=from_json(row["facts"]),
        pixels_sha256=row["pixels_sha256"],
        boxes=None if boxes is None else tuple(boxes),
    )


class _Pictures:
    """The pictures of a release's test split: those in its tables, and those that the sources have."""

    def __init__(self, files: Sequence[Path], rows: Mapping[str, Row], sources: Sources) -> None:
        self.rows = rows
        self.sources = sources
        self.encoded: dict[str, bytes] = {}
        for path in files:
            with pq.ParquetFile(path) as table:
                for batch in table.iter_batches(batch_size=100, columns=["image_id", "image"]):
                    for row in batch.to_pylist():
                        if row["image_id"] in rows and row["image"] is not None:
                            self.encoded[row["image_id"]] = row["image"]["bytes"]

    def has(self, row: Row) -> bool:
        """Whether the picture of a row is at hand."""
        return row["image_id"] in self.encoded or self.sources.picture(row) is not None

    def read(self, image_id: str) -> Pixels:
        """Return a picture, decoded anew each time."""
        from sartext.corpora.images import decode

        if image_id in self.encoded:
            return np.asarray(decode(self.encoded[image_id]), dtype=np.uint8)
        picture = self.sources.picture(self.rows[image_id])
        if picture is None:
            raise EvaluationError("the picture is not at hand", where=image_id, way_out="name it: --images FOLDER")
        return picture

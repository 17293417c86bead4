"""What a release format is, and what it is made from: the pairs, and the images that may be given on."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from sartext.catalogue.entry import Entry
from sartext.config import Project, ReleaseParameters
from sartext.corpora.images import Unusable, release_bytes, second_bytes
from sartext.errors import ReleaseError
from sartext.release.inputs import SPLIT_NAMES
from sartext.release.licences import may_be_given_on

Row = Mapping[str, Any]


@dataclass(frozen=True)
class ReleasedImage:
    """An image as the release holds it: the bytes of a PNG or JPEG file, and the file's name.

    ``path`` is ``<corpus>/<stem>.<png or jpg>``; the stem is the image id's.
    """

    content: bytes
    path: str
    sha256: str


@dataclass(frozen=True)
class Material:
    """The pairs of a candidate by split, and access to their images one at a time.

    Args:
        project: where the images lie.
        catalogue: the entry of each corpus.
        pairs: the rows of the candidate, sorted by image id.
    """

    project: Project
    catalogue: Mapping[str, Entry]
    pairs: Sequence[Row]
    _paths: dict[str, str] = field(default_factory=dict)

    def splits(self) -> dict[str, list[Row]]:
        """The pairs of each split that has any, in the order train, validation, test."""
        rows = {split: [row for row in self.pairs if row["split"] == split] for split in SPLIT_NAMES}
        return {split: of_split for split, of_split in rows.items() if of_split}

    def image(self, row: Row) -> ReleasedImage | None:
        """Return the image of a pair, or None where the licence does not let it be given on.

        Raises:
            ReleaseError: the source file is absent, damaged, or not the one that was indexed and checked.
        """
        if not may_be_given_on(row):
            return None
        where = row["path"]
        try:
            source = (self.project.root / where).read_bytes()
        except OSError as error:
            raise ReleaseError(
                f"the source image cannot be read ({error.strerror})", where=where, way_out="run `make release`"
            ) from error
        if hashlib.sha256(source).hexdigest() != row["sha256"]:
            raise ReleaseError(
                "the source image changed after it was indexed", where=where, way_out="run `make release`"
            )
        content = self._rendered(release_bytes, row)
        if content is None:
            return None
        path = image_name(row["image_id"], content)
        self._paths[row["image_id"]] = path
        return ReleasedImage(content, path, hashlib.sha256(content).hexdigest())

    def second_image(self, row: Row) -> ReleasedImage | None:
        """Return the second polarisation of a pair's image, None where there is none or the image is withheld.

        ``path`` is ``<corpus>/<stem>.<polarisation>.png``.

        Raises:
            ReleaseError: the source file cannot be rendered any more.
        """
        content = self._rendered(second_bytes, row) if may_be_given_on(row) else None
        if content is None:
            return None
        path = second_name(row["image_id"], row["second_polarisation"])
        return ReleasedImage(content, path, hashlib.sha256(content).hexdigest())

    def _rendered(self, render: Callable[[Path, Row, Entry], bytes | None], row: Row) -> bytes | None:
        try:
            return render(self.project.root, row, self.catalogue[row["corpus"]])
        except Unusable as error:
            raise ReleaseError(
                f"the source image cannot be rendered ({error})", where=row["path"], way_out="run `make release`"
            ) from error

    def image_path(self, row: Row) -> str | None:
        """Return the name of a pair's image in the release, or None where the image is withheld."""
        if not may_be_given_on(row):
            return None
        if row["image_id"] not in self._paths:
            self.image(row)
        return self._paths[row["image_id"]]


def image_name(image_id: str, content: bytes) -> str:
    """Return the name of an image in a release, its suffix by what the file's bytes are: PNG or JPEG."""
    return image_id + (".png" if content.startswith(b"\x89PNG") else ".jpg")


def second_name(image_id: str, polarisation: str) -> str:
    """Return the name of the second polarisation of an image in a release, always a PNG."""
    return f"{image_id}.{polarisation}.png"


class Pair(NamedTuple):
    """What the Parquet files of a release say of one image.

    ``path`` is None where the image is withheld, ``problem`` says what is wrong with it, or nothing.
    """

    corpus: str
    split: str
    caption: str
    caption_detailed: str
    path: str | None
    group_id: str
    facts: str
    problem: str = ""


Pairs = Mapping[str, Pair]
"""The pairs of a release by image id."""


@dataclass(frozen=True)
class HubConfig:
    """A config of the dataset card: what Hugging Face's ``load_dataset(<release>, <name>)`` reads.

    ``pattern`` are its Parquet files below the release, with ``{split}`` where the name of a split stands.
    """

    name: str
    pattern: str

    def files_of(self, split: str) -> str:
        """Return the glob of the files of a split."""
        return self.pattern.format(split=split)


@dataclass(frozen=True)
class Format:
    """One form in which a release holds its pairs.

    Args:
        name: as ``release.formats`` of ``params.yaml`` lists it.
        description: one sentence of what reads it.
        patterns: the paths of its files below a release's folder, as `Path.glob` takes them.
        subject: what `verify` names, in the singular: ``file``, ``image``, ``question``.
        write: writes its files below an assembled release's folder.
        verify: returns what is wrong with its files, by file or id, given the pairs of the Parquet files.
        extracted: whether ``sartext release extract`` copies its files beside the images.
        statistics: what it adds to ``statistics.json``, read from the files that it wrote.
        tasks: task categories of Hugging Face's Hub that it adds to the dataset card.
        section: its section of the card, a Jinja template of Markdown, given ``statistics`` and ``splits``.
        made_from: the formats whose files it is written from and verified against; they must be listed too.
        config: the config of the dataset card that its files are.
    """

    name: str
    description: str
    patterns: tuple[str, ...]
    subject: str
    write: Callable[[Material, Path, ReleaseParameters], None]
    verify: Callable[[Path, Pairs], Mapping[str, str]]
    extracted: bool = False
    statistics: Callable[[Path], Mapping[str, object]] = lambda folder: {}
    tasks: tuple[str, ...] = ()
    section: str = ""
    made_from: tuple[str, ...] = ()
    config: HubConfig | None = None

    def files(self, folder: Path) -> list[Path]:
        """Return the files of this format in a release, in path order."""
        return sorted(path for pattern in self.patterns for path in folder.glob(pattern) if path.is_file())

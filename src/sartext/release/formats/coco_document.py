"""The documents of COCO's JSON that a release holds: numbers instead of names, a record a line, read back."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from sartext.errors import ReleaseError
from sartext.files import atomic_path, sha256_text
from sartext.release.formats.parquet import released_rows, split_files
from sartext.release.manifest import IMAGES, WAY_OUT

FOLDER = "coco"

COLUMNS = ("image_id", "image.path", "width", "height", "caption", "corpus", "licence", "facts")
"""What is read of the Parquet files."""

HEX_DIGITS = 13
"""Of a hash that becomes a number: 52 bits, which a double holds exactly."""

Document = Mapping[str, list[Any]]
Row = Mapping[str, Any]


def captions_file(split: str) -> str:
    """Return the path of the captions of a split below a release's folder."""
    return f"{FOLDER}/{split}_captions.json"


def instances_file(split: str) -> str:
    """Return the path of the boxes of a split below a release's folder."""
    return f"{FOLDER}/{split}_instances.json"


def numbers_of(names: Iterable[str]) -> dict[str, int]:
    """Return a number from 1 below 2**52 for each name, by its hash: names that come or go change no other's.

    Of two names with one hash the later gets the next free number.
    """
    numbers: dict[str, int] = {}
    taken: set[int] = set()
    for name in names:
        number = int(sha256_text(name)[:HEX_DIGITS], 16) or 1
        while number in taken:
            number += 1
        taken.add(number)
        numbers[name] = number
    return numbers


class Images:
    """The images of a release as COCO's records: of each split its rows with an image, and their numbers.

    Args:
        folder: the release; its Parquet files are read.
    """

    def __init__(self, folder: Path) -> None:
        rows = {split: list(released_rows(files, COLUMNS)) for split, files in split_files(folder).items()}
        every = sorted((row for of_split in rows.values() for row in of_split), key=lambda row: row["image_id"])
        self.numbers = numbers_of(row["image_id"] for row in every)
        self.splits: dict[str, list[Row]] = {
            split: [row for row in of_split if row["image"] is not None] for split, of_split in rows.items()
        }
        licences = sorted({row["licence"] for of_split in self.splits.values() for row in of_split})
        self.licences = {licence: number for number, licence in enumerate(licences, start=1)}

    def licence_records(self) -> list[dict[str, Any]]:
        """Return the licences of the images, each once; one that is an address has it as ``url``."""
        return [
            {"id": number, "name": licence, "url": licence if licence.startswith("http") else ""}
            for licence, number in self.licences.items()
        ]

    def records(self, rows: Iterable[Row]) -> list[dict[str, Any]]:
        """Return the records of images, in the order of their rows."""
        return [
            {
                "id": self.numbers[row["image_id"]],
                "file_name": f"{IMAGES}/{row['image']['path']}",
                "width": row["width"],
                "height": row["height"],
                "license": self.licences[row["licence"]],
                "name": row["image_id"],
                "corpus": row["corpus"],
            }
            for row in rows
        ]

    def captions(self, split: str) -> Document:
        """Return the captions of a split; a caption has the number of its image."""
        rows = self.splits[split]
        annotations = [
            {"id": number, "image_id": number, "caption": row["caption"]}
            for row in rows
            for number in (self.numbers[row["image_id"]],)
        ]
        return {"licenses": self.licence_records(), "images": self.records(rows), "annotations": annotations}


def write_document(path: Path, description: str, document: Document) -> None:
    """Write a document of COCO, a record a line."""
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as stream:
        stream.write(f'{{"info": {{"description": {json.dumps(description)}}}')
        for name, records in document.items():
            lines = ",\n".join(json.dumps(record, ensure_ascii=False, allow_nan=False) for record in records)
            stream.write(f',\n"{name}": [\n{lines}\n]')
        stream.write("}\n")


def read_document(path: Path) -> Document:
    """Return the lists of a document.

    Raises:
        ReleaseError: it is no JSON, or no document of COCO.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return {name: list(content[name]) for name in content if name != "info"}
    except FileNotFoundError as error:
        raise ReleaseError("is missing", where=path, way_out=WAY_OUT) from error
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise ReleaseError(f"cannot be read ({error})", where=path, way_out=WAY_OUT) from error

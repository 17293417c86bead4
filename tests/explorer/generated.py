"""Releases of any size in a second or a minute: every file that the explorer reads, generated from a seed."""

import csv
import io
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from sartext.files import sha256_file, write_json
from sartext.narrator.detail_grammar import detailed
from sartext.narrator.facts import Facts, ObjectFact, to_json
from sartext.narrator.realisation import realise
from sartext.release.assembly import LICENCE_COLUMNS
from sartext.release.formats.parquet import SCHEMA
from sartext.tables import LEDGER, write_table

CORPORA = ("bay", "coast", "delta", "estuary", "fjord")
WITHHELD = "fjord"
NOUNS = (("ship", "ships"), ("bridge", "bridges"), ("aircraft", "aircraft"), ("storage tank", "storage tanks"))
SPLIT_OF = ("train", "train", "train", "train", "validation", "test")
PICTURES = 64
"""Different pictures; further rows show them again."""

Row = dict[str, Any]


def generate(folder: Path, rows: int, *, side: int = 64, changes: dict[int, Row] | None = None) -> Path:
    """Write a published release of some rows, and return its folder.

    ``changes`` are columns of single rows, by number. Every fifth corpus's pictures are withheld; classes, counts,
    splits and lengths vary.
    """
    pictures = [_picture(number, side) for number in range(PICTURES)]
    made = [_row(number, rows, side) | (changes or {}).get(number, {}) for number in range(rows)]
    for split in dict.fromkeys(SPLIT_OF):
        of_split = [row for row in made if row["split"] == split]
        if of_split:
            _write(folder / "data" / f"{split}-00000-of-00001.parquet", of_split, pictures)
    released = [_fate(row["image_id"], row["corpus"], "released", "release", "") for row in made]
    left_out = [_fate(f"bay/broken-{number}", "bay", "left out", "corpus", "truncated-image") for number in (1, 2)]
    write_table(folder / "ledger.parquet", LEDGER, [*released, *left_out])
    _licences(folder / "LICENSES.csv", made)
    row = {"name": "captions agree with facts", "severity": "critical", "passed": True, "status": "evaluated"}
    row |= {"figure": 0, "unit": "pairs", "detail": "bay and coast: all pairs agree"}
    verdict = {"passed": True, "suites": [{"name": "faithfulness", "passed": True, "expectations": [row]}]}
    write_json(folder / "quality" / "gate.json", verdict)
    return sealed(folder)


def sealed(folder: Path) -> Path:
    """Write the manifest of what lies in a folder, and return the folder."""
    (folder / "MANIFEST.json").unlink(missing_ok=True)
    files = {
        path.relative_to(folder).as_posix(): {"sha256": sha256_file(path), "size": path.stat().st_size}
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }
    manifest = {"name": "generated", "version": "1.0.0", "content_sha256": "0" * 64, "files": files}
    write_json(folder / "MANIFEST.json", manifest)
    return folder


def facts_of(number: int) -> Facts:
    """One or two classes with a few objects each, in the center or outside it."""
    kinds = [NOUNS[number % 4]] if number % 3 else [NOUNS[number % 4], NOUNS[(number + 1) % 4]]
    objects = []
    for place, (noun, plural) in enumerate(kinds):
        count = (number * 7 + place) % 9 + 1
        center = number % (count + 1)
        objects.append(ObjectFact(noun, noun, plural, count, center, count - center, (count, 0, 0)))
    return Facts(objects=tuple(sorted(objects, key=lambda fact: -fact.count)))


def _row(number: int, rows: int, side: int) -> Row:
    corpus = CORPORA[number * len(CORPORA) // rows]
    image_id = f"{corpus}/{number:06d}"
    facts = facts_of(number)
    return {
        **dict.fromkeys(SCHEMA.names),
        "image_id": image_id,
        "number": number,
        "caption": realise(facts, image_id, 11)[0],
        "caption_detailed": detailed(facts, image_id, 11),
        "facts": to_json(facts),
        "corpus": corpus,
        "split": SPLIT_OF[number % len(SPLIT_OF)],
        "method": "a2c",
        "method_version": "1",
        "width": side,
        "height": side,
        "modality": "sar",
        "sensor": "Sentinel-1" if number % 2 else "Gaofen-3",
        "polarisation": "VV",
        "quantity": "display",
        **dict.fromkeys(("scene_id", "group_id", "cluster_id"), image_id),
        "source_path": f"{image_id}.png",
        **dict.fromkeys(("sha256", "pixels_sha256"), f"{number:064x}"),
        "licence": "not-stated" if corpus == WITHHELD else "CC-BY-4.0",
        "redistribution": corpus != WITHHELD,
        "citation": f"The authors of {corpus}, 2026",
        "source_url": f"https://example.org/{corpus}",
    }


def _write(path: Path, rows: list[Row], pictures: list[bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with pq.ParquetWriter(path, SCHEMA, compression="zstd") as writer:
        for start in range(0, len(rows), 100):
            group = [_with_picture(row, pictures) for row in rows[start : start + 100]]
            writer.write_table(pa.Table.from_pylist(group, schema=SCHEMA))


def _with_picture(row: Row, pictures: list[bytes]) -> Row:
    if row["corpus"] == WITHHELD:
        return row
    content = row["image"] or pictures[row["number"] % len(pictures)]
    path = f"{row['image_id']}.png"
    return {**row, "image": {"bytes": content, "path": path}, "image_sha256": f"{row['number']:064x}"}


def _picture(number: int, side: int) -> bytes:
    """Speckle over a dark sea with some bright spots."""
    rng = np.random.default_rng(number)
    amplitude = rng.rayleigh(30, (side, side))
    for x, y in rng.integers(4, side - 4, (number % 6, 2)):
        amplitude[y - 2 : y + 2, x - 4 : x + 4] += 160
    stream = io.BytesIO()
    Image.fromarray(np.clip(amplitude, 0, 255).astype(np.uint8)).save(stream, "png")
    return stream.getvalue()


def _fate(image_id: str, corpus: str, fate: str, stage: str, reason: str) -> Row:
    return dict(zip(LEDGER.names, (image_id, corpus, f"data/{image_id}.png", fate, stage, reason), strict=True))


def _licences(path: Path, rows: list[Row]) -> None:
    counts = Counter(row["corpus"] for row in rows)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, LICENCE_COLUMNS, lineterminator="\n")
        writer.writeheader()
        writer.writerows(_terms(rows, counts))


def _terms(rows: list[Row], counts: Counter[str]) -> Iterator[Row]:
    for corpus, count in sorted(counts.items()):
        row = next(row for row in rows if row["corpus"] == corpus)
        known = {name: row[name] for name in ("corpus", "licence", "citation", "source_url")}
        free = corpus != WITHHELD
        told = {"title": f"Ships of the {corpus}", "redistribution": "yes" if free else "no", "conditions": "cite"}
        yield {**known, **told, "pairs": count, "images": count if free else 0}

"""Assembling a release: everything that bears no version, from a candidate that passed the gate."""

import csv
import shutil
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sartext.catalogue.loading import find_entry
from sartext.config import Project
from sartext.files import atomic_folder, sha256_tree, write_json
from sartext.release.formats import listed_formats
from sartext.release.formats.format import Material, Row
from sartext.release.gate.verdict import require_passed
from sartext.release.inputs import refuse_unlisted
from sartext.release.licences import may_be_given_on
from sartext.release.manifest import CONTENT, content_sha256
from sartext.release.withdrawals import WITHDRAWALS, write_withdrawn
from sartext.tables import PAIRS, read_rows

EXAMPLES = 6
LICENCE_COLUMNS = (
    *("corpus", "title", "licence", "redistribution", "conditions"),
    *("pairs", "images", "citation", "source_url"),
)


def assemble(project: Project) -> dict[str, object]:
    """Write ``build/release`` from the candidate (stage ``release``); byte-identical for identical inputs.

    Raises:
        ParameterError: no format has a name that ``release.formats`` lists, or one lacks what it is made from.
        GateError: the verdict is missing, foreign or failed; the release that stands there is left as it is.
        ReleaseError: a source image is not the one that was checked.
        ArtefactError: the candidate is damaged, or the disk is full.
    """
    parameters = project.parameters.release
    formats = listed_formats(parameters.formats)
    refuse_unlisted(project)
    require_passed(project)
    pairs = read_rows(project.build / "candidate" / "pairs.parquet", PAIRS)
    corpora = [name for name in project.parameters.corpora if any(row["corpus"] == name for row in pairs)]
    material = Material(project, {name: find_entry(project, name) for name in corpora}, pairs)
    target = project.build / "release"
    with atomic_folder(target) as folder:
        for form in formats:
            form.write(material, folder, parameters)
        _write_licences(folder / "LICENSES.csv", material)
        shutil.copyfile(project.build / "ledger.parquet", folder / "ledger.parquet")
        write_withdrawn(project, folder / WITHDRAWALS)
        (folder / "quality").mkdir()
        shutil.copyfile(project.build / "quality" / "gate.json", folder / "quality" / "gate.json")
        statistics = describe(material)
        for form in formats:
            statistics |= form.statistics(folder)
        write_json(folder / "statistics.json", statistics)
        files = sha256_tree(folder)
        content = content_sha256(files)
        write_json(folder / CONTENT, {"content_sha256": content, "files": files})
    return {
        "pairs": statistics["pairs"],
        "images": statistics["images"],
        "corpora": statistics["corpora"],
        "files": len(files),
        "bytes": sum(path.stat().st_size for path in target.rglob("*") if path.is_file()),
        "content_sha256": content,
        "examples": [row["image_id"] for row in pairs[:: max(1, len(pairs) // EXAMPLES)]][:EXAMPLES],
    }


def describe(material: Material) -> dict[str, Any]:
    """Return the counts of a release: per corpus and split, per method, and the lengths of its captions."""
    pairs = material.pairs
    lengths = [len(row["caption"].split()) for row in pairs]
    return {
        **_counts(pairs),
        "corpora": {name: _of_corpus(material, name) for name in material.catalogue},
        "words": {"least": min(lengths), "mean": round(sum(lengths) / len(lengths), 2), "most": max(lengths)},
        "distinct_captions": len({row["caption"] for row in pairs}),
    }


def _of_corpus(material: Material, name: str) -> dict[str, object]:
    rows = [row for row in material.pairs if row["corpus"] == name]
    return {
        **_counts(rows),
        "title": material.catalogue[name].title,
        "sensor": ", ".join(sorted({row["sensor"] for row in rows})),
        "licence": _only(rows, "licence"),
    }


def _counts(rows: Sequence[Row]) -> dict[str, object]:
    return {
        "pairs": len(rows),
        "images": sum(may_be_given_on(row) for row in rows),
        "splits": dict(Counter(row["split"] for row in rows)),
        "methods": dict(Counter(row["method"] for row in rows)),
    }


def _only(rows: Sequence[Row], column: str) -> str:
    return "; ".join(sorted({str(row[column]) for row in rows}))


def _write_licences(path: Path, material: Material) -> None:
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(LICENCE_COLUMNS)
        for name, entry in material.catalogue.items():
            rows = [row for row in material.pairs if row["corpus"] == name]
            right = "yes" if all(row["redistribution"] for row in rows) else "no"
            counts = (len(rows), sum(may_be_given_on(row) for row in rows))
            texts = (" ".join(entry.title.split()), " ".join(_only(rows, "citation").split()))
            licence, source = _only(rows, "licence"), _only(rows, "source_url")
            terms = (licence, right, entry.conditions_in_words)
            writer.writerow((name, texts[0], *terms, *counts, texts[1], source))

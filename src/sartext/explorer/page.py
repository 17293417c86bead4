"""The page of the explorer: its text, its tables of the release, and its script."""

import base64
import hashlib
from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from sartext.explorer.facets import FACETS
from sartext.explorer.pictures import THUMBNAIL
from sartext.explorer.released import Release
from sartext.pages import PACKAGE, Cell, Row, Table, render

# No kept kit is under it. DataTables 2.3.8 (in the package itables 2.9.1) from disk in headless Chromium on two
# busy cores, 100,000 generated rows: 24 s until the table stands, 1.0 s a query; with SearchPanes, whose counts
# follow one another, 50 s and 14 s a query. Kits that fetch or load WebAssembly do not work from disk. What is
# here is measured by `tests/explorer/test_size.py`.
SCRIPTS = ("shards.js", "words.js", "filters.js", "cards.js", "record.js", "explorer.js")

OWN = "'self' file:"
"""From where the page loads its data: beside it, served or on disk."""

LEFT_OUT_SHOWN = 200
"""Rows of the table of what was left out."""


def page_of(source: Release, known: Mapping[str, Any], side: int) -> str:
    """Return the page as HTML.

    Args:
        source: the release.
        known: what was written: ``rows``, ``pictures``, ``shard``, ``word_shards``, ``sentences``, ``model``.
        side: pixels of the longer side of the large pictures.
    """
    script = "".join((PACKAGE / "explorer" / "templates" / name).read_text(encoding="utf-8") for name in SCRIPTS)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    data = {**known, "title": source.identity, "ordered": [facet.name for facet in FACETS if facet.order]}
    withheld = known["rows"] - known["pictures"]
    lead = f"{known['rows']:,} SAR images with captions; {withheld:,} of the pictures are withheld."
    return render(
        "explorer/templates/page.html",
        title=source.identity,
        lead=lead if withheld else f"{known['rows']:,} SAR images with captions.",
        policy=f"default-src 'none'; script-src 'sha256-{digest}' {OWN}; style-src 'unsafe-inline'; img-src data:",
        sentences=known["sentences"],
        model=known["model"],
        identity=_identity(source),
        corpora=_corpora(source),
        left_out=_left_out(source),
        pixels=f"made smaller to {max(side, THUMBNAIL)} pixels where they are larger",
        data=data,
        script=Markup(script),  # noqa: S704 - files of the package
    )


def _identity(source: Release) -> list[tuple[str, Cell]]:
    manifest = source.manifest
    return [
        ("release", Cell(source.identity)),
        ("content", Cell(manifest["content_sha256"], code=True)),
        ("made from commit", Cell(str(manifest.get("git", {}).get("commit") or "not stated"), code=True)),
    ]


def _corpora(source: Release) -> Table:
    heads = ("Corpus", "Title", "Licence", "Conditions", "Captions", "Pictures", "To cite")
    names = ("title", "licence", "conditions", "pairs", "images", "citation")
    rows = [Row([row["corpus"], *(row.get(name) or "not stated" for name in names)]) for row in source.licences]
    return Table(heads, rows, texts=("Title", "Licence", "Conditions", "To cite"))


def _left_out(source: Release) -> Table:
    rows = [Row([corpus, stage, reason, f"{count:,}"]) for corpus, stage, reason, count in source.left_out]
    more = len(rows) - LEFT_OUT_SHOWN
    notes = [f"{more:,} further rows are in ledger.parquet."] if more > 0 else []
    return Table(
        ("Corpus", "Stage", "Reason", "Images"), rows[:LEFT_OUT_SHOWN], texts=("Stage", "Reason"), notes=notes
    )

"""``DATASHEET.md``: a data sheet, answered from the build; what only people know is theirs to say."""

from collections import Counter

from sartext.release.card import data_sheet
from sartext.release.documents.document import Document, Edition
from sartext.release.gate.verdict import tally
from sartext.release.inputs import SPLIT_NAMES
from sartext.tables import LEDGER, read_rows


def _datasheet(edition: Edition) -> str:
    parameters, splits = edition.project.parameters.release, edition.statistics["splits"]
    ledger = read_rows(edition.folder / "ledger.parquet", LEDGER)
    left_out = Counter((row["stage"], row["reason"]) for row in ledger if row["fate"] != "released")
    rows = [row for suite in edition.verdict["suites"] for row in suite["expectations"]]
    return data_sheet(
        title=parameters.title,
        version=edition.version,
        doi=parameters.doi,
        said=parameters.datasheet,
        statistics=edition.statistics,
        splits=[(split, splits[split]) for split in SPLIT_NAMES if split in splits],
        licences=edition.licences,
        sources=len(ledger),
        left_out=sorted(left_out.items()),
        tally=tally(rows),
    )


DOCUMENT = Document("DATASHEET.md", "composition, collection, processing, uses and upkeep", _datasheet)

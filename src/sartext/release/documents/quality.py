"""``quality/report.md``: the verdict of the gate for people."""

from sartext.release.card import quality_report
from sartext.release.documents.document import Document

DOCUMENT = Document(
    "quality/report.md", "the verdict of the gate", lambda edition: quality_report(edition.verdict)
)

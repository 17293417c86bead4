"""``CHANGES.md``: what differs from the version before."""

from sartext.release.card import changes
from sartext.release.documents.document import Document

DOCUMENT = Document(
    "CHANGES.md",
    "what differs from the version before",
    lambda edition: changes(edition.version, edition.before, edition.difference, edition.statistics),
)

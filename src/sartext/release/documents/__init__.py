"""What a published version holds beside its content: a file for each document, listed here.

``MANIFEST.json`` and ``SHA256SUMS`` are written last, over all of them: `sartext.release.manifest`.
"""

from sartext.registry import Registry
from sartext.release.documents import card, changes, citation, croissant, datasheet, provenance, quality, verifier

DOCUMENTS = Registry(
    "document of a release",
    [
        card.DOCUMENT,
        changes.DOCUMENT,
        citation.DOCUMENT,
        croissant.DOCUMENT,
        datasheet.DOCUMENT,
        quality.DOCUMENT,
        verifier.DOCUMENT,
        *provenance.DOCUMENTS,
    ],
)

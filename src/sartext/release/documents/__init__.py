"""What a published version holds beside its content: a file for each document, listed here.

``MANIFEST.json`` and ``SHA256SUMS`` are written last, over all of them: `sartext.release.manifest`.
"""

from sartext.registry import Registry
from sartext.release.documents import card, changes, croissant, provenance, quality, verifier

DOCUMENTS = Registry(
    "document of a release",
    [
        card.DOCUMENT,
        changes.DOCUMENT,
        croissant.DOCUMENT,
        quality.DOCUMENT,
        verifier.DOCUMENT,
        *provenance.DOCUMENTS,
    ],
)

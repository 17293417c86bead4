"""``README.md``: the dataset card."""

from sartext.release.card import dataset_card
from sartext.release.documents.document import Document, Edition
from sartext.release.hub_configs import hub_header


def _card(edition: Edition) -> str:
    return dataset_card(
        edition.project.parameters.release,
        edition.version,
        edition.content_sha256,
        edition.statistics,
        edition.licences,
        pairs=edition.pairs,
        audit=edition.verdict.get("audit", {}),
        hub=hub_header(edition.folder),
    )


DOCUMENT = Document("README.md", "the dataset card", _card)

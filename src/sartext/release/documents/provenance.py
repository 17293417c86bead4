"""``provenance/``: the graph, the parameters, the data and the lock that made a release."""

from functools import partial

from sartext.release.documents.document import Document, Edition
from sartext.release.origin import used_lock


def _copied(name: str, edition: Edition) -> bytes | None:
    path = edition.project.root / name
    return path.read_bytes() if path.is_file() else None


_COPIED = {
    "dvc.yaml": "the graph that made it",
    "params.yaml": "the parameters that made it",
    "data.dvc": "the hash of the data that it was made from",
}

DOCUMENTS = (
    *(Document(f"provenance/{name}", told, partial(_copied, name)) for name, told in _COPIED.items()),
    Document(
        "provenance/dvc.lock",
        "the hashes of every input and output of the stages that led to it",
        lambda edition: used_lock(edition.project),
    ),
)

"""``CITATION.cff``: how a version is cited, and what it is made from, in the Citation File Format 1.2."""

from typing import Any

import yaml

from sartext.config.data import Author
from sartext.release.documents.document import Document, Edition


def _citation(edition: Edition) -> str:
    parameters = edition.project.parameters.release
    licences = {row["licence"] for row in edition.licences}
    cited = {
        "cff-version": "1.2.0",
        "message": "If you use this dataset, cite it, and the corpora that it is made from (references).",
        "type": "dataset",
        "title": parameters.title,
        "version": edition.version,
        **({"doi": parameters.doi} if parameters.doi else {}),
        "authors": [_author(author) for author in parameters.authors] or [{"name": "not stated"}],
        **({"license": licences.pop()} if len(licences) == 1 and _is_spdx(*licences) else {}),
        "keywords": ["synthetic aperture radar", "remote sensing", "image captioning"],
        "identifiers": [
            {
                "type": "other",
                "value": f"sha256:{edition.content_sha256}",
                "description": "content_sha256 of MANIFEST.json: the identity of the data",
            }
        ],
        "references": [_reference(row) for row in edition.licences],
    }
    return yaml.safe_dump(cited, sort_keys=False, allow_unicode=True, width=115)


def _is_spdx(licence: str) -> bool:
    return licence not in {"", "not-stated"} and " " not in licence and "://" not in licence


def _author(author: Author) -> dict[str, str]:
    names = {"name": author.name, "family-names": author.family, "given-names": author.given}
    orcid = author.orcid and f"https://orcid.org/{author.orcid}"
    known = {**names, "orcid": orcid, "affiliation": author.affiliation}
    return {name: value for name, value in known.items() if value}


def _reference(row: dict[str, str]) -> dict[str, Any]:
    return {
        "type": "dataset",
        "title": row["title"],
        "authors": [{"name": f"The authors of {row['title']}"}],
        "notes": row["citation"],
        **({"url": row["source_url"]} if "://" in row["source_url"] else {}),
    }


DOCUMENT = Document("CITATION.cff", "how to cite it, and the corpora that it is made from", _citation)

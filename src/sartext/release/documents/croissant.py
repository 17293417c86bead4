"""``croissant.json``: files with hashes, records and fields, origin and terms of use, as Croissant 1.1 has them.

Written as plain JSON-LD; the tests validate it with mlcroissant and read every record through it.
"""

import json
from collections.abc import Iterable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sartext.release.documents.document import Document, Edition
from sartext.release.formats.parquet import COLUMNS, IMAGE
from sartext.release.inputs import data_files
from sartext.release.origin import git_state

VERSION = "http://mlcommons.org/croissant/1.1"
RESPONSIBLE = "http://mlcommons.org/croissant/RAI/1.0"

_TERMS = (
    *("arrayShape", "citeAs", "column", "containedIn", "equivalentProperty", "extract", "field", "fileProperty"),
    *("fileObject", "fileSet", "format", "includes", "isArray", "isLiveDataset", "jsonPath", "key", "md5"),
    *("parentField", "path", "recordSet", "references", "regex", "repeated", "replace", "samplingRate"),
    *("separator", "source", "subField", "transform"),
)
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    **{name: f"cr:{name}" for name in _TERMS},
    "conformsTo": "dct:conformsTo",
    "cr": "http://mlcommons.org/croissant/",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "dct": "http://purl.org/dc/terms/",
    "description": {"@container": "@language"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "name": {"@container": "@language"},
    "prov": "http://www.w3.org/ns/prov#",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sar": "https://stac-extensions.github.io/sar/v1.0.0/schema.json#",
    "sc": "https://schema.org/",
}

_MEDIA = {
    ".parquet": "application/x-parquet",
    ".json": "application/json",
    ".jsonl": "application/jsonlines",
    ".csv": "text/csv",
    ".tar": "application/x-tar",
}


def _croissant(edition: Edition) -> str:
    parameters = edition.project.parameters.release
    described = {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": [VERSION, RESPONSIBLE],
        "name": parameters.name,
        "alternateName": parameters.title,
        "description": f"{edition.statistics['pairs']:,} SAR images with captions and the facts that prove them.",
        "version": edition.version,
        "identifier": f"sha256:{edition.content_sha256}",
        "isLiveDataset": False,
        "inLanguage": "en",
        "keywords": ["synthetic aperture radar", "remote sensing", "image captioning", "image-text pairs"],
        "license": sorted({_licence(row["licence"]) for row in edition.licences}),
        "citeAs": " ".join(row["citation"] for row in edition.licences),
        "distribution": _files(edition),
        "recordSet": _record_sets(edition),
        **_origin(edition),
        **_radar(edition),
        **_responsible(edition),
    }
    return json.dumps(described, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _licence(stated: str) -> str:
    spdx = stated and stated != "not-stated" and " " not in stated and "://" not in stated
    return f"https://spdx.org/licenses/{stated}.html" if spdx else stated or "not-stated"


def _files(edition: Edition) -> list[dict[str, Any]]:
    files: list[dict[str, Any]] = [
        {
            "@type": "cr:FileObject",
            "@id": path,
            "name": path,
            "contentUrl": path,
            "contentSize": f"{(edition.folder / path).stat().st_size} B",
            "encodingFormat": _MEDIA.get(path[path.rfind(".") :], "application/octet-stream"),
            "sha256": digest,
        }
        for path, digest in sorted(edition.content.items())
    ]
    sets = {"pairs": "data/*.parquet", **({"questions": "vqa/*.parquet"} if _questions(edition) else {})}
    files += [
        {
            "@type": "cr:FileSet",
            "@id": f"{name}-files",
            "name": f"{name}-files",
            "encodingFormat": "application/x-parquet",
            "includes": pattern,
        }
        for name, pattern in sets.items()
    ]
    return files


def _questions(edition: Edition) -> pa.Schema | None:
    tables = sorted(path for path in edition.content if path.startswith("vqa/") and path.endswith(".parquet"))
    return pq.read_schema(edition.folder / tables[0]) if tables else None


def _record_sets(edition: Edition) -> list[dict[str, Any]]:
    schema = pq.read_schema(data_files(edition.folder)[0])
    sets = [_record_set("pairs", "a row for each image", "image_id", schema, COLUMNS)]
    questions = _questions(edition)
    if questions is not None:
        sets.append(_record_set("questions", "a row for each question about an image", "id", questions, {}))
    return sets


def _record_set(name: str, told: str, key: str, schema: pa.Schema, meanings: dict[str, str]) -> dict[str, Any]:
    fields = [_field(name, column, meanings.get(column.name, "")) for column in schema if _kind(column.type)]
    return {
        "@type": "cr:RecordSet",
        "@id": name,
        "name": name,
        "description": told,
        "key": {"@id": f"{name}/{key}"},
        "field": fields,
    }


def _field(record_set: str, column: pa.Field, meaning: str) -> dict[str, Any]:
    source: dict[str, Any] = {"fileSet": {"@id": f"{record_set}-files"}, "extract": {"column": column.name}}
    if column.type == IMAGE:
        source["transform"] = {"jsonPath": "bytes"}
    described = {
        "@type": "cr:Field",
        "@id": f"{record_set}/{column.name}",
        "name": column.name,
        "description": meaning.replace("`", ""),
        "dataType": _kind(column.type),
        "source": source,
    }
    return {name: value for name, value in described.items() if value != ""}


def _kind(kind: pa.DataType) -> str:
    """Croissant's name of an Arrow type, empty where a record set leaves the column out (lists)."""
    if kind == IMAGE:
        return "sc:ImageObject"
    known = {pa.string(): "sc:Text", pa.bool_(): "sc:Boolean", pa.float64(): "sc:Float"}
    return known.get(kind, "sc:Integer" if pa.types.is_integer(kind) else "")


def _origin(edition: Edition) -> dict[str, Any]:
    corpora = [
        {
            "@type": "prov:Entity",
            "@id": f"corpus/{row['corpus']}",
            "prov:label": row["title"],
            "sc:license": _licence(row["licence"]),
            "sc:citation": row["citation"],
            **({"sc:url": row["source_url"]} if "://" in row["source_url"] else {}),
        }
        for row in edition.licences
    ]
    commit = git_state(edition.project.root)["commit"]
    code = {"prov:used": {"@type": "prov:Entity", "@id": f"commit/{commit}"}} if commit else {}
    activity = {"@type": "prov:Activity", "@id": "build", "prov:label": "dvc repro publication", **code}
    return {"prov:wasDerivedFrom": corpora, "prov:wasGeneratedBy": activity}


def _radar(edition: Edition) -> dict[str, Any]:
    """STAC's terms of SAR, of all images together; what nobody states is left out."""
    known = {
        "sar:frequency_band": _stated(row["band"] for row in edition.pairs),
        "sar:polarizations": _stated(row["polarisation"] for row in edition.pairs),
        "sar:platform": _stated(row["sensor"] for row in edition.pairs),
    }
    return {name: values for name, values in known.items() if values}


def _stated(values: Iterable[str | None]) -> list[str]:
    return sorted({value for value in values if value and value != "unknown" and not value.startswith("not ")})


def _responsible(edition: Edition) -> dict[str, Any]:
    withheld = edition.statistics["pairs"] - edition.statistics["images"]
    methods = ", ".join(sorted(edition.statistics["methods"]))
    return {
        "rai:dataCollection": "Images and annotations are those of the corpora in prov:wasDerivedFrom.",
        "rai:dataCollectionMissingData": f"{withheld:,} images are withheld for their licence; captions are here.",
        "rai:dataAnnotationProtocol": f"Captions are realised from records of facts; methods: {methods}.",
        "rai:dataPreprocessingProtocol": "provenance/dvc.yaml and provenance/params.yaml hold every step.",
        "rai:dataBiases": "Classes and places are those that the corpora annotate; the rest is not said.",
        "rai:dataLimitations": "Captions by models may be wrong; quality/report.md has how often, where known.",
        "rai:dataUseCases": "Training and evaluation of SAR image-text models: retrieval, captioning, questions.",
        "rai:dataReleaseMaintenancePlan": "Versions are immutable; CHANGES.md tells what a new one changes.",
    }


DOCUMENT = Document("croissant.json", "files, records and origin as Croissant 1.1 has them", _croissant)

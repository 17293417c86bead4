"""The identity of a candidate: what a verdict, and an audit by people, is about."""

import hashlib
import json

import pyarrow as pa
import pyarrow.parquet as pq

from sartext.config import Project
from sartext.errors import ArtefactError
from sartext.files import canonical_json


def candidate_sha256(project: Project) -> str:
    """Return the SHA-256 of the candidate's content: every row of its pairs and of its ledger, in file order.

    The hash is over canonical JSON, not over the bytes of Parquet.

    Raises:
        ArtefactError: a file is absent or damaged.
    """
    digest = hashlib.sha256()
    for path in (project.build / "candidate" / "pairs.parquet", project.build / "ledger.parquet"):
        try:
            with pq.ParquetFile(path) as table:
                columns = [f"{field.name}:{field.type}" for field in table.schema_arrow]
                digest.update(canonical_json([path.name, *columns]).encode() + b"\n")
                for batch in table.iter_batches(batch_size=4096):
                    for row in batch.to_pylist():
                        digest.update(json.dumps(row, sort_keys=True, default=str).encode() + b"\n")
        except FileNotFoundError as error:
            raise ArtefactError("the candidate is missing", where=path, way_out="run `make release`") from error
        except (pa.ArrowInvalid, OSError) as error:
            raise ArtefactError(
                f"not a readable Parquet file ({error})", where=path, way_out="remove it and build it again"
            ) from error
    return digest.hexdigest()

"""What the header of a dataset card says of the files: configs, features and counts, read from the Parquet itself.

The card is written from it, and `verify` compares it: a card that promises other columns, splits or counts than
the files hold is refused.
"""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from yaml import YAMLError

from sartext.config import parse_yaml
from sartext.errors import ReleaseError
from sartext.release.formats import FORMATS
from sartext.release.formats.format import HubConfig
from sartext.release.formats.parquet import DTYPES, IMAGE
from sartext.release.inputs import SPLIT_NAMES
from sartext.release.manifest import WAY_OUT

CARD = "README.md"


def hub_header(folder: Path) -> dict[str, Any]:
    """Return ``dataset_info`` and ``configs`` of a release's card, a config for each format that the Hub reads.

    Raises:
        ReleaseError: a file is no Parquet, or two of a config have unlike columns.
    """
    described = [_config(folder, form.config) for form in FORMATS if form.config and form.files(folder)]
    return {
        "dataset_info": [info for info, _ in described],
        "configs": [config for _, config in described],
    }


def _config(folder: Path, config: HubConfig) -> tuple[dict[str, Any], dict[str, Any]]:
    """The info and the config of one entry."""
    schema: pa.Schema | None = None
    counts: dict[str, int] = {}
    sizes: dict[str, int] = {}
    for split in SPLIT_NAMES:
        for path in sorted(folder.glob(config.files_of(split))):
            try:
                with pq.ParquetFile(path) as table:
                    found, rows = table.schema_arrow, table.metadata.num_rows
                    groups = [table.metadata.row_group(number) for number in range(table.num_row_groups)]
            except (OSError, pa.ArrowInvalid) as error:
                raise ReleaseError(f"cannot be read ({error})", where=path, way_out=WAY_OUT) from error
            schema = schema or found
            if not found.equals(schema):
                raise ReleaseError("has other columns than the files before it", where=path, way_out=WAY_OUT)
            counts[split] = counts.get(split, 0) + rows
            sizes[split] = sizes.get(split, 0) + sum(group.total_byte_size for group in groups)
    info = {
        "config_name": config.name,
        "features": [{"name": field.name, "dtype": _dtype(field.type)} for field in schema or ()],
        "splits": [{"name": split, "num_bytes": sizes[split], "num_examples": counts[split]} for split in counts],
    }
    files = [{"split": split, "path": config.files_of(split)} for split in counts]
    return info, {"config_name": config.name, "data_files": files}


def _dtype(kind: pa.DataType) -> str:
    return "image" if kind == IMAGE else DTYPES.get(str(kind), str(kind))


def card_problem(folder: Path) -> str:
    """Say in what the header of a release's card differs from its files, or return an empty text.

    Raises:
        ReleaseError: as `hub_header`.
    """
    try:
        _, header, _ = (folder / CARD).read_text(encoding="utf-8").split("---\n", 2)
        stated = parse_yaml(header)
    except (OSError, ValueError, YAMLError):
        return "it has no header"
    for name, value in hub_header(folder).items():
        if not isinstance(stated, dict) or stated.get(name) != value:
            return f"`{name}` of its header is not what the files hold"
    return ""

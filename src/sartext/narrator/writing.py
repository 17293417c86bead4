"""The tables that a captioning stage writes of a corpus."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from sartext.files import atomic_folder, write_json
from sartext.tables import CAPTIONS, UNCAPTIONED, write_table


def write_captions(
    folder: Path,
    captions: Sequence[Mapping[str, Any]],
    reasons: Mapping[str, str],
    metrics: Mapping[str, object],
) -> None:
    """Write the captions of a corpus, why an image got none, and the counts: all of it or nothing."""
    uncaptioned = [{"image_id": image_id, "reason": reason} for image_id, reason in reasons.items()]
    with atomic_folder(folder) as temporary:
        write_table(temporary / "captions.parquet", CAPTIONS, captions)
        write_table(temporary / "uncaptioned.parquet", UNCAPTIONED, uncaptioned)
        write_json(temporary / "metrics.json", metrics)

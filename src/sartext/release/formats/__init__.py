"""The formats of a release, one file each; listed here, the one that the others are verified against first."""

from sartext.registry import Registry
from sartext.release.formats import llava_vqa, open_clip_csv, parquet

FORMATS = Registry(
    "release format",
    [
        parquet.FORMAT,
        open_clip_csv.FORMAT,
        llava_vqa.FORMAT,
    ],
)

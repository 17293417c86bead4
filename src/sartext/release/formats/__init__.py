"""The formats of a release, one file each; listed here, each behind those that it is made from.

The first is the one that the others are verified against.
"""

from collections.abc import Iterable

from sartext.errors import ParameterError
from sartext.registry import Registry
from sartext.release.formats import chat, coco, llava_vqa, open_clip_csv, parquet, vqa_parquet, webdataset
from sartext.release.formats.format import Format

FORMATS = Registry(
    "release format",
    [
        parquet.FORMAT,
        open_clip_csv.FORMAT,
        llava_vqa.FORMAT,
        vqa_parquet.FORMAT,
        webdataset.FORMAT,
        coco.FORMAT,
        chat.FORMAT,
    ],
)


def listed_formats(names: Iterable[str]) -> list[Format]:
    """Return the formats that ``release.formats`` lists, in the order of the registry.

    Raises:
        ParameterError: no format has such a name, or one that a listed format is made from is not listed.
    """
    where = "params.yaml: release.formats"
    listed = {FORMATS.get(name, where=where).name for name in names}
    for form in FORMATS:
        absent = next((name for name in form.made_from if name not in listed), None)
        if form.name in listed and absent:
            raise ParameterError(
                f"'{form.name}' is made from '{absent}', which is not listed",
                where=where,
                way_out=f"list `{absent}` too",
            )
    return [form for form in FORMATS if form.name in listed]

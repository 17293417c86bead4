"""Images of a release as files, for tools that read no Parquet."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from sartext.errors import ReleaseError
from sartext.files import atomic_folder
from sartext.progress import track
from sartext.release.formats import FORMATS
from sartext.release.layout import IMAGES, data_files, safe_path


def extract(release: Path, target: Path) -> dict[str, object]:
    """Write the images of a release and the lists that name them into a new or empty folder.

    Images are ``images/<corpus>/<stem>.<suffix>``; the paths in ``csv/<split>.csv`` and ``vqa/<split>.jsonl`` are
    relative to that folder, where open_clip or LLaVA's trainer is then started.

    Raises:
        ReleaseError: the folder holds something, or the release holds no data.
    """
    files = data_files(release)
    if not files:
        raise ReleaseError("no data/*.parquet", where=release, way_out="name the folder of a version")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ReleaseError("the folder is not empty", where=target, way_out="name a new one")
    count = 0
    with atomic_folder(target) as folder:
        total = sum(pq.read_metadata(path).num_rows for path in files)
        for image in track(_images(files), "extracting images", total):
            if image is not None:
                path = folder / IMAGES / safe_path(image["path"], release)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(image["bytes"])
                count += 1
        for listed in (path for form in FORMATS if form.extracted for path in form.files(release)):
            copy = folder / listed.relative_to(release)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(listed, copy)  # `copytree` hides that the disk is full
    return {"images": count, "path": str(target)}


def _images(files: list[Path]) -> Iterator[dict[str, Any] | None]:
    for path in files:
        with pq.ParquetFile(path) as table:
            for batch in table.iter_batches(batch_size=100, columns=["image"]):
                yield from batch.column(0).to_pylist()

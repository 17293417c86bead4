"""Images of a release as files, for tools that read no Parquet."""

import shutil
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow.parquet as pq

from sartext.errors import ReleaseError
from sartext.files import atomic_folder
from sartext.progress import track
from sartext.release.comparison import data_files
from sartext.release.formats.open_clip_csv import IMAGES


def extract(release: Path, target: Path) -> dict[str, object]:
    """Write ``images/<corpus>/<stem>.<suffix>``, ``csv/`` and ``vqa/`` of a release into a new or empty folder.

    The paths in ``csv/<split>.csv`` and ``vqa/<split>.jsonl`` are relative to that folder, where open_clip or
    LLaVA's trainer is then started.

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
        for name in ("csv", "vqa"):
            if (release / name).is_dir():
                (folder / name).mkdir()
                for listed in sorted((release / name).iterdir()):  # `copytree` hides that the disk is full
                    shutil.copyfile(listed, folder / name / listed.name)
    return {"images": count, "path": str(target)}


def _images(files: list[Path]) -> Any:  # noqa: ANN401 - rows of Arrow
    for path in files:
        with pq.ParquetFile(path) as table:
            for batch in table.iter_batches(batch_size=100, columns=["image"]):
                yield from batch.column(0).to_pylist()


def safe_path(text: str, where: object) -> PurePosixPath:
    """Return a relative path that stays inside the folder it is joined to.

    Raises:
        ReleaseError: it is absolute, climbs out, or is written for another system.
    """
    path = PurePosixPath(text)
    if not text or path.is_absolute() or "\\" in text or ":" in text or "\0" in text or path.as_posix() != text:
        raise ReleaseError(f"unsafe path {text!r}", where=where, way_out="do not use this release")
    if {".", ".."} & set(path.parts) or not path.parts:
        raise ReleaseError(f"unsafe path {text!r}", where=where, way_out="do not use this release")
    return path

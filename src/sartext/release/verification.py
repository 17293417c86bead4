"""What a reader does with a release, without a project: prove every byte and table, write images as files."""

import csv
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from sartext.errors import ReleaseError
from sartext.files import atomic_folder
from sartext.progress import track
from sartext.release.formats import FORMATS
from sartext.release.formats.format import Pairs
from sartext.release.formats.parquet import read_pairs
from sartext.release.hub_configs import CARD, card_problem
from sartext.release.inputs import data_files
from sartext.release.manifest import IMAGES, WAY_OUT, safe_path
from sartext.release.verify import Refused, check
from sartext.release.yolo_labels import write_yolo


def verify(folder: Path) -> dict[str, object]:
    """Check that a published release is whole and that its tables agree.

    Every byte as the release's own ``verify.py`` does (`sartext.release.verify`), every image against its hashes
    in the Parquet; ledger, licences, card and the files of every other format against the Parquet.

    Returns:
        Identity and formats of the release, and how many files, bytes, pairs and images were checked.

    Raises:
        ReleaseError: names the first wrong file and how many there are.
    """
    manifest = check_bytes(folder)
    pairs = read_pairs(folder)
    images, *others = FORMATS
    _refuse(folder, images.verify(folder, pairs), images.subject)
    _check_ledger(folder, pairs)
    _check_licences(folder, pairs)
    for form in others:
        if form.files(folder):
            _refuse(folder, form.verify(folder, pairs), form.subject)
    _refuse(folder, {CARD: card_problem(folder)}, "file")
    return {
        "name": manifest["name"],
        "version": manifest["version"],
        "content_sha256": manifest["content_sha256"],
        "files": len(manifest["files"]),
        "bytes": sum(int(entry["size"]) for entry in manifest["files"].values()),
        "pairs": len(pairs),
        "images": sum(pair.path is not None for pair in pairs.values()),
        "formats": " ".join(form.name for form in FORMATS if form.files(folder)),
    }


def check_bytes(folder: Path) -> dict[str, Any]:
    """Return the manifest of a release whose files are those that it lists, whatever is in them.

    Raises:
        ReleaseError: names the first wrong files and how many there are.
    """
    try:
        return check(folder, lambda names: track(names, "verifying files", len(names)))
    except Refused as error:
        raise ReleaseError(str(error), where=folder, way_out=WAY_OUT) from error


def _refuse(folder: Path, problems: Mapping[str, str], kind: str) -> None:
    wrong = {name: problem for name, problem in problems.items() if problem}
    if not wrong:
        return
    first = min(wrong)
    count = f"; {len(wrong):,} {kind}s are wrong" if len(wrong) > 1 else ""
    raise ReleaseError(f"{first}: {wrong[first]}{count}", where=folder, way_out=WAY_OUT)


def _check_ledger(folder: Path, pairs: Pairs) -> None:
    path = folder / "ledger.parquet"
    try:
        # not `read_table`, which loads pandas and a second's worth of modules
        ledger = pq.ParquetFile(path).read(columns=["image_id", "fate"]).to_pylist()
    except (OSError, pa.ArrowInvalid) as error:
        raise ReleaseError(f"cannot be read ({error})", where=path, way_out=WAY_OUT) from error
    released = {row["image_id"] for row in ledger if row["fate"] == "released"}
    if released != pairs.keys():
        odd = sorted(released ^ pairs.keys())
        raise ReleaseError(
            f"{len(odd):,} images are released in one table only, the first is {odd[0]}",
            where=path,
            way_out=WAY_OUT,
        )


def _check_licences(folder: Path, pairs: Pairs) -> None:
    path = folder / "LICENSES.csv"
    rows: list[dict[str, str]] = []
    if path.is_file():
        with path.open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
    counts = Counter(pair.corpus for pair in pairs.values())
    included = Counter(pair.corpus for pair in pairs.values() if pair.path)
    stated = {row.get("corpus"): (row.get("pairs"), row.get("images")) for row in rows}
    if stated != {corpus: (str(count), str(included[corpus])) for corpus, count in counts.items()}:
        raise ReleaseError("its counts are not those of the Parquet files", where=path, way_out=WAY_OUT)


def extract(release: Path, target: Path, *, yolo: bool = False) -> dict[str, object]:
    """Write the images of a release and the lists that name them into a new or empty folder.

    Images are ``images/<corpus>/<stem>.<suffix>``; the paths in ``csv/``, ``vqa/<split>.jsonl``, ``coco/`` and
    ``chat/`` are relative to that folder, where open_clip or LLaVA's trainer is then started. With ``yolo`` the
    boxes lie beside them as YOLO labels, see `yolo_labels.write_yolo`.

    Raises:
        ReleaseError: the folder holds something, or the release holds no data, or no boxes where ``yolo`` asks.
    """
    files = data_files(release)
    if not files:
        raise ReleaseError("no data/*.parquet", where=release, way_out="name the folder of a version")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ReleaseError("the folder is not empty", where=target, way_out="name a new one")
    count = 0
    with atomic_folder(target) as folder:
        total = sum(pq.read_metadata(path).num_rows for path in files)
        for images in track(_images(files), "extracting images", total):
            for image in filter(None, images):
                path = folder / IMAGES / safe_path(image["path"], release)
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(image["bytes"])
            count += images[0] is not None
        for listed in (path for form in FORMATS if form.extracted for path in form.files(release)):
            copy = folder / listed.relative_to(release)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(listed, copy)  # `copytree` hides that the disk is full
        boxes = {"boxes": write_yolo(release, folder)} if yolo else {}
    return {"images": count, **boxes, "path": str(target)}


def _images(files: list[Path]) -> Iterator[list[dict[str, Any] | None]]:
    """Yield what a row holds of an image: the picture, and its second polarisation."""
    for path in files:
        with pq.ParquetFile(path) as table:
            for batch in table.iter_batches(batch_size=100, columns=["image", "second_image"]):
                # releases of other versions hold no second one
                yield from ([row["image"], row.get("second_image")] for row in batch.to_pylist())

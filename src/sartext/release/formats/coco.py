"""COCO's JSON per split: the captions of all images that the release holds, and the boxes that people drew."""

from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from sartext.config import ReleaseParameters
from sartext.errors import ArtefactError, ReleaseError
from sartext.release.formats.coco_boxes import box_problems, instances
from sartext.release.formats.coco_document import (
    FOLDER,
    Document,
    Images,
    captions_file,
    instances_file,
    read_document,
    write_document,
)
from sartext.release.formats.format import Format, Material, Pairs
from sartext.release.inputs import SPLIT_NAMES


def write(material: Material, folder: Path, parameters: ReleaseParameters) -> None:
    """Write ``coco/<split>_captions.json`` and, where a corpus has boxes, ``coco/<split>_instances.json``.

    Images that are withheld are in neither. ``file_name`` is the path that ``csv/`` gives.
    """
    images = Images(folder)
    for split in images.splits:
        write_document(folder / captions_file(split), "Captions of SAR images", images.captions(split))
    for split, document in instances(material, images).items():
        write_document(folder / instances_file(split), "Objects in SAR images", document)


def statistics(folder: Path) -> dict[str, object]:
    """Return how many images and boxes there are, and how many boxes of each category; nothing without boxes."""
    documents = _instances(folder)
    boxes = [box for document in documents.values() for box in document["annotations"]]
    if not boxes:
        return {}
    categories = next(iter(documents.values()))["categories"]
    counts = Counter(box["category_id"] for box in boxes)
    return {
        "coco": {
            "boxes": len(boxes),
            "images": sum(len(document["images"]) for document in documents.values()),
            "categories": {category["name"]: counts[category["id"]] for category in categories},
        }
    }


def _instances(folder: Path) -> dict[str, Document]:
    paths = {split: folder / instances_file(split) for split in SPLIT_NAMES}
    return {split: read_document(path) for split, path in paths.items() if path.is_file()}


def verify(folder: Path, pairs: Pairs) -> Mapping[str, str]:
    """Return what is wrong with the captions and boxes, by file or by image id.

    Captions and images are those of the Parquet files; of boxes see `coco_boxes.box_problems`.
    """
    images = Images(folder)
    wrong = {}
    names = {name(split) for split in images.splits for name in (captions_file, instances_file)}
    for path in FORMAT.files(folder):
        if (name := path.relative_to(folder).as_posix()) not in names:
            wrong[name] = "not the file of a split"
    for split in images.splits:
        name = captions_file(split)
        try:
            if read_document(folder / name) != images.captions(split):
                wrong[name] = "its images and captions are not those of the Parquet files"
        except ReleaseError as error:
            wrong[name] = error.what
    return wrong | _wrong_boxes(folder, images)


def _wrong_boxes(folder: Path, images: Images) -> dict[str, str]:
    found = [split for split in images.splits if (folder / instances_file(split)).exists()]
    if not found:
        return {}
    try:
        documents = {split: read_document(folder / instances_file(split)) for split in images.splits}
        problems = box_problems(images, documents)
    except ReleaseError as error:
        return {str(error.where): error.what}
    except (KeyError, TypeError, ValueError, ArtefactError) as error:
        return {f"{FOLDER}/*_instances.json": f"no document of COCO ({error!r})"}
    return {instances_file(name) if name in images.splits else name: what for name, what in problems.items()}


FORMAT = Format(
    name="coco",
    description="COCO's captions, and the boxes of the corpora that have any, as pycocotools reads them",
    patterns=(f"{FOLDER}/*_captions.json", f"{FOLDER}/*_instances.json"),
    subject="image",
    write=write,
    verify=verify,
    extracted=True,
    statistics=statistics,
    tasks=("object-detection",),
    section="{% include 'coco.md' %}",
    made_from=("parquet",),
)

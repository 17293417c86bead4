"""What the stages over many corpora read: the lists of captioned corpora, the indexes, the splits.

A folder of an unlisted corpus is refused. A folder of captions that stages depend on is there even where its list
is empty and no stage writes into it: the stage ``lists`` writes the list beside the captions.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

from sartext.config import Project
from sartext.errors import ArtefactError
from sartext.files import PARTIAL, write_json
from sartext.tables import INDEX, SPLITS, read_rows, read_table

SPLIT_NAMES = TRAIN, VALIDATION, TEST = "train", "validation", "test"

LIST = "listed.json"

WITHDRAWN = "withdrawn: "
"""How the reason begins for which an image stands in no split that ``release.withdrawn`` takes out."""


def caption_lists(project: Project) -> Mapping[Path, tuple[str, ...]]:
    """Return the folders that hold captions, each with the corpora that ``params.yaml`` lists for it."""
    parameters = project.parameters
    return {
        project.build / "rewritten": parameters.rewritten,
        project.build / "captions": parameters.captions,
        project.build / "optical-captions": parameters.optical_captions,
        project.build / "narrated": parameters.narrated,
    }


def write_lists(project: Project) -> dict[str, object]:
    """Write ``listed.json`` into every folder of captions (stage ``lists``); return how many each lists."""
    lists = caption_lists(project)
    for folder, corpora in lists.items():
        write_json(folder / LIST, list(corpora))
    return {folder.name: len(corpora) for folder, corpora in lists.items()}


def refuse_unlisted(project: Project) -> None:
    """Stop where a folder of indexes or captions holds a folder of a corpus that is not listed.

    Such a folder is what is left of a corpus that was removed from ``params.yaml``; it must not enter a release.

    Raises:
        ArtefactError: names the folders; `sartext prune` removes them.
    """
    corpora = {project.build / "corpus": tuple(project.parameters.corpora)}
    for parent, listed in {**corpora, **caption_lists(project)}.items():
        names = sorted(path.name for path in parent.iterdir() if path.is_dir()) if parent.is_dir() else []
        # folders of an interrupted write are nobody's corpus
        foreign = [name for name in names if name not in listed and not name.startswith(PARTIAL)]
        if foreign:
            raise ArtefactError(
                f"folders of corpora that params.yaml does not list: {', '.join(foreign)}",
                where=parent,
                way_out="run `sartext prune`",
            )


def read_index(project: Project, corpus: str) -> pa.Table:
    """Return the index of one corpus, sorted by image_id.

    Raises:
        ArtefactError: the index is missing, damaged, or names an image twice.
    """
    path = project.corpus(corpus) / "index.parquet"
    if not path.is_file():
        raise ArtefactError("the index is missing", where=path, way_out=f"run `sartext corpus {corpus}`")
    table = read_table(path, INDEX)
    ids = table.column("image_id").to_pylist()
    return table if ids == sorted(ids) else table.sort_by("image_id")


def read_indexes(project: Project) -> dict[str, pa.Table]:
    """Return the index of every listed corpus, in the order of ``params.yaml``.

    Raises:
        ArtefactError: an index is missing or damaged, or two images have the same id.
    """
    tables = {name: read_index(project, name) for name in project.parameters.corpora}
    owner: dict[str, str] = {}
    for name, table in tables.items():
        for image_id in table.column("image_id").to_pylist():
            if image_id in owner:
                raise ArtefactError(
                    f"image id '{image_id}' stands twice: in corpus '{owner[image_id]}' and in '{name}'",
                    where=project.corpus(name) / "index.parquet",
                    way_out="rename one of the corpora or files, then index it again",
                )
            owner[image_id] = name
    return tables


def read_splits(project: Project) -> dict[str, dict[str, Any]]:
    """Return the rows of ``splits.parquet`` by image id.

    Raises:
        ArtefactError: it is missing or damaged.
    """
    path = project.build / "splits" / "splits.parquet"
    if not path.is_file():
        raise ArtefactError("the splits are missing", where=path, way_out="run `sartext splits`")
    return {row["image_id"]: row for row in read_rows(path, SPLITS)}


def train_ids(project: Project, rows: Iterable[Mapping[str, Any]]) -> set[str]:
    """Return the ids of those rows that are in the train split; an ArtefactError where the splits lack one."""
    splits = read_splits(project)
    trained = set()
    for row in rows:
        split = splits.get(row["image_id"])
        if split is None:
            raise ArtefactError(
                f"image '{row['image_id']}' has no split",
                where=project.build / "splits" / "splits.parquet",
                way_out="run `sartext splits` again",
            )
        if split["split"] == TRAIN and split["benchmark"] is None:
            trained.add(row["image_id"])
    return trained


def data_files(release: Path) -> list[Path]:
    """Return the Parquet files of a release, in the order of their names."""
    return sorted((release / "data").glob("*.parquet"))

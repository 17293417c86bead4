"""Reading what the stages over many corpora depend on, and refusing what nobody listed."""

from collections.abc import Collection, Iterator
from pathlib import Path

import pyarrow as pa

from sartext.config import Project
from sartext.errors import ArtefactError
from sartext.files import PARTIAL
from sartext.release.lists import caption_lists
from sartext.tables import INDEX, read_table


def refuse_unlisted(project: Project) -> None:
    """Stop where a folder of indexes or captions holds a folder of a corpus that is not listed.

    Such a folder is what is left of a corpus that was removed from ``params.yaml``; it must not enter a release.

    Raises:
        ArtefactError: names the folders; `sartext prune` removes them.
    """
    _refuse(project.build / "corpus", project.parameters.corpora)
    for folder, corpora in caption_lists(project).items():
        _refuse(folder, corpora)


def _refuse(parent: Path, listed: Collection[str]) -> None:
    found = sorted(parent.iterdir()) if parent.is_dir() else []
    # folders of an interrupted write are nobody's corpus
    foreign = [
        item.name
        for item in found
        if item.is_dir() and item.name not in listed and not item.name.startswith(PARTIAL)
    ]
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
    if ids != sorted(ids):
        table = table.sort_by("image_id")
    return table


def read_indexes(project: Project) -> dict[str, pa.Table]:
    """Return the index of every listed corpus, in the order of ``params.yaml``.

    Raises:
        ArtefactError: an index is missing or damaged, or two images have the same id.
    """
    tables = {name: read_index(project, name) for name in project.parameters.corpora}
    owner: dict[str, str] = {}
    for name, table in tables.items():
        for image_id in _ids(table):
            if image_id in owner:
                raise ArtefactError(
                    f"image id '{image_id}' stands twice: in corpus '{owner[image_id]}' and in '{name}'",
                    where=project.corpus(name) / "index.parquet",
                    way_out="rename one of the corpora or files, then index it again",
                )
            owner[image_id] = name
    return tables


def _ids(table: pa.Table) -> Iterator[str]:
    yield from table.column("image_id").to_pylist()

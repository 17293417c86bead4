"""``sartext release explore``: the page of a release and its data, written row group by row group."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sartext.errors import ReleaseError
from sartext.explorer.boxes import Boxes
from sartext.explorer.drawing import drawn_boxes, marks_of
from sartext.explorer.facets import FACETS, FacetColumn
from sartext.explorer.page import page_of
from sartext.explorer.pictures import LARGE, Shown, row_groups, rows_of, shown_groups
from sartext.explorer.released import Release
from sartext.explorer.shards import Shards, packed, write_shard
from sartext.explorer.similarity import Similarity, read_similarity
from sartext.explorer.story import columns_of, gate_rows, statements_with_proof, story_of
from sartext.explorer.words import ROWS, WordColumn
from sartext.files import atomic_folder, write_text
from sartext.narrator.facts import Facts, from_json
from sartext.progress import track

SHARD = 16
"""Rows of a script of cards, or of all that is known of an image."""

LONGEST_COUNTED = 255
"""Words of a caption; longer ones are ordered as if they were as long."""

WITHHELD = "withheld: the licence of its corpus is not stated or does not let it be passed on"


@dataclass(frozen=True)
class Members:
    """The ids of a release in its order, and how many images each group and cluster has."""

    ids: list[str]
    groups: Counter[str]
    clusters: Counter[str]


def explore(
    release: Path, target: Path, *, embeddings: Path | None = None, side: int = LARGE
) -> dict[str, object]:
    """Write the explorer of a release into a new or empty folder; the same release gives the same bytes.

    Args:
        release: the folder of a published release.
        target: of the page, outside the release.
        embeddings: the folder that `sartext release embed` wrote; None for a page without similar images.
        side: pixels of the longer side of the large pictures; 0 for thumbnails alone.

    Returns:
        How many images, pictures and scripts there are, and how many bytes.

    Raises:
        ReleaseError: the release is damaged, the embeddings are of another one, or the folder holds something.
    """
    source = Release(release)
    _check_target(source, target)
    members = _members(source)
    similar = read_similarity(embeddings, members.ids) if embeddings else Similarity.none()
    with atomic_folder(target) as site:
        columns = Columns(source, site, members, similar)
        groups = row_groups(source.tables)
        for shown in track(shown_groups(groups, side), "groups of images", len(groups)):
            for each in shown:
                columns.add(each)
        known = columns.close()
        if similar.sentences:
            write_shard(site, "sentences", similar.sentence_data())
        write_text(site / "index.html", page_of(source, {**known, "model": similar.model_sha256}, side))
        files = [path for path in site.rglob("*") if path.is_file()]
        size = sum(path.stat().st_size for path in files)
    return {
        "images": len(members.ids),
        "pictures": known["pictures"],
        "similar": len(similar.rows),
        "sentences": len(similar.sentences),
        "files": len(files),
        "bytes": size,
        "path": str(target / "index.html"),
    }


def _check_target(source: Release, target: Path) -> None:
    source.require_outside(target)
    if target.is_symlink() or (target.exists() and (not target.is_dir() or any(target.iterdir()))):
        raise ReleaseError("the folder is not empty", where=target, way_out="name a new one")


def _members(source: Release) -> Members:
    members = Members([], Counter(), Counter())
    for group in row_groups(source.tables):
        for row in rows_of(group, ["image_id", "group_id", "cluster_id"]):
            members.ids.append(row["image_id"])
            members.groups[row.get("group_id") or row["image_id"]] += 1
            members.clusters[row.get("cluster_id") or row["image_id"]] += 1
    return members


class Columns:
    """All rows of a release as the page reads them: cards and records in scripts, and columns of all rows."""

    def __init__(self, source: Release, site: Path, members: Members, similar: Similarity) -> None:
        self._source, self._site = source, site
        self._members, self._similar = members, similar
        self._boxes = Boxes(source)
        self._facets = [FacetColumn(facet) for facet in FACETS]
        self._words = WordColumn()
        self._lengths: list[int] = []
        self._cards = Shards(site, "cards", SHARD)
        self._records = Shards(site, "records", SHARD)
        self._pictures = 0

    def add(self, shown: Shown) -> None:
        """Add the next row."""
        row, at = shown.row, len(self._lengths)
        facts = from_json(row["facts"])
        for column in self._facets:
            column.add(row, facts)
        self._words.add(
            text for name in ("caption", "caption_detailed", "source_caption") if (text := row.get(name))
        )
        self._lengths.append(min(len(row["caption"].split()), LONGEST_COUNTED))
        self._cards.add(self._card(shown, facts))
        self._records.add(self._record(shown, facts, at))
        self._pictures += shown.thumbnail is not None

    def _card(self, shown: Shown, facts: Facts) -> dict[str, object]:
        row = shown.row
        return {
            "id": row["image_id"],
            "caption": row["caption"],
            "corpus": row["corpus"],
            "split": row["split"],
            "method": row["method"],
            "width": row["width"],
            "height": row["height"],
            "thumbnail": shown.thumbnail,
            "missing": "" if shown.thumbnail else "unreadable" if shown.problem else "withheld",
            "marks": marks_of(facts),
            "boxes": drawn_boxes(self._boxes.of(row["split"], row["image_id"]), row["width"], row["height"]),
        }

    def _record(self, shown: Shown, facts: Facts, at: int) -> dict[str, object]:
        row = shown.row
        neither = "" if shown.thumbnail else shown.problem or WITHHELD
        return {
            "picture": shown.large,
            "statements": statements_with_proof(row, facts),
            "story": story_of(
                row,
                identity=self._source.identity,
                group=self._members.groups[row.get("group_id") or row["image_id"]],
                cluster=self._members.clusters[row.get("cluster_id") or row["image_id"]],
                neither=neither,
            ),
            "columns": columns_of(row),
            "similar": self._similar.of(at),
        }

    def close(self) -> Mapping[str, Any]:
        """Write what is left and the columns of all rows; return what the page is told of them."""
        self._cards.close()
        self._records.close()
        facets = [column.data() for column in self._facets]
        lengths = np.asarray(self._lengths, dtype=np.uint32)
        write_shard(self._site, "columns", {"lengths": packed(lengths), "facets": facets})
        write_shard(self._site, "ids", self._members.ids)
        self._words.write(self._site)
        corpora = [row["corpus"] for row in self._source.licences]
        gate, of_corpus = gate_rows(self._source.verdict, corpora)
        terms = {row["corpus"]: list(row.items()) for row in self._source.licences}
        write_shard(
            self._site,
            "corpora",
            {"gate": gate, "gate_rows": list(of_corpus.items()), "terms": list(terms.items())},
        )
        return {
            "rows": len(self._lengths),
            "pictures": self._pictures,
            "shard": SHARD,
            "word_shards": -(-len(self._lengths) // ROWS),
            "sentences": len(self._similar.sentences),
        }

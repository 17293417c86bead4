"""What changed between two releases, or two files of captions: texts, distributions, verdicts and models."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from sartext.errors import ReleaseError
from sartext.release.comparison.distributions import Distribution, distribution_of
from sartext.release.comparison.records import FigureChange, ModelChange, gate_changes, model_changes
from sartext.release.comparison.sides import WAY_OUT, Column, Joined, read_release
from sartext.release.comparison.versions import Level
from sartext.release.comparison.words import WordChanges, word_changes
from sartext.release.inputs import data_files
from sartext.release.manifest import content_files
from sartext.release.withdrawals import read_withdrawn

_OF_CAPTION = frozenset(
    {
        "caption_detailed",
        "facts",
        "source_caption",
        "method",
        "method_version",
        "model_sha256",
        "model",
        "prompt_sha256",
    }
    | {"score", "proof"}
)
"""Columns that say how a caption was made: they change with it."""

_SPLIT_FILE = re.compile(
    r"^(?P<folder>[^/]+)/(?:train|validation|test)(?P<kind>[-_a-z]*?)(?:-\d{5}(?:-of-\d{5})?)?(?P<suffix>\.[a-z.]+)$"
)


class Change(NamedTuple):
    """A caption that changed; ``corpus`` and ``method`` are those of the new one."""

    image_id: str
    corpus: str
    method: str
    before: str
    after: str


class Group(NamedTuple):
    """The captions of one corpus by one method: how many before and after, and what became of them.

    ``removed`` are counted where they were, ``changed`` ones under the method of the new caption.
    """

    corpus: str
    method: str
    before: int
    after: int
    added: int
    removed: int
    changed: int


@dataclass(frozen=True)
class Details:
    """What is told of a difference beside the ids: groups, words, distributions, verdicts and models.

    ``columns`` counts the images of which a further column differs.
    """

    groups: tuple[Group, ...]
    words: WordChanges
    before: Distribution
    after: Distribution
    columns: Mapping[str, int]
    gate: tuple[FigureChange, ...] = ()
    models: tuple[ModelChange, ...] = ()


@dataclass(frozen=True)
class Comparison:
    """The differences from an old release to a new one.

    ``moved`` holds image id, old and new split; ``metadata`` the ids that differ in any other column than caption
    and split (the facts and method of a new caption belong to it); ``columns`` and ``layout`` say in words what
    differs in structure; ``withdrawn`` are ids and reasons of images that the old one did not withdraw. There are
    no ``details`` where the bytes are the same.
    """

    same_bytes: bool
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    moved: tuple[tuple[str, str, str], ...] = ()
    captions: tuple[Change, ...] = ()
    metadata: tuple[str, ...] = ()
    corpora_added: tuple[str, ...] = ()
    corpora_removed: tuple[str, ...] = ()
    columns: tuple[str, ...] = ()
    layout: tuple[str, ...] = ()
    withdrawn: tuple[tuple[str, str], ...] = ()
    details: Details | None = None

    @property
    def level(self) -> Level:
        """The part of the version that must rise.

        Major: a column or the layout changed, an id was removed or moved to another split. Minor: images or
        corpora were added. Patch: anything else of existing ids. None: the bytes are the same.
        """
        if self.same_bytes:
            return "none"
        if self.columns or self.layout or self.removed or self.moved:
            return "major"
        return "minor" if self.added or self.corpora_added else "patch"

    def counts(self) -> dict[str, int]:
        """How many of each kind of difference there are."""
        names = (kind.name for kind in fields(self))
        return {name: len(getattr(self, name)) for name in names if name not in {"same_bytes", "details"}}


def compare(old: Path, new: Path) -> Comparison:
    """Compare two releases, or a release with an assembled one (``build/release``).

    Raises:
        ReleaseError: a folder is no release, or a table in it cannot be read.
    """
    before, after = content_files(old), content_files(new)
    if before == after:
        return Comparison(same_bytes=True)
    joined = Joined(read_release(old), read_release(new))
    captions = changed_captions(joined)
    unlike, metadata = _other_columns(joined)
    old_corpora, new_corpora = _corpora(old), _corpora(new)
    return Comparison(
        same_bytes=False,
        added=tuple(joined.new.keys.take(joined.added).to_pylist()),
        removed=tuple(joined.old.keys.take(joined.removed).to_pylist()),
        moved=moved_images(joined),
        captions=captions,
        metadata=metadata,
        corpora_added=tuple(sorted(new_corpora - old_corpora)),
        corpora_removed=tuple(sorted(old_corpora - new_corpora)),
        columns=_differences(_columns(old), _columns(new)),
        layout=_differences(dict.fromkeys(map(_kind, before), ""), dict.fromkeys(map(_kind, after), "")),
        withdrawn=_withdrawn(old, new),
        details=details_of(
            joined,
            captions,
            columns=unlike,
            gate=gate_changes(old, new),
            models=model_changes(joined.old, joined.new),
        ),
    )


def changed_captions(joined: Joined) -> tuple[Change, ...]:
    """Return the captions of which the two sides have different texts."""
    places = pc.indices_nonzero(joined.unlike("caption"))
    ids, corpora, methods = (joined.pair(name)[1].take(places) for name in ("image_id", "corpus", "method"))
    texts = (column.take(places) for column in joined.pair("caption"))
    return tuple(map(Change, *(column.to_pylist() for column in (ids, corpora, methods, *texts))))


def moved_images(joined: Joined) -> tuple[tuple[str, str, str], ...]:
    """Return the images that stand in another split, each once, with the old and the new one."""
    before, after = joined.pair("split")
    places = pc.indices_nonzero(pc.fill_null(pc.not_equal(before, after), False))  # a file may state none
    columns = joined.pair("image_id")[1], before, after
    found = zip(*(column.take(places).to_pylist() for column in columns), strict=True)
    return tuple(dict.fromkeys((str(name), str(before), str(after)) for name, before, after in found))


def details_of(
    joined: Joined,
    captions: tuple[Change, ...],
    *,
    columns: Mapping[str, int] | None = None,
    gate: tuple[FigureChange, ...] = (),
    models: tuple[ModelChange, ...] = (),
) -> Details:
    """Return what is told of two sides beside the ids that differ."""
    return Details(
        groups=_groups(joined, captions),
        words=word_changes((change.before, change.after) for change in captions),
        before=distribution_of(joined.old),
        after=distribution_of(joined.new),
        columns=columns or {},
        gate=gate,
        models=models,
    )


def _groups(joined: Joined, captions: tuple[Change, ...]) -> tuple[Group, ...]:
    counts: dict[tuple[str, str], list[int]] = {}
    sides = ((0, joined.old, None), (1, joined.new, None), (2, joined.new, joined.added))
    for place, side, rows in (*sides, (3, joined.old, joined.removed)):
        corpora, methods = (side.column(name) for name in ("corpus", "method"))
        chosen = [column if rows is None else column.take(rows) for column in (corpora, methods)]
        for pair in zip(*(column.to_pylist() for column in chosen), strict=True):
            counts.setdefault(pair, [0] * 5)[place] += 1
    for change in captions:
        counts[change.corpus, change.method][4] += 1
    return tuple(Group(*names, *numbers) for names, numbers in sorted(counts.items()))


def _other_columns(joined: Joined) -> tuple[dict[str, int], tuple[str, ...]]:
    """How many images differ in each column beside caption and split, and which images differ in any of them."""
    same_caption = pc.invert(joined.unlike("caption"))
    ids = joined.pair("image_id")[1]
    either: Column = pa.chunked_array([pa.array([False] * len(ids), pa.bool_())])
    counts: dict[str, int] = {}
    for name in sorted((joined.old.types.keys() | joined.new.types.keys()) - {"image_id", "split", "caption"}):
        unlike = joined.unlike(name)
        if name in _OF_CAPTION:
            unlike = pc.and_(unlike, same_caption)
        if count := pc.sum(unlike).as_py():
            counts[name] = int(count)
            either = pc.or_(either, unlike)
    return counts, tuple(ids.filter(either).to_pylist())


def _corpora(folder: Path) -> set[str]:
    try:
        return set(pq.read_table(folder / "ledger.parquet", columns=["corpus"]).column("corpus").to_pylist())
    except (pa.ArrowInvalid, OSError, KeyError) as error:
        raise ReleaseError(
            f"the ledger cannot be read ({error})", where=folder / "ledger.parquet", way_out=WAY_OUT
        ) from error


def _withdrawn(old: Path, new: Path) -> tuple[tuple[str, str], ...]:
    before = {entry.image_id for entry in read_withdrawn(old)}
    return tuple((each.image_id, each.reason) for each in read_withdrawn(new) if each.image_id not in before)


def _columns(folder: Path) -> dict[str, str]:
    tables = {"data": data_files(folder)[:1], "ledger": [folder / "ledger.parquet"]}
    return {
        f"{table}.{field.name}": str(field.type)
        for table, paths in tables.items()
        for path in paths
        for field in pq.read_schema(path)
    }


def _differences(before: Mapping[str, str], after: Mapping[str, str]) -> tuple[str, ...]:
    """Say which names were removed and added, and which have another value."""
    removed = [f"{name} removed" for name in sorted(before.keys() - after.keys())]
    added = [f"{name} added" for name in sorted(after.keys() - before.keys())]
    changed = [name for name in sorted(before.keys() & after.keys()) if before[name] != after[name]]
    return (*removed, *added, *(f"{name}: {before[name]} to {after[name]}" for name in changed))


def _kind(path: str) -> str:
    """A path without the split and the number of the shard: a new shard or split is no new layout."""
    matched = _SPLIT_FILE.match(path)
    return f"{matched['folder']}/<split>{matched['kind']}{matched['suffix']}" if matched else path

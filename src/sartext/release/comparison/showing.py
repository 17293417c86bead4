"""A comparison for a person and for programs: tables, a page that opens from disk, JSON."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sartext.errors import ReleaseError
from sartext.pages import Row, Table, render
from sartext.release.comparison import Comparison, Details, compare
from sartext.release.comparison.records import ModelChange
from sartext.release.comparison.words import segments

TITLES = {
    "added": "images added",
    "removed": "images removed",
    "moved": "images moved to another split",
    "captions": "captions changed",
    "metadata": "images with other columns changed",
    "corpora_added": "corpora added",
    "corpora_removed": "corpora removed",
    "columns": "columns added, removed or of another type",
    "layout": "kinds of files added or removed",
    "withdrawn": "images withdrawn",
}
"""What each kind of difference is, by its name in `Comparison.counts`."""

WORDS_SHOWN = 20
"""Exchanged words that tables show; the JSON has all."""

CAPTIONS_SHOWN = 200
"""Changed captions that a page shows, and ids of each list; the JSON has all."""

LINES_SHOWN = 5
"""Changed captions that a terminal shows."""

_MARKS = {"same": "%s", "removed": "[-%s-]", "added": "{+%s+}"}


def compare_paths(old: Path, new: Path) -> Comparison:
    """Compare two releases, or two files of captions.

    Raises:
        ReleaseError: one is a folder and the other a file, or either cannot be read.
    """
    from sartext.release.comparison.caption_files import compare_files

    for path in (old, new):
        if not path.exists():
            raise ReleaseError("there is no such file or folder", where=path, way_out="name two releases or files")
    if old.is_dir() and new.is_dir():
        return compare(old, new)
    if old.is_dir() or new.is_dir():
        raise ReleaseError(
            "a release is not compared with a file", where=new, way_out="name two releases, or two caption files"
        )
    return compare_files(old, new)


def tables_of(difference: Comparison) -> list[tuple[str, Table]]:
    """Return the tables of a comparison that have rows, each with its title."""
    details = difference.details
    tables = [("What changed", _counts(difference))]
    if details:
        tables += [
            ("Captions by corpus and method", _groups(details)),
            ("How captions changed", _kinds(details)),
            ("Words exchanged most often", _words(details)),
            ("Other columns", _pairs(("Column", "Images"), details.columns)),
            ("Captions", _captions(details)),
            ("Words in a caption", _two_counts("Words", details.before.lengths, details.after.lengths)),
            ("Methods", _two_counts("Method", details.before.methods, details.after.methods)),
            ("Splits", _two_counts("Split", details.before.splits, details.after.splits)),
            ("Classes that captions name", _two_counts("Class", details.before.classes, details.after.classes)),
            ("Figures of the gate", _texts(("Expectation", "Before", "After"), details.gate)),
            ("Models", _texts(("Method", "Before", "After"), map(_model_row, details.models))),
        ]
    return [(title, table) for title, table in tables if table.rows]


def _counts(difference: Comparison) -> Table:
    counts = {TITLES[kind]: number for kind, number in difference.counts().items() if number}
    return _pairs(("Change", "Count"), counts)


def _pairs(heads: tuple[str, str], counts: Mapping[str, int]) -> Table:
    return Table(heads, [Row([name, f"{count:,}"]) for name, count in counts.items()])


def _groups(details: Details) -> Table:
    heads = ("Corpus", "Method", "Before", "After", "Added", "Removed", "Changed")
    if not any(group.corpus or group.method for group in details.groups):  # a file of captions names neither
        rows = [Row(["all captions", *(f"{number:,}" for number in group[2:])]) for group in details.groups]
        return Table(("Captions", *heads[2:]), rows)
    changed = [group for group in details.groups if group.before != group.after or any(group[4:])]
    rows = [Row([*group[:2], *(f"{number:,}" for number in group[2:])]) for group in changed]
    return Table(heads, rows, texts=("Method",))


def _kinds(details: Details) -> Table:
    return _pairs(("Changed in", "Captions"), dict(details.words.kinds))


def _words(details: Details) -> Table:
    shown = details.words.exchanged[:WORDS_SHOWN]
    rows = [Row([before or "(nothing)", after or "(nothing)", f"{count:,}"]) for before, after, count in shown]
    return Table(("Before", "After", "Times"), rows, texts=("After",))


def _captions(details: Details) -> Table:
    def figures(name: str) -> list[str]:
        return [f"{getattr(side, name):,}" for side in (details.before, details.after)]

    rows = [Row([name, *figures(name)]) for name in ("images", "captions", "distinct")]
    for name in details.after.words or details.before.words:
        sides = (details.before.words, details.after.words)
        rows.append(Row([f"words, {name}", *(f"{side[name]:g}" if side else "-" for side in sides)]))
    return Table(("", "Before", "After"), rows)


def _two_counts(head: str, before: Mapping[str, int], after: Mapping[str, int]) -> Table:
    """Rows of one count before and after, in the order of the longer side; none where both are alike."""
    names = list(dict.fromkeys((*(before if len(before) > len(after) else after), *before, *after)))
    numbers = [(name, before.get(name, 0), after.get(name, 0)) for name in names]
    rows = [Row([name, f"{one:,}", f"{other:,}", f"{other - one:+,}"]) for name, one, other in numbers]
    return Table((head, "Before", "After", "Difference"), rows if before != after else [])


def _texts(heads: tuple[str, str, str], rows: Iterable[Sequence[str]]) -> Table:
    return Table(heads, [Row(list(row)) for row in rows], texts=heads[1:])


def _model_row(change: ModelChange) -> tuple[str, str, str]:
    return change.method, ", ".join(change.before) or "-", ", ".join(change.after) or "-"


def to_json(difference: Comparison, names: tuple[str, str]) -> dict[str, Any]:
    """Return a comparison as plain data: every id, every changed caption, every exchanged word."""
    content = asdict(difference)
    content["captions"] = [change._asdict() for change in difference.captions]
    if difference.details:
        content["details"]["groups"] = [group._asdict() for group in difference.details.groups]
        content["details"]["gate"] = [change._asdict() for change in difference.details.gate]
        content["details"]["models"] = [change._asdict() for change in difference.details.models]
    return {"old": names[0], "new": names[1], "counts": difference.counts(), **content}


def lines_of(difference: Comparison, names: tuple[str, str], level: str = "") -> list[str]:
    """Return what stands on a terminal before its tables: what is compared, and how the first captions changed.

    What was taken out stands in ``[-...-]``, what was put in in ``{+...+}``. ``level`` is of two releases.
    """
    if difference.same_bytes:
        return [f"{names[0]} and {names[1]} hold the same content"]
    lines = [f"from {names[0]} to {names[1]}{f': a {level} change' if level else ''}"]
    for change in difference.captions[:LINES_SHOWN]:
        parts = segments(change.before, change.after)
        lines.append(f"{change.image_id}: {''.join(_MARKS[kind] % text for kind, text in parts)}")
    return ["".join(letter if letter.isprintable() else " " for letter in line) for line in lines]


def page_of(difference: Comparison, names: tuple[str, str], level: str = "") -> str:
    """Return the page of a comparison; ``level`` is of two releases."""
    shown = difference.captions[:CAPTIONS_SHOWN]
    return render(
        "release/templates/difference.html",
        title="What changed",
        names=names,
        level=level,
        same=difference.same_bytes,
        tables=tables_of(difference),
        captions=[(change, segments(change.before, change.after)) for change in shown],
        further=len(difference.captions) - len(shown),
        lists=_lists(difference),
    )


def _lists(difference: Comparison) -> list[tuple[str, list[str], int]]:
    """The ids and names of each kind of difference, the first of many, and how many more there are."""
    moved = [f"{name}: {before} to {after}" for name, before, after in difference.moved]
    kinds: dict[str, Sequence[str]] = {"added": difference.added, "removed": difference.removed, "moved": moved}
    kinds["withdrawn"] = [f"{name}: {reason}" for name, reason in difference.withdrawn]
    kinds |= {"columns": difference.columns, "layout": difference.layout, "metadata": difference.metadata}
    return [
        (TITLES[name], list(items[:CAPTIONS_SHOWN]), max(0, len(items) - CAPTIONS_SHOWN))
        for name, items in kinds.items()
        if items
    ]

"""Class names: from the words of an annotation file to the labels of the catalogue."""

from collections.abc import Iterable

from sartext.catalogue.entry import Entry


def _folded(name: str) -> str:
    return " ".join(name.split()).casefold()


def label_table(entry: Entry) -> dict[str, str]:
    """Return the catalogue's label for every name that an annotation file may use, case and spaces aside."""
    table: dict[str, str] = {}
    for one in entry.classes:
        for name in (one.label, *one.source):
            table.setdefault(_folded(name), one.label)
    return table


def find_label(table: dict[str, str], name: str) -> str | None:
    """Return the label of a source name, or None where the catalogue does not know it."""
    return table.get(_folded(name))


def unknown_labels(table: dict[str, str], names: Iterable[str]) -> list[str]:
    """Return the names that the catalogue does not know, sorted."""
    return sorted({name for name in names if find_label(table, name) is None})

"""``CHANGES.md``: what differs from the release before."""

from collections.abc import Mapping, Sequence
from typing import Any

from sartext.release.comparison import Comparison
from sartext.release.publication.markdown import table

EXAMPLES = 10

_WORDS = {
    "added": "images added",
    "removed": "images removed",
    "moved": "images moved to another split",
    "captions": "captions changed",
    "metadata": "images with other columns changed",
    "corpora_added": "corpora added",
    "corpora_removed": "corpora removed",
    "columns": "columns added, removed or of another type",
    "layout": "kinds of files added or removed",
}


def changes(version: str, before: str | None, difference: Comparison | None, statistics: Mapping[str, Any]) -> str:
    """Return ``CHANGES.md``: what differs from the version before, with examples."""
    if before is None or difference is None:
        corpora = len(statistics["corpora"])
        return f"# {version}\n\nThe first release: {statistics['pairs']:,} pairs of {corpora} corpora.\n"
    parts = [f"# {version}\n\nA {difference.level} change against {before}.\n"]
    rows = [[_WORDS[kind], f"{count:,}"] for kind, count in difference.counts().items() if count]
    parts.append(
        table(["Change", "Count"], rows)
        if rows
        else "No pair changed: other files of the release differ, such as the ledger or the verdict of the gate.\n"
    )
    parts.append(_listed("Columns", difference.columns))
    parts.append(_listed("Layout", difference.layout))
    parts.append(_listed("Corpora added", difference.corpora_added))
    parts.append(_listed("Corpora removed", difference.corpora_removed))
    parts.append(_listed("Images added", difference.added))
    parts.append(_listed("Images removed", difference.removed))
    parts.append(_listed("Moved to another split", [f"{i}: {old} to {new}" for i, old, new in difference.moved]))
    parts.append(
        _listed("Captions changed", [f'{i}: "{old}" became "{new}"' for i, old, new in difference.captions])
    )
    parts.append(_listed("Other columns changed", difference.metadata))
    return "\n".join(part for part in parts if part)


def _listed(title: str, items: Sequence[str]) -> str:
    if not items:
        return ""
    shown = [f"- {' '.join(item.split())}" for item in items[:EXAMPLES]]
    more = [f"- and {len(items) - EXAMPLES:,} more"] if len(items) > EXAMPLES else []
    return "\n".join([f"## {title}\n", *shown, *more]) + "\n"

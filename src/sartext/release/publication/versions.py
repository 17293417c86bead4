"""Version numbers of releases, and the releases that are there."""

import re
from pathlib import Path

from sartext.release.comparison import Level

Version = tuple[int, int, int]

_VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")
FIRST: Version = (1, 0, 0)


def parse(text: str) -> Version | None:
    """Return the three numbers of ``MAJOR.MINOR.PATCH``, or None where a text is no version."""
    matched = _VERSION.fullmatch(text)
    return (int(matched[1]), int(matched[2]), int(matched[3])) if matched else None


def show(version: Version) -> str:
    """Return a version as text."""
    return ".".join(map(str, version))


def published(folder: Path) -> list[Version]:
    """Return the versions that are published below a folder, in ascending order."""
    if not folder.is_dir():
        return []
    return sorted(version for item in folder.iterdir() if item.is_dir() and (version := parse(item.name)))


def raised(version: Version, level: Level) -> Version:
    """Return the version that follows for a kind of change."""
    major, minor, patch = version
    if level == "major":
        return major + 1, 0, 0
    if level == "minor":
        return major, minor + 1, 0
    return (major, minor, patch + 1) if level == "patch" else version

"""Version numbers of a release, and the one that follows a change."""

import re
from pathlib import Path
from typing import Literal

Level = Literal["none", "patch", "minor", "major"]
Version = tuple[int, int, int]

FIRST: Version = (1, 0, 0)
_VERSION = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)")


def parse_version(text: str) -> Version | None:
    """Return the three numbers of ``MAJOR.MINOR.PATCH``, or None where a text is no version."""
    matched = _VERSION.fullmatch(text)
    return (int(matched[1]), int(matched[2]), int(matched[3])) if matched else None


def format_version(version: Version) -> str:
    """Return a version as text."""
    return ".".join(map(str, version))


def published_versions(folder: Path) -> list[Version]:
    """Return the versions that are published below a folder, in ascending order."""
    if not folder.is_dir():
        return []
    folders = (path.name for path in folder.iterdir() if path.is_dir())
    return sorted(version for name in folders if (version := parse_version(name)))


def next_version(version: Version, level: Level) -> Version:
    """Return the version that follows for a kind of change."""
    major, minor, patch = version
    if level == "major":
        return major + 1, 0, 0
    if level == "minor":
        return major, minor + 1, 0
    return (major, minor, patch + 1) if level == "patch" else version

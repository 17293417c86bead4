"""The names of an archive's members as strangers wrote them: encodings, Windows paths, and what is no data."""

import re
import unicodedata
from collections.abc import Iterable, Sequence
from pathlib import PurePosixPath

from sartext.errors import ArchiveError

JUNK_NAMES = frozenset(
    {
        *(".ds_store", "thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r"),
        *("__macosx", ".spotlight-v100", ".trashes", ".fseventsd", ".ipynb_checkpoints", "__pycache__", "@eadir"),
    }
)
"""Files and folders, in lower case, that systems and tools leave beside data."""

APPLE_DOUBLE = "._"
"""How the files begin in which macOS packs what other systems have no place for."""

VERSION_CONTROL = frozenset({".git", ".gitignore", ".gitattributes", ".dvc", ".dvcignore"})
"""They are no data, and would make DVC read the corpus otherwise."""

DRIVE = re.compile(r"^[A-Za-z]:(?=/)")


def is_junk(path: PurePosixPath) -> bool:
    """Whether a member is nothing that its author meant to give away."""
    return any(
        part.startswith(APPLE_DOUBLE) or part.lower() in JUNK_NAMES or part in VERSION_CONTROL
        for part in path.parts
    )


def decoded(names: Sequence[bytes]) -> tuple[list[str], str]:
    """Return the names of an archive that does not say how they are written, and the encoding that fits them all.

    Tried are UTF-8, then GBK where every run of bytes beyond ASCII is a common Chinese character, then CP437, the
    encoding of zip without a mark.
    """
    for encoding in ("utf-8", "gbk"):
        try:
            if encoding == "utf-8" or all(map(_is_chinese, names)):
                return [name.decode(encoding) for name in names], encoding
        except UnicodeDecodeError:
            continue
    return [name.decode("cp437") for name in names], "cp437"


def _is_chinese(name: bytes) -> bool:
    """Whether the bytes beyond ASCII come in pairs of GB2312: those of European letters in CP437 do not."""
    try:
        for run in re.findall(rb"[\x80-\xff]+", name):
            run.decode("gb2312")
    except UnicodeDecodeError:
        return False
    return True


def clean(name: str, source: object) -> PurePosixPath:
    """Return where a member lies below the target: forward slashes, no drive letter, one Unicode form (NFC).

    Raises:
        ArchiveError: it climbs out of the folder.
    """
    text = name.replace("\\", "/")
    if DRIVE.match(text):
        text = DRIVE.sub("", text).lstrip("/")  # packed with whole paths, on Windows
    path = PurePosixPath(unicodedata.normalize("NFC", text))
    if path.is_absolute() or ".." in path.parts or (path.parts and path.parts[0].endswith(":")):
        raise ArchiveError(f"'{name}' climbs out of the folder", where=source, way_out="do not trust this archive")
    return path


def alike(paths: Iterable[PurePosixPath]) -> list[tuple[str, str]]:
    """Return the pairs of different paths that a disk which ignores case takes for one."""
    first: dict[str, str] = {}
    pairs = []
    for path in map(str, paths):
        other = first.setdefault(path.casefold(), path)
        if other != path:
            pairs.append((other, path))
    return pairs

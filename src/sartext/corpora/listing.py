"""The image files of a corpus: ids, scenes, optical halves, published splits, and how a name finds its image."""

import os
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath
from typing import Any

from sartext.catalogue.entry import Pairing
from sartext.corpora.layout import is_hidden
from sartext.corpora.quarantine import Fault, Unusable
from sartext.corpora.reading import read_content, read_json_text, read_text
from sartext.errors import CatalogueError
from sartext.files import sha256_text

ID_BREAKERS = re.compile(r"[^A-Za-z0-9_+-]")
"""The characters that an image id does not take over from a file name: an id is a word in file names, in CSV
and on command lines."""


def matching_files(folder: Path, globs: Iterable[str]) -> list[str]:
    """Return the files below a folder that match any of the globs, as sorted POSIX paths relative to it.

    Hidden files and what macOS packs beside the files of an archive are no data.

    Raises:
        CatalogueError: a glob is absolute or malformed.
    """
    paths = set()
    for pattern in globs:
        try:
            matches = list(folder.glob(pattern))
        except (NotImplementedError, ValueError) as error:
            raise CatalogueError(f"'{pattern}' is no glob below a folder ({error})", where="catalogue") from error
        # a dangling link is a file that cannot be read, and gets its reason
        paths |= {path.relative_to(folder) for path in matches if not path.is_dir()}
    return sorted(path.as_posix() for path in paths if not is_hidden(path))


def image_ids(corpus: str, paths: Sequence[str]) -> dict[str, str]:
    """Return the image id of each path: ``<corpus>/<stem>``, with ``_`` for whatever `ID_BREAKERS` matches.

    Files of one corpus whose stems are equal (``train/1.png``, ``test/1.png``) get the whole path, names
    beyond ASCII by eight digits of their SHA-256.
    """
    stems = {path: _word(PurePosixPath(path).stem) for path in paths}
    times = Counter(stems.values())
    return {path: f"{corpus}/{stem if times[stem] == 1 else _word(path)}" for path, stem in stems.items()}


def _word(name: str) -> str:
    digest = "" if name.isascii() else f"_{sha256_text(name.encode('utf-8', 'replace').decode())[:8]}"
    return ID_BREAKERS.sub("_", name) + digest


def as_text(path: str) -> str:
    """Return a file name with U+FFFD in place of bytes that are no UTF-8."""
    return os.fsencode(path).decode("utf-8", errors="replace")


def scene_of(expression: str | None, path: str) -> str | None:
    """Return the groups of the scene expression, joined by ``_``, or None where it does not match."""
    match = re.search(expression, path) if expression else None
    if match is None:
        return None
    return "_".join(group for group in match.groups() if group) or match.group(0)


def renamed(image: str, file: str, path: str) -> str | None:
    """Return ``path`` with the match of ``image`` replaced by ``file``, or None where it does not match.

    Raises:
        CatalogueError: ``file`` names a group that ``image`` does not have.
    """
    try:
        replaced, count = re.subn(image, file, path, count=1)
    except (re.error, IndexError) as error:
        raise CatalogueError(f"'{file}' is no replacement for '{image}' ({error})", where="catalogue") from error
    return replaced if count else None


def optical_halves(folder: Path, pairing: Pairing, images: list[str]) -> dict[str, str]:
    """Return the optical half of each SAR image that has one, by paths below the corpus folder."""
    halves = {}
    for path in images:
        half = renamed(pairing.image, pairing.file, path)
        if half is not None and half != path and (folder / half).is_file():
            halves[path] = half
    return halves


class Lookup:
    """Finds image files by the names that annotations and id lists use for them.

    A name may have another extension or none (``a.1`` is ``a.1.png`` before it is ``a.png``), and folders that are
    not there. Where several files have the same
    stem, the folders in the name decide; where they do not, the name is ambiguous.
    """

    def __init__(self, paths: Iterable[str]) -> None:
        self._by_stem: dict[str, list[str]] = defaultdict(list)
        for path in paths:
            self._by_stem[PurePosixPath(path).stem].append(path)

    def find(self, name: str) -> list[str]:
        """Return the files that a name may mean: none, one, or several if it is ambiguous."""
        wanted = PurePosixPath(name.strip().replace("\\", "/"))
        paths = self._by_stem.get(wanted.stem, [])
        bare = wanted.name in self._by_stem and all(PurePosixPath(path).name != wanted.name for path in paths)
        if bare:
            paths = self._by_stem[wanted.name]
        if len(paths) < 2:
            return list(paths)
        exact = [path for path in paths if f"/{path}".endswith(f"/{wanted}")]
        stem = f"/{wanted if bare else wanted.with_suffix('')}"
        stems = [path for path in paths if f"/{PurePosixPath(path).with_suffix('')}".endswith(stem)]
        return exact if len(exact) == 1 else stems if len(stems) == 1 else list(paths)


def published_sets(
    folder: Path, declared: Mapping[str, str], paths: Sequence[str], lookup: Lookup
) -> tuple[dict[str, str], list[Fault]]:
    """Return which published split (or benchmark) each image is in, and the listed names without an image.

    A declaration is ``re:`` and a regular expression on the path below the corpus folder, or a glob of id lists:
    text files with a name per line, COCO or Karpathy JSON; gzip allowed. The first that holds an image wins.
    """
    members: dict[str, str] = {}
    faults: list[Fault] = []
    absent: set[str] = set()
    for name, rule in declared.items():
        if rule.startswith("re:"):
            try:
                matching = [path for path in paths if re.search(rule[3:], path)]
            except re.error as error:
                what = f"'{rule[3:]}' is no regular expression ({error})"
                raise CatalogueError(what, where=f"catalogue: {name}") from error
            members = {**dict.fromkeys(matching, name), **members}
            continue
        for source in matching_files(folder, [rule]):
            try:
                listed = _listed_names(folder / source)
            except Unusable as error:
                faults.append(Fault(source, "", error.reason, error.detail, "annotation"))
                continue
            for image in listed:
                matches = lookup.find(image)
                if len(matches) == 1:
                    members.setdefault(matches[0], name)
                elif image not in absent:
                    absent.add(image)
                    reason = "listed-without-image" if not matches else "ambiguous-name"
                    faults.append(Fault(image, "", reason, f"listed in {source}", "annotation"))
    return members, faults


def _listed_names(path: Path) -> list[str]:
    if path.name.removesuffix(".gz").lower().endswith(".json"):
        return _names_in_json(read_json_text(path)[0])
    if b"\x00" in read_content(path)[:4096]:
        raise Unusable("not-text", "an id list is expected")
    lines = (line.split() for line in read_text(path)[0].split("\n"))
    return list(dict.fromkeys(words[0] for words in lines if words))


def _names_in_json(content: Any) -> list[str]:  # noqa: ANN401 - JSON has no narrower type
    items = content.get("images", []) if isinstance(content, dict) else content
    if not isinstance(items, list):
        raise Unusable("not-a-list", "a list of names or of images is expected")
    names = [item.get("file_name", item.get("filename")) if isinstance(item, dict) else item for item in items]
    return [name for name in dict.fromkeys(names) if isinstance(name, str)]

"""What lies in a folder that nobody described: its files in groups, each with the glob that finds it.

Folders that differ in the name of a split (``train/``, ``test/``), in one name above equal folders
(``scene-1/images/``, ``scene-2/images/``) or in a name alone that may be a class are one group.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path, PurePath, PurePosixPath
from typing import Any

IMAGE_SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".npy"})

SPLIT = re.compile(r"(?<![A-Za-z])(?i:train(?:ing|val)?|test(?:ing)?|val(?:id(?:ation)?)?)(?![a-z])")
"""The name of a split within the name of a folder: ``train``, ``trainA``, ``sar_test``."""

LARGEST_FAMILY = 6
"""The most kinds of files that lie side by side in one folder and are told apart by a part of their names."""


@dataclass(frozen=True)
class FileGroup:
    """Files of one kind: ``glob`` finds them below the folder; ``files`` are their sorted paths there."""

    glob: str
    files: tuple[str, ...]

    @property
    def suffix(self) -> str:
        """The extension in lower case, without ``.gz``."""
        return suffix_of(self.files[0])

    @property
    def folders(self) -> tuple[str, ...]:
        """The names of the folders that hold the files themselves, sorted."""
        return tuple(sorted({PurePosixPath(file).parent.name for file in self.files}))

    @property
    def by_folder(self) -> bool:
        """Whether the last folder's name alone tells the files apart, and is no split or number: maybe a class."""
        glob = PurePosixPath(self.glob)
        alone = glob.parent.name == "*" and glob.stem == "*"
        return alone and not any(SPLIT.fullmatch(name) or name.isdecimal() for name in self.folders)

    @property
    def splits(self) -> dict[str, str]:
        """The split that each folder of splits names, as ``re:...`` on the path below the corpus folder."""
        names = {part for file in self.files for part in PurePosixPath(file).parts[:-1] if SPLIT.search(part)}
        found: dict[str, list[str]] = defaultdict(list)
        for name in sorted(names):
            if match := SPLIT.search(name):
                found[match.group().lower()].append(re.escape(name))
        return {split: f"re:(^|/)({'|'.join(parts)})/" for split, parts in found.items()} if len(found) > 1 else {}

    def sample(self, count: int) -> list[str]:
        """At most so many of the files, spread evenly, the first among them."""
        step = max(1, -(-len(self.files) // count))
        return list(self.files[::step])


@dataclass(frozen=True)
class Layout:
    """The files of a folder in groups; hidden ones and those of macOS are none.

    ``sampled`` holds what `samples.sample_of` has seen of a group, by its glob.
    """

    folder: Path
    groups: tuple[FileGroup, ...]
    sampled: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def images(self) -> tuple[FileGroup, ...]:
        """The groups of image files: images, masks, and optical halves; the largest first."""
        return tuple(group for group in self.groups if group.suffix in IMAGE_SUFFIXES)

    @cached_property
    def others(self) -> tuple[FileGroup, ...]:
        """The groups that are no images: annotations, lists, notes."""
        return tuple(group for group in self.groups if group.suffix not in IMAGE_SUFFIXES)


def is_hidden(path: PurePath) -> bool:
    """Whether a path below a folder is hidden, or what macOS packs beside the files of an archive: no data."""
    return any(part.startswith(".") or part == "__MACOSX" for part in path.parts)


def suffix_of(path: str) -> str:
    """Return the extension of a file in lower case, without ``.gz``."""
    return PurePosixPath(path.removesuffix(".gz")).suffix.lower()


def survey(folder: Path) -> Layout:
    """Group the files below a folder; the largest groups come first."""
    folders: defaultdict[tuple[tuple[str, ...], str], list[str]] = defaultdict(list)
    for path in sorted(item.relative_to(folder) for item in folder.rglob("*") if item.is_file()):
        if is_hidden(path):
            continue
        folders[path.parent.parts, "".join(path.suffixes[-2:] if path.suffix == ".gz" else [path.suffix])].append(
            path.as_posix()
        )
    merged = _merge_classes(_merge_upper(_merge_splits(folders)))
    groups = [
        group for (parts, suffix), files in merged.items() for group in _families(parts, suffix, sorted(files))
    ]
    return Layout(folder, tuple(sorted(groups, key=lambda group: (-len(group.files), group.glob))))


Folder = tuple[tuple[str, ...], str]
Folders = dict[Folder, list[str]]


def _merge_splits(folders: Folders) -> Folders:
    wild: Folders = defaultdict(list)
    members: defaultdict[tuple[tuple[str, ...], str], set[tuple[str, ...]]] = defaultdict(set)
    keys = {
        (parts, suffix): (tuple(SPLIT.sub("*", part, count=1) for part in parts), suffix)
        for parts, suffix in folders
    }
    for key, merged in keys.items():
        members[merged].add(key[0])
    for key, files in folders.items():
        wild[keys[key] if len(members[keys[key]]) > 1 else key] += files
    return wild


def _merge_upper(folders: Folders) -> Folders:
    """One group of folders that differ in one name above the last, unless they hold the same names."""
    for place in range(max((len(parts) for parts, _ in folders), default=0)):
        alike: defaultdict[tuple[tuple[str, ...], str], list[tuple[tuple[str, ...], str]]] = defaultdict(list)
        for parts, suffix in folders:
            if place < len(parts) - 1:
                alike[(*parts[:place], "*", *parts[place + 1 :]), suffix].append((parts, suffix))
        for merged, keys in alike.items():
            if len(keys) > 1 and not _same_names([folders[key] for key in keys]):
                folders = _joined(folders, keys, merged)
    return folders


def _merge_classes(folders: Folders) -> Folders:
    """One group of images in sibling folders that have no name in common: the folders may be classes."""
    siblings: defaultdict[tuple[tuple[str, ...], str], list[tuple[tuple[str, ...], str]]] = defaultdict(list)
    for parts, suffix in folders:
        if parts and "*" not in parts[-1] and suffix.lower() in IMAGE_SUFFIXES:
            siblings[parts[:-1], suffix].append((parts, suffix))
    for (above, suffix), keys in siblings.items():
        stems = [{PurePosixPath(file).stem for file in folders[key]} for key in keys]
        apart = sum(map(len, stems)) == len(set().union(*stems))
        if len(keys) > 2 and apart and all(len(each) > 1 for each in stems):
            folders = _joined(folders, keys, ((*above, "*"), suffix))
    return folders


def _joined(folders: Folders, keys: Sequence[Folder], merged: Folder) -> Folders:
    gone = set(keys)
    others = {key: files for key, files in folders.items() if key not in gone}
    return others | {merged: [file for key in keys for file in folders[key]]}


def _same_names(folders: Iterable[list[str]]) -> bool:
    names = [PurePosixPath(file).name for files in folders for file in files]
    return len(set(names)) <= len(names) / 2


def _families(parts: tuple[str, ...], suffix: str, files: list[str]) -> list[FileGroup]:
    """Part the files of a folder by how their names begin or end: ``sar1``, ``opt1``; ``1_HH``, ``1_HV``."""
    prefix = "".join(f"{part}/" for part in parts)
    stems = {file: PurePosixPath(file.removesuffix(".gz")).stem for file in files}
    if suffix.lower() in IMAGE_SUFFIXES:
        for pattern, glob in ((r"([A-Za-z]+[_-]?)(.*\d.*)", "{}*"), (r"(.*\d.*?)([_-][A-Za-z]+)", "*{}")):
            families: defaultdict[str, dict[str, str]] = defaultdict(dict)
            for file, stem in stems.items():
                if match := re.fullmatch(pattern, stem):
                    mark, key = match.groups() if glob[0] == "{" else match.groups()[::-1]
                    families[mark][f"{PurePosixPath(file).parent}/{key}"] = file
            keys = [set(family) for family in families.values()]
            whole = sum(map(len, keys)) == len(files)
            if (
                whole
                and 1 < len(families) <= LARGEST_FAMILY
                and len(set.intersection(*keys)) * 2 > max(map(len, keys))
            ):
                return [
                    FileGroup(f"{prefix}{glob.format(mark)}{suffix}", tuple(sorted(family.values())))
                    for mark, family in families.items()
                ]
    return [FileGroup(f"{prefix}*{suffix}", tuple(files))]

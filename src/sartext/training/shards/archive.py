"""Tar files in WebDataset's layout, with the same bytes on every machine."""

import io
import tarfile
from dataclasses import dataclass, field
from pathlib import Path

BLOCK = tarfile.BLOCKSIZE


@dataclass
class Archives:
    """The tar files of one split, begun one after the other in a folder as they reach a size.

    A sample is a run of members that share a key: ``<key>.png``, ``<key>.txt``, ``<key>.json`` and further looks
    ``<key>.look1.png``; readers of WebDataset take what follows the first dot for the name of the part.
    """

    folder: Path
    split: str
    limit: int
    """Bytes from which on the next sample begins another file."""
    names: list[str] = field(default_factory=list)
    _tar: tarfile.TarFile | None = None

    def add(self, key: str, parts: dict[str, bytes]) -> tuple[str, dict[str, int]]:
        """Write one sample; return the name of its tar file, and the offset of each part's bytes in it."""
        tar = self._current()
        return self.names[-1], {name: _add(tar, f"{key}.{name}", content) for name, content in parts.items()}

    def close(self) -> None:
        """End the file that is open."""
        if self._tar is not None:
            self._tar.close()
            self._tar = None

    def _current(self) -> tarfile.TarFile:
        if self._tar is not None and self._tar.offset >= self.limit:
            self.close()
        if self._tar is None:
            self.names.append(f"{self.split}-{len(self.names):05d}.tar")
            self._tar = tarfile.open(self.folder / self.names[-1], "w", format=tarfile.GNU_FORMAT)  # noqa: SIM115
        return self._tar


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> int:
    member = tarfile.TarInfo(name)  # time, user and group are zero, the mode is 0644
    member.size = len(content)
    tar.addfile(member, io.BytesIO(content))
    return tar.offset - -(-len(content) // BLOCK) * BLOCK

"""The stages `optical-shards`, `sar-shards` and `release-shards`: pairs to learn from as the models read them."""

import io
import json
import tarfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sartext.catalogue.entry import Entry
from sartext.config import Project
from sartext.errors import ParameterError, nearest
from sartext.files import atomic_folder, canonical_json, write_json
from sartext.progress import map_parallel
from sartext.tables import SHARDS, write_table
from sartext.training.shards.pictures import Job, check_rendering, has_looks, make_pictures
from sartext.training.shards.selection import SPLIT_NAMES, Chosen, Tally, choose

KINDS = ("optical", "sar")
"""What may be mixed in one stage of training; no image stands in both."""

DATA = (*KINDS, "release")
DESCRIPTION = "description.json"
"""What readers need beside the index: side, looks, the narrator's parameters and the entries of the corpora."""

MEGABYTE = 1 << 20
EXAMPLES = 6
SERIAL_BELOW = 2000
"""Pictures below which starting other processes, which load torch, takes longer than it saves."""

RENDERING = 10
"""How many times as long as decoding a picture rendering one takes, about."""


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
    return tar.offset - -(-len(content) // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE


def write_shards(project: Project, data: str) -> dict[str, object]:
    """Write a folder of shards: tar files, ``index.parquet``, ``description.json`` and ``metrics.json``.

    Args:
        project: the checkout; its indexes, captions and splits are read.
        data: ``optical`` (captioned optical images), ``sar`` (captioned SAR images) or ``release`` (the pairs of
            the assembled release, narrated captions among them).

    Returns:
        The counts, and a few image ids. No pairs at all are no error here: a training says so when it starts.

    Raises:
        ParameterError: there is no such data.
        ArtefactError: an upstream table is missing or of another state of the corpora, an image has gone, or a
            simulated corpus was not made with these parameters.
    """
    if data not in DATA:
        raise ParameterError(f"no data '{data}'", where="sartext shards", way_out=nearest(data, DATA))
    tally = Tally()
    chosen = sorted(choose(project, data, tally), key=lambda choice: str(choice.pair["image_id"]))
    jobs = [_job(project, choice) for choice in chosen]
    for first in {job.entry.name: job for job in reversed(jobs) if job.looks > 1}.values():
        check_rendering(first)
    with atomic_folder(project.shards(data)) as folder:
        rows = list(_write(folder, chosen, _made(jobs, data), project.parameters.shards.megabytes))
        write_table(folder / "index.parquet", SHARDS, rows)
        write_json(folder / DESCRIPTION, _describe(project, data, chosen))
        metrics = _measure(project, data, rows, tally)
        write_json(folder / "metrics.json", metrics)
    return {**metrics, "examples": [row["image_id"] for row in rows[:: max(1, len(rows) // EXAMPLES)]][:EXAMPLES]}


def _job(project: Project, choice: Chosen) -> Job:
    parameters = project.parameters
    again = choice.pair["split"] == "train" and has_looks(choice.entry, choice.pair["modality"])
    looks = parameters.shards.looks if again else 1
    return Job(project.root, choice.source, choice.entry, parameters.shards.side, looks, parameters.simulation)


def _made(jobs: Sequence[Job], data: str) -> Iterator[list[bytes]]:
    work = sum(1 + RENDERING * (job.looks - 1) for job in jobs)
    serial = len(jobs) + 1 if work < SERIAL_BELOW else 0
    return map_parallel(make_pictures, jobs, f"{data} shards", serial_below=serial)


def _write(
    folder: Path, chosen: Sequence[Chosen], made: Iterable[list[bytes]], megabytes: int
) -> Iterator[dict[str, Any]]:
    archives = {split: Archives(folder, split, megabytes * MEGABYTE) for split in SPLIT_NAMES}
    try:
        for choice, pictures in zip(chosen, made, strict=True):
            yield _place(archives[choice.pair["split"]], choice.pair, pictures)
    finally:
        for archive in archives.values():
            archive.close()


def _place(archives: Archives, pair: dict[str, Any], pictures: Sequence[bytes]) -> dict[str, Any]:
    names = ["png", *(f"look{look}.png" for look in range(1, len(pictures)))]
    metadata = {name: value for name, value in pair.items() if name != "split"}
    parts = {
        "png": pictures[0],
        "txt": pair["captions"][0].encode(),
        "json": canonical_json(metadata).encode(),
        **dict(zip(names[1:], pictures[1:], strict=True)),
    }
    shard, offsets = archives.add(pair["image_id"], parts)
    sizes = [len(picture) for picture in pictures]
    return {**pair, "shard": shard, "offsets": [offsets[name] for name in names], "sizes": sizes}


def _describe(project: Project, data: str, chosen: Sequence[Chosen]) -> dict[str, Any]:
    parameters = project.parameters
    narrator = {"narrator": parameters.narrator.model_dump(mode="json")} if data != "optical" else {}
    entries = {choice.entry.name: choice.entry for choice in chosen}
    return {
        "side": parameters.shards.side,
        "smallest_object": parameters.shards.smallest_object,
        **narrator,
        "corpora": {name: _as_json(entry) for name, entry in sorted(entries.items())},
    }


def _measure(project: Project, data: str, rows: Sequence[Mapping[str, Any]], tally: Tally) -> dict[str, object]:
    corpora: dict[str, Counter[str]] = {}
    for row in rows:
        corpora.setdefault(row["corpus"], Counter())[row["split"]] += 1
    return {
        "data": data,
        "pairs": len(rows),
        **{split: sum(row["split"] == split for row in rows) for split in SPLIT_NAMES},
        "pictures": sum(len(row["offsets"]) for row in rows),
        "captions": sum(len(row["captions"]) for row in rows),
        "side": project.parameters.shards.side,
        "groups": len({row["group_id"] for row in rows}),
        "methods": dict(sorted(Counter(row["method"] for row in rows).items())),
        "corpora": {name: dict(sorted(counts.items())) for name, counts in sorted(corpora.items())},
        "left_out": dict(sorted(tally.left_out.items())),
        "objects_too_small": tally.small_objects,
        "rare_classes_too_small": tally.small_rare,
        "captions_changed": tally.captions_changed,
    }


def _as_json(entry: Entry) -> dict[str, Any]:
    """A catalogue entry as JSON holds it; a no-data value that is no number becomes null."""
    content: dict[str, Any] = json.loads(entry.model_dump_json())
    return content

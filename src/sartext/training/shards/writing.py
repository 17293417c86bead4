"""The stages `optical-shards`, `sar-shards` and `release-shards`: pairs to learn from as the models read them.

Pictures are PNG files, stored and not deflated: their bytes depend on the pixels alone, and cost little to decode.
"""

import io
import json
import tarfile
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from sartext.catalogue.entry import Entry
from sartext.config import Project, SimulationParameters
from sartext.corpora.images import decode, picture
from sartext.corpora.masks import squashed_mask
from sartext.corpora.quarantine import Unusable
from sartext.corpora.radiometry import to_db, to_grey
from sartext.errors import ArtefactError, ParameterError, nearest
from sartext.files import atomic_folder, canonical_json, write_json
from sartext.models.squashing import Pixels, squash
from sartext.progress import map_parallel
from sartext.simulation.composition import CORPORA
from sartext.simulation.encoding import png
from sartext.simulation.rendering import Task, number_of, sar_file
from sartext.tables import SHARDS, write_table
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

DEVIATION = 2.0
"""Mean difference in grey levels from which on an image is not the one that its number renders here: another
machine's arithmetic moves single pixels by one."""


@dataclass
class Archives:
    """The tar files of one split, begun one after the other in a folder as they reach a size.

    A sample is a run of members that share a key: ``<key>.png``, ``<key>.txt``, ``<key>.json``, further looks
    ``<key>.look1.png`` and the ``<key>.mask.png`` of a segmentation mask; readers of WebDataset take what follows
    the first dot for the name of the part.
    """

    folder: Path
    split: str
    limit: int
    """Bytes from which on the next sample begins another file."""
    names: list[str] = field(default_factory=list)
    _tar: tarfile.TarFile | None = None

    def add(self, key: str, parts: dict[str, bytes]) -> tuple[str, dict[str, int]]:
        """Write one sample; return the name of its tar file, and the offset of each part's bytes in it."""
        if self._tar is None or self._tar.offset >= self.limit:
            self.close()
            self.names.append(f"{self.split}-{len(self.names):05d}.tar")
            self._tar = tarfile.open(self.folder / self.names[-1], "w", format=tarfile.GNU_FORMAT)  # noqa: SIM115
        offsets = {}
        for name, content in parts.items():
            member = tarfile.TarInfo(f"{key}.{name}")  # time, user and group are zero, the mode is 0644
            member.size = len(content)
            self._tar.addfile(member, io.BytesIO(content))
            offsets[name] = self._tar.offset - -(-len(content) // tarfile.BLOCKSIZE) * tarfile.BLOCKSIZE
        return self.names[-1], offsets

    def close(self) -> None:
        """End the file that is open."""
        if self._tar is not None:
            self._tar.close()
            self._tar = None


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
        _check_rendering(first)
    work = sum(1 + RENDERING * (job.looks - 1) for job in jobs)
    serial = len(jobs) + 1 if work < SERIAL_BELOW else 0
    made = map_parallel(_make_pictures, jobs, f"{data} shards", serial_below=serial)
    with atomic_folder(project.shards(data)) as folder:
        rows = list(_write(folder, chosen, made, project.parameters.shards.megabytes))
        write_table(folder / "index.parquet", SHARDS, rows)
        write_json(folder / DESCRIPTION, _describe(project, data, chosen))
        metrics = _measure(project, data, rows, tally)
        write_json(folder / "metrics.json", metrics)
    return {**metrics, "examples": [row["image_id"] for row in rows[:: max(1, len(rows) // EXAMPLES)]][:EXAMPLES]}


def _write(
    folder: Path, chosen: Sequence[Chosen], made: Iterable[tuple[list[bytes], bytes | None]], megabytes: int
) -> Iterator[dict[str, Any]]:
    archives = {split: Archives(folder, split, megabytes * MEGABYTE) for split in SPLIT_NAMES}
    for choice, (pictures, mask) in zip(chosen, made, strict=True):
        pair = choice.pair
        looks = {f"look{look}.png": content for look, content in enumerate(pictures)}
        metadata = {name: value for name, value in pair.items() if name != "split"}
        parts = {
            "png": looks.pop("look0.png"),
            "txt": pair["captions"][0].encode(),
            "json": canonical_json(metadata).encode(),
            **looks,
            **({} if mask is None else {"mask.png": mask}),
        }
        shard, offsets = archives[pair["split"]].add(pair["image_id"], parts)
        places = [offsets[name] for name in ("png", *looks)]
        yield {
            **pair,
            "shard": shard,
            "offsets": places,
            "sizes": list(map(len, pictures)),
            "mask_offset": offsets.get("mask.png"),
            "mask_size": None if mask is None else len(mask),
        }
    for archive in archives.values():
        archive.close()


def _describe(project: Project, data: str, chosen: Sequence[Chosen]) -> dict[str, Any]:
    parameters = project.parameters
    narrator = {"narrator": parameters.narrator.model_dump(mode="json")} if data != "optical" else {}
    entries = {choice.entry.name: choice.entry for choice in chosen}
    return {
        "side": parameters.shards.side,
        "smallest_object": parameters.shards.smallest_object,
        **narrator,
        # by JSON's text: a no-data value that is no number becomes null
        "corpora": {name: json.loads(entry.model_dump_json()) for name, entry in sorted(entries.items())},
    }


def _measure(project: Project, data: str, rows: Sequence[Mapping[str, Any]], tally: Tally) -> dict[str, object]:
    corpora: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for row in rows:
        corpora[row["corpus"]][row["split"]] += 1
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


@dataclass(frozen=True)
class _Job:
    """One pair's pictures to make: ``looks`` of them, the first of the file that the index names."""

    root: Path
    row: Mapping[str, Any]
    entry: Entry
    side: int
    looks: int
    simulation: SimulationParameters | None

    def render(self, simulation: SimulationParameters, look: int) -> Pixels:
        """The picture of a rendering, as `corpora.images.picture` gives that of the corpus's own file."""
        number = number_of(self.entry.name, self.row["path"])
        pixels = decode(sar_file(Task(self.entry.name, number, simulation, look)), self.entry.bands)
        if self.row["quantity"] == "display":
            return pixels
        return to_grey(to_db(pixels, self.entry), self.row["db_low"], self.row["db_high"])


def _job(project: Project, choice: Chosen) -> _Job:
    entry, parameters = choice.entry, project.parameters
    # the scene of a simulated SAR image can be rendered again
    simulated = entry.embedded and entry.name in CORPORA and choice.pair["modality"] == "sar"
    looks = parameters.shards.looks if simulated and choice.pair["split"] == "train" else 1
    return _Job(project.root, choice.source, entry, parameters.shards.side, looks, parameters.simulation)


def _make_pictures(job: _Job) -> tuple[list[bytes], bytes | None]:
    """Return the PNG files of a pair, one per look, and of its mask, each ``side`` pixels wide and high."""
    try:
        shown = [picture(job.root, job.row, job.entry)]
        if job.simulation is not None:
            shown += [job.render(job.simulation, look) for look in range(1, job.looks)]
        mask = squashed_mask(job.root, job.row, job.entry, job.side)
    except Unusable as error:
        raise ArtefactError(
            f"the image cannot be read any more ({error})",
            where=job.row["path"],
            way_out=f"run `sartext corpus {job.entry.name}` again",
        ) from error
    files = []
    for pixels in shown:
        squashed = squash(pixels, job.side)
        grey = bool((squashed == squashed[..., :1]).all())
        files.append(png(np.ascontiguousarray(squashed[..., 0] if grey else squashed)))
    return files, None if mask is None else png(mask)


def _check_rendering(job: _Job) -> None:
    """Raise an ArtefactError where an image's number renders another one: other looks would show another scene."""
    reason = "the parameters hold no section 'simulation'"
    if job.simulation is not None:
        there = picture(job.root, job.row, job.entry).astype(np.int16)
        rendered = job.render(job.simulation, 0).astype(np.int16)
        if there.shape == rendered.shape and np.abs(there - rendered).mean() < DEVIATION:
            return
        reason = "the section 'simulation' of the parameters renders another image"
    raise ArtefactError(
        f"other looks of this image cannot be made: {reason}",
        where=job.row["path"],
        way_out=f"remove data/{job.entry.name} and run `sartext simulate --missing`, or set shards.looks to 1",
    )

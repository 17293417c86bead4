"""The source corpora in ``data/``: adding one, listing them, pinning their bytes in ``data.dvc``."""

import hashlib
import json
import os
import subprocess
import sys
from collections import defaultdict
from io import StringIO
from pathlib import Path

from rich.table import Table
from ruamel.yaml import YAML

from sartext.archives import unpack
from sartext.catalogue import Entry, load_catalogue
from sartext.config import Project
from sartext.corpora.formats import format_of
from sartext.errors import CatalogueError, CorpusError, ParameterError, PinError, nearest
from sartext.files import remove_tree, write_text

PIN = "data.dvc"


def source_table(project: Project) -> Table:
    """Return every corpus of the catalogue with what is here of it, listed ones first, as a table for a person."""
    table = Table(title="Corpora", title_justify="left", box=None, pad_edge=False)
    for heading in ("corpus", "kind", "annotations", "built", "licence", "images passed on"):
        table.add_column(heading, overflow="fold")
    for heading in ("images here", "published"):
        table.add_column(heading, justify="right")
    catalogue = load_catalogue(project)
    listed = [name for name in project.parameters.corpora if name in catalogue]
    for name in [*listed, *sorted(catalogue.keys() - set(listed))]:
        entry, folder = catalogue[name], project.source(name)
        table.add_row(
            name,
            f"{entry.modality} {entry.kind}",
            _describe_format(entry),
            "yes" if name in listed else "no",
            entry.licence or "absent",
            "yes" if entry.redistribution else "no",
            f"{_count_images(folder, entry):,}" if folder.is_dir() else "absent",
            "?" if entry.published.images is None else f"{entry.published.images:,}",
        )
    return table


def _describe_format(entry: Entry) -> str:
    """The format of a corpus's annotations, ``none``, or what is wrong with the one that is declared."""
    if entry.annotations is None:
        return "none"
    try:
        return format_of(entry, entry.annotations).name
    except (CatalogueError, ParameterError) as error:
        return f"error: {error}"


def _count_images(folder: Path, entry: Entry) -> int:
    """The number of files below a folder that match the corpus's image globs."""
    return len({path for pattern in entry.images for path in folder.glob(pattern)})


def add_source(project: Project, name: str, origin: Path, *, replace: bool = False) -> int:
    """Bring a downloaded corpus into ``data/<name>`` and pin ``data/`` anew; return its number of images.

    The corpus is unpacked aside and takes its place only when whole; an archive's single top folder is
    unwrapped where the corpus's images lie below it. Nothing is changed by an error.

    Raises:
        CatalogueError, ParameterError: the catalogue does not know the corpus, or no reader its format.
        CorpusError: it is there already, or the folder does not hold what the catalogue says.
        ArchiveError: the archive is unsafe or damaged.
    """
    catalogue = load_catalogue(project)
    if name not in catalogue:
        raise CatalogueError(
            f"the catalogue knows no corpus '{name}'",
            way_out=f"{nearest(name, catalogue)}; or describe it in catalogue/{name}.yaml",
        )
    for declared in (catalogue[name].annotations, catalogue[name].optical_captions):
        if declared is not None:
            format_of(catalogue[name], declared)
    place = project.source(name)
    if place.exists() and not replace:
        raise CorpusError("the corpus is there already", where=place, way_out="pass --replace to exchange it")
    incoming = project.build / "incoming" / name
    if (incoming / "old").is_dir() and not place.exists():
        (incoming / "old").rename(place)  # a command was killed while it exchanged the corpus
    remove_tree(incoming)
    (incoming / "new").mkdir(parents=True)
    try:
        unpack(origin, incoming / "new")
        whole = _unwrapped(incoming / "new", catalogue[name], origin)
        images = _count_images(whole, catalogue[name])
        project.data.mkdir(exist_ok=True)
        if place.exists():
            place.rename(incoming / "old")
        try:
            whole.rename(place)
            pin(project)
        except BaseException:
            remove_tree(place)
            if (incoming / "old").exists():
                (incoming / "old").rename(place)
            raise
    finally:
        remove_tree(incoming)
    return images


def _unwrapped(folder: Path, entry: Entry, origin: Path) -> Path:
    for candidate in [folder, *sorted(item for item in folder.iterdir() if item.is_dir())]:
        if _count_images(candidate, entry):
            return candidate
    seen = ", ".join(sorted(item.name for item in folder.iterdir())[:5]) or "nothing"
    raise CorpusError(
        f"no image matches {' or '.join(entry.images)} (found: {seen})",
        where=origin,
        way_out=f"lay the files out as `{entry.name}` expects them",
    )


def pin(project: Project) -> dict[str, str]:
    """Pin the bytes of ``data/`` in ``data.dvc`` and return the hash of each corpus folder.

    Beside DVC's own fields the file gets ``meta.corpora``: DVC's hash of each corpus folder, so that a
    difference can be named by corpus where the cache is empty.

    Raises:
        PinError: there is no data, or DVC refused.
    """
    if not project.data.is_dir() or not any(project.data.iterdir()):
        raise PinError("there is nothing to pin", where=project.data, way_out="add a corpus or `sartext simulate`")
    _dvc(project, "add", "--quiet", "data")
    path = project.root / PIN
    yaml = YAML()
    content = yaml.load(path.read_text(encoding="utf-8"))
    cache = Path(_dvc(project, "cache", "dir").strip())
    digest = str(content["outs"][0]["md5"])
    listing = json.loads((cache / "files" / "md5" / digest[:2] / digest[2:]).read_text(encoding="utf-8"))
    hashes = folder_hashes(listing)
    content["meta"] = {"corpora": hashes}
    text = StringIO()
    yaml.dump(content, text)
    write_text(path, text.getvalue())
    return hashes


def folder_hashes(listing: list[dict[str, str]]) -> dict[str, str]:
    """Return DVC's hash of each top folder, from DVC's listing of the folder above."""
    folders: defaultdict[str, list[dict[str, str]]] = defaultdict(list)
    for item in listing:
        top, _, rest = item["relpath"].partition("/")
        if rest:
            folders[top].append({"md5": item["md5"], "relpath": rest})
    return {name: folder_hash(files) for name, files in sorted(folders.items())}


def folder_hash(files: list[dict[str, str]]) -> str:
    """Return DVC's hash of a folder: the MD5 of the JSON list of its files (``md5``, ``relpath``) by path."""
    ordered = sorted(files, key=lambda item: item["relpath"].split("/"))
    text = json.dumps(ordered, sort_keys=True)
    return hashlib.md5(text.encode("utf-8"), usedforsecurity=False).hexdigest() + ".dir"


def _dvc(project: Project, *arguments: str) -> str:
    environment = {**os.environ, "DVC_NO_ANALYTICS": "1"}
    call = [sys.executable, "-m", "dvc", *arguments]
    done = subprocess.run(call, cwd=project.root, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        message = [*(done.stderr or done.stdout).strip().splitlines(), "no message"][0]
        command = f"dvc {' '.join(arguments)}"
        raise PinError(f"{command} failed: {message}", where=project.root, way_out=f"run `{command}`")
    return done.stdout

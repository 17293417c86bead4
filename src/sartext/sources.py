"""The source corpora in ``data/``: listing them, and pinning their bytes in ``data.dvc``."""

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

from sartext.catalogue import read_catalogue
from sartext.config import Project
from sartext.corpora.formats import FORMATS
from sartext.corpora.listing import matching_files
from sartext.errors import PinError
from sartext.files import write_bytes, write_text

PIN = "data.dvc"


def source_table(project: Project) -> tuple[Table, list[str]]:
    """Return every corpus of the catalogue with what is here of it, listed ones first, as a table for a person.

    A corpus whose file is unfinished or wrong has a row that says so; why, the lines say that are returned beside.
    """
    table = Table(title="Corpora", title_justify="left", box=None, pad_edge=False)
    for heading in ("corpus", "kind", "annotations", "built", "licence", "images passed on"):
        table.add_column(heading, overflow="fold")
    for heading in ("images here", "published"):
        table.add_column(heading, justify="right")
    catalogue = read_catalogue(project, FORMATS.names)
    known = {**catalogue.entries, **catalogue.errors}
    listed = [name for name in project.parameters.corpora if name in known]
    for name in [*listed, *sorted(known.keys() - set(listed))]:
        built = "yes" if name in listed else "no"
        if name in catalogue.errors:
            table.add_row(name, "see below", "", built)
            continue
        entry, folder = catalogue.entries[name], project.source(name)
        table.add_row(
            name,
            f"{entry.modality} {entry.kind}",
            entry.annotations.format if entry.annotations else "none",
            built,
            "; ".join([entry.licence or "absent", *(entry.conditions or ())]),
            "yes" if entry.redistribution else "no",
            f"{len(matching_files(folder, entry.images)):,}" if folder.is_dir() else "absent",
            "?" if entry.published.images is None else f"{entry.published.images:,}",
        )
    return table, [line for name in sorted(catalogue.errors) for line in catalogue.errors[name].lines]


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
    return hashlib.md5(folder_listing(files).encode("utf-8"), usedforsecurity=False).hexdigest() + ".dir"


def folder_listing(files: list[dict[str, str]]) -> str:
    """Return what DVC keeps of a folder: the JSON list of its files (``md5``, ``relpath``) by path."""
    ordered = sorted(files, key=lambda item: item["relpath"])
    return json.dumps(ordered, sort_keys=True)


def keep(project: Project, path: Path) -> str:
    """Put a file or a folder of plain files into DVC's cache, as ``dvc commit`` does; return DVC's hash of it.

    For what another checkout made: DVC takes it for made here if ``dvc.lock`` names that hash.

    Raises:
        PinError: DVC cannot tell where its cache is.
    """
    cache = project.root / _dvc(project, "cache", "dir").strip() / "files" / "md5"

    def object_of(digest: str) -> Path:
        return cache / digest[:2] / digest[2:]

    listed = []
    for file in [path] if path.is_file() else sorted(item for item in path.rglob("*") if item.is_file()):
        digest = hashlib.md5(file.read_bytes(), usedforsecurity=False).hexdigest()
        listed.append({"md5": digest, "relpath": file.relative_to(path).as_posix()})
        if not object_of(digest).exists():
            write_bytes(object_of(digest), file.read_bytes())
    if path.is_file():
        return listed[0]["md5"]
    write_text(object_of(folder_hash(listed)), folder_listing(listed))
    return folder_hash(listed)


def _dvc(project: Project, *arguments: str) -> str:
    environment = {**os.environ, "DVC_NO_ANALYTICS": "1"}
    call = [sys.executable, "-m", "dvc", *arguments]
    done = subprocess.run(call, cwd=project.root, env=environment, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        message = [*(done.stderr or done.stdout).strip().splitlines(), "no message"][0]
        command = f"dvc {' '.join(arguments)}"
        raise PinError(f"{command} failed: {message}", where=project.root, way_out=f"run `{command}`")
    return done.stdout

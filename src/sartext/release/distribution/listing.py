"""Which versions there are: here, and in a remote."""

from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING

from sartext.config import Project
from sartext.release.comparison.versions import format_version, parse_version, published_versions
from sartext.release.distribution.contents import Contents, fetch_contents, read_folder
from sartext.release.distribution.remotes import Remote
from sartext.release.distribution.store import AbsentError, Store
from sartext.release.distribution.stores import open_store
from sartext.release.distribution.transfer import patiently

if TYPE_CHECKING:
    from rich.table import Table


def version_table(project: Project, remote: Remote | None) -> "Table":
    """Return a table of the versions that are published here and, where one is named, in a remote.

    It shows what their manifests say; only `verify` and `pull` look at the files.

    Raises:
        ReleaseError: the remote cannot be listed, or a manifest is none.
    """
    from rich.markup import escape
    from rich.table import Table

    name = project.parameters.release.name
    here, there = _here(project), {}
    title, columns = name, ["version", "files", "bytes", "content", "here"]
    if remote is not None:
        store = open_store(remote)
        there = dict(_there(store, name))
        title, columns = f"{name}, here and in {store.address}", [*columns, "there"]
    table = Table(*columns, title=escape(title))
    for version in sorted(here.keys() | there.keys(), key=parse_version):  # type: ignore[arg-type]
        for contents in dict.fromkeys(filter(None, (here.get(version), there.get(version)))):
            files, size = f"{len(contents.members) + 1:,}", f"{contents.size:,}"
            places = ["yes" if place.get(version) == contents else "" for place in (here, there)]
            shown = [version, files, size, contents.content_sha256[:12], *places]
            table.add_row(*shown[: len(columns)])
    return table


def _here(project: Project) -> dict[str, Contents]:
    folders = {
        version: project.releases / version
        for version in map(format_version, published_versions(project.releases))
    }
    return {version: read_folder(folder) for version, folder in folders.items()}


def _there(store: Store, name: str) -> Iterator[tuple[str, Contents]]:
    for version in patiently(store, lambda: store.versions(f"releases/{name}")):
        if parse_version(version) is None:
            continue
        try:
            yield version, patiently(store, partial(fetch_contents, store, name, version))
        except AbsentError:
            continue  # it is being pushed

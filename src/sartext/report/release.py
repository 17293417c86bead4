"""Which release was evaluated, and what it was made from."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from sartext.config import Project
from sartext.errors import ArtefactError
from sartext.files import read_json
from sartext.release.layout import CONTENT, MANIFEST


@dataclass(frozen=True)
class Release:
    """The identity of a release.

    Args:
        name: of the dataset.
        title: for people.
        content_sha256: of everything that bears no version.
        version: under which these very bytes are published; nothing where they are not.
        commit: of the checkout that published it; nothing outside a git repository.
        dirty: whether tracked files differed from that commit.
        data: DVC's hash of each corpus folder that it was made from, by corpus.
        tools: the versions that shaped its bytes.
    """

    name: str
    title: str
    content_sha256: str
    version: str | None = None
    commit: str | None = None
    dirty: bool | None = None
    data: Mapping[str, str | None] | None = None
    tools: Mapping[str, str | None] | None = None

    def as_json(self) -> dict[str, Any]:
        """Return it as the report's JSON has it."""
        return asdict(self)


def evaluated_release(project: Project) -> Release:
    """Return the release in ``build/release``, with the manifest of the version that has the same content.

    Raises:
        ArtefactError: no release is assembled.
    """
    stated = project.build / "release" / CONTENT
    if not stated.is_file():
        raise ArtefactError("no release is assembled", where=stated, way_out="run `make release`")
    content = str(read_json(stated)["content_sha256"])
    parameters = project.parameters.release
    manifest = _published(project, content)
    git = manifest.get("git") or {}
    return Release(
        name=parameters.name,
        title=parameters.title,
        content_sha256=content,
        version=manifest.get("version"),
        commit=git.get("commit"),
        dirty=git.get("dirty"),
        data=manifest.get("corpora_dvc_md5"),
        tools=manifest.get("tools"),
    )


def _published(project: Project, content: str) -> dict[str, Any]:
    """The manifest of the version that ``build/publication`` names, if it has this content."""
    record = project.build / "publication" / "publication.json"
    if not record.is_file():
        return {}
    named = read_json(record)
    manifest = project.root / str(named.get("path", "")) / MANIFEST
    if named.get("content_sha256") != content or not manifest.is_file():
        return {}
    return dict(read_json(manifest))

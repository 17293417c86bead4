"""Uploading a release to a Hugging Face hub: one commit, compared by hash, then a tag named as the version.

A commit is atomic: files go up beforehand and are nowhere visible until all of them are, the manifest among them.
The token is what huggingface_hub finds (``HF_TOKEN`` or its own login), the server that of ``HF_ENDPOINT``.
"""

import hashlib
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from sartext.errors import ReleaseError
from sartext.files import sha256_file
from sartext.release.comparison.versions import parse_version
from sartext.release.distribution.contents import Contents, read_contents, read_folder
from sartext.release.distribution.store import CHUNK, Member
from sartext.release.manifest import MANIFEST
from sartext.release.verification import check_bytes
from sartext.release.verify import SIGNATURES, signatures_in

if TYPE_CHECKING:
    from huggingface_hub import HfApi
    from huggingface_hub.hf_api import RepoFile

KIND = "dataset"
_OF_THE_HUB = frozenset({".gitattributes"})
_BEFORE_A_RELEASE = _OF_THE_HUB | {"README.md"}
_WAYS_OUT = {
    401: "`hf auth login`, or put a token that may write into HF_TOKEN",
    403: "the token may not write there: another one in HF_TOKEN, or another repository",
    404: "check `--hub`, and whether the token in HF_TOKEN may see it",
    409: "another upload is running: look, and upload again",
    412: "another upload changed the repository meanwhile: look, and upload again",
}


def upload(folder: Path, repository: str, *, private: bool = False) -> dict[str, object]:
    """Make a dataset repository hold a published release, and tag it with the version.

    Args:
        folder: a published release; every file is compared with the manifest before.
        repository: ``owner/name``; made where it is absent.
        private: whether a new repository is private.

    Returns:
        Name, version, repository, commit, and whether anything was uploaded.

    Raises:
        ReleaseError: the release is damaged, the repository holds something else or this version with other
            content, the hub refuses, or holds other bytes afterwards.
    """
    contents = read_folder(folder)
    check_bytes(folder)
    files = {member.path: member for member in contents.members}
    for path in (MANIFEST, *(f"{SIGNATURES}/{name}.json" for name in signatures_in(folder))):  # in no manifest
        files[path] = Member(path, (folder / path).stat().st_size, sha256_file(folder / path))
    with _explained(repository):
        return _Upload(folder, repository, contents, files).run(private)


@dataclass(frozen=True)
class _Upload:
    """A release, and the repository that is to hold it."""

    folder: Path
    repository: str
    contents: Contents
    files: Mapping[str, Member]

    @cached_property
    def _api(self) -> "HfApi":
        from huggingface_hub import HfApi

        return HfApi()

    def run(self, private: bool) -> dict[str, object]:
        """Upload what is not there; see `upload`."""
        version, api = self.contents.version, self._api
        api.create_repo(self.repository, repo_type=KIND, private=private or None, exist_ok=True)
        tags = {ref.name: ref.target_commit for ref in api.list_repo_refs(self.repository, repo_type=KIND).tags}
        commit, uploaded = tags.get(version), False
        if commit is None:
            commit, uploaded = self._commit()
        wrong = self._differences(commit)
        if wrong and version in tags:
            raise self._refused(f"version {version} is tagged there with other content ({wrong})")
        if wrong:
            raise ReleaseError(
                f"the hub holds other bytes than were uploaded: {wrong}",
                where=self.repository,
                way_out="upload again; until it is right the version has no tag",
            )
        if version not in tags:
            api.create_tag(self.repository, tag=version, revision=commit, repo_type=KIND)
        return {
            "name": self.contents.name,
            "version": version,
            "repository": self.repository,
            "commit": commit,
            "files": len(self.files),
            "bytes": self.contents.size,
            "uploaded": uploaded,
        }

    def _commit(self) -> tuple[str, bool]:
        """Make the head of the repository hold the release; return its commit and whether it is a new one."""
        from huggingface_hub import CommitOperationAdd, CommitOperationDelete

        head = str(self._api.repo_info(self.repository, repo_type=KIND).sha)
        there = self._tree(head)
        self._require_ours(there, head)
        operations: list[CommitOperationAdd | CommitOperationDelete] = [
            CommitOperationAdd(path, str(self.folder / path))
            for path, member in sorted(self.files.items())
            if not self._is(there.get(path), member)
        ]
        operations += [
            CommitOperationDelete(path) for path in sorted(there.keys() - self.files.keys() - _OF_THE_HUB)
        ]
        if not operations:
            return head, False
        done = self._api.create_commit(
            self.repository,
            operations,
            commit_message=f"{self.contents.name} {self.contents.version}",
            repo_type=KIND,
            parent_commit=head,
        )
        return str(done.oid), True

    def _require_ours(self, there: Mapping[str, "RepoFile"], head: str) -> None:
        """Refuse a repository that holds something else, a higher version, or this one with other content."""
        if MANIFEST not in there:
            if others := there.keys() - _BEFORE_A_RELEASE:
                raise self._refused(
                    f"the repository holds something else, such as {min(others)}", "name another one"
                )
            return
        with tempfile.TemporaryDirectory() as folder:
            path = self._api.hf_hub_download(
                self.repository, MANIFEST, repo_type=KIND, revision=head, local_dir=folder
            )
            before = read_contents(Path(path).read_bytes(), f"{self.repository}: {MANIFEST}")
        if before.name != self.contents.name:
            raise self._refused(f"the repository holds the dataset '{before.name}'", "name another one")
        version = self.contents.version
        if (parse_version(before.version) or ()) > (parse_version(version) or ()):
            raise self._refused(f"the repository holds version {before.version}, which is higher than {version}")
        if before.version == version and before.raw != self.contents.raw:
            raise self._refused(f"version {version} is there with {self.contents.differs_in(before)}")

    def _refused(
        self, what: str, way_out: str = "what is published stays: publish under a higher version"
    ) -> ReleaseError:
        return ReleaseError(what, where=self.repository, way_out=way_out)

    def _tree(self, commit: str) -> dict[str, "RepoFile"]:
        from huggingface_hub.hf_api import RepoFile

        items = self._api.list_repo_tree(self.repository, recursive=True, revision=commit, repo_type=KIND)
        return {item.path: item for item in items if isinstance(item, RepoFile)}

    def _differences(self, commit: str) -> str:
        """Say in what a commit differs from the release, by the hashes that the hub made; empty if in nothing."""
        there = self._tree(commit)
        wrong = sorted(path for path, member in self.files.items() if not self._is(there.get(path), member))
        more = sorted(there.keys() - self.files.keys() - _OF_THE_HUB)
        named = [f"{path} is missing or differs" for path in wrong] + [f"{path} is one more" for path in more]
        return f"{named[0]}{f'; {len(named):,} in all' if len(named) > 1 else ''}" if named else ""

    def _is(self, file: "RepoFile | None", member: Member) -> bool:
        """Whether a file of the hub has a member's bytes: by SHA-256 of a large file, by git's hash of another."""
        if file is None or file.size != member.size:
            return False
        if file.lfs is not None:
            return bool(file.lfs.sha256 == member.sha256)
        return bool(file.blob_id == _git_hash(self.folder / member.path, member.size))


def _git_hash(path: Path, size: int) -> str:
    digest = hashlib.sha1(b"blob %d\0" % size, usedforsecurity=False)
    with path.open("rb") as stream:
        while piece := stream.read(CHUNK):
            digest.update(piece)
    return digest.hexdigest()


@contextmanager
def _explained(repository: str) -> Iterator[None]:
    """Turn what huggingface_hub raises into one line that holds nothing a server wrote, and no token."""
    from huggingface_hub.errors import (
        HfHubHTTPError,
        HFValidationError,
        LocalTokenNotFoundError,
        OfflineModeIsEnabled,
    )

    try:
        yield
    except OfflineModeIsEnabled:
        raise ReleaseError("the hub is switched off", way_out="unset HF_HUB_OFFLINE") from None
    except LocalTokenNotFoundError:
        raise ReleaseError("there is no token for the hub", where=repository, way_out=_WAYS_OUT[401]) from None
    except HFValidationError:
        raise ReleaseError("no name of a repository", where=repository, way_out="write it as OWNER/NAME") from None
    except HfHubHTTPError as error:
        raise _refusal(error.response.status_code, repository) from None
    except (OSError, RuntimeError, ValueError, _transport_errors()) as error:
        cause = error.__cause__
        if isinstance(cause, HfHubHTTPError):
            raise _refusal(cause.response.status_code, repository) from None
        raise ReleaseError(
            f"the upload broke off ({type(error).__name__})",
            where=repository,
            way_out="upload again, what has arrived is not sent twice; HF_ENDPOINT names the server",
        ) from None


def _refusal(status: int, repository: str) -> ReleaseError:
    way_out = _WAYS_OUT.get(status, "upload again later; HF_ENDPOINT names the server")
    return ReleaseError(f"the hub answers with status {status}", where=repository, way_out=way_out)


def _transport_errors() -> type[Exception]:
    """What the HTTP library of huggingface_hub raises where there is no answer."""
    from huggingface_hub import errors

    error: type[Exception] = errors.HTTPError  # type: ignore[attr-defined]
    return error

"""A remote that is a bucket of S3, or of a server that speaks its protocol."""

import base64
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from sartext.errors import ReleaseError
from sartext.release.distribution.remotes import Remote
from sartext.release.distribution.store import CHUNK, AbsentError, Member
from sartext.release.distribution.stores.s3_client import explained, make_client, status

LARGEST = 5 << 30
"""Bytes that S3 takes in one request, which alone has a SHA-256 of the whole file."""

_ADDED = {"sse": "ServerSideEncryption", "sse_kms_key_id": "SSEKMSKeyId", "acl": "ACL"}
"""Options of a remote that go with every file, and how S3 calls them."""


class S3Store:
    """Objects below a prefix of a bucket.

    A file goes in one request with its SHA-256, which the server compares with what arrived and keeps. Whether an
    object is there is asked by size and that SHA-256; where a server keeps none, the object is read and hashed.
    """

    def __init__(self, remote: Remote) -> None:
        parts = urlsplit(remote.url)
        self._remote, self._bucket, self._prefix = remote, parts.netloc, parts.path.strip("/")
        jobs = remote.options.get("jobs", "")
        self.parallel = max(1, min(16, int(jobs))) if jobs.isdecimal() else 4
        self._added = {name: remote.options[option] for option, name in _ADDED.items() if option in remote.options}
        if not self._bucket:
            raise ReleaseError("the address names no bucket", where=remote.url, way_out=remote.setting("url"))

    @property
    def address(self) -> str:
        """Bucket and prefix."""
        return f"s3://{self._bucket}/{self._prefix}".rstrip("/")

    @cached_property
    def _client(self) -> Any:  # noqa: ANN401 - botocore makes its class
        return make_client(self._remote, self.parallel)

    def read(self, path: str) -> Iterator[bytes]:
        """Yield the content of an object."""
        with self._explained(path):
            body = self._client.get_object(**self._at(path))["Body"]
            with body:
                yield from body.iter_chunks(CHUNK)

    def versions(self, folder: str) -> list[str]:
        """Return the names of what lies directly below a prefix and holds objects."""
        prefix = f"{self._at(folder)['Key']}/"
        with self._explained(folder):
            pages = self._client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=prefix, Delimiter="/"
            )
            found = [item["Prefix"] for page in pages for item in page.get("CommonPrefixes", ())]
        return sorted(name.removeprefix(prefix).rstrip("/") for name in found)

    def holds(self, member: Member, folder: str) -> bool:
        """Whether an object has the size and the SHA-256 of a member, as the server kept it or by its bytes."""
        path = f"{folder}/{member.path}"
        try:
            with self._explained(path):
                head = self._client.head_object(**self._at(path), ChecksumMode="ENABLED")
            if head["ContentLength"] != member.size:
                return False
            kept = head.get("ChecksumSHA256", "")
            if kept and "-" not in kept:  # one of parts is a hash of hashes
                return bool(kept == _in_base64(member.sha256))
            return self._hash(path) == member.sha256
        except AbsentError:
            return False

    def _hash(self, path: str) -> str:
        digest = hashlib.sha256()
        for piece in self.read(path):
            digest.update(piece)
        return digest.hexdigest()

    def write(self, member: Member, folder: str, source: Path) -> None:
        """Send a file in one request; the server refuses it if other bytes arrive."""
        path = f"{folder}/{member.path}"
        if member.size > LARGEST:
            raise ReleaseError(
                f"{path} is over the 5 GiB that S3 takes in one request",
                where=self.address,
                way_out="make smaller files: `release.rows_per_file` of params.yaml",
            )
        with self._explained(path), source.open("rb") as body:
            self._client.put_object(
                **self._at(path),
                Body=body,
                ContentLength=member.size,
                ChecksumSHA256=_in_base64(member.sha256),
                **self._added,
            )

    def create(self, path: str, content: bytes) -> bool:
        """Write an object unless there is one, by ``If-None-Match``.

        A server that does not know the condition says so, and the object is then looked for just before. Whoever
        writes compares afterwards: some servers ignore the condition.
        """
        from botocore.exceptions import ClientError

        checksum = _in_base64(hashlib.sha256(content).hexdigest())
        request = {**self._at(path), "Body": content, "ChecksumSHA256": checksum, **self._added}
        with self._explained(path):
            try:
                self._client.put_object(**request, IfNoneMatch="*")
            except ClientError as error:
                if status(error) in {409, 412}:
                    return False
                if status(error) != 501:
                    raise
            else:
                return True
            try:
                self._client.head_object(**self._at(path))
            except ClientError as error:
                if status(error) != 404:
                    raise
                self._client.put_object(**request)
                return True
            return False

    def remove(self, path: str) -> None:
        """Remove an object; a key that may not is no error."""
        from botocore.exceptions import ClientError

        with self._explained(path):
            try:
                self._client.delete_object(**self._at(path))
            except ClientError as error:
                if status(error) != 403:
                    raise

    def tidy(self, folder: str) -> None:
        """Nothing is left of a killed request."""

    def _at(self, path: str) -> dict[str, str]:
        return {"Bucket": self._bucket, "Key": f"{self._prefix}/{path}".lstrip("/")}

    @contextmanager
    def _explained(self, path: str) -> Iterator[None]:
        with explained(self._remote, self._bucket, path):
            yield


def _in_base64(sha256: str) -> str:
    return base64.b64encode(bytes.fromhex(sha256)).decode()

"""A remote that a web server shows: to read from, not to write to."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote, urlsplit, urlunsplit

from sartext.errors import ReleaseError
from sartext.release.distribution.remotes import Remote
from sartext.release.distribution.store import CHUNK, AbsentError, PassingError

if TYPE_CHECKING:
    import requests

_TRY_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})


class HttpStore:
    """Files below an address. Nothing can be listed: whoever reads knows the version."""

    parallel = 4

    def __init__(self, remote: Remote) -> None:
        self._remote = remote
        parts = urlsplit(remote.url)
        self._user, self._password = unquote(parts.username or ""), unquote(parts.password or "")
        self._url = urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))

    @property
    def address(self) -> str:
        """The address without user, password and what follows a question mark."""
        return self._url.rstrip("/")

    def read(self, path: str) -> Iterator[bytes]:
        """Yield the content of a file."""
        timeouts = (self._remote.seconds("connect_timeout", 60), self._remote.seconds("read_timeout", 60))
        with self._explained(path):
            answer = self._session.get(
                f"{self.address}/{quote(path)}",
                stream=True,
                timeout=timeouts,
                allow_redirects=self._remote.options.get("auth") != "custom",  # its header would go along
            )
            with answer:
                if answer.status_code != 200:
                    raise self._refusal(answer.status_code, path)
                yield from answer.iter_content(CHUNK)

    def versions(self, folder: str) -> list[str]:
        """A web server has no list of its folders that can be relied on.

        Raises:
            ReleaseError: always.
        """
        raise ReleaseError(
            "a web server does not list its versions", where=self.address, way_out="ask for one by its number"
        )

    @cached_property
    def _session(self) -> "requests.Session":
        import requests
        from requests.auth import HTTPBasicAuth, HTTPDigestAuth

        session = requests.Session()
        session.headers["Accept-Encoding"] = "identity"
        options, kind = self._remote.options, self._remote.options.get("auth", "").lower()
        user, password = options.get("user", self._user), options.get("password", self._password)
        if kind == "custom" and "custom_auth_header" in options:
            session.headers[options["custom_auth_header"]] = password
        elif kind == "digest":
            session.auth = HTTPDigestAuth(user, password)
        elif user:
            session.auth = HTTPBasicAuth(user, password)
        verify = self._remote.text("ssl_verify")
        if verify is not None:
            session.verify = verify if "/" in verify else self._remote.flag("ssl_verify", True)
        return session

    def _refusal(self, status: int, path: str) -> Exception:
        if status in {404, 410}:
            return AbsentError(path)
        if status in _TRY_AGAIN:
            return PassingError(f"{path}: the server could not (status {status})", self._remote.setting("url"))
        if status in {401, 403}:
            way_out = f"{self._remote.setting('user')}, {self._remote.setting('password', secret=True)}"
            return ReleaseError(
                f"access to {path} is refused (status {status})", where=self.address, way_out=way_out
            )
        return ReleaseError(
            f"{path}: the server answers with status {status}",
            where=self.address,
            way_out=self._remote.setting("url"),
        )

    @contextmanager
    def _explained(self, path: str) -> Iterator[None]:
        import requests

        setting = self._remote.setting("url")
        try:
            yield
        except requests.exceptions.SSLError:
            raise ReleaseError(
                "the server's certificate is not trusted",
                where=self.address,
                way_out=self._remote.setting("ssl_verify"),
            ) from None
        except (requests.exceptions.InvalidURL, requests.exceptions.TooManyRedirects, ValueError):
            raise ReleaseError("no address that can be read from", where=self.address, way_out=setting) from None
        except requests.exceptions.ReadTimeout:
            raise PassingError(f"{path}: no answer in time", self._remote.setting("read_timeout")) from None
        except (requests.exceptions.ConnectionError, requests.exceptions.RequestException):
            raise PassingError(
                f"{path}: the server cannot be reached, or the connection was lost", setting
            ) from None

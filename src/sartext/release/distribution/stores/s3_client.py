"""The client of S3 that a remote of DVC describes, and its failures in words that name the setting to change.

Settings are DVC's; what they leave out comes from where Amazon's own tools look: environment, files and machine.
Messages hold neither keys nor what a server wrote, but for its code of the error.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sartext.errors import ReleaseError
from sartext.release.distribution.remotes import Remote
from sartext.release.distribution.store import AbsentError, PassingError

_UNSUPPORTED = (
    *("sse_customer_algorithm", "sse_customer_key", "grant_read", "grant_read_acp", "grant_write_acp"),
    "grant_full_control",
)
_TRY_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504})
_DAMAGED = frozenset({"BadDigest", "XAmzContentChecksumMismatch", "XAmzContentSHA256Mismatch", "RequestTimeout"})
_REGION = frozenset({"AuthorizationHeaderMalformed", "PermanentRedirect", "IllegalLocationConstraintException"})
_KEY = frozenset(
    {"InvalidAccessKeyId", "SignatureDoesNotMatch", "ExpiredToken", "InvalidToken", "TokenRefreshRequired"}
)


def make_client(remote: Remote, connections: int) -> Any:  # noqa: ANN401 - botocore makes its class
    """Return a client of S3 with the settings of a remote.

    Raises:
        ReleaseError: botocore is not installed, or a setting is wrong or means nothing here.
    """
    where = f"remote '{remote.name}'" if remote.name else remote.scheme
    for option in _UNSUPPORTED:
        if option in remote.options:
            raise ReleaseError(
                f"releases are not pushed with {option}", where=where, way_out="use a remote without it"
            )
    try:
        import botocore.session
        from botocore import UNSIGNED
        from botocore.config import Config
        from botocore.exceptions import BotoCoreError
    except ImportError as error:
        raise ReleaseError(
            "the package botocore is not installed",
            where=where,
            way_out="`pip install --constraint constraints.txt --editable '.[s3]'`",
        ) from error
    config = Config(
        connect_timeout=remote.seconds("connect_timeout", 20),
        read_timeout=remote.seconds("read_timeout", 60),
        max_pool_connections=connections,
        retries={"total_max_attempts": 1},  # whoever asks tries again, and says so
        signature_version=UNSIGNED if remote.flag("allow_anonymous_login", False) else None,
    )
    try:
        session = botocore.session.Session(profile=remote.text("profile"))
        for option, variable in (("credentialpath", "credentials_file"), ("configpath", "config_file")):
            if option in remote.options:
                session.set_config_variable(variable, remote.options[option])
        return session.create_client(
            "s3",
            region_name=remote.text("region"),
            endpoint_url=remote.text("endpointurl"),
            use_ssl=remote.flag("use_ssl", True),
            verify=_verify(remote),
            aws_access_key_id=remote.text("access_key_id"),
            aws_secret_access_key=remote.text("secret_access_key"),
            aws_session_token=remote.text("session_token"),
            config=config,
        )
    except (BotoCoreError, ValueError) as error:
        raise _of_client(error, remote) from None


def _verify(remote: Remote) -> bool | str | None:
    """Whether certificates are verified, or the file that they are verified by."""
    text = remote.text("ssl_verify")
    if text is None:
        return None
    return text if "/" in text else remote.flag("ssl_verify", True)


@contextmanager
def explained(remote: Remote, bucket: str, path: str) -> Iterator[None]:
    """Turn what botocore raises into what a store may raise."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except ClientError as error:
        raise _of_server(error, remote, bucket, path) from None
    except BotoCoreError as error:
        raise _of_client(error, remote) from None


def status(error: Any) -> int:  # noqa: ANN401 - botocore's error
    """Return the status of an answer that is an error."""
    return int(error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))


def _of_server(error: Any, remote: Remote, bucket: str, path: str) -> Exception:  # noqa: ANN401
    number, code = status(error), str(error.response.get("Error", {}).get("Code", ""))
    shown = f" ({code})" if code.isalnum() and len(code) < 50 else f" (status {number})"
    if number == 404 and code != "NoSuchBucket":
        return AbsentError(path)
    if number in _TRY_AGAIN or code in _DAMAGED:
        return PassingError(f"{path}: the server could not{shown}", _endpoint(remote))
    if code == "NoSuchBucket":
        what, way_out = "there is no such bucket", f"make it, or {remote.setting('url')}"
    elif code in _KEY:
        what, way_out = f"the server refuses the key{shown}", _credentials(remote)
    elif code in _REGION:
        what, way_out = f"the bucket is elsewhere{shown}", remote.setting("region")
    elif number in {401, 403}:
        needed = "the key needs s3:ListBucket, s3:GetObject and, to push, s3:PutObject"
        what, way_out = f"access to {path} is refused{shown}", f"{needed}; another key: {_credentials(remote)}"
    else:
        what, way_out = f"{path}: the server refuses{shown}", _endpoint(remote)
    return ReleaseError(what, where=f"s3://{bucket}", way_out=way_out)


def _credentials(remote: Remote) -> str:
    """Where the key comes from that is in use."""
    if "access_key_id" in remote.options:
        return f"{remote.setting('access_key_id', secret=True)} and secret_access_key"
    if "profile" in remote.options:
        return f"see the profile that {remote.setting('profile')} names"
    return f"set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or {remote.setting('profile')}"


def _of_client(error: Exception, remote: Remote) -> Exception:
    from botocore import exceptions as known

    if isinstance(error, known.EndpointConnectionError | known.ConnectTimeoutError | known.ProxyConnectionError):
        return PassingError("the server cannot be reached", _endpoint(remote))
    if isinstance(error, known.SSLError):
        what, way_out = "the server's certificate is not trusted", remote.setting("ssl_verify")
    elif isinstance(error, known.HTTPClientError | known.ConnectionError | known.IncompleteReadError):
        return PassingError("the connection was lost", _endpoint(remote))
    elif isinstance(error, known.ProfileNotFound):
        what, way_out = "there is no such profile", remote.setting("profile")
    elif isinstance(
        error, known.NoCredentialsError | known.PartialCredentialsError | known.CredentialRetrievalError
    ):
        what, way_out = "there is no key for the bucket", _credentials(remote)
    elif isinstance(error, known.ParamValidationError):
        what, way_out = "that is no name of a bucket", remote.setting("url")
    else:
        what, way_out = f"the remote cannot be used ({type(error).__name__})", _endpoint(remote)
    return ReleaseError(what, where=f"remote '{remote.name}'" if remote.name else remote.scheme, way_out=way_out)


def _endpoint(remote: Remote) -> str:
    return f"{remote.setting('endpointurl')}, or set AWS_ENDPOINT_URL"

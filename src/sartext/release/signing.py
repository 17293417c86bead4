"""Signatures of a release: DSSE envelopes over its statements, with a key pair in PEM files, offline.

The private key is named by the environment and stands in no log and no artefact.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sartext.errors import ReleaseError
from sartext.files import canonical_json, read_json, write_json
from sartext.release.attestations import statements
from sartext.release.verify import SIGNATURES, SIGNED

if TYPE_CHECKING:
    from securesystemslib.signer import CryptoSigner, SSlibKey

KEY = "SARTEXT_SIGNING_KEY"
"""The file of the private key: PEM of Ed25519, ECDSA or RSA."""

PASSPHRASE = "SARTEXT_SIGNING_PASSPHRASE"  # noqa: S105 - the name of a variable
"""The passphrase of that file, where it has one."""

PAYLOAD = "application/vnd.in-toto+json"


def sign(folder: Path) -> dict[str, object]:
    """Sign a release that was verified: ``signatures/<name>.json`` for each of its statements.

    Signatures that are there are replaced.

    Returns:
        What was signed, and the id of the key.

    Raises:
        ReleaseError: no key is named, or it cannot be read.
    """
    from securesystemslib.dsse import Envelope

    signer, envelopes = _signer(), {}
    for name, statement in statements(folder).items():
        envelopes[name] = Envelope(canonical_json(statement).encode("utf-8"), PAYLOAD, {})
        envelopes[name].sign(signer)
    for name, envelope in envelopes.items():
        path = _path(folder, name)
        write_json(path, envelope.to_dict())
        path.chmod(0o444)
    return {"signed": " ".join(SIGNED), "key": signer.public_key.keyid}


def check_signatures(folder: Path, public_key: Path | None = None) -> str:
    """Say how a release that was verified is signed, after checking it by a key.

    Without a key the statements are compared, and the signatures are not checked.

    Raises:
        ReleaseError: a statement is not what the files say; with a key: a signature is missing or by another key.
    """
    key = None if public_key is None else read_public_key(public_key)
    there = [name for name in SIGNED if _path(folder, name).is_file()]
    if key is not None and there != list(SIGNED):
        absent = next(name for name in SIGNED if name not in there)
        raise ReleaseError(
            f"{SIGNATURES}/{absent}.json: missing, the release is not signed",
            where=folder,
            way_out="get it with its signatures, or verify it without --public-key",
        )
    if not there:
        return "not signed"
    wanted = statements(folder)
    for name in there:
        _check(folder, name, wanted[name], key)
    if key is None:
        return f"signed ({', '.join(there)}), but unchecked: name the key by --public-key FILE"
    return f"signed ({', '.join(there)}) by {public_key}"


def _check(folder: Path, name: str, wanted: dict[str, Any], key: "SSlibKey | None") -> None:
    from securesystemslib.dsse import Envelope
    from securesystemslib.exceptions import VerificationError

    path = _path(folder, name)
    where, way_out = f"{SIGNATURES}/{path.name}", "get the release again, with its signatures"
    try:
        envelope = Envelope.from_dict(read_json(path))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ReleaseError(f"{where}: no envelope ({error!r})", where=folder, way_out=way_out) from error
    if key is not None:
        try:
            envelope.verify([key], 1)
        except VerificationError as error:
            raise ReleaseError(
                f"{where}: not signed by this key, or changed since", where=folder, way_out=way_out
            ) from error
    if envelope.payload_type != PAYLOAD or envelope.payload != canonical_json(wanted).encode("utf-8"):
        raise ReleaseError(f"{where}: states another thing than the files", where=folder, way_out=way_out)


def _path(folder: Path, name: str) -> Path:
    return folder / SIGNATURES / f"{name}.json"


def _signer() -> "CryptoSigner":
    from cryptography.hazmat.primitives.serialization import load_pem_private_key
    from securesystemslib.signer import CryptoSigner

    named = os.environ.get(KEY, "")
    if not named:
        raise ReleaseError("no key is named", where=KEY, way_out=f"set {KEY} to the file of a private key (PEM)")
    passphrase = os.environ.get(PASSPHRASE)
    content = _read(Path(named))
    try:
        return CryptoSigner(load_pem_private_key(content, passphrase.encode() if passphrase else None))
    except Exception:  # whatever it is, its text may quote the key
        raise ReleaseError(
            "not the file of a private key, or its passphrase is another",
            where=named,
            way_out=f"name PEM of Ed25519, ECDSA or RSA, and its passphrase in {PASSPHRASE}",
        ) from None


def read_public_key(path: Path) -> "SSlibKey":
    """Return the key of a PEM file.

    Raises:
        ReleaseError: it is absent, or no public key.
    """
    from cryptography.hazmat.primitives.serialization import load_pem_public_key
    from securesystemslib.signer import SSlibKey

    try:
        return SSlibKey.from_crypto(load_pem_public_key(_read(path)))
    except ValueError as error:
        raise ReleaseError(
            "not a public key", where=path, way_out="name a PEM file, as `openssl pkey -pubout` writes it"
        ) from error


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        what = f"the key cannot be read ({error.strerror})"
        raise ReleaseError(what, where=path, way_out="check the path") from error

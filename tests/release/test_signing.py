"""Signatures: with a key pair of one's own, offline, over what the files of a release say."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from sartext.errors import ReleaseError
from sartext.files import read_json, sha256_file, write_json
from sartext.release.distribution.pulling import pull
from sartext.release.distribution.pushing import push
from sartext.release.signing import KEY, PASSPHRASE, check_signatures, sign
from sartext.release.verification import verify
from sartext.release.verify import SIGNED, statement_in
from tests.release.built import Built
from tests.release.distributing import clone_of, far_away
from tests.release.sealing import edit_manifest
from tests.release.test_every_byte import trusted

PrivateKey = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey


def key_pair(folder: Path, key: PrivateKey, passphrase: str = "") -> tuple[Path, Path]:
    """Write a key pair as PEM; return the files of the private and of the public one."""
    folder.mkdir(exist_ok=True)
    hidden = serialization.BestAvailableEncryption(passphrase.encode()) if passphrase else None
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        hidden or serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    (folder / "key").write_bytes(private)
    (folder / "key.pub").write_bytes(public)
    return folder / "key", folder / "key.pub"


@pytest.fixture
def public_key(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The public key of the private one that the environment names."""
    private, public = key_pair(tmp_path / "keys", ed25519.Ed25519PrivateKey.generate())
    monkeypatch.setenv(KEY, str(private))
    monkeypatch.delenv(PASSPHRASE, raising=False)
    return public


@pytest.fixture
def signed(release: Path, public_key: Path) -> Path:
    """A release that is signed by that key."""
    sign(release)
    return release


def statement(release: Path, name: str) -> dict[str, object]:
    return statement_in((release / f"signatures/{name}.json").read_bytes())


def test_a_release_is_signed_and_checked_with_a_key_and_verifies_without_one(
    signed: Path, public_key: Path
) -> None:
    verify(signed)
    assert check_signatures(signed, public_key) == f"signed (gate, provenance, release) by {public_key}"
    assert "unchecked" in check_signatures(signed)
    done = trusted(signed)
    assert done.returncode == 0
    assert done.stdout.splitlines()[1] == "signed (gate, provenance, release), unchecked without a key"
    assert {path.stat().st_mode & 0o222 for path in (signed / "signatures").iterdir()} == {0}


def test_an_unsigned_release_is_said_to_be_so_and_refused_where_a_key_demands_signatures(
    release: Path, public_key: Path
) -> None:
    assert check_signatures(release) == "not signed"
    with pytest.raises(ReleaseError, match=r"signatures/gate\.json: missing, the release is not signed"):
        check_signatures(release, public_key)


def test_the_statements_are_those_of_in_toto_and_name_the_manifest(signed: Path) -> None:
    manifest = read_json(signed / "MANIFEST.json")
    stated = {name: statement(signed, name) for name in SIGNED}
    for name in SIGNED:
        assert stated[name]["_type"] == "https://in-toto.io/Statement/v1"
        digest = {"sha256": sha256_file(signed / "MANIFEST.json")}
        assert stated[name]["subject"] == [{"name": "MANIFEST.json", "digest": digest}]
    assert {name: stated[name]["predicateType"] for name in SIGNED} == {
        "gate": "https://in-toto.io/attestation/test-result/v0.1",
        "provenance": "https://slsa.dev/provenance/v1",
        "release": "https://in-toto.io/attestation/release/v0.1",
    }
    gate = stated["gate"]["predicate"]
    assert (gate["result"], gate["failedTests"], gate["warnedTests"]) == ("PASSED", [], [])
    assert "faithfulness.all is well" in gate["passedTests"]
    assert gate["configuration"][0]["name"] == "provenance/params.yaml"
    assert stated["release"]["predicate"]["purl"] == "pkg:generic/sar-text@1.0.0"
    materials = stated["provenance"]["predicate"]["buildDefinition"]["resolvedDependencies"]
    listed = manifest["files"]["provenance/params.yaml"]["sha256"]
    assert {"name": "provenance/params.yaml", "digest": {"sha256": listed}} in materials


def a_missing_one(release: Path) -> None:
    (release / "signatures/provenance.json").unlink()


def another_manifest(release: Path) -> None:
    edit_manifest(release, lambda manifest: manifest.update(version="9.9.9"))


def an_altered_predicate(release: Path) -> None:
    path = release / "signatures/gate.json"
    envelope = read_json(path)
    envelope["payload"] = read_json(release / "signatures/release.json")["payload"]
    path.chmod(0o644)
    write_json(path, envelope)


def another_signature(release: Path) -> None:
    path = release / "signatures/release.json"
    envelope = read_json(path)
    envelope["signatures"] = read_json(release / "signatures/gate.json")["signatures"]
    path.chmod(0o644)
    write_json(path, envelope)


def no_signature(release: Path) -> None:
    path = release / "signatures/release.json"
    path.chmod(0o644)
    write_json(path, {**read_json(path), "signatures": []})


@pytest.mark.parametrize(
    ("tamper", "message"),
    [
        (a_missing_one, r"signatures/provenance\.json: missing"),
        (another_manifest, r"signatures/gate\.json: (signed for another MANIFEST\.json|not signed by this key)"),
        (an_altered_predicate, r"signatures/gate\.json: not signed by this key, or changed since"),
        (another_signature, r"signatures/release\.json: not signed by this key, or changed since"),
        (no_signature, r"signatures/release\.json: not signed by this key, or changed since"),
    ],
)
def test_what_is_not_what_was_signed_is_refused_in_one_line(
    signed: Path, public_key: Path, tamper: Callable[[Path], object], message: str
) -> None:
    tamper(signed)
    with pytest.raises(ReleaseError, match=message) as refused:
        verify(signed)
        check_signatures(signed, public_key)
    assert len(refused.value.lines) == 1


def test_another_key_is_refused(signed: Path, tmp_path: Path) -> None:
    _, other = key_pair(tmp_path / "others", ed25519.Ed25519PrivateKey.generate())
    with pytest.raises(ReleaseError, match=r"signatures/gate\.json: not signed by this key"):
        check_signatures(signed, other)


def test_an_altered_statement_is_refused_without_a_key_too(signed: Path) -> None:
    an_altered_predicate(signed)
    with pytest.raises(ReleaseError, match=r"signatures/gate\.json: states another thing than the files"):
        check_signatures(signed)


def test_elliptic_curves_and_passphrases_serve_as_well_and_a_new_signature_replaces_the_old(
    signed: Path, public_key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    private, public = key_pair(tmp_path / "others", ec.generate_private_key(ec.SECP256R1()), "open sesame")
    monkeypatch.setenv(KEY, str(private))
    with pytest.raises(ReleaseError, match="passphrase"):
        sign(signed)
    check_signatures(signed, public_key)
    monkeypatch.setenv(PASSPHRASE, "open sesame")
    sign(signed)
    check_signatures(signed, public)


def test_what_is_no_key_is_told_and_its_content_is_not(
    release: Path, public_key: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("-----BEGIN PRIVATE KEY-----\nc2VjcmV0\n-----END PRIVATE KEY-----\n")
    monkeypatch.setenv(KEY, str(wrong))
    with pytest.raises(ReleaseError, match="not the file of a private key") as refused:
        sign(release)
    assert "c2VjcmV0" not in str(refused.value)
    assert refused.value.__cause__ is None
    monkeypatch.setenv(KEY, str(tmp_path / "absent"))
    with pytest.raises(ReleaseError, match="cannot be read"):
        sign(release)
    monkeypatch.delenv(KEY)
    with pytest.raises(ReleaseError, match="set SARTEXT_SIGNING_KEY"):
        sign(release)
    assert not (release / "signatures").exists()
    with pytest.raises(ReleaseError, match="not a public key"):
        check_signatures(release, wrong)


def test_nothing_of_the_private_key_is_in_the_release(signed: Path, public_key: Path) -> None:
    secret = "".join((public_key.parent / "key").read_text().splitlines()[1:-1])
    assert all(secret.encode() not in path.read_bytes() for path in signed.rglob("*") if path.is_file())
    assert all(b"keys/key" not in path.read_bytes() for path in (signed / "signatures").iterdir())


def test_signatures_go_with_a_release_through_a_remote(assembled: Built, public_key: Path, tmp_path: Path) -> None:
    assembled.publish()
    folder = assembled.releases / "1.0.0"
    sign(folder)
    remote = far_away(tmp_path)
    push(assembled.project, "1.0.0", remote)
    clone = clone_of(tmp_path)
    pull(clone, "1.0.0", remote)
    pulled = clone.releases / "1.0.0"
    verify(pulled)
    check_signatures(pulled, public_key)
    (there,) = (tmp_path / "remote").rglob("release.json")
    there.chmod(0o644)
    there.write_text(json.dumps({"payload": "e30="}))
    with pytest.raises(ReleaseError, match=r"signatures/release\.json: not a signed statement"):
        pull(clone, "1.0.0", remote, tmp_path / "elsewhere")
    assert not (tmp_path / "elsewhere").exists()

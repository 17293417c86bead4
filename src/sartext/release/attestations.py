"""What is signed of a release: in-toto statements about its manifest, made from its own files.

A release (`release` predicate), the gate's verdict (`test-result`) and where it comes from (SLSA `provenance`). As
they follow from the files, a verification makes them again and compares: what is signed holds nothing of its own.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from sartext.files import read_json, sha256_file
from sartext.release.manifest import read_manifest
from sartext.release.verify import MANIFEST

STATEMENT = "https://in-toto.io/Statement/v1"
BUILD = "urn:sartext:dvc-graph:1"
"""What kind of build it is: the graph of ``provenance/dvc.yaml``, run by DVC."""

Manifest = Mapping[str, Any]


def statements(folder: Path) -> dict[str, dict[str, Any]]:
    """Return the statements of a release that was verified, by the name of their file in ``signatures/``.

    Raises:
        ReleaseError: it has no manifest.
        ArtefactError: the gate's verdict cannot be read.
    """
    manifest = read_manifest(folder)
    subject = [{"name": MANIFEST, "digest": {"sha256": sha256_file(folder / MANIFEST)}}]
    return {
        name: {
            "_type": STATEMENT,
            "subject": subject,
            "predicateType": kind,
            "predicate": predicate(folder, manifest),
        }
        for name, (kind, predicate) in _PREDICATES.items()
    }


def _release(folder: Path, manifest: Manifest) -> dict[str, Any]:
    name, version, content = (manifest[key] for key in ("name", "version", "content_sha256"))
    return {"purl": f"pkg:generic/{name}@{version}", "releaseId": content}


def _gate(folder: Path, manifest: Manifest) -> dict[str, Any]:
    suites = read_json(folder / "quality" / "gate.json")["suites"]
    rows = [(f"{suite['name']}.{row['name']}", row) for suite in suites for row in suite["expectations"]]
    failed = [(name, row["severity"] == "critical") for name, row in rows if not row["passed"]]
    critical = sorted(name for name, blocks in failed if blocks)
    warned = sorted(name for name, blocks in failed if not blocks)
    return {
        "result": "FAILED" if critical else "WARNED" if warned else "PASSED",
        "configuration": _files(manifest, "provenance/params.yaml"),
        "passedTests": sorted(name for name, row in rows if row["passed"]),
        "warnedTests": warned,
        "failedTests": critical,
    }


def _provenance(folder: Path, manifest: Manifest) -> dict[str, Any]:
    tools = {name: version for name, version in manifest["tools"].items() if version is not None}
    return {
        "buildDefinition": {
            "buildType": BUILD,
            "externalParameters": {"parameters": "provenance/params.yaml", "graph": "provenance/dvc.yaml"},
            "internalParameters": {name: manifest.get(name) for name in ("git", "lock", "processor", "threads")},
            "resolvedDependencies": _materials(manifest),
        },
        "runDetails": {
            "builder": {"id": f"pkg:pypi/sartext@{tools.get('sartext', 'unknown')}", "version": tools},
        },
    }


def _materials(manifest: Manifest) -> list[dict[str, Any]]:
    """The commit, the corpora by DVC's hash of their folder, and what provenance holds."""
    commit = (manifest.get("git") or {}).get("commit")
    code = [{"name": "code", "digest": {"gitCommit": commit}}] if commit else []
    corpora = [
        {"name": f"data/{name}", "digest": {"dvcMd5": digest}}
        for name, digest in sorted(manifest["corpora_dvc_md5"].items())
        if digest
    ]
    names = sorted(name for name in manifest["files"] if name.startswith("provenance/"))
    return [*code, *corpora, *_files(manifest, *names)]


def _files(manifest: Manifest, *names: str) -> list[dict[str, Any]]:
    files = manifest["files"]
    return [{"name": name, "digest": {"sha256": files[name]["sha256"]}} for name in names if name in files]


_PREDICATES: dict[str, tuple[str, Callable[[Path, Manifest], dict[str, Any]]]] = {
    "gate": ("https://in-toto.io/attestation/test-result/v0.1", _gate),
    "provenance": ("https://slsa.dev/provenance/v1", _provenance),
    "release": ("https://in-toto.io/attestation/release/v0.1", _release),
}

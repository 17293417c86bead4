"""Recipe: a new document of a release is a file with its entry, a line where they are listed, and a test."""

import json

from tests.release.built import build, passed_verdict

CODE = '''
"""``THANKS.md``: who is to be thanked."""

from sartext.release.documents.document import Document


def thanks(edition):
    """Return a line per corpus, and the version."""
    corpora = "".join(f"- {row['corpus']}\\n" for row in edition.licences)
    return f"# Thanks of {edition.version}\\n\\n{corpora}"


DOCUMENT = Document("THANKS.md", "who is to be thanked", thanks)
'''

REGISTRY = "release/documents/__init__.py"


def test_a_new_document_is_written_listed_and_proven_beside_the_content(scratch):
    scratch.write("release/documents/thanks.py", CODE)
    scratch.add_line(REGISTRY, "import card", "from sartext.release.documents import thanks")
    scratch.add_line(REGISTRY, "        verifier.DOCUMENT,", "thanks.DOCUMENT,")
    assert scratch.edited() == {REGISTRY}
    passed_verdict(build(scratch.project))
    for command in ("assemble", "publish"):
        done = scratch.run("release", command)
        assert done.returncode == 0, done.stderr
    release = scratch.project / "releases/sar-text/1.0.0"
    assert (release / "THANKS.md").read_text() == "# Thanks of 1.0.0\n\n- alpha\n- beta\n"
    manifest = json.loads((release / "MANIFEST.json").read_text())
    assert "THANKS.md" in manifest["files"]
    assert "THANKS.md" in manifest["documents"], "it changes no content hash"
    verified = scratch.run("release", "verify", str(release))
    assert verified.returncode == 0, verified.stderr
    (release / "THANKS.md").chmod(0o644)
    (release / "THANKS.md").write_text("none")
    verified = scratch.run("release", "verify", str(release))
    assert "THANKS.md: changed" in verified.stderr

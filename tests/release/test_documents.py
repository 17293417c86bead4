"""What a version holds beside its content: documents that bear it, and none of which changes its identity."""

from pathlib import Path

from sartext.files import read_json, sha256_tree
from sartext.release.documents import DOCUMENTS
from sartext.release.manifest import CONTENT, content_files
from sartext.release.publication import publish
from tests.conftest import ROOT
from tests.release.built import Built


def test_the_documents_are_all_that_a_version_has_beside_its_content(published: Path) -> None:
    manifest = read_json(published / "MANIFEST.json")
    content = read_json(published.parents[2] / "build/release" / CONTENT)
    assert content_files(published) == content["files"]
    assert manifest["content_sha256"] == content["content_sha256"]
    assert set(manifest["documents"]) <= set(DOCUMENTS.names)
    written = set(sha256_tree(published))
    assert written == {*content["files"], *manifest["documents"], "MANIFEST.json", "SHA256SUMS"}


def test_the_same_build_gives_the_same_documents(assembled: Built) -> None:
    first = sha256_tree(assembled.root / str(publish(assembled.project)["path"]))
    again = Built(assembled.root.parent / "elsewhere/project")
    again.root.parent.mkdir()
    assembled.root.rename(again.root)
    (again.releases / "1.0.0").rename(again.root / "before")
    assert sha256_tree(again.root / str(publish(again.project)["path"])) == first


def test_the_page_on_releases_tells_of_every_document() -> None:
    page = (ROOT / "docs/release.md").read_text()
    for name in DOCUMENTS.names:
        assert f"`{name}`" in page or f"`{name.split('/')[0]}/`" in page, name

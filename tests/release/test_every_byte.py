"""Every byte of a release is proven, by `sartext release verify` and by the release's own verify.py alone."""

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from sartext.errors import ReleaseError
from sartext.files import sha256_tree
from sartext.release import verify as standalone
from sartext.release.verification import verify
from tests.processes import completed
from tests.release.sealing import flip


def alone(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run the verify.py of a release with the standard library and nothing else."""
    return completed(sys.executable, "-I", "-S", str(folder / "verify.py"), *arguments, cwd=folder.parent)


def trusted(folder: Path) -> subprocess.CompletedProcess[str]:
    """Run a copy of verify.py from outside on a release."""
    return completed(sys.executable, "-I", "-S", standalone.__file__, str(folder), cwd=folder.parent)


def assert_both_find(release: Path, what: str) -> None:
    """Both verifications name what is wrong, in one line."""
    with pytest.raises(ReleaseError, match=what) as refused:
        verify(release)
    assert len(refused.value.lines) == 1
    done = trusted(release)
    assert (done.returncode, done.stdout) == (1, "")
    assert re.search(what, done.stderr), done.stderr
    assert len(done.stderr.splitlines()) == 1


def files_of(release: Path) -> list[str]:
    return sorted(sha256_tree(release))


def test_a_whole_release_proves_itself_and_writes_nothing(published: Path) -> None:
    before = {path: path.stat().st_mtime_ns for path in published.rglob("*")}
    done = alone(published)
    assert (done.returncode, done.stderr) == (0, "")
    metrics = verify(published)
    told = f"name sar-text, version 1.0.0, content_sha256 {metrics['content_sha256']}"
    assert done.stdout == (f"verified: {told}, files {metrics['files']}, bytes {metrics['bytes']}\nnot signed\n")
    assert trusted(published).stdout == done.stdout
    assert {path: path.stat().st_mtime_ns for path in published.rglob("*")} == before


def test_the_verifier_is_readable_and_keeps_to_the_standard_library_of_an_old_python(published: Path) -> None:
    source = (published / "verify.py").read_text()
    assert source == Path(standalone.__file__).read_text()
    tree = ast.parse(source, feature_version=(3, 8))
    imported = {node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    imported |= {name.name for node in ast.walk(tree) if isinstance(node, ast.Import) for name in node.names}
    assert {str(name).split(".")[0] for name in imported} <= sys.stdlib_module_names
    assert len(source.splitlines()) <= 300


def test_plain_sha256sum_checks_every_file_but_the_checksums(published: Path) -> None:
    done = completed("sha256sum", "--strict", "-c", "SHA256SUMS", cwd=published)
    assert done.returncode == 0, done.stderr
    checked = {line.removesuffix(": OK") for line in done.stdout.splitlines()}
    assert checked == set(files_of(published)) - {"SHA256SUMS"}


def test_a_flipped_bit_is_found_and_named_in_every_file(release: Path) -> None:
    names = files_of(release)
    assert {"MANIFEST.json", "SHA256SUMS", "verify.py", "README.md", "provenance/params.yaml"} <= set(names)
    for name in names:
        whole = (release / name).read_bytes()
        flip(release / name)
        assert_both_find(release, re.escape(name))
        (release / name).write_bytes(whole)


def test_a_missing_a_renamed_and_a_linked_file_are_found_and_named_anywhere(release: Path) -> None:
    for name in files_of(release):
        path, aside = release / name, release.parent / "aside"
        path.rename(aside)
        assert_both_find(release, rf"{re.escape(name)}(: missing|$)|there is no {re.escape(name)}")
        path.symlink_to(aside)
        assert_both_find(release, rf"{re.escape(name)}: |there is no {re.escape(name)}")
        path.unlink()
        renamed = path.with_name(f"renamed-{path.name}")
        aside.rename(renamed)
        assert_both_find(release, re.escape(name))
        renamed.rename(path)
    verify(release)


def test_an_extra_file_is_found_and_named_in_every_folder(release: Path) -> None:
    folders = [release, *(path for path in release.rglob("*") if path.is_dir())]
    assert len(folders) > 4
    for folder in folders:
        extra = folder / ".extra"
        extra.touch()
        assert_both_find(release, rf"{re.escape(extra.relative_to(release).as_posix())}: not in the manifest")
        extra.unlink()


def a_link_to_a_folder(release: Path) -> None:
    shutil.move(release / "csv", release.parent / "csv")
    (release / "csv").symlink_to(release.parent / "csv")


def a_folder_for_a_file(release: Path) -> None:
    (release / "LICENSES.csv").unlink()
    (release / "LICENSES.csv").mkdir()


def a_pipe(release: Path) -> None:
    (release / "LICENSES.csv").unlink()
    os.mkfifo(release / "LICENSES.csv")


def unlisted_in_signatures(release: Path) -> None:
    (release / "signatures").mkdir()
    (release / "signatures/other.json").write_text("{}")


def a_signature_that_is_none(release: Path) -> None:
    (release / "signatures").mkdir()
    (release / "signatures/release.json").write_text('{"payload": "e30="}')


def a_linked_signature(release: Path) -> None:
    (release / "signatures").mkdir()
    (release / "signatures/release.json").symlink_to(release / "README.md")


@pytest.mark.parametrize(
    ("tamper", "message"),
    [
        (lambda release: (release / "more").mkdir(), r"more/: an empty folder"),
        (lambda release: (release / "more/below").mkdir(parents=True), r"more/: an empty folder"),
        (lambda release: (release / "signatures").mkdir(), r"signatures/: an empty folder"),
        (lambda release: os.mkfifo(release / "more"), r"more: not in the manifest"),
        (lambda release: (release / "new\nline").touch(), r"'new\\nline': not in the manifest"),
        (lambda release: (release / os.fsdecode(b"\xff")).touch(), r"'\\udcff': not in the manifest"),
        (a_pipe, r"LICENSES\.csv: a link or no plain file"),
        (a_folder_for_a_file, r"LICENSES\.csv: missing"),
        (a_link_to_a_folder, r"csv: not in the manifest"),
        (unlisted_in_signatures, r"signatures/other\.json: not in the manifest"),
        (a_signature_that_is_none, r"signatures/release\.json: not a signed statement"),
        (a_linked_signature, r"signatures/release\.json: a link"),
    ],
)
def test_what_is_more_than_a_release_is_refused(
    release: Path, tamper: Callable[[Path], object], message: str
) -> None:
    tamper(release)
    assert_both_find(release, message)


def test_a_folder_that_is_no_release_and_a_wrong_call_are_told(tmp_path: Path) -> None:
    assert trusted(tmp_path).stderr == (f"error: {tmp_path}: there is no MANIFEST.json; get the release again\n")
    done = completed(sys.executable, "-I", "-S", standalone.__file__, "a", "b", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (2, "usage: python3 -I verify.py [FOLDER]\n")

"""A scratch copy of the package, in which a test follows a recipe of CONTRIBUTING.md as a contributor would."""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT
from tests.processes import completed


@dataclass(frozen=True)
class Scratch:
    """A copy of ``src/`` and an empty project beside it; ``package`` is the copied ``src/sartext``."""

    package: Path
    project: Path

    def write(self, path: str, text: str) -> Path:
        """Write a new file of the package, by its path below ``src/sartext``."""
        return _new_file(self.package / path, text)

    def write_project(self, path: str, text: str) -> Path:
        """Write a new file of the project."""
        return _new_file(self.project / path, text)

    def add_line(self, path: str, after: str, line: str) -> None:
        """Add a line to a file of the package below the only line with ``after`` in it, indented alike."""
        file = self.package / path
        lines = file.read_text().splitlines()
        (number,) = (number for number, text in enumerate(lines) if after in text)
        indent = lines[number][: len(lines[number]) - len(lines[number].lstrip())]
        file.write_text("\n".join([*lines[: number + 1], indent + line, *lines[number + 1 :]]) + "\n")

    def edited(self) -> set[str]:
        """Return the files of the package, below ``src/sartext``, whose text is no longer that of the original."""
        original = ROOT / "src" / "sartext"
        return {
            path.relative_to(original).as_posix()
            for path in original.rglob("*")
            if path.is_file()
            and "__pycache__" not in path.parts
            and path.read_bytes() != (self.package / path.relative_to(original)).read_bytes()
        }

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run ``sartext`` of the copy in the project; the caller looks at the exit code."""
        return self.python("-m", "sartext", "--root", str(self.project), *arguments)

    def python(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run Python in the project, with the copy in place of the installed package."""
        environment = {**os.environ, "PYTHONPATH": str(self.package.parent), "COLUMNS": "200"}
        return completed(sys.executable, *arguments, cwd=self.project, env=environment)


def scratch_copy(tmp_path: Path) -> Scratch:
    """Copy ``src/`` below ``tmp_path`` and return it with an empty project."""
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    (tmp_path / "project").mkdir()
    return Scratch(tmp_path / "src" / "sartext", tmp_path / "project")


def _new_file(path: Path, text: str) -> Path:
    assert not path.exists(), f"a recipe adds files, and {path.name} is there already"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path

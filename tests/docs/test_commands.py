"""What README, CONTRIBUTING and docs tell a reader to type exists: targets, commands, options, files, links."""

import re
import shlex
from itertools import dropwhile
from pathlib import Path

import click
import pytest

from sartext.cli.commands import cli
from sartext.corpora.formats import FORMATS
from tests.conftest import ROOT
from tests.docs.blocks import DOCUMENTS, Block, shell_blocks

TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
OTHERS = {".", "aws", "dvc", "torchrun", "python", "git"}
"""Programs that are not ours."""


@pytest.mark.parametrize("block", shell_blocks(), ids=lambda block: block.name)
def test_every_command_of_the_documents_is_known(block: Block) -> None:
    for line in block.commands:
        program, *arguments = dropwhile(lambda word: "=" in word, shlex.split(line))  # settings stand before it
        if program == "make":
            assert {word for word in arguments if "=" not in word} <= TARGETS, line
        elif program == "sartext":
            require_known(arguments, line)
        else:
            assert program in OTHERS, line


def require_known(arguments: list[str], line: str) -> None:
    """Follow a command line of ``sartext`` down to its command, and look its options up."""
    command: click.Command = cli
    while isinstance(command, click.Group) and arguments:
        name, *arguments = arguments
        found = command.commands.get(name)
        assert found is not None, f"{line}: no command '{name}'"
        command = found
    options = {option for parameter in command.params for option in parameter.opts} | {"--help"}
    assert {word.split("=")[0] for word in arguments if word.startswith("--")} <= options, line


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_and_pictures_of_the_documents_are_there(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", text):
        if "://" not in target:
            assert (document.parent / target).is_file(), target


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_files_that_the_documents_name_are_there(document: Path) -> None:
    """Paths in backticks below the project's folders; ``<name>`` stands for anything."""
    text = document.read_text(encoding="utf-8")
    named = re.findall(r"`((?:src|orchestration|tests|conf|scripts|docs|benchmarks)/[\w./*<>-]+)`", text)
    for path in named:
        pattern = re.sub(r"<[^>]*>", "*", path).rstrip("/")
        assert any(ROOT.glob(pattern)) or "<" in path, path


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 150


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_modules_that_the_documents_name_are_there(document: Path) -> None:
    for name in re.findall(r"`(sartext(?:\.\w+)+)`", document.read_text(encoding="utf-8")):
        place = ROOT / "src" / Path(*name.split("."))
        assert place.is_dir() or place.with_suffix(".py").is_file(), name


def test_every_annotation_format_has_its_row() -> None:
    table = (ROOT / "docs" / "corpora.md").read_text(encoding="utf-8")
    assert set(FORMATS.names) <= set(re.findall(r"^\| `([\w-]+)` \|", table, re.MULTILINE))

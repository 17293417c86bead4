"""The shell blocks of README, CONTRIBUTING and docs, as a reader would copy them."""

import re
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import ROOT

DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]

_BLOCK = re.compile(
    r"(?:<!-- not run: (?P<reason>[^>]*?) -->\s*)?^(?P<indent> *)```sh\n(?P<text>.*?)^ *```$",
    re.DOTALL | re.MULTILINE,
)


@dataclass(frozen=True)
class Block:
    """A block of commands; ``reason`` says why no test runs it, empty where one does."""

    document: Path
    text: str
    reason: str

    @property
    def name(self) -> str:
        return f"{self.document.relative_to(ROOT)}: {self.commands[0]}"

    @property
    def commands(self) -> list[str]:
        """Its lines without comments."""
        lines = (re.sub(r"\s+#.*", "", line).strip() for line in self.text.splitlines())
        return [line for line in lines if line and not line.startswith("#")]


def shell_blocks() -> list[Block]:
    return [
        Block(document, match["text"], (match["reason"] or "").strip())
        for document in DOCUMENTS
        for match in _BLOCK.finditer(document.read_text(encoding="utf-8"))
    ]

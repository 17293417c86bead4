"""Small grounders for the tests."""

from pathlib import Path

from sartext.catalogue.entry import Entry
from sartext.catalogue.loading import PACKAGED, load_entry
from sartext.models.grounder.checkpoint import Grounder, start_grounder
from sartext.narrator.vocabulary import vocabulary_of


def entries_of(*names: str) -> dict[str, Entry]:
    """The catalogue entries of embedded corpora."""
    return {name: load_entry(PACKAGED / f"{name}.yaml") for name in names}


def small_foundation(folder: Path, text: str = "widths: [8, 16]\npyramid: 8\n") -> Path:
    """A foundation file of a grounder, by default of some thousand weights with cells of 2 pixels."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "grounder.yaml").write_text(text)
    return folder / "grounder.yaml"


def small_grounder(folder: Path, side: int = 16, seed: int = 3) -> Grounder:
    """Such a grounder for the classes of two corpora."""
    vocabulary = vocabulary_of(entries_of("sim-landcover", "sim-objects").values())
    return start_grounder(small_foundation(folder), vocabulary, side=side, seed=seed)

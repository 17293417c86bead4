"""What tests of the distribution need: somebody who publishes, somebody with a clone, a place between them."""

from pathlib import Path

from sartext.config import Project
from sartext.release.distribution.remotes import Remote
from tests.release.built import Built


def project_of(published: Path) -> Project:
    """The project that a published release lies in; only to be read."""
    return Project(published.parents[2])


def clone_of(folder: Path) -> Project:
    """A project as a fresh clone has it: parameters, and no release."""
    root = folder / "clone"
    root.mkdir(exist_ok=True)
    (root / "params.yaml").write_text("corpora: {}\n")
    return Project(root)


def far_away(folder: Path) -> Remote:
    """A remote that is a folder."""
    return Remote(str(folder / "remote"))


def other_content(assembled: Built) -> Project:
    """Somebody else's 1.0.0, with another caption."""
    assembled.reword()
    assembled.publish()
    return assembled.project

"""The state of the git checkout that something is made from."""

import subprocess
from pathlib import Path


def git_state(root: Path) -> dict[str, object]:
    """Return the commit and whether tracked files differ from it; both None outside a git repository.

    ``dvc.lock`` is left out of the comparison: the build itself writes it, and provenance holds it.
    """
    commit = _git(root, "rev-parse", "--verify", "HEAD")
    if commit is None:
        return {"commit": None, "dirty": None}
    changed = _git(root, "status", "--porcelain", "--", ".", ":(exclude)dvc.lock")
    return {"commit": commit.strip(), "dirty": None if changed is None else bool(changed.strip())}


def _git(root: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False)
    except OSError:
        return None
    return done.stdout if done.returncode == 0 else None

"""``make sample``: a release from small real corpora, built in a scratch clone that leaves the checkout alone.

``make report DATA=sample`` goes on to the report of its models.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from sartext.errors import CorpusError, SarTextError
from sartext.files import require_folder

FOLDERS = {
    "ssdd": "SSDD",
    "hrsid": "HRSID",
    "sar-aircraft": "SAR-AIRcraft-1.0",
    "ls-ssdd": "LS-SSDD",
    "oil-spill": "OilSpill-M4D",
    "terramesh": "TerraMesh-examples",
    "sen1floods11": "Sen1Floods11-sample",
    "sen1-2": "SEN1-2",
    "rsicd": "RSICD",
}
"""The folder of each corpus of ``conf/sample.yaml`` below the folder of real corpora."""

LEFT_OUT = {"dvc.lock", "data.dvc"}


def build_sample(root: Path, realdata: Path, job: str = "release") -> int:
    """Build the sample release in ``build/sample`` and return the exit code of its build.

    Args:
        root: the checkout; it is only read.
        realdata: the folder that holds one folder per real corpus.
        job: ``release``, or ``report`` for the report too.

    Raises:
        SarTextError: the real corpora or git are absent.
    """
    require_folder(realdata, "pass the folder of real corpora: make sample REALDATA=...")
    scratch = root / "build" / "sample"
    refresh(root, scratch)
    shutil.copyfile(root / "conf" / "sample.yaml", scratch / "params.yaml")
    environment = scratch_environment(scratch)
    for name, folder in FOLDERS.items():
        origin = realdata.resolve() / folder
        if not origin.is_dir():
            raise CorpusError(f"corpus '{name}' is missing", where=origin, way_out="complete the folder")
        if not _same_files(origin, scratch / "data" / name):
            command = ["sartext", "corpora", "add", name, "--replace", "--from", str(origin)]
            if _run(command, scratch, environment) != 0:
                raise CorpusError(
                    f"corpus '{name}' could not be added", where=origin, way_out="see the line above"
                )
    return _run(["orchestration", job], scratch, environment)


def refresh(root: Path, scratch: Path) -> None:
    """Make ``scratch`` a clone of the checkout with the working tree's tracked files, as they are now.

    ``dvc.lock`` and ``data.dvc`` are not taken over; what the scratch clone built before stays.
    """
    if not (scratch / ".git").exists():
        scratch.parent.mkdir(parents=True, exist_ok=True)
        _git(root, "clone", "--quiet", "--no-checkout", ".", str(scratch))
    else:
        _git(scratch, "fetch", "--quiet", str(root), "HEAD")
        _git(scratch, "update-ref", "HEAD", "FETCH_HEAD")
    tracked = {name for name in _git(root, "ls-files", "-z").split("\0") if name} - LEFT_OUT
    for name in sorted(tracked):
        source, target = root / name, scratch / name
        if not source.is_file():
            target.unlink(missing_ok=True)
        elif not target.is_file() or target.read_bytes() != source.read_bytes():
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, target)
    for name in _git(scratch, "ls-files", "-z").split("\0"):
        if name and name not in tracked | LEFT_OUT:
            (scratch / name).unlink(missing_ok=True)
    _git(scratch, "read-tree", "HEAD")


def scratch_environment(scratch: Path) -> dict[str, str]:
    """The environment in which the scratch clone's own code is first on the path, and no lock is held."""
    kept = {key: value for key, value in os.environ.items() if not key.startswith(("SARTEXT_", "DAGSTER_HOME"))}
    path = os.pathsep.join([str(scratch / "src"), str(scratch)])
    return {**kept, "PYTHONPATH": path, "SARTEXT_ROOT": str(scratch)}


def _same_files(origin: Path, copy: Path) -> bool:
    def sizes(folder: Path) -> dict[str, int]:
        files = (item for item in folder.rglob("*") if item.is_file())
        return {item.relative_to(folder).as_posix(): item.stat().st_size for item in files}

    return copy.is_dir() and sizes(origin) == sizes(copy)


def _run(command: list[str], scratch: Path, environment: dict[str, str]) -> int:
    return subprocess.run([sys.executable, "-m", *command], cwd=scratch, env=environment, check=False).returncode


def _git(folder: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(
            ["git", *arguments], cwd=folder, check=True, capture_output=True, text=True, encoding="utf-8"
        )
    except (OSError, subprocess.CalledProcessError) as error:
        message = getattr(error, "stderr", "") or str(error)
        raise SarTextError(f"git {arguments[0]} failed: {message.strip()}", where=folder) from error
    return done.stdout

"""Build a small profile at two states of the project and compare what comes out, byte for byte.

``make same-bytes BASE=<commit>`` builds ``conf/small.yaml`` at a commit and as the working tree stands, each in a
scratch clone below ``build/same-bytes``, by plain ``dvc repro``. Parameters that the commit does not know yet are
left out there, and named. It compares every file of ``build/release`` and, with ``--report``, every figure of
``build/report/report.json``. A redesign leaves both as they were; exit 1 where they differ.
"""

import argparse
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parent.parent
PROFILE = Path("conf/small.yaml")
UNKNOWN = re.compile(r"unknown name '(?P<section>\w+)\.(?P<name>\w+)'")
"""How a state refuses a parameter that was added after it."""
SHOWN = 20


def main() -> int:
    """Compare, and return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("base", help="the commit that the working tree is compared with")
    parser.add_argument("--report", action="store_true", help="build the report too, and compare its figures")
    arguments = parser.parse_args()
    scratch = ROOT / "build" / "same-bytes"
    base = _git("rev-parse", "--verify", f"{arguments.base}^{{commit}}").strip()
    target = "report" if arguments.report else "publication"
    before = build(_clone(scratch / base[:12], base), target)
    now = build(_copy(scratch / "working-tree"), target)
    differences = list(different_files(before / "build/release", now / "build/release"))
    if arguments.report:
        differences += different_figures(before / "build/report/report.json", now / "build/report/report.json")
    for line in differences[:SHOWN]:
        print(f"  {line}")
    if len(differences) > SHOWN:
        print(f"  and {len(differences) - SHOWN} more")
    print(f"{len(differences)} differences to {base[:12]}" if differences else f"the same bytes as {base[:12]}")
    return 1 if differences else 0


def different_files(before: Path, now: Path) -> Iterator[str]:
    """Yield a line for each file that is absent on one side or has other bytes."""
    old, new = _hashes(before), _hashes(now)
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            what = "is new" if name not in old else "is gone" if name not in new else "has other bytes"
            yield f"build/release/{name} {what}"


def different_figures(before: Path, now: Path) -> list[str]:
    """Return a line for each figure of the report that is absent on one side or has another value."""
    old, new = _figures(before), _figures(now)
    return [
        f"{' / '.join(key)}: {old.get(key)} before, {new.get(key)} now"
        for key in sorted(old.keys() | new.keys())
        if old.get(key) != new.get(key)
    ]


def build(root: Path, target: str) -> Path:
    """Build the small profile in a clone up to a stage; what an earlier call built is used again."""
    environment = {
        **os.environ,
        "PATH": os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)]),
        "PYTHONPATH": os.pathsep.join([str(root / "src"), str(root)]),
        "DVC_NO_ANALYTICS": "1",
        "MLFLOW_TRACKING_URI": "",
    }
    (root / ".dvc" / "config.local").write_text(f"[core]\n    site_cache_dir = {root / '.dvc' / 'site'}\n")
    profile = yaml.safe_load((ROOT / PROFILE).read_text(encoding="utf-8"))
    commands = [
        ["sartext", "simulate", "--missing"],
        ["sartext", "corpora", "pin"],
        ["dvc", "repro", "--quiet", target],
    ]
    while commands:
        (root / "params.yaml").write_text(yaml.safe_dump(profile, sort_keys=False), encoding="utf-8")
        print(f"  {root.name}: {' '.join(commands[0])}", flush=True)
        done = subprocess.run(  # noqa: PLW1510 - its status is read below
            [sys.executable, "-m", *commands[0]], cwd=root, env=environment, capture_output=True, text=True
        )
        unknown = UNKNOWN.search(done.stderr)
        if done.returncode == 0:
            commands.pop(0)
        elif unknown and unknown["name"] in profile.get(unknown["section"], {}):
            print(f"  {root.name}: without {unknown['section']}.{unknown['name']}, which it does not know")
            del profile[unknown["section"]][unknown["name"]]
        else:
            lines = (done.stdout + done.stderr).strip().splitlines()
            sys.exit(f"error: {' '.join(commands[0])} failed in {root}: {' | '.join(lines[-5:])}")
    return root


def _clone(folder: Path, commit: str) -> Path:
    if not (folder / ".git").is_dir():
        subprocess.run(["git", "clone", "--quiet", "--no-checkout", str(ROOT), str(folder)], check=True)
        subprocess.run(["git", "-C", str(folder), "checkout", "--quiet", commit], check=True)
        (folder / "dvc.lock").unlink(missing_ok=True)  # of the embedded profile
    return folder


def _copy(folder: Path) -> Path:
    """Bring the tracked and the new files of the working tree into a folder; its build stays."""
    names = _git("ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    wanted = {name for name in names if name and (ROOT / name).is_file() and name not in {"dvc.lock", "data.dvc"}}
    if not (folder / ".git").is_dir():
        folder.mkdir(parents=True, exist_ok=True)
        subprocess.run(["git", "init", "--quiet", str(folder)], check=True)
    kept = {".git", "build", "data", "releases", "mlflow"}
    for path in list(folder.rglob("*.py")) + list(folder.rglob("*.yaml")):
        name = path.relative_to(folder).as_posix()
        if name not in wanted and name.split("/")[0] not in kept:
            path.unlink()
    for name in sorted(wanted):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, folder / name)
    return folder


def _hashes(folder: Path) -> dict[str, str]:
    files = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def _figures(path: Path) -> dict[tuple[str, ...], Any]:
    rows = json.loads(path.read_text(encoding="utf-8"))["figures"]
    names = ("task", "benchmark", "subset", "metric", "variant")
    values = ("value", "low", "high", "n")
    return {tuple(str(row[name]) for name in names): tuple(row[name] for name in values) for row in rows}


def _git(*arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, capture_output=True, text=True).stdout


if __name__ == "__main__":
    sys.exit(main())

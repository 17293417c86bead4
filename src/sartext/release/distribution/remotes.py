"""Which remote is meant: one of DVC's, by its name, or an address."""

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from sartext.errors import ReleaseError, nearest

_OPTION = re.compile(r"remote\.(?P<name>.+)\.(?P<option>[^.=]+)=(?P<value>.*)")
_TRUE = frozenset({"true", "yes", "on", "1"})
_FALSE = frozenset({"false", "no", "off", "0"})


@dataclass(frozen=True)
class Remote:
    """A place that releases are pushed to and pulled from.

    Args:
        url: its address; it may hold a password.
        name: as DVC's configuration calls it, empty for an address that was given by hand.
        options: its other settings in DVC's configuration, as texts; some are secret.
    """

    url: str = field(repr=False)
    name: str = ""
    options: Mapping[str, str] = field(default_factory=dict, repr=False)

    @property
    def scheme(self) -> str:
        """Of its address, such as ``s3``; empty for a folder."""
        return urlsplit(self.url).scheme if "://" in self.url else ""

    def text(self, option: str) -> str | None:
        """An option, None where it is not set."""
        return self.options.get(option) or None

    def flag(self, option: str, default: bool) -> bool:
        """An option that is true or false.

        Raises:
            ReleaseError: it is neither.
        """
        value = self.options.get(option, "").strip().lower()
        if value and value not in _TRUE | _FALSE:
            raise ReleaseError(
                f"{option} is neither true nor false", where=f"remote '{self.name}'", way_out=self.setting(option)
            )
        return value in _TRUE if value else default

    def seconds(self, option: str, default: float) -> float:
        """An option that is a number of seconds.

        Raises:
            ReleaseError: it is none.
        """
        text = self.options.get(option)
        try:
            seconds = float(text) if text else default
        except ValueError:
            seconds = 0
        if not 0 < seconds < float("inf"):
            raise ReleaseError(
                f"{option} is no number of seconds", where=f"remote '{self.name}'", way_out=self.setting(option)
            )
        return seconds

    def setting(self, option: str, *, secret: bool = False) -> str:
        """How a person changes an option: the command to type."""
        if not self.name:
            return f"name a remote of DVC that sets `{option}`"
        local = "--local " if secret else ""
        return f"`dvc remote modify {local}{self.name} {option} …`"


def find_remote(root: Path, wanted: str | None) -> Remote:
    """Return the remote that ``wanted`` names, or DVC's default one.

    Args:
        root: the project's folder, whose DVC configuration counts, local, user's and system's settings included.
        wanted: a name of DVC's configuration, an address (``s3://…``, ``https://…``) or a folder (with a slash).

    Raises:
        ReleaseError: there is no such remote, or DVC's configuration cannot be read.
    """
    if wanted and ("://" in wanted or "/" in wanted or wanted in {".", "..", "~"}):
        return Remote(wanted if "://" in wanted else str(Path(wanted).expanduser().absolute()))
    remotes, default = _configured(root)
    name = (wanted or default or "").lower()  # as DVC does
    if not name:
        raise ReleaseError(
            "there is no default remote",
            where=root / ".dvc" / "config",
            way_out="`dvc remote add --default NAME URL`, or name one: `--remote NAME` or `--remote URL`",
        )
    if name not in remotes:
        raise ReleaseError(
            f"no remote '{name}'",
            where=root / ".dvc" / "config",
            way_out=nearest(name, remotes) if remotes else "`dvc remote add NAME URL` makes one",
        )
    options = dict(remotes[name])
    url = options.pop("url", "")
    if not url:
        raise ReleaseError(
            "the remote has no url", where=f"remote '{name}'", way_out=f"`dvc remote modify {name} url …`"
        )
    return Remote(url, name, options)


def _configured(root: Path) -> tuple[dict[str, dict[str, str]], str]:
    """The options of each remote by its name, and the name of the default one; read by DVC's own command."""
    command = [sys.executable, "-m", "dvc", "config", "--list"]
    environment = {**os.environ, "DVC_NO_ANALYTICS": "1"}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:  # what it says may quote a line with a secret
        raise ReleaseError(
            "DVC cannot read its configuration", where=root / ".dvc" / "config", way_out="see `dvc config --list`"
        )
    remotes: dict[str, dict[str, str]] = {}
    default = ""
    for line in done.stdout.splitlines():
        if match := _OPTION.fullmatch(line):
            remotes.setdefault(match["name"], {})[match["option"]] = match["value"]
        elif line.startswith("core.remote="):
            default = line.partition("=")[2].strip()
    return remotes, default

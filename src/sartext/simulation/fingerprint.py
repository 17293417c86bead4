"""The fingerprint of the embedded corpora: which bytes a simulation must give, file by file.

`data.dvc` pins whole folders; this file, tracked beside the code that makes them, lets a machine whose arithmetic
differs say which file differs first. It holds for one set of parameters: `applies_to` says whether for these.
"""

from pathlib import Path
from typing import Final

from sartext.config import SimulationParameters
from sartext.errors import SimulationError
from sartext.files import canonical_json, sha256_file, sha256_text, write_text
from sartext.simulation.recipes import CORPORA

FINGERPRINT: Final = Path(__file__).with_name("fingerprint.txt")
DIGITS: Final = 8
"""Hexadecimal digits of each file's SHA-256 that are kept."""

HEADER: Final = "# simulation parameters "


def parameters_sha256(parameters: SimulationParameters) -> str:
    """Return the SHA-256 of the parameters as canonical JSON."""
    return sha256_text(canonical_json(parameters.model_dump(mode="json")))


def applies_to(parameters: SimulationParameters, fingerprint: Path = FINGERPRINT) -> bool:
    """Return whether the fingerprint was taken with these parameters; with others nothing can be compared.

    Raises:
        SimulationError: the fingerprint is absent or damaged.
    """
    return _read(fingerprint)[0] == parameters_sha256(parameters)


def first_difference(
    data: Path, parameters: SimulationParameters | None = None, *, fingerprint: Path = FINGERPRINT
) -> str | None:
    """Name the first file of the embedded corpora, in path order, that is not as the fingerprint says.

    Args:
        data: the folder of the source corpora; corpora that are not embedded are not looked at.
        parameters: what the corpora were made with; None stands for the parameters of the fingerprint. Where the
            fingerprint does not apply to them (`applies_to`), the answer is None.
        fingerprint: another fingerprint file.

    Returns:
        ``"<path>: differs"``, ``"<path>: missing"`` or ``"<path>: not expected"``; None where all files agree.

    Raises:
        SimulationError: the fingerprint is absent or damaged.
    """
    made_with, expected = _read(fingerprint)
    if parameters is not None and made_with != parameters_sha256(parameters):
        return None
    present = set(_files(data))
    for path in sorted(expected.keys() | present):
        if path not in present:
            return f"{path}: missing"
        if path not in expected:
            return f"{path}: not expected"
        if sha256_file(data / path)[:DIGITS] != expected[path]:
            return f"{path}: differs"
    return None


def write_fingerprint(data: Path, parameters: SimulationParameters, fingerprint: Path = FINGERPRINT) -> int:
    """Take the fingerprint of the embedded corpora below a folder; return the number of files."""
    paths = _files(data)
    lines = [f"{sha256_file(data / path)[:DIGITS]} {path}\n" for path in paths]
    write_text(fingerprint, f"{HEADER}{parameters_sha256(parameters)}\n{''.join(lines)}")
    return len(paths)


def _files(data: Path) -> list[str]:
    files = (item for name in CORPORA for item in (data / name).rglob("*") if item.is_file())
    return sorted(item.relative_to(data).as_posix() for item in files)


def _read(fingerprint: Path) -> tuple[str, dict[str, str]]:
    """The hash of the parameters, and the digits per path."""
    way_out = "restore it from the repository"
    try:
        lines = fingerprint.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError as error:
        raise SimulationError("the fingerprint is missing", where=fingerprint.name, way_out=way_out) from error
    if not lines or not lines[0].startswith(HEADER):
        raise SimulationError("the fingerprint is damaged", where=fingerprint.name, way_out=way_out)
    entries = {path: digits for digits, _, path in (line.partition(" ") for line in lines[1:])}
    return lines[0].removeprefix(HEADER), entries

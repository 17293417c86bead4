"""The definitions stay light: Dagster loads them for every run."""

import os
import subprocess
import sys

from tests.conftest import ROOT

HEAVY = ("torch", "mlflow", "great_expectations", "transformers", "open_clip", "pandas")


def loaded(statement: str) -> set[str]:
    code = f"{statement}; import sys; print(*sorted(name for name in sys.modules if '.' not in name))"
    environment = {**os.environ, "SARTEXT_ROOT": str(ROOT)}
    output = subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, env=environment, text=True)
    return set(output.split())


def test_the_definitions_load_no_heavy_library() -> None:
    modules = loaded("import orchestration.definitions")
    assert {"dagster", "dvc", "orchestration"} <= modules
    assert not modules & set(HEAVY)


def test_the_library_knows_nothing_of_its_orchestration() -> None:
    modules = loaded("import sartext.cli, sartext.sources, sartext.checkout")
    assert not modules & {"dagster", "dvc", "orchestration"}


def test_dvc_is_imported_by_the_adapter_alone() -> None:
    importing = {
        path.name
        for path in (ROOT / "orchestration").glob("*.py")
        if any(line.lstrip().startswith(("import dvc", "from dvc")) for line in path.read_text().splitlines())
    }
    assert importing == {"dvc_adapter.py"}

"""The definitions stay light: Dagster loads them for every run."""

import os
import subprocess
import sys

from tests.conftest import ROOT

HEAVY = {"torch", "mlflow", "great_expectations", "transformers", "open_clip", "pandas"}
CODE = "import orchestration.definitions, sys; print(*(name for name in sys.modules if '.' not in name))"


def test_the_definitions_load_no_heavy_library() -> None:
    environment = {**os.environ, "SARTEXT_ROOT": str(ROOT)}
    modules = subprocess.check_output([sys.executable, "-c", CODE], cwd=ROOT, env=environment, text=True).split()
    assert {"dagster", "dvc", "orchestration"} <= {*modules}
    assert not HEAVY & {*modules}

"""Fixtures shared by all tests."""

import os
import signal
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent

# a shell starts background jobs with SIGINT ignored, and children would inherit that
signal.signal(signal.SIGINT, signal.default_int_handler)

os.environ.setdefault("DVC_NO_ANALYTICS", "1")
os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")
os.environ.setdefault("DAGSTER_DISABLE_TELEMETRY", "1")
os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # as the command line does: torch's threads must not spin


@pytest.fixture(scope="session")
def realdata() -> Path:
    """The folder of small real corpora, or a skip that says where it was looked for."""
    named = os.environ.get("SARTEXT_REALDATA")
    folder = Path(named).expanduser() if named else ROOT.parent / "shared" / "realdata"
    if not folder.is_dir():
        pytest.skip(f"no real corpora at {folder} (set SARTEXT_REALDATA)")
    return folder.resolve()

"""The key of the tests, in the environment, and the stage run as its command runs it."""

import pytest

from .server import KEY


@pytest.fixture(autouse=True)
def key(monkeypatch):
    """The marked key, and no proxy between the client and the loopback."""
    monkeypatch.setenv("TOY_KEY", KEY)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

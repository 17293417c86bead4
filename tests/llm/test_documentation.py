"""What docs/rewriting.md shows is what runs: its two blocks of parameters, against a server on the loopback."""

import re

import pytest
import yaml

from sartext.config import Project
from sartext.llm.stage import rewrite_corpus
from tests.conftest import ROOT

from .making import captions, pairs_project
from .server import KEY, Server, obedient


def documented() -> tuple[dict[str, object], dict[str, object]]:
    """The blocks for ``params.yaml`` and for ``endpoint.yaml``."""
    page = (ROOT / "docs" / "rewriting.md").read_text(encoding="utf-8")
    parameters, endpoint = map(yaml.safe_load, re.findall(r"```yaml\n(.*?)```", page, re.DOTALL))
    return parameters, endpoint


def test_the_example_runs(tmp_path, monkeypatch):
    parameters, endpoint = documented()
    monkeypatch.setenv(str(endpoint["key_variable"]), KEY)
    with Server(obedient) as server:
        project = pairs_project(tmp_path, captions(3))
        path = tmp_path / "params.yaml"
        content = yaml.safe_load(path.read_text()) | parameters | {"rewritten": ["c"]}
        path.write_text(yaml.safe_dump(content))
        (tmp_path / "endpoint.yaml").write_text(yaml.safe_dump(endpoint | {"url": server.url}))
        assert rewrite_corpus(Project(project.root), "c")["captions"] == 3
    assert {request.body["model"] for request in server.requests} == {"my-model"}


@pytest.mark.parametrize("place", ["endpoint.yaml", "llm-answers/"])
def test_git_ignores_where_the_endpoint_is_and_what_it_answered(place):
    assert place in (ROOT / ".gitignore").read_text().split()

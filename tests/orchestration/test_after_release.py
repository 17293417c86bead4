"""What follows from a release is made side by side, and only from the release that the gate let through."""

from pathlib import Path

import pytest
from dagster import DagsterInstance

from orchestration.dvc_adapter import read_graph
from orchestration.resources import Session
from sartext.config import Project

from .conftest import dvc, verdict
from .test_looking_ahead import MEET, rewrite
from .test_runs import attempt, change, logs, made, run

AFTER = """\
  model:
    foreach: [one, two]
    do:
      cmd: mkdir -p build/model && cp build/release/pairs.parquet build/model/${item} && echo trained ${item}
      deps:
        - build/release
      outs:
        - build/model/${item}
  report:
    cmd: cat build/model/one build/model/two > page
    deps: [build/model, build/publication/publication.json]
    outs: [page]
"""


@pytest.fixture(autouse=True)
def two_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SARTEXT_WORKERS", "2")


def follow_the_release(root: Path) -> None:
    """Two models are trained on the release, and a report is made of them."""
    (root / "dvc.yaml").write_text((root / "dvc.yaml").read_text() + AFTER)


def test_what_follows_from_a_release_is_made_at_once(toy: Path, instance: DagsterInstance) -> None:
    follow_the_release(toy)
    (toy / "meet.sh").write_text(MEET)
    rewrite(toy, ("echo trained ${item}", "sh meet.sh ${item} $(echo onetwo | sed s/${item}//)"))
    result = run(toy, instance, job="report")
    assert made(result) == {"model/one", "model/two", "report"}
    assert "two met one" in (toy / "build" / "log" / "model@two.txt").read_text()
    assert "up to date" in dvc(toy, "status")


def test_what_follows_from_a_release_waits_until_it_is_made(toy: Path) -> None:
    """The release that lies there is an old one while the corpora are read anew."""
    follow_the_release(toy)
    before = (toy / "build" / "release" / "pairs.parquet").read_bytes()
    change(toy, "alpha")
    graph = read_graph(toy)
    session = Session(Project(toy), graph, {})
    lines: list[str] = []
    for name in ("corpus@alpha", "captions@alpha", "candidate", "quality", "release"):
        assert not (toy / "build" / "model").exists()
        assert session.make(graph.stages[name], lines.append, list(graph.stages))[0]
    assert not any("model" in line for line in lines)
    session.make(graph.stages["model@one"], lines.append, list(graph.stages))
    assert any(line.startswith("model/two is begun beside it") for line in lines)
    session.make(graph.stages["model@two"], lines.append, list(graph.stages))
    session.close()
    for name in ("one", "two"):
        found = (toy / "build" / "model" / name).read_bytes()
        assert found == (toy / "build" / "release" / "pairs.parquet").read_bytes() != before


def test_nothing_follows_from_a_release_that_the_gate_forbids(toy: Path, instance: DagsterInstance) -> None:
    follow_the_release(toy)
    (toy / "verdict.json").write_text(verdict("splits"))
    result = attempt(toy, instance, job="report")
    assert not result.success
    assert logs(toy) == {"quality"}
    assert not (toy / "build" / "model").exists()


def test_the_publication_waits_for_what_is_made_beside_it(toy: Path) -> None:
    """It tells how all stand that it was made from, and so nothing is written meanwhile."""
    follow_the_release(toy)
    rewrite(toy, ("echo trained", "sleep 1 && echo trained"))
    (toy / "releases" / "toy" / "1.0.0").rmdir()
    graph = read_graph(toy)
    session = Session(Project(toy), graph, {})
    lines: list[str] = []
    session._start(graph.stages["model@one"], ("told to",))
    reasons, _ = session.make(graph.stages["publication"], lines.append, list(graph.stages))
    assert lines[0] == "publication waits for model@one"
    assert reasons == ("releases/toy/1.0.0 does not exist",)
    assert not any("begun beside it" in line for line in lines), "nor is anything begun while it is made"
    assert (toy / "build" / "model" / "one").is_file()
    assert not (toy / "build" / "model" / "two").exists()
    session.close()


def test_the_gate_the_release_and_the_publication_are_made_in_their_turn(toy: Path) -> None:
    follow_the_release(toy)
    change(toy, "alpha")
    rewrite(toy, ("cat data/", "sleep 1 && cat data/"))
    graph = read_graph(toy)
    session = Session(Project(toy), graph, {})
    session.make(graph.stages["corpus@alpha"], lambda _line: None, list(graph.stages))
    assert "corpus@beta" in session._workshop.tasks
    assert not {"quality", "release", "publication", "model@one", "model@two", "report"} & set(
        session._workshop.tasks
    )
    session.close()

"""The stage `rewritten`, against a server that behaves: what it writes, and that a rebuild costs nothing."""

import json

import pytest

from sartext.config import Project
from sartext.errors import CatalogueError, ParameterError
from sartext.files import sha256_tree
from sartext.llm.stage import NOT_TRAINED, rewrite_corpus
from sartext.narrator.faithfulness import contradictions
from sartext.tables import CAPTIONS, UNCAPTIONED, read_rows

from .making import captions, pairs_project, write_sections
from .server import KEY, Reply, Server, good, obedient


def rows_of(project: Project) -> dict[str, dict[str, object]]:
    return {row["image_id"]: row for row in read_rows(project.rewritten("c") / "captions.parquet", CAPTIONS)}


def reasons_of(project: Project) -> dict[str, str]:
    rows = read_rows(project.rewritten("c") / "uncaptioned.parquet", UNCAPTIONED)
    return {row["image_id"]: row["reason"] for row in rows}


def test_a_caption_names_its_model_its_prompt_and_its_source(tmp_path):
    optical = captions(12)
    with Server(obedient) as server:
        project = pairs_project(tmp_path, optical, url=server.url)
        metrics = rewrite_corpus(project, "c")
    rows = rows_of(project)
    assert (metrics["captions"], metrics["accepted_at_once"], metrics["fallen_back"]) == (12, 12, {})
    assert metrics["things_kept"] == 1.0
    for number, row in enumerate(rows.values()):
        assert row["source_caption"] == optical[number]
        assert (row["method"], row["model"], row["prompt_sha256"]) == (
            "optical-llm",
            "toy-model",
            metrics["prompt_sha256"],
        )
        assert row["caption"] == good(optical[number])
        assert contradictions(row["caption"], row["facts"], "optical-llm", None) == []
    assert {request.authorization for request in server.requests} == {f"Bearer {KEY}"}


def test_equal_captions_are_asked_for_once(tmp_path):
    with Server(obedient) as server:
        project = pairs_project(tmp_path, captions(3) * 5, url=server.url)
        metrics = rewrite_corpus(project, "c")
    assert (metrics["captions"], metrics["sources"], len(server.requests)) == (15, 3, 3)


def test_a_rebuild_sends_nothing_needs_no_key_and_gives_equal_bytes(tmp_path, monkeypatch):
    replies = iter([Reply("Look, a river!"), Reply("Une route."), Reply(status=400)])
    with Server(lambda request: next(replies, None) or obedient(request)) as server:
        project = pairs_project(tmp_path, captions(20), url=server.url, endpoint={"concurrency": 1})
        rewrite_corpus(project, "c")
    first = sha256_tree(project.rewritten("c"))
    monkeypatch.delenv("TOY_KEY")
    (tmp_path / "endpoint.yaml").unlink()
    rewrite_corpus(Project(tmp_path), "c")
    assert sha256_tree(project.rewritten("c")) == first
    answers = (tmp_path / "llm-answers" / "c" / "answers.jsonl").read_text().splitlines()
    assert sum("sent" in json.loads(line) for line in answers) == len(server.requests)


@pytest.mark.parametrize("change", [{"model": "other"}, {"seed": 8}, {"answer_tokens": 99}])
def test_what_decides_an_answer_is_part_of_its_address(tmp_path, change):
    with Server(obedient) as server:
        project = pairs_project(tmp_path, captions(2), url=server.url)
        rewrite_corpus(project, "c")
        write_sections(tmp_path, change, {"url": server.url})
        rewrite_corpus(Project(tmp_path), "c")
    assert len(server.requests) == 4


def test_validation_and_test_keep_the_captions_by_rules(tmp_path):
    with Server(obedient) as server:
        project = pairs_project(tmp_path, captions(4), url=server.url, split="test")
        metrics = rewrite_corpus(project, "c")
    assert metrics["captions"] == 0
    assert set(reasons_of(project).values()) == {NOT_TRAINED}
    assert server.requests == []


def test_without_a_key_nothing_is_sent_and_the_variable_is_named(tmp_path, monkeypatch):
    monkeypatch.delenv("TOY_KEY")
    with Server(obedient) as server:
        project = pairs_project(tmp_path, captions(2), url=server.url)
        with pytest.raises(ParameterError, match="TOY_KEY is not set"):
            rewrite_corpus(project, "c")
        assert server.requests == []
        write_sections(tmp_path, None, {"url": server.url, "key_variable": None})
        assert rewrite_corpus(Project(tmp_path), "c")["captions"] == 2
    assert KEY not in server.requests[0].authorization


def test_without_an_endpoint_what_was_not_answered_cannot_be_had(tmp_path):
    project = pairs_project(tmp_path, captions(1))
    (tmp_path / "endpoint.yaml").unlink()
    with pytest.raises(ParameterError, match="no `url` of an endpoint"):
        rewrite_corpus(project, "c")


@pytest.mark.parametrize(
    ("section", "value", "problem"),
    [
        ("endpoint", {"url": "ftp://host/v1"}, "https"),
        ("endpoint", {"url": "https://user:secret@host/v1"}, "no user, password"),
        ("endpoint", {"url": "https://host/v1?key=secret"}, "no user, password"),
        ("rewriting", {"budget": {"requests": 0, "tokens": 1}}, "budget.requests"),
        ("rewriting", {"least_examples": 9}, "least_examples"),
        ("rewriting", {"prompt": "absent.md"}, "absent.md"),
        ("rewriting", {"modell": "x"}, "did you mean 'model'"),
    ],
)
def test_wrong_parameters_are_told(tmp_path, section, value, problem):
    project = pairs_project(tmp_path, captions(1))
    write_sections(tmp_path, value if section == "rewriting" else None, value if section == "endpoint" else {})
    with pytest.raises(ParameterError, match=problem) as told:
        rewrite_corpus(Project(project.root), "c")
    assert "secret" not in str(told.value)


def test_a_corpus_without_optical_captions_is_refused(tmp_path):
    project = pairs_project(tmp_path, [])
    with pytest.raises(CatalogueError, match="no pairs with optical captions"):
        rewrite_corpus(project, "c")

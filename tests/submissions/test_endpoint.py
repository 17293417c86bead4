"""A model behind an endpoint, over the loopback: what is sent, what never is, and what comes of its answers."""

import base64
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from sartext.evaluation.benchmarks import open_benchmarks
from sartext.files import read_json
from sartext.submissions.free_answers import QUESTION_PROMPT, short_answer, unreadable, with_question
from sartext.vqa.question import Question
from tests.evaluation.generated import find, needs_jars, needs_java
from tests.evaluation.released import AT_HAND, CommandLine, Published
from tests.llm.server import KEY, Reply, Request, Server

Behave = Callable[[Request], Reply]


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    """The marked key, and no proxy between the client and the loopback."""
    monkeypatch.setenv("TOY_KEY", KEY)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")


def folder(path: Path, server: Server, **more: Any) -> Path:
    """The folder of an endpoint's model."""
    path.mkdir(exist_ok=True)
    settings = {
        "model": "toy-vlm",
        "url": server.url,
        "key_variable": "TOY_KEY",
        "budget": {"requests": 1000, "tokens": 10_000_000},
        "concurrency": 4,
        "backoff_seconds": 0.001,
        "attempts": 3,
    }
    (path / "endpoint.yaml").write_text(yaml.safe_dump(settings | more))
    return path


def seen_in(request: Request) -> bytes:
    """The picture of a request, as its pixels."""
    head, _, data = request.picture.partition(",")
    assert head == "data:image/png;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data)))).tobytes()


def knowing(small: Published, questions: list[Question]) -> Behave:
    """A model that knows every answer, and says it as chatty models do."""
    benchmark = open_benchmarks(small.release)["release-test"]
    shown = {benchmark.read(name).tobytes(): name for name in AT_HAND}
    truth = {
        (question.image_id, with_question(QUESTION_PROMPT, question.text)): question.answer
        for question in questions
    }

    def behave(request: Request) -> Reply:
        answer = truth[shown[seen_in(request)], request.caption]
        return Reply(f"**Answer:** {answer.capitalize()}.\n\nI see this because of the bright echoes.")

    return behave


def test_a_model_that_knows_all_reaches_the_ceiling_and_is_asked_once(
    small: Published, questions: list[Question], evaluate: CommandLine, tmp_path: Path
) -> None:
    with Server(knowing(small, questions)) as server:
        model = folder(tmp_path / "vlm", server)
        command = ("--task", "vqa", "--model", model, "--name", "vlm", "--leaderboard", tmp_path / "board.json")
        result, figures = evaluate.scores(tmp_path / "scores.json", *command)
        assert find(figures, "oa", "vlm").value == 100
        assert len(server.requests) == len(questions)
        evaluate.scores(tmp_path / "again.json", *command)
        assert len(server.requests) == len(questions), "every answer is kept"
    assert read_json(tmp_path / "again.json") == read_json(tmp_path / "scores.json")
    assert "2 of 10 images of release-test are withheld by their licence: they are never sent" in result.err
    (row,) = read_json(tmp_path / "board.json")["rows"]
    assert (row["kind"], row["sha256"]) == ("endpoint", None)
    assert row["asked"]["model"] == "toy-vlm" and row["asked"]["prompt"] == QUESTION_PROMPT
    kept = [path.read_text() for path in tmp_path.rglob("*") if path.is_file()]
    assert not any(KEY in text for text in [*kept, result.err, result.out])


def test_withheld_images_are_never_sent_though_their_folder_is_named(
    small: Published, questions: list[Question], evaluate: CommandLine, tmp_path: Path
) -> None:
    with Server(knowing(small, questions)) as server:
        command = ("--task", "vqa", "--model", folder(tmp_path / "vlm", server))
        data = ("--images", small.built.root / "data")
        result, _ = evaluate.scores(tmp_path / "scores.json", *command, *data)
        sent = {seen_in(request) for request in server.requests}
    withheld = open_benchmarks(small.release)["release-test"].left_out
    files = [small.built.root / f"data/{name.replace('/', '/images/')}.png" for name in withheld]
    pictures = [np.asarray(Image.open(file)).tobytes() for file in files]
    assert len(pictures) == 2 and not sent & set(pictures)
    assert "never sent to an endpoint, and not scored, the first is beta/0004" in result.err


@needs_java
@needs_jars
@pytest.mark.slow
def test_captions_of_an_endpoint_are_scored_and_what_is_cut_off_counts_as_empty(
    small: Published, evaluate: CommandLine, tmp_path: Path
) -> None:
    benchmark = open_benchmarks(small.release)["release-test"]
    captions = {benchmark.read(row.image_id).tobytes(): row.caption for row in benchmark.examples}
    cut = benchmark.read("alpha/0004").tobytes()

    def behave(request: Request) -> Reply:
        picture = seen_in(request)
        return Reply(captions[picture], finish="length" if picture == cut else "stop")

    with Server(behave) as server:
        command = ("--task", "captioning", "--model", folder(tmp_path / "vlm", server), "--name", "vlm")
        result, figures = evaluate.scores(tmp_path / "scores.json", *command)
    assert "1 captions were not ended by the model and count as empty" in result.err
    assert find(figures, "fact_precision", "vlm").value == pytest.approx(100)
    assert find(figures, "fact_recall", "vlm").value < 100


def test_what_fails_is_asked_again_and_what_never_comes_stops_the_scoring(
    small: Published, questions: list[Question], evaluate: CommandLine, tmp_path: Path
) -> None:
    knows = knowing(small, questions)
    with Server(lambda request: Reply(status=503) if request.attempt == 1 else knows(request)) as server:
        command = ("--task", "vqa", "--model", folder(tmp_path / "vlm", server), "--name", "vlm")
        _, figures = evaluate.scores(tmp_path / "scores.json", *command)
    assert find(figures, "oa", "vlm").value == 100
    bad = questions[0].text
    with Server(lambda request: Reply(status=500) if bad in request.caption else knows(request)) as server:
        command = ("--task", "vqa", "--model", folder(tmp_path / "other", server), "--name", "vlm")
        line = evaluate.refused(*command)
        assert "requests have no answer (the endpoint gave no answer: " in line
        assert "run it again: the answers up to now are kept" in line
        server.behave = knows
        _, figures = evaluate.scores(tmp_path / "scores.json", *command)
    assert find(figures, "oa", "vlm").value == 100
    with Server(lambda request: Reply(status=400) if bad in request.caption else knows(request)) as server:
        command = ("--task", "vqa", "--model", folder(tmp_path / "picky", server), "--name", "vlm")
        result, figures = evaluate.scores(tmp_path / "scores.json", *command)
    count = sum(bad in question.text for question in questions)
    assert f"the endpoint refuses {count} of {len(questions)} requests, which count as empty" in result.err
    assert find(figures, "oa", "vlm").value == pytest.approx(100 - 100 * count / len(questions))


def test_a_spent_budget_and_a_wrong_key_stop_with_the_way_out(
    small: Published, questions: list[Question], evaluate: CommandLine, tmp_path: Path
) -> None:
    few = {"requests": 3, "tokens": 10_000_000}
    with Server(knowing(small, questions)) as server:
        command = ("--task", "vqa", "--model", folder(tmp_path / "vlm", server, budget=few))
        line = evaluate.refused(*command)
        assert f"the budget is spent: {len(questions) - 3}" in line
        assert len(server.requests) == 3
    with Server(lambda request: Reply(status=401)) as server:
        model = folder(tmp_path / "locked", server)
        line = evaluate.refused("--task", "vqa", "--model", model)
    assert (
        f"{model}/endpoint.yaml: the endpoint refuses the key (status 401); check `url`, `model` and TOY_KEY"
        in line
    )
    assert KEY not in line


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("model: [", "not valid YAML"),
        ("model: m\n", "budget: Field required"),
        ("model: m\nbudget: {requests: 1, tokens: 1}\nkey: sk\n", "unknown name 'key'"),
        ("model: m\nbudget: {requests: 1, tokens: 1}\nurl: https://u:p@host\n", "it must hold no user, password"),
    ],
)
def test_a_file_that_says_something_else_is_refused(
    evaluate: CommandLine, tmp_path: Path, content: str, said: str
) -> None:
    (tmp_path / "endpoint.yaml").write_text(content)
    assert said in evaluate.refused("--task", "vqa", "--model", tmp_path)


@pytest.mark.parametrize(
    ("written", "answer"),
    [
        ("Yes.", "Yes."),
        ("\n  **Answer:** two\nThere are two ships.", "two"),
        ("- outside the center", "outside the center"),
        ("`3`", "3"),
        ("answer : 'water'", "water"),
        ("Yes, there are three ships.", "Yes, there are three ships."),
        ("-3", "-3"),
        ("***\n\n", ""),
        ("", ""),
    ],
)
def test_of_a_free_answer_the_first_line_counts_and_nothing_is_searched_in_it(written: str, answer: str) -> None:
    assert short_answer(written) == answer


def test_what_no_question_of_its_type_has_is_unreadable(questions: list[Question]) -> None:
    one = questions[0]
    for answer, odd in ((one.answer, []), ("17", []), ("", [""]), (f"It is {one.answer}", 1)):
        found = unreadable({one.id: answer}, [one], questions)
        assert found == odd or len(found) == odd, answer
    assert json.dumps(unreadable({one.id: "<b>Perhaps</b>"}, [one], questions)) == '["<b>perhaps</b>"]'

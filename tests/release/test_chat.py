"""Conversations of a release: `messages` and `images`, as chat fine-tuning reads them."""

import json
from pathlib import Path
from typing import Any

import pytest

from sartext.vqa.question import read_splits
from tests.release.built import Built
from tests.release.sealing import assert_found

CAPTIONS, QUESTIONS = "chat/train-captions.jsonl", "chat/train-questions.jsonl"


def conversations(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_each_caption_answers_a_request_for_it(published: Path, assembled_once: Built) -> None:
    said = {row["id"]: row for row in conversations(published / CAPTIONS)}
    pairs = [row for row in assembled_once.pairs() if row["split"] == "train" and row["corpus"] == "alpha"]
    for row in pairs:
        concise, detailed = said.pop(row["image_id"]), said.pop(f"{row['image_id']}:detailed")
        assert concise["images"] == detailed["images"] == [f"images/{row['image_id']}.png"]
        asked, answered = concise["messages"]
        assert asked == {"role": "user", "content": "<image>\nDescribe this SAR image."}
        assert answered == {"role": "assistant", "content": row["caption"]}
        assert detailed["messages"][1]["content"] == row["caption_detailed"]
    assert not said, "the images of beta are withheld"


def test_a_caption_that_says_no_more_in_detail_is_asked_for_once(built: Built) -> None:
    built.set_pair(0, caption_detailed=built.pairs()[0]["caption"])
    said = [row["id"] for row in conversations(built.assemble() / CAPTIONS)]
    assert "alpha/0000" in said
    assert "alpha/0000:detailed" not in said


def test_each_question_about_an_image_that_is_here_is_a_conversation(published: Path) -> None:
    questions = {question.id: question for question in read_splits(published)["train"] if question.image}
    said = {row["id"]: row for row in conversations(published / QUESTIONS)}
    assert said.keys() == questions.keys()
    for name, row in said.items():
        assert row["images"] == [questions[name].image]
        assert [message["role"] for message in row["messages"]] == ["user", "assistant"]
        assert row["messages"][0]["content"] == f"<image>\n{questions[name].text}"
        assert row["messages"][1]["content"] == questions[name].answer


@pytest.mark.parametrize("name", [CAPTIONS, QUESTIONS])
def test_another_answer_or_order_is_found_behind_a_fitting_manifest(release: Path, name: str) -> None:
    whole = (release / name).read_text().splitlines(keepends=True)
    for changed in ([*whole[:-1], whole[-1].replace("assistant", "user")], whole[::-1], whole[1:], [*whole, "\n"]):
        (release / name).write_text("".join(changed))
        assert_found(release, rf"{name}: line \d+ is not the conversation")
    (release / name).unlink()
    assert_found(release, rf"{name}: cannot be compared")

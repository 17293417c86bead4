"""Prompt and examples: the files of the project, and what is made of them."""

import json

import pytest

from sartext.llm.checks import answer_problems
from sartext.llm.journal import Answer
from sartext.llm.prompt import read_prompt, speaks_to_a_model

from .making import captions, pairs_project


@pytest.fixture
def prompt(tmp_path):
    project = pairs_project(tmp_path, captions(1))
    return read_prompt(project, project.parameters.rewriting, 3.0)


def test_the_examples_pass_the_checks_that_answers_must_pass(prompt):
    assert len(prompt.examples) >= prompt.most
    for example in prompt.examples:
        answer = Answer(example.rewritten, "stop", 1)
        assert answer_problems(answer, example.caption, 3.0, length=(3, 80), least_kept=1.0) == []


def test_a_caption_stands_alone_in_its_message_as_a_string_of_json(prompt):
    caption = 'a "river" \\ near } a lake'
    messages = prompt.messages(caption)
    assert json.loads(messages[-1]["content"]) == {"caption": caption, "things": ["lake", "river"]}
    assert not any(caption in message["content"] for message in messages)


def test_examples_that_share_words_come_first_and_there_is_a_least_and_a_most(prompt):
    assert len(prompt.chosen("zzz")) == prompt.least
    assert len(prompt.chosen("a bridge, a river, a road, a field, a village, a factory, a forest")) == prompt.most
    assert any("runway" in example.caption for example in prompt.chosen("a runway"))


@pytest.mark.parametrize("caption", ["you can see a river", "a bridge over water", "it says nothing of the sea"])
def test_ordinary_captions_do_not_speak_to_a_model(caption):
    assert not speaks_to_a_model(caption)

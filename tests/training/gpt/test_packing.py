"""Several questions in one row: each is answered as if it stood alone, and answers alone are learned."""

from collections import Counter
from dataclasses import replace
from itertools import chain

import pytest
import torch

from sartext.errors import TrainingError
from sartext.models.gpt.model import Gpt, answer, pixel_values, prompt, reply
from sartext.training.gpt.packing import IGNORED, ROW, Tokenised, pack, rows_of, tokenise
from sartext.training.gpt.questions import PatchStates, Question
from sartext.training.gpt.task import predict, score
from sartext.training.sampler import QuestionOrder
from tests.models.gpt.making import talkative
from tests.training.gpt.courses import course, picture, questions, recipe, untrained


@pytest.fixture(scope="module", params=[True, False], ids=["images", "blind"])
def model(request: pytest.FixtureRequest) -> Gpt:
    return talkative(untrained(recipe(images=request.param), course()), by=4.0)


def states_of(model: Gpt, images: list[str], *, frozen: bool = True) -> PatchStates | None:
    return PatchStates(model, images, picture, frozen=frozen) if model.images else None


def several() -> list[Question]:
    """Eleven questions about one picture and one each about two others, of different lengths."""
    other = questions(1, 3)
    text = "How many ships are there? "
    many = [Question(f"toy/5:{number}", "toy/5", text + "Please. " * number, "two") for number in range(9)]
    return [other[0], *questions(5, 6), *many, other[3]]


def reply_ids(model: Gpt, text: str) -> list[int]:
    return model.tokenizer(reply(text), add_special_tokens=False)["input_ids"]


def answers_to(model: Gpt, asked: list[Question]) -> list[str]:
    shown = [picture(question.image_id) for question in asked]
    return answer(model, shown, [question.question for question in asked], length=8)


def test_loss_on_answers_only(model: Gpt) -> None:
    tokenised = tokenise(model, several())
    packed = pack(tokenised, model.tokenizer.pad_token_id)
    learned = packed.labels[packed.labels != IGNORED].tolist()
    end = model.tokenizer.eos_token_id
    answers = {question.id: question.answer for question in several()}
    expected: list[int] = []
    for question in chain(*rows_of(tokenised)):
        expected += [*reply_ids(model, answers[question.id]), end]
    assert learned == expected
    # and the token before each is the one that it follows
    for row, labels in enumerate(packed.labels):
        for at in (labels != IGNORED).nonzero()[:, 0].tolist():
            following = packed.tokens[row, at + 1] if labels[at] != end else end
            assert labels[at] == following


def test_tokens_are_those_of_the_processor(model: Gpt) -> None:
    for question, tokens in zip(several(), tokenise(model, several()), strict=True):
        ids = model.tokenizer(prompt(question.question, image=model.images))["input_ids"]
        place = [model.image_token] * model.patches
        expanded = [each for token in ids for each in (place if token == model.image_token else [token])]
        assert [*tokens.prefix, *tokens.question] == expanded
        assert len(tokens.prefix) == (1 + model.patches if model.images else 0)


def test_a_row_gives_every_question_what_it_gets_alone(model: Gpt) -> None:
    tokenised = tokenise(model, several())
    states = states_of(model, ["toy/1", "toy/2", "toy/5"])
    pad = model.tokenizer.pad_token_id
    with torch.no_grad():
        packed = pack(tokenised, pad)
        together = predict(model, packed, states)
        names = [packed.questions[owner] for owner in together.owners.tolist()]
        for tokens in tokenised:
            alone = predict(model, pack([tokens], pad), states)
            places = [at for at, name in enumerate(names) if name == tokens.id]
            torch.testing.assert_close(together.logits[places], alone.logits, atol=2e-4, rtol=1e-4)
            assert torch.equal(together.labels[places], alone.labels)
    assert len(packed.image_ids) == 4 and packed.image_ids.count("toy/5") == 2
    assert alone.logits.std() > 0.1


def test_a_row_alone_is_the_networks_own_forward_pass(model: Gpt) -> None:
    tokens = tokenise(model, several())[0]
    ids = torch.tensor([[*tokens.prefix, *tokens.question, *tokens.answer[:-1]]])
    with torch.no_grad():
        pixels = {"pixel_values": pixel_values(model, [picture(tokens.image_id)])} if model.images else {}
        theirs = model.network(input_ids=ids, **pixels).logits[0, -len(tokens.answer) :]
        ours = predict(model, pack([tokens], 0), states_of(model, [tokens.image_id])).logits
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=1e-4)


def test_accuracy_is_that_of_greedy_answers(model: Gpt) -> None:
    truth = questions(0, 6)
    greedy = answers_to(model, truth)
    # make half of the answers those that the model gives
    for at, text in enumerate(greedy):
        if at % 2 and text:
            truth[at] = replace(truth[at], answer=text)
    states = states_of(model, [question.image_id for question in truth])
    figures = score(model, [pack(tokenise(model, truth), 0)], states)
    ended = [len(reply_ids(model, text)) < 8 for text in greedy]
    right = sum(text == question.answer and end for text, question, end in zip(greedy, truth, ended, strict=True))
    assert figures["accuracy"] == pytest.approx(100 * right / len(truth))


def test_states_that_do_not_fit_are_computed_again_and_equal(monkeypatch: pytest.MonkeyPatch) -> None:
    model = untrained(recipe(), course())
    images = [f"toy/{number}" for number in range(10)]
    size = 4 * model.patches * 32
    wanted = ["toy/9", "toy/1", "toy/1", "toy/5"]
    held = states_of(model, images)
    monkeypatch.setattr("sartext.training.gpt.questions.CACHE_BYTES", 3 * size + 1)
    some = states_of(model, images)
    none = states_of(model, images, frozen=False)
    assert held and some and none
    torch.testing.assert_close(held.of(wanted), some.of(wanted), atol=1e-5, rtol=1e-5)
    torch.testing.assert_close(held.of(wanted), none.of(wanted), atol=1e-5, rtol=1e-5)
    assert not held.of(wanted).requires_grad and none.of(wanted).shape == (4, model.patches, 32)
    assert torch.equal(held.of(wanted)[1], held.of(wanted)[2])


def test_every_epoch_asks_every_question_once() -> None:
    images = [f"i/{image}" for image in range(40) for _ in range(image % 5)]
    order = QuestionOrder(images, 16, seed=1)
    first = [order.at(step) for step in range(5)]
    assert all(len(batch) == 16 for batch in first)
    assert max(Counter(at for batch in first for at in batch).values()) == 1 and len(images) == 80
    second = [order.at(step) for step in range(5, 10)]
    assert sorted(chain(*first)) == sorted(chain(*second)) and first != second
    assert [QuestionOrder(images, 16, seed=1).at(step) for step in (7, 2)] == [second[2], first[2]]
    assert [QuestionOrder(images, 16, seed=2).at(step) for step in range(5)] != first


def test_questions_of_a_picture_stand_together() -> None:
    every = [Tokenised(f"{image}:{at}", f"i/{image}", (), (1,), (2,)) for image in range(50) for at in range(4)]
    order = QuestionOrder([question.image_id for question in every], 20, seed=1)
    rows = [rows_of([every[at] for at in order.at(step)]) for step in range(10)]
    assert sum(map(len, rows)) == 50 and ROW >= 4


def test_a_question_that_the_model_cannot_read_is_refused() -> None:
    long = Question("long", "toy/1", "Is there a ship? " * 2000, "yes")
    message = r"long: a question of \d+ tokens with its picture; the model reads 2048"
    with pytest.raises(TrainingError, match=message):
        tokenise(untrained(recipe(), course()), [long])

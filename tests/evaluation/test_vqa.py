"""Answers are right or wrong by exact match; what is bad input says so."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from sartext.errors import EvaluationError
from sartext.evaluation.details import CONSTANT, CONSTANT_PER_CORPUS
from sartext.evaluation.figures import Figure
from sartext.evaluation.prediction_files import read_answers
from sartext.evaluation.vqa import constant_answers, normalise_answer, score_vqa
from sartext.report.comparison import FigureIndex, compare
from sartext.vqa.question import TYPES, Question


def question(
    number: int, answer: str, type_: str = "presence", corpus: str = "alpha", group: str = ""
) -> Question:
    image = f"{corpus}/{number:03d}"
    name = f"{image}:{type_}"
    return Question(name, image, None, corpus, "test", group or image, type_, "form", (), "Any?", answer, {})


def given(questions: list[Question], answers: list[str]) -> dict[str, str]:
    return {question.id: answer for question, answer in zip(questions, answers, strict=True)}


def questions_of(*answers: str, **more: str) -> list[Question]:
    return [question(number, answer, **more) for number, answer in enumerate(answers)]


def score(
    answers: dict[str, dict[str, str]], questions: list[Question], **more
) -> dict[tuple[str, str, str], Figure]:
    figures = score_vqa(answers, questions, benchmark_name="release-test", resamples=200, seed=1, **more)
    places = [(figure.variant, figure.metric, figure.subset) for figure in figures]
    assert len(set(places)) == len(places)
    return dict(zip(places, figures, strict=True))


@pytest.mark.parametrize(
    ("compared", "answers"),
    [
        ("yes", ["Yes."]),
        ("ship", ["  The  Ship "]),
        ("3", ["three", "Three!", "3"]),
        ("in center", ["in the center", "In center."]),
        ("upper left", ['"upper left"']),
        ("upper-left", ["upper-left"]),
        ("oil spill", ["an oil spill"]),
        ("20", ["twenty"]),
        ("", ["", " . "]),
        ("12", ["12"]),
    ],
)
def test_the_normalisation(compared: str, answers: list[str]) -> None:
    assert {normalise_answer(answer) for answer in answers} == {compared}


@pytest.mark.parametrize("said", ["12", "1 or 2", "there is one ship", "ones", "no, one"])
def test_a_part_of_an_answer_never_counts(said: str) -> None:
    asked = [question(0, "one", "count")]
    assert score({"m": given(asked, [said])}, asked)["m", "oa", "all"].value == 0.0


def test_accuracy_per_type_and_corpus_their_mean_and_the_share_of_all() -> None:
    beta = [question(3, "no", corpus="beta"), *questions_of("two", "three", type_="count", corpus="beta")]
    asked = [*questions_of("yes", "no", "yes"), *beta]
    found = score({"m": given(asked, ["yes", "no", "no", "No.", "2", ""])}, asked)
    expected = {
        ("accuracy", "type:presence"): 75,
        ("accuracy", "type:count"): 50,
        ("accuracy", "corpus:alpha"): 200 / 3,
        ("accuracy", "corpus:beta"): 200 / 3,
        ("oa", "all"): 400 / 6,
        ("aa", "all"): 62.5,
        ("empty", "all"): 100 / 6,
    }
    assert {place: found["m", *place].value for place in expected} == pytest.approx(expected)
    assert [found["m", "oa", "all"].n, found["m", "accuracy", "type:count"].n] == [6, 2]


def test_a_type_that_never_occurs_is_not_computed_and_no_part_of_the_mean() -> None:
    asked = questions_of("yes", "no")
    found = score({"m": given(asked, ["yes", "yes"])}, asked)
    for name in set(TYPES) - {"presence"}:
        assert found["m", "accuracy", f"type:{name}"].value is None
        assert name in found["m", "accuracy", f"type:{name}"].reason
    assert found["m", "aa", "all"].value == pytest.approx(50)
    assert all(figure.value is None and figure.reason for figure in score({"m": {}}, []).values())


def test_intervals_hold_the_value_and_are_wider_where_answers_of_a_group_go_together() -> None:
    apart = questions_of(*["yes"] * 100)
    together = [replace(asked, group_id=f"g/{number // 10}") for number, asked in enumerate(apart)]
    answers = ["yes" if number // 10 % 2 else "no" for number in range(100)]
    wide = score({"m": given(together, answers)}, together)["m", "oa", "all"]
    narrow = score({"m": given(apart, answers)}, apart)["m", "oa", "all"]
    for figure in (wide, narrow):
        assert figure.low < figure.value == 50 < figure.high
    assert wide.high - wide.low > 2 * (narrow.high - narrow.low)


def test_variants_are_compared_by_type_too_question_by_question() -> None:
    asked = [*questions_of(*["yes"] * 40), *questions_of(*["two"] * 40, type_="count", corpus="beta")]
    seeing = given(asked, [*["yes"] * 40, *["two", "one"] * 20])
    blind = given(asked, [*["no", "yes"] * 20, *["two", "one"] * 20])
    found = score({"seeing": seeing, "blind": blind}, asked, pairs=[("seeing", "blind")])
    presence, count = (found["seeing minus blind", "accuracy", f"type:{name}"] for name in ("presence", "count"))
    assert (presence.value, presence.n) == (50, 40) and 0 < presence.low < 50 < presence.high
    # the same answers: no doubt is left, though each has an interval of its own
    assert (count.value, count.low, count.high) == (0, 0, 0)
    assert found["seeing", "accuracy", "type:count"].low < 50
    assert {subset for variant, _, subset in found if " minus " in variant} == {
        "all",
        "type:presence",
        "type:count",
    }


def test_questions_of_one_group_have_no_bounds_and_tell_no_variants_apart() -> None:
    asked = questions_of(*["yes"] * 40, group="only")
    answers = {"a": given(asked, ["yes"] * 40), "b": given(asked, ["no", *["yes"] * 39])}
    found = score(answers, asked, pairs=[("a", "b")])
    for variant, value in (("a", 100), ("b", 97.5), ("a minus b", 2.5)):
        for metric in ("oa", "aa"):
            figure = found[variant, metric, "all"]
            assert (figure.value, figure.low, figure.high) == (value, None, None)
    comparison = compare(FigureIndex(list(found.values()), (), "release-test"), "a", "b", "vqa", "oa")
    assert (comparison.verdict, comparison.figure.value) == ("even", 2.5)


def test_the_mean_over_types_has_bounds_only_if_every_type_is_asked_in_two_groups() -> None:
    asked = [*questions_of(*["yes"] * 10), question(10, "two", "count")]
    said = [*["yes", "no"] * 5, "2"]
    found = score({"m": given(asked, said)}, asked)
    count, mean = found["m", "accuracy", "type:count"], found["m", "aa", "all"]
    assert (count.value, count.low, count.high) == (100, None, None)
    assert (mean.value, mean.low, mean.high) == (75, None, None)
    asked.append(question(11, "two", "count"))
    found = score({"m": given(asked, [*said, "one"])}, asked)
    assert found["m", "aa", "all"].low is not None
    assert found["m", "oa", "all"].low is not None


TRAIN = [
    *questions_of("yes", "yes", "no"),
    *questions_of("no", "no", "no", corpus="beta"),
    *questions_of("two", "one", type_="count"),
]


@pytest.mark.parametrize(
    ("asked", "constant", "per_corpus"),
    [
        (question(10, "yes"), "no", "yes"),
        (question(11, "no", corpus="beta"), "no", "no"),
        (question(12, "no", corpus="gamma"), "no", "no"),
        (question(13, "one", "count", "beta"), "one", "one"),
        (question(14, "forest", "dominant"), "no", "no"),
    ],
)
def test_constant_answers_are_the_most_frequent_of_train_by_type_and_corpus(
    asked: Question, constant: str, per_corpus: str
) -> None:
    answers = constant_answers(TRAIN, [asked])
    assert answers == {CONSTANT: {asked.id: constant}, CONSTANT_PER_CORPUS: {asked.id: per_corpus}}
    with pytest.raises(EvaluationError, match="train split has no questions"):
        constant_answers([], [asked])


def test_answers_to_other_questions_are_refused() -> None:
    with pytest.raises(EvaluationError, match=r"m: 8 question ids are missing: alpha/000:count, .*, \.\.\."):
        score({"m": {}}, TRAIN)
    with pytest.raises(EvaluationError, match="1 question ids are unknown: other"):
        score({"m": {**given(TRAIN, ["yes"] * 8), "other": "yes"}}, TRAIN)


ASKED = questions_of("yes", "no")
IDS = [question.id for question in ASKED]


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_answers_are_read_from_csv_and_from_json_lines(tmp_path: Path) -> None:
    table = write(tmp_path / "answers.csv", f'\ufeffid,answer,score\n{IDS[1]},"no, never",0.5\n{IDS[0]},,0.1\n')
    assert read_answers(table, ASKED) == {IDS[0]: "", IDS[1]: "no, never"}
    rows = "\n".join(json.dumps({"id": name, "answer": "yes"}) for name in IDS) + "\n\n"
    assert read_answers(write(tmp_path / "a.jsonl", rows), ASKED) == dict.fromkeys(IDS, "yes")


def test_numbers_and_spaces_around_names_are_taken(tmp_path: Path) -> None:
    rows = "\n".join(json.dumps({"id": f"{name} ", "answer": 3}) for name in IDS)
    assert read_answers(write(tmp_path / "a.JSONL", rows), ASKED) == dict.fromkeys(IDS, "3")
    table = write(tmp_path / "a.CSV", "id, answer\n" + "".join(f"{name} , yes\n" for name in IDS))
    assert read_answers(table, ASKED) == dict.fromkeys(IDS, "yes")


@pytest.mark.parametrize("separator", ["\u2028", "\u2029", "\x85"])
def test_separators_that_json_leaves_as_they_are_end_no_line(tmp_path: Path, separator: str) -> None:
    said = f"a ship{separator}and a bridge"
    rows = "\r\n".join(json.dumps({"id": name, "answer": said}, ensure_ascii=False) for name in IDS)
    assert read_answers(write(tmp_path / "a.jsonl", rows), ASKED) == dict.fromkeys(IDS, said)


def test_answers_to_other_questions_of_the_release_are_left_out(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", f"id,answer\n{IDS[0]},yes\n{IDS[1]},no\n")
    assert read_answers(path, ASKED[:1], others=ASKED) == {IDS[0]: "yes"}
    assert read_answers(path, ASKED, others=[*ASKED, question(2, "yes")]) == {IDS[0]: "yes", IDS[1]: "no"}
    path.write_text(f"id,answer\n{IDS[0]},yes\n{IDS[1]},no\nx/1,no\n")
    with pytest.raises(EvaluationError, match="1 question ids are unknown: x/1"):
        read_answers(path, ASKED[:1], others=ASKED)


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("a.csv", f"id,answer\n{IDS[0]},yes\n", "1 question ids are missing"),
        ("a.csv", f"id,answer\n{IDS[0]},yes\n{IDS[1]},no\nx/1,no\n", "1 question ids are unknown: x/1"),
        ("a.csv", f"id,answer\n{IDS[0]},yes\n{IDS[0]},no\n{IDS[1]},no\n", f"1 ids stand twice: {IDS[0]}"),
        ("a.csv", f"id,answer\nx{IDS[0]},yes\n", f"x{IDS[0]}; ids are such as '{IDS[0]}'"),
        ("a.csv", "image,answer\n", "its columns are 'image', 'answer'; give `id` and `answer`"),
        ("a.csv", "", "it is empty"),
        ("a.csv", f"id,answer\n{IDS[0]}\n", "line 2 has 1 values for 2 columns"),
        ("a.jsonl", f'{{"id": "{IDS[0]}", "answer": true}}\n', "line 1 has no text for id and answer"),
        ("a.jsonl", '{"id": 1, "answer": "yes"}\n', "line 1 has no text for id and answer"),
    ],
)
def test_bad_answers_are_told_in_one_line(tmp_path: Path, name: str, text: str, message: str) -> None:
    """What answers share with captions, which are read by the same code, is tested on these."""
    with pytest.raises(EvaluationError, match=message):
        read_answers(write(tmp_path / name, text), ASKED)
